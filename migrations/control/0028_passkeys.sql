-- Passkeys of people who sign in to the service: docs/sign-in.md. Each is for one host, as browsers have it.
CREATE TABLE passkeys (
    id         bytea PRIMARY KEY,                      -- the authenticator's own
    admin_id   uuid REFERENCES platform_admins (id) ON DELETE CASCADE,
    tenant     uuid,                                   -- not `tenant_id`: the application has no business here (0004)
    user_id    uuid,
    host       text NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT passkeys_one_person CHECK ((admin_id IS NULL) = (user_id IS NOT NULL) AND (tenant IS NULL) = (user_id IS NULL))
);
CREATE INDEX passkeys_admin ON passkeys (admin_id) WHERE admin_id IS NOT NULL;
CREATE INDEX passkeys_user ON passkeys (tenant, user_id) WHERE tenant IS NOT NULL;
