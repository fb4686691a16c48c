-- A piece of work on one tenant (or, without one, on the fleet) that survives its process: provisioning, off-boarding, a backup, a move.
-- Its steps are the log that people read; the workflow engine's own tables (schema dbos) are what it is resumed from.
CREATE TABLE runs (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL,                        -- provision, suspend, offboard, delete, backup, restore, move, clone, …
    tenant_id    uuid,                                 -- null: the whole fleet. No reference: the log outlives the tenant
    subject      text NOT NULL,                        -- the slug, or what the fleet's run is about; emptied when the tenant is deleted
    stack        text,                                 -- one run at a time for each; null: touches no stack
    arguments    jsonb NOT NULL DEFAULT '{}',          -- what was asked for; never a secret
    notes        jsonb NOT NULL DEFAULT '{}',          -- what a step leaves for a later one; never a secret
    requested_by text NOT NULL,                        -- a person, a partner's key, a commit
    via          text NOT NULL,                        -- cli, service, pull-request, schedule
    requested_at timestamptz NOT NULL DEFAULT now(),
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    resumed      integer NOT NULL DEFAULT 0,           -- how often somebody resumed it after a failure
    worker       text,                                 -- who is at work; whoever else finds itself in the run lets go of it
    progress     text,                                 -- how far the step at work has come
    started_at   timestamptz,
    finished_at  timestamptz,
    error        text,                                 -- plain language
    hint         text                                  -- the next action
);
CREATE INDEX runs_tenant ON runs (tenant_id, requested_at);
CREATE INDEX runs_open ON runs (state) WHERE state IN ('queued', 'running');
-- The same work asked for twice while it is under way is one run.
CREATE UNIQUE INDEX runs_one_open ON runs (tenant_id, kind) WHERE state IN ('queued', 'running');

CREATE TABLE run_steps (
    run_id      uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number      integer NOT NULL,
    name        text NOT NULL,
    attempts    integer NOT NULL DEFAULT 1,
    state       text NOT NULL CHECK (state IN ('running', 'waiting', 'done', 'skipped', 'failed')),
    started_at  timestamptz NOT NULL DEFAULT now(),    -- of the last attempt
    finished_at timestamptz,
    summary     text,                                  -- what was done, or what is waited for
    cause       text,                                  -- why the last attempt failed
    hint        text,
    PRIMARY KEY (run_id, number)
);

-- Who is at work. A worker that has not been heard of for longer than its lease is dead: its runs go to another.
CREATE TABLE workers (
    id         text PRIMARY KEY,
    host       text NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

-- What happened, by ids alone, so that it can be kept when a tenant is erased.
CREATE TABLE audit_log (
    tenant_id uuid,
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,
    action    text NOT NULL,
    outcome   text NOT NULL,
    run_id    uuid
);
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, at);

-- Entered into the registry, and not made yet.
ALTER TABLE tenants DROP CONSTRAINT tenants_state_check;
ALTER TABLE tenants ADD CONSTRAINT tenants_state_check CHECK (state IN ('provisioning', 'active', 'suspended', 'offboarding', 'archived', 'deleted'));
