-- What isolation.sql would change in a schema, asked of the catalog: its tables, views and sequences that are not guarded exactly so, and
-- whether the schema and the database are as it leaves them. A migration of many schemas asks this in each, because the
-- answer is mostly `nothing` and costs a tenth. Never for a schema with a platform role: its second policy would count as damage. A
-- restore's closed doors do not: isolation.sql leaves them alone.
-- $1 schema, $2 app_role, $3 the policy with this tenant's id as this server keeps it, for a tenant_id that is the first column:
-- pg_get_expr would open every table to print it. $4 the policy of migrations as this server keeps it, '' in a tenant's own tables.
-- Not current_schema(): the plan is kept from schema to schema only while the
-- search path stays the same, and planning costs more than asking. It becomes two prepared statements, and so has no end of its own.
SELECT
    array(
        SELECT c.relname
        FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $1)
            AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relname <> 'alembic_version'
            AND coalesce(CASE
                WHEN c.relkind = 'v' THEN c.reloptions @> '{security_invoker=true}'
                    AND has_table_privilege($2, c.oid, 'SELECT') AND has_table_privilege($2, c.oid, 'INSERT')
                    AND has_table_privilege($2, c.oid, 'UPDATE') AND has_table_privilege($2, c.oid, 'DELETE')
                WHEN a.attnum IS NULL THEN
                    (SELECT coalesce(array_agg(e.privilege_type ORDER BY 1), '{}') = CASE c.relkind
                            WHEN 'm' THEN '{}'::text[]
                            WHEN 'S' THEN CASE WHEN EXISTS (
                                SELECT FROM pg_depend o LEFT JOIN pg_attribute t
                                    ON t.attrelid = o.refobjid AND t.attname = 'tenant_id' AND NOT t.attisdropped
                                WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass
                                    AND (o.deptype = 'i' OR o.deptype = 'a' AND t.attnum IS NULL)) THEN '{}'::text[] ELSE '{USAGE}' END
                            ELSE '{SELECT}' END
                        AND NOT coalesce(bool_or(e.grantee = 0 OR e.is_grantable), false)
                     FROM aclexplode(c.relacl) e WHERE e.grantee = 0 OR e.grantee = (SELECT oid FROM pg_roles WHERE rolname = $2))
                    AND NOT EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = c.oid AND f.attacl IS NOT NULL)
                ELSE c.relrowsecurity AND c.relforcerowsecurity
                    AND (SELECT count(*) = CASE $4 WHEN '' THEN 1 ELSE 2 END AND bool_and(p.polcmd = '*' AND p.polpermissive
                                AND p.polwithcheck::text = p.polqual::text
                                AND CASE p.polname
                                    WHEN 'tenant_isolation' THEN p.polroles = '{0}' AND
                                        CASE WHEN a.attnum = 1 THEN p.polqual::text ELSE
                                            replace(replace(replace(replace(p.polqual::text, ':varattno 1 ', ':varattno - '),
                                                format(':varattno %s ', a.attnum), ':varattno 1 '), ':varattnosyn 1 ', ':varattnosyn - '),
                                                format(':varattnosyn %s ', a.attnum), ':varattnosyn 1 ') END = $3
                                    WHEN 'migration' THEN p.polroles = ARRAY[c.relowner] AND p.polqual::text = $4
                                    ELSE false END)
                         FROM pg_policy p WHERE p.polrelid = c.oid
                            AND (p.polpermissive OR p.polname !~ '^closed_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'))
                    AND (c.relacl::text = format('{%1$s=arwdDxtm/%1$s,%2$s=arwd/%1$s}', pg_get_userbyid(c.relowner), $2)
                        -- Others may have rights of their own.
                        OR (SELECT count(*) = 4 AND bool_and(e.grantee <> 0 AND NOT e.is_grantable
                                AND e.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
                         FROM aclexplode(c.relacl) e WHERE e.grantee = 0 OR e.grantee = (SELECT oid FROM pg_roles WHERE rolname = $2)))
                    AND NOT EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = c.oid AND f.attacl IS NOT NULL)
                END, false) IS FALSE
        ORDER BY c.relname
    )::text[] AS unguarded,
    has_schema_privilege($2, $1, 'USAGE')
        AND NOT has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY')
        AND has_database_privilege($2, current_database(), 'CONNECT')
        AND NOT has_database_privilege($2, current_database(), 'TEMPORARY, CREATE')
        AND (SELECT has_schema_privilege('public', oid, 'USAGE') FROM pg_namespace WHERE nspname = 'extensions') IS TRUE AS placed
