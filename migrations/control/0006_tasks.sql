-- Scheduled tasks: what ran for which tenant, how long, how much, and what failed. Kept for a time, see the task `tidy`.

-- A time that a task's schedule names, and what was made of it. The row is what makes it happen once.
CREATE TABLE task_slots (
    task       text NOT NULL,
    slot       timestamptz NOT NULL,
    decision   text NOT NULL CHECK (decision IN ('run', 'missed', 'superseded', 'dropped')),
    decided_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task, slot)
);
CREATE INDEX task_slots_age ON task_slots (decided_at);

CREATE TABLE task_runs (
    id           uuid PRIMARY KEY,                     -- derived from task, tenant and slot: the same asked for twice is one row
    task         text NOT NULL,
    tenant_id    uuid REFERENCES tenants (id) ON DELETE CASCADE, -- null: the task is about the whole platform
    slot         timestamptz NOT NULL,
    requested_by text NOT NULL,                        -- schedule, or the person who asked for it
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'skipped')),
    worker       text,
    attempts     integer NOT NULL DEFAULT 0,
    deferred     integer NOT NULL DEFAULT 0,           -- how often it made way for other work on the tenant
    queued_at    timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    seconds      double precision,                     -- wall time, of all attempts together, as are the figures below
    database_seconds double precision,                 -- waited for PostgreSQL's answers
    statements   bigint,
    rows         bigint,                               -- returned or changed
    memory_bytes bigint,                               -- the process's largest size
    summary      text,                                 -- what was done, in one line
    cause        text,                                 -- why it failed or was skipped
    hint         text
);
CREATE INDEX task_runs_task ON task_runs (task, slot);
CREATE INDEX task_runs_tenant ON task_runs (tenant_id, slot);
CREATE INDEX task_runs_open ON task_runs (queued_at) WHERE state IN ('queued', 'running');
CREATE INDEX task_runs_age ON task_runs (finished_at);

-- What a tenant uses, measured now and then, beside what its declaration allows.
CREATE TABLE tenant_usage (
    tenant_id      uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    measured_at    timestamptz NOT NULL DEFAULT now(),
    rows           bigint NOT NULL,
    database_bytes bigint NOT NULL,
    objects        bigint NOT NULL,
    object_bytes   bigint NOT NULL,
    users          bigint NOT NULL,
    connections    bigint,                             -- null: the role is shared with others, so nobody can tell whose a session is
    limits         jsonb NOT NULL,
    findings       jsonb NOT NULL DEFAULT '[]',        -- [{limit, used, allowed, percent, level: near|over}]
    PRIMARY KEY (tenant_id, measured_at)
);
CREATE INDEX tenant_usage_age ON tenant_usage (measured_at);
