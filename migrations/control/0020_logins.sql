-- Where applications find the passwords of their logins, and how old those are; no password. docs/adr/0039-rotation.md
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Only for logins that have a secret: tenantry:loginSecrets.
CREATE TABLE logins (
    role         text PRIMARY KEY,                     -- the first of the two that take turns, as tenants.app_role has it
    secret       text NOT NULL,                        -- its ARN
    username     text NOT NULL,                        -- whose password is in it
    changed_at   timestamptz NOT NULL,                 -- since when it has been that one; at the latest
    former_until timestamptz                           -- until when the other one's password holds, too; null: it has none
);

-- At its end, because a view takes no column elsewhere. What changes in a login changes its tenants' version.
CREATE OR REPLACE VIEW directory WITH (security_invoker = true) AS
SELECT told.id, told.slug, told.state, told.name, told.host, told.isolation, told.address, told.port, told.database, told.schema, told.role,
    told.bucket, told.prefix, left(encode(sha256(convert_to(told::text, 'UTF8')), 'hex'), 32) AS version, told.secret, told.secret_since
FROM (
    SELECT t.id, t.slug,
        CASE WHEN h.id IS NULL THEN 'deleted'
             WHEN h.state IN ('suspended', 'offboarding') THEN h.state
             WHEN h.state <> 'active' OR h.ready_at IS NULL OR h.server IS NOT NULL AND s.address IS NULL
                 OR EXISTS (SELECT FROM clones c WHERE c.tenant_id = h.id AND c.state = 'filling') THEN 'pending'
             WHEN h.maintenance IS NOT NULL THEN 'maintenance'
             WHEN EXISTS (SELECT FROM moves m WHERE m.tenant_id = h.id AND m.ended_at IS NULL AND m.phase IN ('copying', 'switched'))
             THEN 'moving' ELSE 'active' END AS state,
        h.name, h.host, h.isolation, s.address, s.port, h.database, h.schema, h.app_role AS role, h.bucket, h.prefix,
        l.secret, l.changed_at AS secret_since
    FROM tenants t
    LEFT JOIN tenants h ON h.id = t.id AND h.deleted_at IS NULL AND h.state NOT IN ('archived', 'deleted')
    LEFT JOIN servers s ON s.identifier = h.server
    LEFT JOIN logins l ON l.role = h.app_role
) AS told;

-- As tell_directory(), for every tenant that the logins are of: all of a cell's have one.
CREATE FUNCTION tell_directory_of_logins() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed text := CASE TG_OP WHEN 'INSERT' THEN 'SELECT role FROM new_rows' WHEN 'DELETE' THEN 'SELECT role FROM old_rows'
                    ELSE 'SELECT role FROM new_rows UNION SELECT role FROM old_rows' END;
BEGIN
    EXECUTE 'SELECT pg_notify(''tenantry_directory'', t.id::text) FROM tenants t WHERE t.deleted_at IS NULL AND t.app_role IN (' || changed || ')';
    RETURN NULL;
END $$;

CREATE TRIGGER directory_insert AFTER INSERT ON logins REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tell_directory_of_logins();
CREATE TRIGGER directory_update AFTER UPDATE ON logins REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION tell_directory_of_logins();
CREATE TRIGGER directory_delete AFTER DELETE ON logins REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION tell_directory_of_logins();

SELECT set_config('search_path', quote_ident(current_schema()), true);
