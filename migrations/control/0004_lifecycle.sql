-- A tenant's way out. These tables are the platform's own: their column is called `tenant`, not `tenant_id`, so that isolation.sql gives
-- the application's role no right on them. A tenant must not be able to end its own hold, or to see what became of another.

-- Off-boarded tenants, kept until the hold is over.
CREATE TABLE holds (
    tenant         uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    since          timestamptz NOT NULL DEFAULT now(),
    until          timestamptz NOT NULL,
    previous_state text NOT NULL CHECK (previous_state IN ('active', 'suspended')),  -- what undelete goes back to
    wish           text CHECK (wish IN ('delete', 'archive')),                       -- what is done when it is over; null: nothing by itself
    requested_by   text NOT NULL,
    deleting_since timestamptz                          -- the final backup is proven and the deletion has begun: no way back
);

-- Whatever the hold says: nothing of the tenant is deleted while one of these stands.
CREATE TABLE legal_holds (
    tenant     uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    reason     text NOT NULL,
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    cleared_by text,
    cleared_at timestamptz
);
CREATE UNIQUE INDEX legal_holds_one ON legal_holds (tenant) WHERE cleared_at IS NULL;

-- Names of tenants that are gone, given to nobody: a link, a bookmark or a DNS record may still lead to them.
CREATE TABLE quarantined_names (
    kind   text NOT NULL CHECK (kind IN ('slug', 'host')),
    name   text NOT NULL,
    tenant uuid NOT NULL,
    since  timestamptz NOT NULL DEFAULT now(),
    until  timestamptz,                                 -- null: without end
    PRIMARY KEY (kind, name)
);

-- The evidence: what existed, what was destroyed. The text is kept as it was signed.
CREATE TABLE deletion_records (
    id        uuid PRIMARY KEY,                         -- of the run that did it
    tenant    uuid NOT NULL,
    slug      text NOT NULL,
    outcome   text NOT NULL CHECK (outcome IN ('archived', 'deleted')),
    at        timestamptz NOT NULL,
    record    text NOT NULL,                            -- canonical JSON
    key_id    text NOT NULL,
    signature text NOT NULL
);
CREATE INDEX deletion_records_slug ON deletion_records (slug, at);

-- Until when the backups of tenants that are gone are kept; then objects and key are erased.
CREATE TABLE retained_backups (
    tenant    uuid PRIMARY KEY,
    until     timestamptz,                              -- null: an archive, without end
    erased_at timestamptz
);
