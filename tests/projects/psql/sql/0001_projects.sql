CREATE TABLE projects (
    tenant_id uuid NOT NULL DEFAULT NULLIF(current_setting('app.tenant_id', true), '')::uuid,
    id        int GENERATED ALWAYS AS IDENTITY,
    title     text NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
