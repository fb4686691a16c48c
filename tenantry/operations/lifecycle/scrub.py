"""Takes the name of a tenant that is gone out of what the journal says of other tenants and of the fleet; the rest of it stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry import naming

if TYPE_CHECKING:
    import psycopg

NOBODY: Final = "(deleted tenant)"

WORDS: Final = frozenset(
    {"tier", "tiers", "cell", "cells", "state", "states", "isolation", "outcome", "kind", "reason", "ring", "labels", "key", "value",
     "values", "columns", "name", "database", "schema"}
)  # fmt: skip
"""JSON keys whose value is a word of its own: one that equals a slug means something else. What it says besides is looked at."""

BY_TENANT: Final = frozenset({"failed"})
"""JSON keys of an object whose own keys are tenants: those of a migration that failed."""

_TABLES: Final = (
    ("runs", ("id",), ("subject", "progress", "error", "hint"), ("arguments", "notes")),
    ("run_steps", ("run_id", "number"), ("summary", "cause", "hint"), ()),
    ("run_tenants", ("run_id", "tenant_id"), ("why", "said"), ()),
    ("task_runs", ("id",), ("summary", "cause", "hint"), ()),
)
"""Table, key, columns of text, columns of JSON."""


@dataclass(frozen=True)
class Names:
    """All that a tenant is called, where it stands in a text among other names."""

    slug: str
    pattern: re.Pattern[str]
    hint: str
    """A regular expression that PostgreSQL understands, too: no text without a hit holds a name."""

    @classmethod
    def of(cls, slug: str, hosts: Sequence[str], prefix: str, others: Iterable[str]) -> Names:
        """The tenant's names. ``prefix``: of buckets and servers; ``others``: slugs and host names of tenants that are there."""
        underscored = slug.replace("-", "_")
        tenant = str(naming.tenant_id(slug))
        # The living first: `acme-storage` may be a tenant, and not what was made for `acme`. Of two names the longer one.
        living = sorted((other for other in others if slug in other), key=len, reverse=True)
        kept = "|".join(map(re.escape, living)) or "(?!)"
        made = r"(?:-(?:(?:db2?|record|config|storage|admin)(?:-[a-z0-9]+)*|domain(?:[.-]+[a-z0-9]+)*))?"
        plain = "|".join(
            [*map(re.escape, [tenant, *hosts]), f"{re.escape(naming.server_identifier(prefix, slug))}(?:-final)?", slug + made]
        )
        # Its schema or database, its roles, what a restore or a move makes beside them; a database's name may stand before it.
        in_sql = rf"(?:{naming.scratch_database('')})?[mt]_{underscored}(?:__[a-z0-9]+)*"
        pattern = (
            rf"(?<![a-z0-9_.-])(?P<kept>{kept})(?![a-z0-9])"
            rf"|(?:(?<![a-z0-9_.-])(?:{plain})|(?<![a-z0-9_-])(?:{in_sql}))(?![a-z0-9_-])"
        )
        return cls(slug, re.compile(pattern), "|".join(map(re.escape, [slug, underscored, tenant, *hosts])))

    def out_of(self, text: str) -> str:
        """The text without the tenant's name."""
        return self.pattern.sub(lambda found: found["kept"] or NOBODY, text)

    def out_of_json(self, value: Any, key: str = "") -> Any:
        """A JSON value without the tenant's name: ``key`` is what it stands under. Keys are no names, except ``BY_TENANT``."""
        if isinstance(value, str):
            return value if key in WORDS and value == self.slug else self.out_of(value)
        if isinstance(value, list):
            return [self.out_of_json(entry, key) for entry in value]
        if isinstance(value, dict):
            return {
                NOBODY if key in BY_TENANT and name == self.slug else name: self.out_of_json(entry, key if key in WORDS else name)
                for name, entry in value.items()
            }
        return value


def scrub(connection: psycopg.Connection[dict[str, Any]], names: Names, but: UUID) -> None:
    """Takes the names out of every run but one, in the caller's transaction. Of a subject only the slug itself is one."""
    for table, key, texts, documents in _TABLES:
        columns = sql.SQL(", ").join(map(sql.Identifier, (*texts, *documents)))
        found = connection.execute(
            sql.SQL("SELECT {key}, {columns} FROM {table} WHERE {id} <> %s AND concat_ws(' ', {columns}) ~ %s FOR UPDATE").format(
                key=sql.SQL(", ").join(map(sql.Identifier, key)), columns=columns, table=sql.Identifier(table), id=sql.Identifier(key[0])
            ),
            [but, names.hint],
        ).fetchall()
        for row in found:
            new = {name: names.out_of(row[name]) for name in texts if row[name] is not None}
            if table == "runs":
                new["subject"] = NOBODY if row["subject"] == names.slug else row["subject"]
            new |= {name: names.out_of_json(row[name]) for name in documents}
            changed = {name: value for name, value in new.items() if value != row[name]}
            if changed:
                statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changed),
                    sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in key),
                )
                values = [Jsonb(value) if name in documents else value for name, value in changed.items()]
                connection.execute(statement, [*values, *(row[name] for name in key)])
