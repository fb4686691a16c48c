-- Keys without tenant_id that may be, because nobody guesses them: table, definition, columns. %(schema)s.
SELECT c.relname::text, coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(x.oid)),
       ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS part (number, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number WHERE place <= i.indnkeyatts ORDER BY place)
FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique AND NOT i.indisexclusion JOIN pg_class x ON x.oid = i.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.contype IN ('p', 'u')
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND t.attnum <> ALL ((i.indkey::int2[])[0:i.indnkeyatts - 1])
ORDER BY 1, 2
