CREATE TABLE tenants (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL UNIQUE,
    name       text NOT NULL,
    tier       text NOT NULL,
    isolation  text NOT NULL CHECK (isolation IN ('rls', 'schema', 'database', 'instance')),
    cell       text NOT NULL,
    stack      text NOT NULL,
    state      text NOT NULL CHECK (state IN ('active', 'suspended', 'offboarding', 'deleted')),
    host       text NOT NULL,
    server     text,                                   -- identifier of a server of its own; null: the platform's server
    database   text NOT NULL,
    schema     text NOT NULL,
    app_role   text NOT NULL,
    bucket     text NOT NULL,
    prefix     text NOT NULL,
    limits     jsonb NOT NULL DEFAULT '{}',
    labels     jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE INDEX tenants_stack ON tenants (stack) WHERE state <> 'deleted';

CREATE TABLE tenant_configurations (
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    config_key   text NOT NULL,
    config_value jsonb NOT NULL,
    source       text NOT NULL DEFAULT 'declaration' CHECK (source IN ('declaration', 'runtime')),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    updated_by   text NOT NULL DEFAULT current_user,
    PRIMARY KEY (tenant_id, config_key)
);

CREATE TABLE tenant_configuration_history (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    change_id  bigint GENERATED ALWAYS AS IDENTITY,
    config_key text NOT NULL,
    old_value  jsonb,                                  -- null: the key was not there before
    new_value  jsonb,                                  -- null: the key was removed
    source     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL DEFAULT current_user,
    PRIMARY KEY (tenant_id, change_id)
);

-- History is written where no caller can forget it.
CREATE FUNCTION record_configuration_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        EXECUTE format('INSERT INTO %I.tenant_configuration_history (tenant_id, config_key, old_value, new_value, source, changed_by)
                        VALUES ($1, $2, $3, NULL, $4, $5)', TG_TABLE_SCHEMA)
            USING OLD.tenant_id, OLD.config_key, OLD.config_value, OLD.source, current_user;
    ELSIF TG_OP = 'INSERT' THEN
        EXECUTE format('INSERT INTO %I.tenant_configuration_history (tenant_id, config_key, old_value, new_value, source, changed_by)
                        VALUES ($1, $2, NULL, $3, $4, $5)', TG_TABLE_SCHEMA)
            USING NEW.tenant_id, NEW.config_key, NEW.config_value, NEW.source, NEW.updated_by;
    ELSIF NEW.config_value IS DISTINCT FROM OLD.config_value THEN
        EXECUTE format('INSERT INTO %I.tenant_configuration_history (tenant_id, config_key, old_value, new_value, source, changed_by)
                        VALUES ($1, $2, $3, $4, $5, $6)', TG_TABLE_SCHEMA)
            USING NEW.tenant_id, NEW.config_key, OLD.config_value, NEW.config_value, NEW.source, NEW.updated_by;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON tenant_configurations
    FOR EACH ROW EXECUTE FUNCTION record_configuration_change();

CREATE TABLE tenant_domains (
    host       text PRIMARY KEY,                       -- ASCII form, lower case; one tenant per host name
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    kind       text NOT NULL CHECK (kind IN ('subdomain', 'custom')),
    status     text NOT NULL CHECK (status IN ('pending', 'active')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenant_domains_tenant ON tenant_domains (tenant_id);

CREATE TABLE users (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    email      text NOT NULL,
    name       text NOT NULL,
    role       text NOT NULL CHECK (role IN ('admin', 'member')),
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

-- A token is shown once, when it is issued; what is stored is its SHA-256.
CREATE TABLE invitations (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    email       text NOT NULL,
    name        text NOT NULL,
    role        text NOT NULL CHECK (role IN ('admin', 'member')),
    token_hash  bytea UNIQUE,
    issued_at   timestamptz,
    expires_at  timestamptz,
    accepted_at timestamptz,
    revoked_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX invitations_open ON invitations (tenant_id, email) WHERE revoked_at IS NULL;
