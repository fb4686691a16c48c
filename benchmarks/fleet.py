"""A fleet without the engine: the control database, a cell, and as many tenants as asked for, made with SQL alone in seconds.

What measures or tests the data of many tenants starts from here; how one tenant comes to be is measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.postgres import extensions, migrations, revisions
from tenantry.postgres.server import Server, acting_as, may_act_as


class Fleet:
    """Tenants on the platform's server (PGHOST and the like), each with its registry row, roles and tables at ``revision``."""

    def __init__(self, cell: str = "main") -> None:
        self.server, self.cell = Server.from_environment(), cell
        self._database(naming.CONTROL_DATABASE, naming.CONTROL_OWNER, naming.CONTROL_APP)
        self._store(
            naming.CONTROL_DATABASE, naming.CONTROL_SCHEMA, naming.CONTROL_OWNER, naming.CONTROL_APP, "control", "", naming.CONTROL_OWNER
        )
        self._database(naming.cell_database(cell), naming.cell_owner(cell), naming.cell_app(cell))

    def shared(self, revision: str = "head") -> None:
        """The cell's row-level-secured tables."""
        database, owner, app = naming.cell_database(self.cell), naming.cell_owner(self.cell), naming.cell_app(self.cell)
        self._store(database, naming.SHARED_SCHEMA, owner, app, "tenant", "", "", revision)

    def schemas(self, slugs: Sequence[str], revision: str | None = None, labels: Mapping[str, str] = {}) -> None:
        """``schema`` tenants, at ``revision`` or the head."""
        database, owner = naming.cell_database(self.cell), naming.cell_owner(self.cell)
        if revisions.tool():
            self._schemas_by_tool(slugs, labels)
            return
        script = revisions.rendered("tenant", "base", revision or revisions.head("tenant"))
        if script is None:
            raise SystemExit("the tenant tables cannot be rendered as SQL")
        self._roles([naming.tenant_app(slug) for slug in slugs], login=True)
        with self.server.connect() as admin:
            may_act_as(admin, owner)
        with self.server.connect(database) as connection:
            connection.prepare_threshold = None
            for slug in slugs:
                with connection.transaction():
                    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
                    schema = naming.tenant_schema(slug)
                    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
                    for key, value in (
                        ("search_path", migrations.search_path(schema)),
                        ("tenantry.app_role", naming.tenant_app(slug)),
                        ("tenantry.tenant_id", str(naming.tenant_id(slug))),
                        ("tenantry.platform_role", ""),
                    ):
                        connection.execute("SELECT set_config(%s, %s, true)", [key, value])
                    connection.execute(extensions.HOME.encode())
                    connection.execute(script.encode())
                    connection.execute(revisions.isolation())
        self.register(slugs, "schema", labels=labels)

    def _schemas_by_tool(self, slugs: Sequence[str], labels: Mapping[str, str]) -> None:
        """The same where the application's own tool makes the tables: four at one time."""
        database, owner = naming.cell_database(self.cell), naming.cell_owner(self.cell)
        self._roles([naming.tenant_app(slug) for slug in slugs], login=True)
        with self.server.connect() as admin:
            may_act_as(admin, owner)

        def make(slug: str) -> None:
            own = (naming.tenant_schema(slug), owner, naming.tenant_app(slug))
            self._store(database, *own, "tenant", str(naming.tenant_id(slug)), "")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(make, slugs))
        self.register(slugs, "schema", labels=labels)

    def database(self, slug: str, revision: str = "head", labels: Mapping[str, str] = {}) -> None:
        """One ``database`` tenant."""
        database, owner, app = naming.tenant_database(slug), naming.tenant_owner(slug), naming.tenant_app(slug)
        self._database(database, owner, app)
        self._store(database, naming.TENANT_SCHEMA, owner, app, "tenant", str(naming.tenant_id(slug)), "", revision)
        self.register([slug], "database", labels=labels)

    def rls(self, slug: str, labels: Mapping[str, str] = {}) -> None:
        """One ``rls`` tenant: its row in the registry (``shared`` makes the tables)."""
        self.register([slug], "rls", labels=labels)

    def register(self, slugs: Sequence[str], isolation: str, labels: Mapping[str, str] = {}) -> None:
        """Writes the tenants' registry rows."""
        pooled = isolation in naming.POOLED
        rows: list[dict[str, Any]] = [
            {
                "id": naming.tenant_id(slug),
                "slug": slug,
                "isolation": isolation,
                "cell": self.cell,
                "stack": naming.stack_of(isolation, self.cell, slug),
                "host": naming.host(slug, "tenantry.example"),
                "database": naming.cell_database(self.cell) if pooled else naming.tenant_database(slug),
                "schema": {"rls": naming.SHARED_SCHEMA, "schema": naming.tenant_schema(slug)}.get(isolation, naming.TENANT_SCHEMA),
                "app_role": naming.cell_app(self.cell) if isolation == "rls" else naming.tenant_app(slug),
                "labels": Jsonb(dict(labels)),
            }
            for slug in slugs
        ]
        with self.server.connect(naming.CONTROL_DATABASE) as connection, acting_as(connection, naming.CONTROL_OWNER):
            connection.cursor().executemany(
                """
                INSERT INTO control.tenants (id, slug, name, tier, isolation, cell, stack, state, host, database, schema, app_role,
                                             bucket, prefix, labels)
                VALUES (%(id)s, %(slug)s, %(slug)s, 'starter', %(isolation)s, %(cell)s, %(stack)s, 'active', %(host)s, %(database)s,
                        %(schema)s, %(app_role)s, 'bucket', 'prefix', %(labels)s)
                ON CONFLICT (id) DO NOTHING
                """,
                rows,
            )

    def connect(self, database: str | None = None) -> psycopg.Connection:
        """An administrator's connection, committing every statement; to the cell's database unless another is named."""
        connection = self.server.connect(database or naming.cell_database(self.cell))
        connection.autocommit = True
        return connection

    def _roles(self, names: Sequence[str], *, login: bool) -> None:
        with self.server.connect() as admin:
            known = {row[0] for row in admin.execute("SELECT rolname FROM pg_roles")}
            for name in names:
                if name not in known:
                    admin.execute(sql.SQL("CREATE ROLE {} " + ("LOGIN" if login else "NOLOGIN")).format(sql.Identifier(name)))

    def _database(self, name: str, owner: str, app: str) -> None:
        self._roles([owner], login=False)
        self._roles([app], login=True)
        with self.server.connect() as admin:
            may_act_as(admin, owner)
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            admin.commit()
            admin.autocommit = True
            if found is None:
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))

    def _store(
        self, database: str, schema: str, owner: str, app: str, tree: revisions.Tree, tenant_id: str, platform: str, revision: str = "head"
    ) -> None:
        with self.server.connect(database) as connection:
            with acting_as(connection, owner):
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            migrations.apply(
                connection, tree, schema, owner=owner, app_role=app, tenant_id=tenant_id, platform_role=platform, revision=revision
            )
