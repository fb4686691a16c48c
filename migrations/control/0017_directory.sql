-- Where an application finds its tenants: docs/application.md. It asks functions of the owner, as a login that may call them and do
-- nothing else (../control_grants.yaml), and is told by NOTIFY what has changed.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Where a server of a tenant's own listens: RDS says so when it has made it, long after the tenant's row was written.
CREATE TABLE servers (
    identifier text PRIMARY KEY,
    tenant     uuid NOT NULL,                          -- not `tenant_id`: the application has no business here (0004)
    address    text NOT NULL,
    port       integer NOT NULL
);

-- Since when the tenant has its tables; null: they are being made for the first time. Rows of before have theirs.
ALTER TABLE tenants ADD COLUMN ready_at timestamptz DEFAULT now();

-- One row for each tenant that is known. Of one that is gone it says that, and nothing else. Not granted to anybody.
CREATE VIEW directory WITH (security_invoker = true) AS
SELECT told.*, left(encode(sha256(convert_to(told::text, 'UTF8')), 'hex'), 32) AS version FROM (
    SELECT t.id, t.slug,
        CASE WHEN h.id IS NULL THEN 'deleted'
             WHEN h.state IN ('suspended', 'offboarding') THEN h.state
             WHEN h.state <> 'active' OR h.ready_at IS NULL OR h.server IS NOT NULL AND s.address IS NULL
                 OR EXISTS (SELECT FROM clones c WHERE c.tenant_id = h.id AND c.state = 'filling') THEN 'pending'
             WHEN h.maintenance IS NOT NULL THEN 'maintenance'
             WHEN EXISTS (SELECT FROM moves m WHERE m.tenant_id = h.id AND m.ended_at IS NULL AND m.phase IN ('copying', 'switched'))
             THEN 'moving' ELSE 'active' END AS state,
        h.name, h.host, h.isolation, s.address, s.port, h.database, h.schema, h.app_role AS role, h.bucket, h.prefix
    FROM tenants t
    LEFT JOIN tenants h ON h.id = t.id AND h.deleted_at IS NULL AND h.state NOT IN ('archived', 'deleted')
    LEFT JOIN servers s ON s.identifier = h.server
) AS told;

CREATE FUNCTION tenant_by_id(id uuid) RETURNS SETOF directory
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path FROM CURRENT AS $$
BEGIN
    RETURN QUERY SELECT * FROM directory d WHERE d.id = $1;
END $$;

CREATE FUNCTION tenant_by_slug(slug text) RETURNS SETOF directory
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path FROM CURRENT AS $$
BEGIN
    RETURN QUERY SELECT * FROM directory d WHERE d.slug = $1;
END $$;

-- Hosts are kept in lower case and punycode. Of a host that a deleted tenant had and nobody has been given since, that much is said.
CREATE FUNCTION tenant_by_host(host text) RETURNS SETOF directory
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path FROM CURRENT AS $$
DECLARE
    asked constant text := lower(rtrim($1, '.'));
BEGIN
    RETURN QUERY SELECT d.* FROM tenant_domains n JOIN directory d ON d.id = n.tenant_id WHERE n.host = asked;
    IF NOT FOUND THEN
        RETURN QUERY SELECT (jsonb_populate_record(NULL::directory, jsonb_build_object('id', q.tenant, 'state', 'deleted'))).*
            FROM quarantined_names q WHERE q.kind = 'host' AND q.name = asked AND (q.until IS NULL OR q.until > now());
    END IF;
END $$;

-- By the SHA-256 of an invitation's code. One that is used up, taken back or expired leads nowhere, like one that was made up.
CREATE FUNCTION tenant_by_invitation(digest bytea) RETURNS SETOF directory
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path FROM CURRENT AS $$
BEGIN
    RETURN QUERY SELECT d.* FROM invitations i JOIN directory d ON d.id = i.tenant_id
        WHERE i.token_hash = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now() AND d.state <> 'deleted';
END $$;

-- What is in force for a tenant, as one object: key to value. null: there is no such tenant.
CREATE FUNCTION tenant_settings(id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    RETURN (SELECT coalesce((SELECT jsonb_object_agg(c.config_key, c.config_value) FROM tenant_configurations c WHERE c.tenant_id = t.id), '{}')
            FROM tenants t WHERE t.id = $1 AND t.deleted_at IS NULL AND t.state NOT IN ('archived', 'deleted'));
END $$;

-- The ids of the tenants of whom something changed, once each for a statement. Whoever listens asks again: an id is all that is told.
-- Its argument is the column that has the tenant's id.
CREATE FUNCTION tell_directory() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed text := CASE TG_OP WHEN 'INSERT' THEN 'SELECT %1$I FROM new_rows' WHEN 'DELETE' THEN 'SELECT %1$I FROM old_rows'
                    ELSE 'SELECT %1$I FROM new_rows UNION ALL SELECT %1$I FROM old_rows' END;
BEGIN
    EXECUTE format('SELECT pg_notify(''tenantry_directory'', id::text) FROM (SELECT DISTINCT id FROM (' || changed || ') AS c (id)) AS d', TG_ARGV[0]);
    RETURN NULL;
END $$;

DO $$
DECLARE
    told record;
BEGIN
    FOR told IN SELECT * FROM (VALUES ('tenants', 'id'), ('tenant_domains', 'tenant_id'), ('tenant_configurations', 'tenant_id'),
        ('moves', 'tenant_id'), ('clones', 'tenant_id'), ('servers', 'tenant'), ('quarantined_names', 'tenant')) AS v (name, id)
    LOOP
        EXECUTE format('CREATE TRIGGER directory_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION tell_directory(%L)', told.name, told.id);
        EXECUTE format('CREATE TRIGGER directory_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION tell_directory(%L)', told.name, told.id);
        EXECUTE format('CREATE TRIGGER directory_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION tell_directory(%L)', told.name, told.id);
    END LOOP;
END $$;

SELECT set_config('search_path', quote_ident(current_schema()), true);
