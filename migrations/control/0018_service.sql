-- Keys of the service's API. A key is shown once, when it is made; what is stored is its SHA-256: it is random, so nothing slower is needed.
CREATE TABLE api_keys (
    id         text PRIMARY KEY,                       -- part of the key, and no secret
    holder     text NOT NULL,                          -- the partner or program that has it; two keys that work at most, for rotation
    digest     bytea NOT NULL,
    scopes     text[] NOT NULL,
    labels     jsonb NOT NULL DEFAULT '{}',            -- the holder's tenants are those that carry all of these; {}: every tenant
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    used_at    timestamptz                             -- to within some minutes
);
CREATE INDEX api_keys_holder ON api_keys (holder) WHERE revoked_at IS NULL;

-- A request that changes something, by the name that whoever asks gave it (Idempotency-Key): it is done once, and answered alike each time.
CREATE TABLE api_requests (
    id          uuid PRIMARY KEY,
    holder      text NOT NULL,
    route       text NOT NULL,
    name        text NOT NULL,
    digest      bytea NOT NULL,                        -- of the body: another one under the same name is a mistake
    created_at  timestamptz NOT NULL DEFAULT now(),
    held_until  timestamptz NOT NULL,                  -- by the process that is at it; after that another may take it on
    run_id      uuid REFERENCES runs (id) ON DELETE CASCADE,  -- written in the run's own transaction
    status      integer,                               -- null: there is no answer yet
    answer      jsonb,
    UNIQUE (holder, route, name)
);
CREATE INDEX api_requests_run ON api_requests (run_id);

-- Which runs changed, once each for a statement: the service shows them to whoever looks on, and asks again. Ids are all that is told.
CREATE FUNCTION tell_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT pg_notify(''tenantry_runs'', id::text) FROM (SELECT DISTINCT %I FROM new_rows) AS c (id)', TG_ARGV[0]);
    RETURN NULL;
END $$;

DO $$
DECLARE
    told record;
BEGIN
    FOR told IN SELECT * FROM (VALUES ('runs', 'id'), ('run_steps', 'run_id')) AS v (name, id), (VALUES ('INSERT'), ('UPDATE')) AS e (event)
    LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER %s ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tell_runs(%L)',
                       'told_' || lower(told.event), told.event, told.name, told.id);
    END LOOP;
END $$;
