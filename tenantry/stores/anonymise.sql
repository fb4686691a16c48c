-- What an anonymised copy needs beside PostgreSQL's own functions, in the temporary schema of the session that reads a source: nothing of
-- it stays, and a source's schema is not touched. A digest `d` is SHA-256 of the clone's key and a value.

-- The key. It comes by COPY, because statements and their parameters are written to logs.
CREATE TEMPORARY TABLE clone_key (key bytea NOT NULL) ON COMMIT PRESERVE ROWS;
-- Dictionaries: words of `width` bytes each, filled up with spaces, because reading one of them must not cost what reading all does.
CREATE TEMPORARY TABLE clone_words (name text PRIMARY KEY, words bytea NOT NULL) ON COMMIT PRESERVE ROWS;

-- Text of the same length out of `corpus` (ASCII, 65,536 bytes); `h` says from where.
CREATE FUNCTION pg_temp.clone_scramble(value text, h bigint, corpus bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(repeat(convert_from(substr(corpus, 1 + (h & 32767)::int, least(length(value), 32768)), 'UTF8'), 1 + length(value) / 32769),
                length(value))
$$;

-- Digits for digits, capitals for capitals, other letters for letters; ASCII punctuation and spaces stay.
CREATE FUNCTION pg_temp.clone_format(value text, d bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(CASE
        WHEN c COLLATE "C" BETWEEN '0' AND '9' THEN chr(48 + byte % 10)
        WHEN c COLLATE "C" BETWEEN 'A' AND 'Z' THEN chr(65 + byte % 26)
        WHEN c COLLATE "C" < chr(127) COLLATE "C" AND c COLLATE "C" NOT BETWEEN 'a' AND 'z' THEN c
        ELSE chr(97 + byte % 26)
    END, '' ORDER BY n), '')
    FROM (SELECT string_agg(sha256(d || int4send(block)), ''::bytea ORDER BY block) AS bytes FROM generate_series(0, length(value) / 32) block) s,
         LATERAL (SELECT n, substr(value, n::int, 1) AS c, get_byte(bytes, n::int - 1) AS byte FROM generate_series(1, length(value)) n) x
$$;

-- JSON of the same shape: texts and numbers replaced, `keys` (or '*') readable, other keys hashed, values under `kept` as they are.
-- `h` belongs to the row and the place in the value: nothing depends on what is replaced but its length.
CREATE FUNCTION pg_temp.clone_json(value jsonb, h bigint, key bytea, corpus bytea, keys text[], kept text[])
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    type constant text := jsonb_typeof(value);
BEGIN
    IF type = 'object' THEN
        RETURN (
            SELECT coalesce(jsonb_object_agg(
                CASE WHEN k = ANY (keys) OR '*' = ANY (keys) THEN k
                     ELSE 'k_' || encode(substr(sha256(key || convert_to(k, 'UTF8')), 1, 8), 'hex') END,
                CASE WHEN k = ANY (kept) THEN v
                     ELSE pg_temp.clone_json(v, hashtextextended(k, h), key, corpus, keys, kept) END
            ), '{}') FROM jsonb_each(value) AS e (k, v));
    ELSIF type = 'array' THEN
        RETURN (
            SELECT coalesce(jsonb_agg(
                pg_temp.clone_json(v, hashint8extended(n, h), key, corpus, keys, kept) ORDER BY n
            ), '[]') FROM jsonb_array_elements(value) WITH ORDINALITY AS e (v, n));
    ELSIF type = 'string' THEN
        RETURN to_jsonb(convert_from(substr(corpus, 1 + (h & 32767)::int, length(value #>> '{}')), 'UTF8'));
    ELSIF type = 'number' THEN
        -- As many digits before the point as there were, at most 15; none behind it.
        RETURN to_jsonb((h & 9007199254740991) % (10 ^ least(length(trunc(abs((value #>> '{}')::numeric))::text), 15))::bigint);
    END IF;
    RETURN value;
END $$;
