-- Moves between isolation models and cells, and clones.

-- A tenant on its way from one place to another. While a move is open it says where the tenant lives and what each stack holds of it:
-- the registry's row and the phase change in one transaction. A place is {"isolation", "cell", "turn"}.
CREATE TABLE moves (
    id          uuid PRIMARY KEY,                      -- of the run that began it
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    source      jsonb NOT NULL,
    target      jsonb NOT NULL,
    phase       text NOT NULL DEFAULT 'copying' CHECK (phase IN
                ('copying', 'switched', 'moved', 'returned', 'finishing', 'clearing', 'undoing', 'unmaking')),
    keep        interval NOT NULL,                     -- how long the old place is kept for a rollback
    started_at  timestamptz NOT NULL DEFAULT now(),
    switched_at timestamptz,
    freeze_ms   integer,                               -- how long writes waited
    rows        bigint,
    checksums   jsonb,                                 -- table -> [rows, sum], as compared during the freeze
    ended_at    timestamptz,
    outcome     text CHECK (outcome IN ('finished', 'rolled back', 'given up'))
);
CREATE UNIQUE INDEX moves_open ON moves (tenant_id) WHERE ended_at IS NULL;

-- ---- clones (tenantry/operations/clone) ----

-- Which tenants are anonymised copies, of whom, and by what. A copy that is not `ready` is filled again from the beginning.
CREATE TABLE clones (
    tenant_id      uuid PRIMARY KEY REFERENCES tenants (id),
    source_id      uuid REFERENCES tenants (id) ON DELETE SET NULL,  -- null: the source was erased; what is left of it here is nobody's
    salt           text NOT NULL,                      -- no secret: the key is derived from the platform's, the source and this
    classification text NOT NULL,                      -- SHA-256 of the file that decided what crossed
    state          text NOT NULL CHECK (state IN ('filling', 'ready')),
    rows_copied    bigint NOT NULL DEFAULT 0,
    objects_copied bigint NOT NULL DEFAULT 0,
    filled_at      timestamptz
);
