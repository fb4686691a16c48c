ALTER TABLE projects ADD phone text;
UPDATE projects SET phone = 'none of ' || title;
CREATE TABLE notes (
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('app.tenant_id', true), '')::uuid,
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    body      text NOT NULL
);
