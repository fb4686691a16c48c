"""The template database: the tenant tables at the head of their migrations, empty, to be copied for each new `database` tenant.

There is one on the platform's server. Nobody uses it: it has no application role and no policies, which name the tenant and so can
only be put on the copy. Its comment is our mark and says the revision, so that nobody has to connect to ask: while someone is
connected to it, PostgreSQL does not copy it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from tenantry.errors import WorkError
from tenantry.naming import SHARED_STACK, TEMPLATE_DATABASE, TEMPLATE_OWNER, TENANT_SCHEMA
from tenantry.postgres import locks, login_limits, migrations, revisions
from tenantry.postgres.server import Server, acting_as

MARK: Final = "tenantry template "
FORM: Final = "2"
"""How it is made, beside its revision: the schema for extensions, and nobody's large objects. One of another form is made anew."""


class Marked(NamedTuple):
    """What the template's comment says of it. Before there were forms, it named none."""

    revision: str
    form: int


_DATABASE: Final = sql.Identifier(TEMPLATE_DATABASE)
_OWNER: Final = sql.Identifier(TEMPLATE_OWNER)


def revision() -> str | None:
    """The revision that the template is at; None when there is none, a killed run left it unfinished, or it is of an older form."""
    with Server.from_environment().connect() as admin:
        return _revision(admin)


def ensure() -> str:
    """Makes the template, or brings it to the head; returns the head. Idempotent; two callers take turns. ``WorkError`` when a database
    of its name is not ours."""
    head = revisions.head("tenant")
    with locks.held("template", wait=locks.TURN), Server.from_environment().connect() as admin:
        admin.autocommit = True
        found = _revision(admin)
        if found == head:
            return head
        # A tool of the application's own begins anew: what it was asked to do to an older one need not be what makes a new one.
        if found is None or revisions.tool() or found not in revisions.revisions("tenant"):
            _make_empty(admin)
        with Server.from_environment().connect(TEMPLATE_DATABASE) as connection:
            with acting_as(connection, TEMPLATE_OWNER):
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(TENANT_SCHEMA)))
            migrations.apply(connection, "tenant", TENANT_SCHEMA, owner=TEMPLATE_OWNER, app_role="")
        admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(_DATABASE, sql.Literal(f"{MARK}{head} {FORM}")))
    return head


def drop() -> None:
    """Takes the template and its role away."""
    with Server.from_environment().connect() as admin:
        admin.autocommit = True
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_DATABASE))
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(_OWNER))


def taken_over_by(owner: str) -> sql.Composable:
    """The statement that gives what was copied from the template to ``owner``. It does nothing in a database that was not copied."""
    # Member of both, or an administrator that is no superuser may not give one's things to the other.
    return sql.SQL(
        """
        DO $take$ BEGIN
            IF to_regrole({template_name}) IS NOT NULL THEN
                IF NOT pg_has_role(current_user, {template_name}, 'SET') THEN GRANT {template} TO CURRENT_USER; END IF;
                REASSIGN OWNED BY {template} TO {owner};
            END IF;
        END $take$
        """
    ).format(template=_OWNER, template_name=TEMPLATE_OWNER, owner=sql.Identifier(owner))


def _revision(admin: psycopg.Connection) -> str | None:
    row = admin.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [TEMPLATE_DATABASE]).fetchone()
    found = marked(row[0] if row else None)
    return found.revision if found and found.form == int(FORM) else None


def marked(comment: str | None) -> Marked | None:
    """What a database's comment says, where it is the template's."""
    if not comment or not comment.startswith(MARK):
        return None
    revision, _, form = comment.removeprefix(MARK).partition(" ")
    return Marked(revision, int(form) if form.isdecimal() else 0)


def _make_empty(admin: psycopg.Connection) -> None:
    there = admin.execute(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [TEMPLATE_DATABASE]
    ).fetchone()
    role = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [TEMPLATE_OWNER]).fetchone()
    # The role is made first: a database without a mark that stands without it was not made by a killed run of ours.
    if there and not str(there[1] or "").startswith(MARK) and (role is None or there[1]):
        raise WorkError(
            f"database {TEMPLATE_DATABASE} is on the server already and Tenantry did not make it",
            f"have its owner give it another name; then: tenantry up --stack {SHARED_STACK}",
        )
    if role is None:
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(_OWNER))
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_DATABASE))
    admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(_DATABASE))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(_DATABASE))
    with Server.from_environment().connect(TEMPLATE_DATABASE) as connection:
        login_limits.shut_large_objects(connection)  # and so in every copy
    # The database stays the administrator's: owned by the role, REASSIGN OWNED in a copy would give it away.
    admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(_DATABASE, _OWNER))
