-- In the maintenance database, because it must exist before the control database does.
CREATE SCHEMA IF NOT EXISTS tenantry_ledger;  -- tenantry_ledger.locks is made by postgres/locks.py, which is asked first

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
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS applied text;   -- the same, when the engine has carried it out; null: not known, or not so

ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS released_at timestamptz; -- a deletion has proved its final backup: it may go

-- A run that did not reach its end may have made things that the engine's state does not know.
CREATE TABLE IF NOT EXISTS tenantry_ledger.runs (
    stack       text PRIMARY KEY,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- Who holds a stack's lock in the state backend, which notes a host name and a process id only (tenantry/control/engines.py).
CREATE TABLE IF NOT EXISTS tenantry_ledger.engines (
    stack  text PRIMARY KEY,
    locks  text[] NOT NULL,          -- the backend's ids of those that the run found; none: it has not got to the program
    host   text NOT NULL,
    place  text NOT NULL,            -- where its process id means something: clients/place.py
    worker text,                     -- the worker that started it
    since  timestamptz NOT NULL      -- by the clock of its machine
);

-- Which state is the stack's, and up to which moment it is known what its tenants are (docs/adr/0027-applied-is-evidence.md).
-- Times are those of the machine that ran the engine, by whose clock the state's times are, too.
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS lineage    uuid;         -- made with the stack; its state bears the same
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS made       boolean NOT NULL DEFAULT false; -- a program reached its end: there is a state
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS borne      boolean NOT NULL DEFAULT false; -- a state was seen that bears the lineage
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS adopting   boolean NOT NULL DEFAULT false; -- `tenantry state adopt` is at it
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS began_at   timestamptz;  -- when the last program passed the gate
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS passwords  jsonb;        -- what only the state holds: resource → when it was last changed
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS settled_at timestamptz;  -- tenants.applied holds for the state saved then; null: nobody looked
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS seen       jsonb;        -- where: backend, host, folder
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS unchanged text;  -- what was applied when the last run began, if it then was as declared

-- What the last run made of the tenant, and of which files: a run from older ones, or from files that know nothing of a command, leaves it so.
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS declared jsonb;  -- the effective declaration
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS origin   jsonb;  -- tenantry/control/origin.py
ALTER TABLE tenantry_ledger.tenants ADD COLUMN IF NOT EXISTS earlier  text[] NOT NULL DEFAULT '{}'; -- contents that were replaced; asked without git

-- What tells of a stack without tenants whether a newer program is still to be applied (tenantry/program.py).
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS applying text;  -- the program of the last run
ALTER TABLE tenantry_ledger.runs ADD COLUMN IF NOT EXISTS applied  text;  -- the one of which a whole run has carried out everything

-- The form of these tables, as ledger.py knows it: an older program would take them for less than they say, and is not let in.
DO $form$ BEGIN
    IF coalesce(substring(obj_description('tenantry_ledger'::regnamespace, 'pg_namespace') FROM '^form (\d+)$')::int, 0) < 1 THEN
        COMMENT ON SCHEMA tenantry_ledger IS 'form 1';
    END IF;
END $form$;
