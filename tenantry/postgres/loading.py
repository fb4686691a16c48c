"""Tables while saved rows go into them: what the application's triggers made of these rows once must not be made a second time.

``quiet`` is for tables that others use too, ``emptied`` for those that nobody but us sees. Both are inside a transaction as the tables'
owner; whatever ends it early leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from tenantry.errors import WorkError
from tenantry.postgres.tables import rows_of

OURS: Final = r"^m_.+__[01]_[iudt]$"
"""Names of a turnstile's triggers: they let a move's own writes pass by themselves."""
_ENABLE: Final = {"O": "ENABLE TRIGGER", "A": "ENABLE ALWAYS TRIGGER", "R": "ENABLE REPLICA TRIGGER"}


class _Part(NamedTuple):
    """A trigger, index, constraint or setting: what takes it away and what puts it back."""

    drop: sql.Composed
    restore: sql.Composed


@contextmanager
def quiet(connection: psycopg.Connection, schema: str, *, shared: bool) -> Iterator[None]:
    """No trigger of the application's fires for what the block writes into the tables of ``schema``. Foreign keys hold at its end.

    In tables that are ``shared`` others write meanwhile. Triggers are put off for this session alone where the server lets us
    (a superuser; elsewhere GRANT SET ON PARAMETER session_replication_role); else the tables that have any take no writes of others
    until the transaction ends.
    """
    found = _triggers(connection, schema)
    alone = bool(found) and shared and not _checked_late(connection, schema) and _replica(connection)
    parts = [_trigger(schema, *row) for row in found if row[2] in ("RA" if alone else "OA")]
    for part in parts:
        connection.execute(part.drop)
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # also because a table with checks to come cannot be altered
    for part in parts:
        connection.execute(part.restore)
    if alone:
        _set_replication_role(connection, "origin")


def require_references(connection: psycopg.Connection, schema: str) -> None:
    """``WorkError`` where a row that the connection sees points at one of a reference table that is not there: somebody wrote it into the
    store that the rows come from, and no revision did. Inside ``quiet`` no foreign key may be asked."""
    keys = connection.execute(
        """
        SELECT c.relname, f.relname,
               ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u (number, n)
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number ORDER BY n)::text[],
               ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY u (number, n)
                     JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = u.number ORDER BY n)::text[]
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
        WHERE k.contype = 'f' AND k.conparentid = 0 AND k.convalidated AND c.relnamespace = to_regnamespace(quote_ident(%s))
            AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped)
            AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = f.oid AND attname = 'tenant_id' AND NOT attisdropped)
        ORDER BY c.relname, k.conname
        """,
        [schema],
    ).fetchall()
    for table, target, mine, theirs in keys:
        pairs = [(sql.Identifier("c", one), sql.Identifier("r", other)) for one, other in zip(mine, theirs, strict=True)]
        query = sql.SQL("SELECT EXISTS (SELECT FROM {} AS c WHERE {} AND NOT EXISTS (SELECT FROM {} AS r WHERE {}))").format(
            rows_of(connection, schema, table),
            sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(one) for one, _ in pairs),
            sql.Identifier(schema, target),
            sql.SQL(" AND ").join(sql.SQL("{} = {}").format(one, other) for one, other in pairs),
        )
        if connection.execute(query).fetchone() == (True,):
            raise WorkError(
                f"{table}.{', '.join(mine)} points at rows of the reference table {target} that are not where the rows go",
                f"let a revision write them to {target}, the same for all tenants; then the same again",
            )


def _triggers(connection: psycopg.Connection, schema: str) -> list[tuple[str, str, str]]:
    """Table, name and state of the application's triggers that are on; of a partition those that its root has not."""
    return connection.execute(
        """
        SELECT c.relname, t.tgname, t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relkind IN ('r', 'p')
          AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgparentid = 0 AND t.tgname !~ %s
        ORDER BY c.relname, t.tgname
        """,
        [schema, OURS],
    ).fetchall()


def _trigger(schema: str, table: str, name: str, state: str) -> _Part:
    where, trigger = sql.Identifier(schema, table), sql.Identifier(name)
    return _Part(
        sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(where, trigger),
        sql.SQL("ALTER TABLE {} {} {}").format(where, sql.SQL(_ENABLE[state]), trigger),
    )


def _checked_late(connection: psycopg.Connection, schema: str) -> bool:
    """Whether a unique key is deferrable: its late check is a trigger, which must not be put off with the others."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_constraint WHERE connamespace = to_regnamespace(quote_ident(%s)) AND condeferrable"
        " AND contype IN ('p', 'u', 'x'))",
        [schema],
    ).fetchone()
    return row == (True,)


def _replica(connection: psycopg.Connection) -> bool:
    """Puts the ordinary triggers off for this session until the transaction ends; whether that is allowed.

    Those of foreign keys are among them. What goes in is what another place has, whose keys hold, and is compared with it.
    """
    try:
        with connection.transaction():
            _set_replication_role(connection, "replica")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _set_replication_role(connection: psycopg.Connection, role: str) -> None:
    """It is the administrator's to set, whom the transaction acts for."""
    row = connection.execute("SELECT current_user").fetchone()
    assert row is not None  # noqa: S101  # always one row
    connection.execute(
        sql.SQL("SET LOCAL ROLE NONE; SET LOCAL session_replication_role = {}; SET LOCAL ROLE {}").format(
            sql.Literal(role), sql.Identifier(row[0])
        )
    )


