-- In the maintenance database, because it must exist before the control database does.
CREATE SCHEMA IF NOT EXISTS tenantry_ledger;  -- tenantry_ledger.locks is made by clients/locks.py, which is asked first

-- Every physical name that a stack is going to make, written down before it is made: the mark that makes adoption safe.
CREATE TABLE IF NOT EXISTS tenantry_ledger.claims (
    kind       text NOT NULL,
    name       text NOT NULL,
    stack      text NOT NULL,
    tenant     text,                                  -- slug; null: the platform's own
    wanted     boolean NOT NULL DEFAULT true,         -- false: no file asks for it any more; let go when a run has ended
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, name)
);

-- What a tenant was when it was last made, so that an edit which would lose data can be refused before anything happens.
CREATE TABLE IF NOT EXISTS tenantry_ledger.tenants (
    slug      text PRIMARY KEY,
    stack     text NOT NULL,
    isolation text NOT NULL,
    cell      text NOT NULL,
    state     text NOT NULL
);
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS applying text;  -- fingerprint of the declaration that the run at work makes
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS turn integer NOT NULL DEFAULT 0;     -- changes with every move of the tenant's tables
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS moving boolean NOT NULL DEFAULT false; -- control.moves has an open move of it
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS applied text;   -- the same of the last run that reached its end; null since one began

ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS released_at timestamptz; -- a deletion has proved its final backup: it may go

-- A run that did not reach its end may have made things that the engine's state does not know.
CREATE TABLE IF NOT EXISTS tenantry_ledger.runs (
    stack       text PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- Who holds a stack's lock in the state backend, which notes a host name and a process id only (tenantry/clients/engines.py).
CREATE TABLE IF NOT EXISTS tenantry_ledger.engines (
    stack  text PRIMARY KEY,
    locks  text[] NOT NULL,          -- the backend's ids of those that the run found; none: it has not got to the program
    host   text NOT NULL,
    place  text NOT NULL,            -- where its process id means something: clients/place.py
    worker text,                     -- the worker that started it
    since  timestamptz NOT NULL      -- by the clock of its machine
);
