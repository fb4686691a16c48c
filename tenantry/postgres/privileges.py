"""Who may do what in a database, as its catalog says it: every grant on every object, and what later objects would give by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg.rows import tuple_row

if TYPE_CHECKING:
    import psycopg

PUBLIC: Final = "PUBLIC"

_QUERY: Final = """
WITH schemas AS MATERIALIZED (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), objects (kind, name, part, owner, acl, usual) AS (
    SELECT 'database', quote_ident(datname), '', datdba, datacl, acldefault('d', datdba)
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', quote_ident(nspname), '', nspowner, nspacl, acldefault('n', nspowner) FROM schemas
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, format('%I.%I', nspname, relname), '', relowner, relacl,
           acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner)
    FROM pg_class JOIN schemas s ON s.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'table', format('%I.%I', nspname, relname), quote_ident(attname), relowner, attacl, NULL
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN schemas s ON s.oid = relnamespace
    WHERE attacl IS NOT NULL AND NOT attisdropped
    UNION ALL
    SELECT 'function', format('%I.%I(%s)', nspname, proname, oidvectortypes(proargtypes)), '', proowner, proacl, acldefault('f', proowner)
    FROM pg_proc JOIN schemas s ON s.oid = pronamespace
    UNION ALL
    SELECT 'type', format('%I.%I', nspname, typname), '', typowner, typacl, acldefault('T', typowner)
    FROM pg_type JOIN schemas s ON s.oid = typnamespace WHERE typtype IN ('d', 'e', 'r')
    UNION ALL
    -- Of whoever owns something here: where he has said nothing, PostgreSQL's own defaults hold.
    SELECT 'later ' || words, quote_ident(pg_get_userbyid(maker)), '', maker, defaclacl, acldefault(letter, maker)
    FROM (VALUES ('tables', 'r'::"char"), ('sequences', 'S'), ('functions', 'f'), ('types', 'T'), ('schemas', 'n')) AS l (words, letter)
    CROSS JOIN (
        SELECT DISTINCT relowner FROM pg_class JOIN schemas s ON s.oid = relnamespace
        UNION SELECT DISTINCT proowner FROM pg_proc JOIN schemas s ON s.oid = pronamespace
    ) AS o (maker)
    LEFT JOIN pg_default_acl ON defaclrole = maker AND defaclnamespace = 0 AND defaclobjtype = letter
    UNION ALL
    SELECT 'later ' || CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' ELSE 'types' END,
           format('%I in %I', pg_get_userbyid(defaclrole), nspname), '', defaclrole, defaclacl, NULL
    FROM pg_default_acl JOIN schemas s ON s.oid = defaclnamespace
)
SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END, privilege_type,
       CASE WHEN is_grantable AND grantee <> owner THEN 'WITH GRANT OPTION' ELSE '' END, kind, name, part, pg_get_userbyid(owner)::text
FROM objects CROSS JOIN LATERAL aclexplode(coalesce(acl, usual))
UNION
-- An owner's own rights are there without being said, and can be taken away.
SELECT pg_get_userbyid(owner)::text, u.privilege_type, 'MISSING', kind, name, part, pg_get_userbyid(owner)::text
FROM objects CROSS JOIN LATERAL aclexplode(usual) AS u
WHERE u.grantee = owner AND kind !~ '^later'
    AND NOT EXISTS (SELECT FROM aclexplode(coalesce(acl, usual)) a WHERE a.grantee = owner AND a.privilege_type = u.privilege_type)
"""


class Grant(NamedTuple):
    """One privilege of one role. As text: ``tenantry__app SELECT (email) ON table control.users``."""

    role: str
    """``PUBLIC`` for everybody."""
    privilege: str
    """As PostgreSQL names it."""
    kind: str
    """``database``, ``schema``, ``table`` (or view), ``sequence``, ``function``, ``type``; ``later …``: what its maker's next one gives."""
    name: str
    """In the database's own spelling, with its schema; of ``later …`` the maker, and the schema where it is one's."""
    part: str = ""
    """A column of a table."""
    more: str = ""
    """``WITH GRANT OPTION`` where the role may hand it on; ``MISSING``: an owner's own right that was taken from him."""

    @property
    def missing(self) -> bool:
        return self.more == "MISSING"

    def __str__(self) -> str:
        column, more = f" ({self.part})" if self.part else "", f" {self.more}" if self.more else ""
        return f"{self.role} {self.privilege}{column} ON {self.kind} {self.name}{more}"


def granted(connection: psycopg.Connection[Any]) -> set[Grant]:
    """Every privilege in the database that an object's owner does not have by nature, and those of an owner that are ``missing``.

    Of all schemas but PostgreSQL's own.
    """
    return {
        Grant(role, privilege, kind, name, part, more)
        for role, privilege, more, kind, name, part, owner in _rows(connection)
        if role != owner or more == "MISSING"
    }


def owners(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], str]:
    """Whose each object of the database is: (kind, name) → role."""
    return {(kind, name): owner for _, _, _, kind, name, _, owner in _rows(connection) if not kind.startswith("later")}


def _rows(connection: psycopg.Connection[Any]) -> list[tuple[str, ...]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(_QUERY).fetchall()