@contextmanager
def emptied(connection: psycopg.Connection, schema: str, names: Sequence[str], *, indexes: bool = False) -> Iterator[None]:
    """Empties the tables ``names``, and takes away what stands in the way of their rows: triggers, foreign keys, forced row security and,
    where asked for, indexes. Puts it back when the rows are in, which checks them.

    The tables are locked until the transaction ends.
    """
    if not names:
        yield
        return
    listed = sql.SQL(", ").join(sql.Identifier(schema, name) for name in names)
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(listed))
    parts = [_trigger(schema, *row) for row in _triggers(connection, schema) if row[2] in "OA"]
    parts += [*_forced(connection, schema, names), *_references(connection, schema)]
    if indexes:
        parts += _indexes(connection, schema, names)
    taken = [part for part in parts if _taken(connection, part)]
    connection.execute(sql.SQL("TRUNCATE {}").format(listed))
    yield
    # Indexes before the references that need them, the guards last.
    for part in reversed(taken):
        connection.execute(part.restore)


def _taken(connection: psycopg.Connection, part: _Part) -> bool:
    try:
        with connection.transaction():
            connection.execute(part.drop)
    except psycopg.errors.DependentObjectsStillExist:  # a view groups by the key: then it is kept up row by row
        return False
    return True


def _forced(connection: psycopg.Connection, schema: str, names: Sequence[str]) -> list[_Part]:
    """`COPY … FROM` is refused where row security holds, also for owners."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relname = ANY (%s) AND relforcerowsecurity",
        [schema, list(names)],
    )
    return [
        _Part(
            sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(schema, name)),
            sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(sql.Identifier(schema, name)),
        )
        for (name,) in rows.fetchall()
    ]


def _references(connection: psycopg.Connection, schema: str) -> list[_Part]:
    rows = connection.execute(
        """
        SELECT c.relname, k.conname, pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = to_regnamespace(quote_ident(%s)) ORDER BY c.relname, k.conname
        """,
        [schema],
    ).fetchall()
    return [_constraint(sql.Identifier(schema, table), name, sql.SQL(definition), words) for table, name, definition, words in rows]


def _indexes(connection: psycopg.Connection, schema: str, names: Sequence[str]) -> list[_Part]:
    """Those of plain tables; a partitioned table keeps its own, and so does an exclusion or a period, which no index can be given to.

    A key is made of an index again: that one's definition has the storage parameters, a constraint's has not.
    """
    rows = connection.execute(
        """
        SELECT c.relname, x.relname, k.conname, k.contype::text, k.condeferrable, k.condeferred, pg_get_indexdef(x.oid),
               obj_description(x.oid, 'pg_class'), obj_description(k.oid, 'pg_constraint')
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
        LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
        WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relkind = 'r' AND NOT c.relispartition AND c.relname = ANY (%s)
          AND NOT i.indisexclusion AND NOT i.indisreplident AND NOT i.indisclustered
          AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0)
        ORDER BY c.relname, x.relname
        """,
        [schema, list(names)],
    ).fetchall()
    parts = []
    for table, index, key, kind, deferrable, deferred, definition, said, key_said in rows:
        made = [sql.Composed([sql.SQL(definition)])]
        if key is not None:
            where = sql.Identifier(schema, table)
            made.append(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}").format(
                    where, sql.Identifier(key), sql.SQL("PRIMARY KEY" if kind == "p" else "UNIQUE"), sql.Identifier(index),
                    sql.SQL(" DEFERRABLE INITIALLY DEFERRED" if deferred else " DEFERRABLE" if deferrable else ""),
                )
            )  # fmt: skip
            made += _comment(sql.SQL("CONSTRAINT {} ON {}").format(sql.Identifier(key), where), key_said)
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(where, sql.Identifier(key))
        else:
            drop = sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, index))
        made += _comment(sql.SQL("INDEX {}").format(sql.Identifier(schema, index)), said)
        parts.append(_Part(drop, sql.SQL("; ").join(made)))
    return parts


def _constraint(table: sql.Identifier, name: str, definition: sql.SQL, words: str | None) -> _Part:
    made = [sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(table, sql.Identifier(name), definition)]
    made += _comment(sql.SQL("CONSTRAINT {} ON {}").format(sql.Identifier(name), table), words)
    return _Part(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, sql.Identifier(name)), sql.SQL("; ").join(made))


def _comment(what: sql.Composed, words: str | None) -> list[sql.Composed]:
    return [sql.SQL("COMMENT ON {} IS {}").format(what, sql.Literal(words))] if words is not None else []
