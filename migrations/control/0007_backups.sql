-- Backups, their keys, and restore drills. No column of these tables refers to `tenants`: what happened outlives the tenant.

-- One age identity per tenant, encrypted to the platform's. Without its row nobody can read any of the tenant's backups again.
CREATE TABLE backup_keys (
    tenant_id  uuid PRIMARY KEY,
    sealed     bytea NOT NULL,
    recipient  text NOT NULL,                          -- the public half: what backups are encrypted to
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE backups (
    tenant_id       uuid NOT NULL,
    id              text NOT NULL UNIQUE,              -- begins with the time, so that ids sort by age
    reason          text NOT NULL,                     -- schedule, manual, final, …
    model           text NOT NULL,
    revision        text,                              -- of the tenant's tables; null while the backup is being taken
    bucket          text NOT NULL,
    prefix          text NOT NULL,                     -- all of its objects, the manifest among them
    state           text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed', 'pruned')),
    started_at      timestamptz NOT NULL DEFAULT now(),
    taken_at        timestamptz,                       -- the moment whose data it holds
    seconds         double precision,
    bytes           bigint,                            -- as stored: compressed and encrypted
    rows            bigint,
    objects         integer,
    manifest_sha256 bytea,                             -- of the manifest as stored
    verified_at     timestamptz,                       -- last read to its end and found whole
    proved_at       timestamptz,                       -- last restored into scratch and found equal
    pruned_at       timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX backups_newest ON backups (tenant_id, taken_at DESC) WHERE state = 'done';

-- What a restore replaced and keeps until it is confirmed; one per tenant.
CREATE TABLE restores (
    tenant_id    uuid NOT NULL,
    id           text NOT NULL UNIQUE,
    backup_id    text NOT NULL,
    state        text NOT NULL CHECK (state IN ('running', 'kept', 'confirmed', 'rolled-back', 'failed')),
    started_at   timestamptz NOT NULL DEFAULT now(),
    swapped_at   timestamptz,                          -- since then the restored data is the tenant's
    keep_until   timestamptz,                          -- then the replaced data is dropped without a question
    finished_at  timestamptz,
    details      jsonb NOT NULL DEFAULT '{}',          -- what a rollback needs: versions of objects, rows of the control tables
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX restores_one_open ON restores (tenant_id) WHERE state IN ('running', 'kept');

CREATE TABLE restore_drills (
    tenant_id   uuid NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    backup_id   text,                                  -- null: there was none to restore
    at          timestamptz NOT NULL DEFAULT now(),
    outcome     text NOT NULL CHECK (outcome IN ('passed', 'failed')),
    rpo_seconds double precision,                      -- age of the newest backup when the drill began
    rto_seconds double precision,                      -- from nothing to restored and compared
    rows        bigint,
    bytes       bigint,
    problem     text,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX restore_drills_newest ON restore_drills (tenant_id, at DESC);

-- Set while a restore has the tenant's doors shut; whoever answers for the tenant says so.
ALTER TABLE tenants ADD COLUMN maintenance text;
