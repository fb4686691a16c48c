-- What the application may do goes through functions of the owner where a grant on a table would give too much. Who may call them:
-- ../control_grants.yaml. Each works in the tenant whose context is set, whoever else's rows its owner could see.

-- pg_temp last: else a temporary table of the caller's would stand for one of ours in a function that is our own.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Who asks: the session's role, also inside of a function that runs as its owner, where current_user is the owner.
CREATE FUNCTION asking_role() RETURNS name LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
$$;

-- Whether the platform asks: its administrator, or the owner that it works as.
CREATE FUNCTION asked_by_platform() RETURNS boolean LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT pg_has_role(asking_role(), (SELECT nspowner FROM pg_namespace WHERE nspname = current_schema()), 'MEMBER')
$$;

CREATE FUNCTION context_tenant() RETURNS uuid LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF NOT EXISTS (SELECT FROM tenants WHERE id = tenant AND state = 'active' AND maintenance IS NULL AND deleted_at IS NULL) THEN
        RAISE EXCEPTION 'there is no active tenant in app.tenant_id' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN tenant;
END $$;

-- One visible line, as in tenantry/text.py.
CREATE FUNCTION visible_line(said text, longest integer) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF said IS NULL OR length(said) NOT BETWEEN 1 AND longest OR said <> btrim(said) OR strpos(said, '=?') > 0
        OR said ~ '[[:cntrl:]\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]'
    THEN
        RAISE EXCEPTION 'not one visible line of 1 to % characters', longest USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN said;
END $$;

-- History is written as the owner: who changes a value can neither leave it out nor write another. What a session says about itself
-- (tenantry.actor, tenantry.run_id) counts only from the platform; from anybody else the role stands before it.
CREATE OR REPLACE FUNCTION record_configuration_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    trusted constant boolean := asked_by_platform();
    said constant text := NULLIF(current_setting('tenantry.actor', true), '');
    actor constant text := CASE WHEN trusted THEN said ELSE concat_ws(': ', asking_role(), said) END;
    run constant uuid := CASE WHEN trusted THEN NULLIF(current_setting('tenantry.run_id', true), '')::uuid END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tenant_configuration_history (tenant_id, config_key, new_value, source, changed_by, run_id)
        SELECT tenant_id, config_key, config_value, source, coalesce(actor, updated_by), run FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tenant_configuration_history (tenant_id, config_key, old_value, old_source, source, changed_by, run_id)
        SELECT tenant_id, config_key, config_value, source, source, coalesce(actor, asking_role()), run FROM old_rows;
    ELSE
        INSERT INTO tenant_configuration_history
            (tenant_id, config_key, old_value, old_source, new_value, source, changed_by, run_id)
        SELECT tenant_id, config_key, o.config_value, o.source, n.config_value, coalesce(n.source, o.source),
               coalesce(actor, n.updated_by, asking_role()), run
        FROM old_rows o FULL JOIN new_rows n USING (tenant_id, config_key)
        WHERE (o.config_value, o.source) IS DISTINCT FROM (n.config_value, n.source);
    END IF;
    RETURN NULL;
END $$;

-- Who comes, goes, and is given a role or another address, by ids alone. The platform's own operations have their runs.
CREATE FUNCTION audit_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF asked_by_platform() THEN
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        SELECT tenant_id, asking_role(), 'user', format('%s added, %s', id, role) FROM new_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        SELECT tenant_id, asking_role(), 'user', format('%s removed', id) FROM old_rows;
    ELSE
        INSERT INTO audit_log (tenant_id, actor, action, outcome)
        SELECT n.tenant_id, asking_role(), 'user', concat_ws(', ', n.id,
               CASE WHEN n.role <> o.role THEN 'now ' || n.role END, CASE WHEN n.email <> o.email THEN 'another address' END)
        FROM old_rows o JOIN new_rows n USING (tenant_id, id) WHERE (n.role, n.email) <> (o.role, o.email);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_insert AFTER INSERT ON users
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_users();
CREATE TRIGGER audit_update AFTER UPDATE ON users
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_users();
CREATE TRIGGER audit_delete AFTER DELETE ON users
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_users();

-- What a tenant's administrator may change and SQL can check; filled from tenantry/declaration/keys.py with each `tenantry up`.
CREATE TABLE application_keys (
    config_key text PRIMARY KEY,
    type       text NOT NULL CHECK (type IN ('boolean', 'colour'))
);

-- Says who changes what to the history, and that he may: a tenant's administrator, one of these keys.
CREATE FUNCTION configuring(key text, user_id uuid) RETURNS uuid LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := context_tenant();
BEGIN
    IF NOT EXISTS (SELECT FROM application_keys WHERE config_key = key) THEN
        RAISE EXCEPTION '% is not for the application to change', coalesce(key, 'null') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'features and colours that a tenant''s administrator may change; for the others: tenantry config set';
    ELSIF NOT EXISTS (SELECT FROM users u WHERE u.tenant_id = tenant AND u.id = user_id AND u.role = 'admin') THEN
        RAISE EXCEPTION 'no administrator of the tenant has that id' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('tenantry.actor', user_id::text, true), set_config('tenantry.run_id', '', true);
    RETURN tenant;
