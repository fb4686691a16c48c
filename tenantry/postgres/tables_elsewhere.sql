-- What revisions made outside their own schema, in a database where nothing else is: kind, table, name. %(schema)s.
SELECT 'elsewhere', format('%%I.%%I', n.nspname, c.relname), c.relname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND NOT c.relispartition AND n.nspname <> %(schema)s AND n.nspname <> 'information_schema'
    AND n.nspname !~ '^pg_' AND c.relname <> 'tenantry_turn'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('e', 'a', 'i'))
UNION ALL
SELECT 'database', '', CASE classid WHEN 'pg_publication'::regclass THEN 'publication ' WHEN 'pg_event_trigger'::regclass THEN 'event trigger '
    WHEN 'pg_foreign_server'::regclass THEN 'foreign server ' ELSE 'subscription ' END || name
FROM (
    SELECT 'pg_publication'::regclass, pubname FROM pg_publication
    UNION ALL SELECT 'pg_event_trigger'::regclass, evtname FROM pg_event_trigger
    UNION ALL SELECT 'pg_foreign_server'::regclass, srvname FROM pg_foreign_server
    UNION ALL SELECT 'pg_subscription'::regclass, subname FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS made (classid, name)
UNION ALL
SELECT 'large', '', oid::text FROM pg_largeobject_metadata
ORDER BY 1, 2, 3
