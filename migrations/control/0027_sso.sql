-- Who somebody is to a provider of OpenID Connect, and log-ins that are under way there: docs/sign-in.md.
CREATE TABLE identities (
    issuer   text NOT NULL,
    subject  text NOT NULL,
    admin_id uuid REFERENCES platform_admins (id) ON DELETE CASCADE,
    tenant   uuid,                                     -- not `tenant_id`: the application has no business here (0004)
    user_id  uuid,
    bound_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT identities_one_person CHECK ((admin_id IS NULL) = (user_id IS NOT NULL) AND (tenant IS NULL) = (user_id IS NULL))
);
CREATE UNIQUE INDEX identities_admin ON identities (issuer, subject) WHERE admin_id IS NOT NULL;
CREATE UNIQUE INDEX identities_user ON identities (tenant, issuer, subject) WHERE tenant IS NOT NULL;

-- A browser that was sent to the provider. It knows a random id, of which this keeps the SHA-256; it comes back once, within minutes.
CREATE TABLE sign_in_flows (
    digest     bytea PRIMARY KEY,
    host       text NOT NULL,
    content    jsonb NOT NULL,
    expires_at timestamptz NOT NULL
);
