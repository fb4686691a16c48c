-- Every key leads with tenant_id and foreign keys carry it, so no key of one tenant can meet another's.
-- Policies are not here: ../isolation.sql puts them on every table, whenever a store is created or changed.
CREATE TABLE users (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    email      text NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email)
);

CREATE TABLE user_settings (
    tenant_id     uuid NOT NULL,
    user_id       uuid NOT NULL,
    setting_key   text NOT NULL,
    setting_value jsonb NOT NULL,
    PRIMARY KEY (tenant_id, user_id, setting_key),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE documents (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    author_id  uuid NOT NULL,
    title      text NOT NULL,
    body       text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, author_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX documents_author ON documents (tenant_id, author_id);

CREATE VIEW document_list WITH (security_invoker = true) AS
    SELECT d.tenant_id, d.id, d.title, d.updated_at, u.name AS author
    FROM documents d JOIN users u ON u.tenant_id = d.tenant_id AND u.id = d.author_id;
