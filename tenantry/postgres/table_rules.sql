-- What in a schema would let tenants of shared tables meet, or stores of one database, and what no backup, move or clone would take along
-- once: kind, table, name, definition, columns. %(schema)s; %(shared)s: whether many tenants' rows are in its tables; %(reference)s: the
-- tables that are the same for all tenants; %(books)s: those that say how far a store is migrated.
WITH relations AS (
    SELECT c.oid, c.relname, c.relkind, c.relispartition, t.attnum AS tenant, t.atttypid, t.atttypmod, t.attnotnull
    FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'f') AND c.relname <> ALL (%(books)s::text[])
    LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
        AND d.classid = 'pg_class'::regclass
), tables AS (
    SELECT * FROM relations WHERE relkind <> 'f'
), types AS MATERIALIZED (
    -- Nobody guesses one of these: that it is taken tells only those who know it already.
    SELECT oid FROM pg_type WHERE oid = 'uuid'::regtype OR typtype = 'd' AND typbasetype = 'uuid'::regtype OR typname = 'ulid'
)
SELECT CASE WHEN i.indisexclusion THEN 'exclusion' WHEN k.oid IS NULL THEN 'index' ELSE 'key' END AS kind, c.relname::text,
       x.relname::text AS name, coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(x.oid)) AS definition,
       ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (number, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number WHERE place <= i.indnkeyatts ORDER BY place) AS columns
FROM tables c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.contype IN ('p', 'u', 'x')
WHERE %(shared)s AND NOT c.relispartition AND c.tenant IS NOT NULL AND (i.indisunique OR i.indisexclusion)
    AND NOT EXISTS (
        SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number
        WHERE place <= i.indnkeyatts AND CASE WHEN i.indisexclusion
            THEN part.number = c.tenant AND (SELECT oprname = '=' FROM pg_operator WHERE oid = k.conexclop[place])
            ELSE part.number = c.tenant OR a.atttypid IN (SELECT oid FROM types) END)
UNION ALL
SELECT CASE WHEN c.tenant IS NULL THEN 'lookup' ELSE 'reference' END, c.relname, k.conname, pg_get_constraintdef(k.oid),
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS part (number, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number ORDER BY place)
FROM tables c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
JOIN tables f ON f.oid = k.confrelid AND f.tenant IS NOT NULL
WHERE %(shared)s AND NOT EXISTS (
    SELECT FROM generate_subscripts(k.conkey, 1) place WHERE k.conkey[place] = c.tenant AND k.confkey[place] = f.tenant)
UNION ALL
SELECT 'undeclared', relname, '', '', '{}' FROM tables
WHERE tenant IS NULL AND NOT relispartition AND relname <> ALL (%(reference)s::text[])
UNION ALL
SELECT 'declared', relname, 'reference', '', '{tenant_id}' FROM tables WHERE tenant IS NOT NULL AND relname = ANY (%(reference)s::text[])
UNION ALL
SELECT 'tenant', relname, 'tenant_id', format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN '' ELSE ' and may be null' END, '{tenant_id}'
FROM tables WHERE tenant IS NOT NULL AND NOT relispartition
    AND NOT (attnotnull AND EXISTS (SELECT FROM pg_type y WHERE y.oid = atttypid AND 'uuid'::regtype IN (y.oid, y.typbasetype)))
UNION ALL
SELECT 'rule', c.relname, r.rulename, '', '{}' FROM tables c JOIN pg_rewrite r ON r.ev_class = c.oid
UNION ALL
SELECT 'foreign', relname, '', '', '{}' FROM relations WHERE relkind = 'f'
UNION ALL
SELECT 'extension', '', extname, '', '{}' FROM pg_extension
WHERE extnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s) AND %(schema)s <> 'tenant'  -- a database of its own
ORDER BY 2, 3
