-- Configuration at runtime: what the declaration says stays known beside the value in force, and every change names who made it and in
-- which run, so that a run over many tenants can be undone.

-- The value that the tenant's file amounts to; null: it says nothing. `source` is 'runtime' where the value in force differs from it.
ALTER TABLE tenant_configurations ADD COLUMN declared_value jsonb;
UPDATE tenant_configurations SET declared_value = config_value WHERE source = 'declaration';
CREATE INDEX tenant_configurations_key ON tenant_configurations (config_key, tenant_id);

ALTER TABLE tenant_configuration_history
    ADD COLUMN old_source text,                        -- null: the key was not there before
    ADD COLUMN run_id uuid;                            -- null: a change of its own
CREATE INDEX tenant_configuration_history_run ON tenant_configuration_history (run_id) WHERE run_id IS NOT NULL;

-- Once for a statement, not for each row: a change of one key of 1,000 tenants is one INSERT. Who and which run come from the
-- transaction's settings tenantry.actor and tenantry.run_id; without them who is whom the row names.
DROP TRIGGER history ON tenant_configurations;
CREATE OR REPLACE FUNCTION record_configuration_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    actor constant text := NULLIF(current_setting('tenantry.actor', true), '');
    run constant uuid := NULLIF(current_setting('tenantry.run_id', true), '')::uuid;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tenant_configuration_history (tenant_id, config_key, new_value, source, changed_by, run_id)
        SELECT tenant_id, config_key, config_value, source, coalesce(actor, updated_by), run FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tenant_configuration_history (tenant_id, config_key, old_value, old_source, source, changed_by, run_id)
        SELECT tenant_id, config_key, config_value, source, source, coalesce(actor, current_user), run FROM old_rows;
    ELSE
        INSERT INTO tenant_configuration_history
            (tenant_id, config_key, old_value, old_source, new_value, source, changed_by, run_id)
        SELECT tenant_id, config_key, o.config_value, o.source, n.config_value, coalesce(n.source, o.source),
               coalesce(actor, n.updated_by, current_user), run
        FROM old_rows o FULL JOIN new_rows n USING (tenant_id, config_key)
        WHERE (o.config_value, o.source) IS DISTINCT FROM (n.config_value, n.source);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER history_insert AFTER INSERT ON tenant_configurations
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_configuration_change();
CREATE TRIGGER history_update AFTER UPDATE ON tenant_configurations
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_configuration_change();
CREATE TRIGGER history_delete AFTER DELETE ON tenant_configurations
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION record_configuration_change();

-- Which parts of a change of many tenants are done: written in the transaction that does them, so that a step that was killed
-- between its commit and the journal's line does not do them again. No tenant's name or id is in it.
CREATE TABLE configuration_run_parts (
    run_id     uuid NOT NULL,
    cell       text NOT NULL,                          -- '' for an undo, which is one transaction
    rows       integer NOT NULL,
    undoes     uuid,                                   -- the run that was undone
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, cell)
);
CREATE INDEX configuration_run_parts_undoes ON configuration_run_parts (undoes) WHERE undoes IS NOT NULL;
