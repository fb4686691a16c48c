-- Who read what through the service: docs/adr/0043-reads-are-written-down.md. By ids alone, as the audit log, so that it outlives a tenant;
-- never what was read.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE TABLE audit_reads (
    tenant_id  uuid,                                   -- null: more than one tenant's, or none's
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,                   -- of the first of these reads
    holder     text NOT NULL,                          -- of the key, or the person of the session
    actor      text NOT NULL,                          -- the same as the audit log names him
    credential text NOT NULL,                          -- `key ID`, `session` or `link`
    address    text NOT NULL,
    route      text NOT NULL,                          -- with the names of what is in its path, not the values
    detail     text NOT NULL,                          -- what else was in the path, and the filter
    request_id uuid NOT NULL UNIQUE,                   -- of the first; a batch that is written twice is there once
    reads      integer NOT NULL CHECK (reads > 0),     -- alike, within a moment
    keep_until timestamptz NOT NULL
);
CREATE INDEX audit_reads_tenant ON audit_reads (tenant_id, at);
CREATE INDEX audit_reads_at ON audit_reads (at);
CREATE INDEX audit_reads_over ON audit_reads (keep_until);

-- Lines are added, and go when their time is over: for whoever the service works as, the owner among them, there is no other way.
CREATE FUNCTION audit_reads_stay() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.keep_until <= now() THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'what was read stays written down' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON audit_reads FOR EACH ROW EXECUTE FUNCTION audit_reads_stay();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON audit_reads FOR EACH STATEMENT EXECUTE FUNCTION audit_reads_stay();

-- The log is read by time, of one tenant or of all.
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX tenant_configuration_history_at ON tenant_configuration_history (changed_at);
CREATE INDEX runs_requested ON runs (requested_at);

SELECT set_config('search_path', quote_ident(current_schema()), true);
