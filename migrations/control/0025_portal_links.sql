-- A partner sends one of his people to one page of a tenant's, without an account: docs/portal-links.md. The columns are called `tenant`, not
-- `tenant_id`, so that the application has no right on them (0004).
CREATE TABLE portal_links (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    digest     bytea NOT NULL UNIQUE,                  -- SHA-256 of the link's code
    tenant     uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    holder     text,                                   -- of the key that it was made with, and ends with; null: the platform's own people
    intent     text NOT NULL,
    return_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    opened_at  timestamptz,
    -- What the page asks with, once the link was opened.
    pass       bytea UNIQUE,                           -- its SHA-256
    pass_until timestamptz
);
CREATE INDEX portal_links_tenant ON portal_links (tenant);

CREATE TABLE return_hosts (
    holder text NOT NULL,
    host   text NOT NULL,
    PRIMARY KEY (holder, host)
);
