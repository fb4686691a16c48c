-- People who sign in to the service: docs/sign-in.md. These tables are the platform's own: their column is called `tenant`, not `tenant_id`,
-- so that the application has no right on them (0004).
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Who looks after the platform as a person. One who was ended stays, for the log; the same address may become another.
CREATE TABLE platform_admins (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    revoked_at timestamptz,
    revoked_by text
);
CREATE UNIQUE INDEX platform_admins_email ON platform_admins (lower(email)) WHERE revoked_at IS NULL;

-- A browser that somebody is signed in with: an administrator of the platform, or a user of one tenant. It knows a random id, of which this
-- keeps the SHA-256. A row that is gone is a session that has ended.
CREATE TABLE sessions (
    digest       bytea PRIMARY KEY,
    admin_id     uuid REFERENCES platform_admins (id) ON DELETE CASCADE,
    tenant       uuid,
    user_id      uuid,
    host         text NOT NULL,                        -- where it was begun, and the only host that it is good for
    csrf         text NOT NULL,                        -- what a page of ours sends with whatever changes something
    way          text NOT NULL,                        -- how the person showed who he is
    signed_in_at timestamptz NOT NULL DEFAULT now(),
    seen_at      timestamptz NOT NULL DEFAULT now(),   -- to within a minute
    idle_until   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    address      text NOT NULL CHECK (length(address) <= 45),
    agent        text NOT NULL CHECK (length(agent) <= 200),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT sessions_one_person CHECK ((admin_id IS NULL) = (user_id IS NOT NULL) AND (tenant IS NULL) = (user_id IS NULL))
);
CREATE INDEX sessions_admin ON sessions (admin_id) WHERE admin_id IS NOT NULL;
CREATE INDEX sessions_user ON sessions (tenant, user_id) WHERE tenant IS NOT NULL;
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Links that sign somebody in, once. What is stored is the SHA-256 of their code.
CREATE TABLE sign_in_links (
    digest     bytea PRIMARY KEY,
    admin_id   uuid REFERENCES platform_admins (id) ON DELETE CASCADE,
    tenant     uuid,
    user_id    uuid,
    expires_at timestamptz NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT sign_in_links_one_person CHECK ((admin_id IS NULL) = (user_id IS NOT NULL) AND (tenant IS NULL) = (user_id IS NULL))
);

-- How often something was tried since when, by what it is counted for: an account, an address.
CREATE TABLE rate_limits (
    subject text PRIMARY KEY,
    since   timestamptz NOT NULL DEFAULT now(),
    count   integer NOT NULL DEFAULT 1
);

-- Whichever door a change comes through, the sessions that it is about end with it: a tenant that is shut, a person with another role or
-- address. Both are the owner's to delete, whoever writes the change.
CREATE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_TABLE_NAME = 'tenants' THEN
        DELETE FROM sessions s WHERE s.tenant = NEW.id;
        DELETE FROM sign_in_links l WHERE l.tenant = NEW.id;
    ELSE
        DELETE FROM sessions s WHERE s.tenant = NEW.tenant_id AND s.user_id = NEW.id;
        DELETE FROM sign_in_links l WHERE l.tenant = NEW.tenant_id AND l.user_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_end AFTER UPDATE OF state ON tenants FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state NOT IN ('provisioning', 'active')) EXECUTE FUNCTION end_sessions();
CREATE TRIGGER sessions_end AFTER UPDATE OF role, email ON users FOR EACH ROW
    WHEN (NEW.role <> OLD.role OR NEW.email <> OLD.email) EXECUTE FUNCTION end_sessions();

-- Keys that saw configuration go on seeing it: that has become a scope of its own.
UPDATE api_keys SET scopes = scopes || '{configuration:read}' WHERE 'tenants:read' = ANY (scopes);

SELECT set_config('search_path', quote_ident(current_schema()), true);
