-- What a run of a whole stack is for, tenant by tenant: what was declared of each, why it was pending, and what became of it. A line is
-- its tenant's: it goes with the tenant, and the run stays.
CREATE TABLE run_tenants (
    tenant_id uuid NOT NULL,                           -- no reference: a new tenant is not in the registry yet
    run_id    uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    slug      text NOT NULL,
    declared  text,                                    -- fingerprint of what was asked for, then of what was made
    commit    text,                                    -- of the files that it was read from; null: no git
    why       text NOT NULL,                           -- new, or what differed: declaration, state, place, code, settings, migrations
    welcome   boolean NOT NULL DEFAULT false,          -- the registry had never known the tenant: its administrator is to be invited
    outcome   text NOT NULL DEFAULT 'pending' CHECK (outcome IN ('pending', 'made', 'found', 'beside', 'refused', 'skipped', 'kept')),
    said      text,                                    -- plain language
    PRIMARY KEY (run_id, tenant_id)
);
CREATE INDEX run_tenants_tenant ON run_tenants (tenant_id);
CREATE INDEX run_tenants_welcome ON run_tenants (tenant_id) WHERE welcome;
-- Of a stack's runs that are under way only the newest is joined, as of a tenant's.
CREATE UNIQUE INDEX runs_one_apply ON runs (stack) WHERE kind = 'apply' AND state IN ('queued', 'running') AND NOT overtaken;
