-- Beside a tenant's tables while they are one end of a move; run with its schema as search path. Every write to them passes here: it is
-- noted for the copy to follow, waits while the tenant's writes are frozen, and fails once the tenant lives elsewhere.
CREATE TABLE IF NOT EXISTS gate (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    shut     boolean NOT NULL DEFAULT false,
    mover    text NOT NULL DEFAULT session_user
);
INSERT INTO gate DEFAULT VALUES ON CONFLICT DO NOTHING;

-- It has no rows: writers and the freeze meet in its lock, which only its owner may take. In an advisory lock anybody could stand.
CREATE TABLE IF NOT EXISTS queue ();

CREATE TABLE IF NOT EXISTS changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,                          -- the root's, whichever partition was written to
    key        jsonb NOT NULL                          -- primary key's columns; {} where the table has none, or was truncated
);

-- Called with the table's name and the columns of its primary key: a trigger of a partition is told the partition's name only.
CREATE OR REPLACE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    is_shut boolean;
BEGIN
    IF current_setting('tenantry.mover', true) = 'on' AND session_user = (SELECT mover FROM gate) THEN
        RETURN NULL;
    END IF;
    -- A queue that keeps its order: nobody gets in before a freeze that was asked for earlier.
    LOCK TABLE queue IN ROW SHARE MODE;
    -- FOR SHARE, because a transaction that looks through an old snapshot would see an old gate: this one makes it fail (40001).
    SELECT shut INTO is_shut FROM gate FOR SHARE;
    IF is_shut IS NOT FALSE THEN
        -- A revision changes all rows of shared tables, those too that a tenant which moved away has left for its way back.
        -- Its session is the administrator's, or that of a tool that may become the tables' owner.
        IF current_setting('tenantry.migrating', true) = 'on'
            AND (session_user = (SELECT mover FROM gate) OR pg_has_role(session_user, current_user, 'SET')) THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION 'the tenant does not live here any more: nothing was written'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'look the tenant up in the registry and connect to where it lives';
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO changes (table_name, key) VALUES (TG_ARGV[0], '{}');
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO changes (table_name, key)
        SELECT TG_ARGV[0], coalesce(jsonb_object_agg(name, to_jsonb(OLD) -> name), '{}') FROM unnest(TG_ARGV[1:]) AS name;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO changes (table_name, key)
        SELECT TG_ARGV[0], coalesce(jsonb_object_agg(name, to_jsonb(NEW) -> name), '{}') FROM unnest(TG_ARGV[1:]) AS name;
    END IF;
    RETURN NULL;
END $$;