END $$;

CREATE FUNCTION set_configuration(key text, value jsonb, user_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := configuring(key, user_id);
    kind constant text := (SELECT type FROM application_keys WHERE config_key = key);
BEGIN
    IF NOT coalesce(kind = 'boolean' AND jsonb_typeof(value) = 'boolean'
        OR kind = 'colour' AND jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^#[0-9a-f]{6}$', false)
    THEN
        RAISE EXCEPTION '% takes a % only', key, CASE kind WHEN 'boolean' THEN 'boolean' ELSE 'colour, as "#0b5fff"' END
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO tenant_configurations AS c (tenant_id, config_key, config_value, source, updated_by)
    VALUES (tenant, key, value, 'runtime', user_id::text)
    ON CONFLICT (tenant_id, config_key) DO UPDATE SET
        config_value = EXCLUDED.config_value,
        source = CASE WHEN c.declared_value = EXCLUDED.config_value THEN 'declaration' ELSE 'runtime' END,
        updated_at = now(), updated_by = EXCLUDED.updated_by
        WHERE c.config_value <> EXCLUDED.config_value;
    PERFORM set_config('tenantry.actor', '', true);
END $$;

CREATE FUNCTION unset_configuration(key text, user_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := configuring(key, user_id);
BEGIN
    DELETE FROM tenant_configurations
    WHERE tenant_id = tenant AND config_key = key AND source = 'runtime' AND declared_value IS NULL;
    UPDATE tenant_configurations
    SET config_value = declared_value, source = 'declaration', updated_at = now(), updated_by = user_id::text
    WHERE tenant_id = tenant AND config_key = key AND source = 'runtime';
    PERFORM set_config('tenantry.actor', '', true);
END $$;

-- The new user's id. Whether a code is another's, expired or made up, the answer is the same.
CREATE FUNCTION accept_invitation(token text, user_name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := context_tenant();
    invited invitations%ROWTYPE;
    made uuid;
BEGIN
    SELECT * INTO invited FROM invitations i
    WHERE i.tenant_id = tenant AND i.token_hash = sha256(convert_to(token, 'UTF8'))
        AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no open invitation of this tenant has that code' USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO users AS u (tenant_id, email, name, role) VALUES (tenant, invited.email, visible_line(user_name, 100), invited.role)
    ON CONFLICT (tenant_id, email) DO UPDATE SET name = EXCLUDED.name, role = EXCLUDED.role
    RETURNING u.id INTO made;
    UPDATE invitations i SET accepted_at = now() WHERE i.tenant_id = tenant AND i.id = invited.id;
    RETURN made;
END $$;

-- One mail per event to a user of the tenant: the templates of which are his (a case for each), with links to the tenant's own hosts.
CREATE FUNCTION queue_mail(kind text, user_id uuid, event text, parameters jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    tenant constant uuid := context_tenant();
    addressee users%ROWTYPE;
    name text;
    value text;
    queued uuid;
BEGIN
    IF kind IS DISTINCT FROM 'welcome' THEN
        RAISE EXCEPTION '% is not for the application to send', coalesce(kind, 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO addressee FROM users u WHERE u.tenant_id = tenant AND u.id = user_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no user of the tenant has that id' USING ERRCODE = 'no_data_found';
    ELSIF (SELECT count(*) FROM outbox WHERE tenant_id = tenant AND key ^@ 'application:' AND created_at > now() - interval '1 hour') >= 100 THEN
        RAISE EXCEPTION 'the application has queued 100 mails of this tenant within an hour' USING ERRCODE = 'program_limit_exceeded';
    ELSIF jsonb_typeof(parameters) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'parameters are one JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR name, value IN SELECT * FROM jsonb_each_text(parameters) LOOP
        IF name <> 'tour_url' THEN
            RAISE EXCEPTION '% has no placeholder % that the application fills', kind, name USING ERRCODE = 'invalid_parameter_value';
        ELSIF length(value) > 500 OR value ~ '[^[:graph:]]' OR NOT EXISTS (
            SELECT FROM tenant_domains d WHERE d.tenant_id = tenant AND d.status = 'active' AND value ^@ ('https://' || d.host || '/'))
        THEN
            RAISE EXCEPTION '% leads to none of the tenant''s hosts', name USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
    INSERT INTO outbox AS o (tenant_id, kind, key, recipient, parameters)
    VALUES (tenant, kind, format('application:%s:%s', kind, visible_line(event, 200)), addressee.email,
            parameters || jsonb_build_object('user_name', visible_line(addressee.name, 100)))
    ON CONFLICT (tenant_id, key) DO UPDATE SET key = EXCLUDED.key RETURNING o.id INTO queued;
    RETURN queued;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
