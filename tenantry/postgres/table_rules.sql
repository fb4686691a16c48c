-- What in a schema would let tenants of shared tables meet, or stores of one database: kind, table, name, definition, columns.
-- %(schema)s; %(shared)s: whether many tenants' rows are in its tables.
WITH tables AS (
    SELECT c.oid, c.relname, c.relispartition, t.attnum AS tenant
    FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
    LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
        AND d.classid = 'pg_class'::regclass
)
SELECT CASE WHEN i.indisexclusion THEN 'exclusion' WHEN k.oid IS NULL THEN 'index' ELSE 'key' END AS kind, c.relname, x.relname AS name,
       coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(x.oid)) AS definition, '' AS columns
FROM tables c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.contype IN ('p', 'u', 'x')
WHERE %(shared)s AND NOT c.relispartition AND c.tenant IS NOT NULL AND (i.indisunique OR i.indisexclusion)
    AND NOT EXISTS (
        SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number
        WHERE place <= i.indnkeyatts AND CASE WHEN i.indisexclusion
            THEN part.number = c.tenant AND (SELECT oprname = '=' FROM pg_operator WHERE oid = k.conexclop[place])
            -- Nobody guesses a uuid: that it is taken tells only those who know it already.
            ELSE part.number = c.tenant OR a.atttypid = 'uuid'::regtype END)
UNION ALL
SELECT CASE WHEN c.tenant IS NULL THEN 'lookup' ELSE 'reference' END, c.relname, k.conname, pg_get_constraintdef(k.oid),
       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY place) FROM unnest(k.conkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number)
FROM tables c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
JOIN tables f ON f.oid = k.confrelid AND f.tenant IS NOT NULL
WHERE %(shared)s AND NOT EXISTS (
    SELECT FROM generate_subscripts(k.conkey, 1) place WHERE k.conkey[place] = c.tenant AND k.confkey[place] = f.tenant)
UNION ALL
SELECT 'extension', '', extname, '', '' FROM pg_extension
WHERE extnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s) AND %(schema)s <> 'tenant'  -- a database of its own
ORDER BY 2, 3
