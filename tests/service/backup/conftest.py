"""A platform without the engine: control database, one cell, tenants in three models, buckets. Its clients are the real ones."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from local.cloud.cloud import Cloud
from local.env import environment
from local.home import CLONE, Home
from tenantry import naming
from tenantry.clients import aws
from tenantry.control import backups, configuration, registry, runs, runs_at_work
from tenantry.control.database import transaction
from tenantry.postgres import migrations
from tenantry.postgres.server import Server, acting_as
from tenantry.stores.tenant_store import TenantStore
from tenantry.work.step import Run
from tests.environment import entered
from tests.hurry import hurry

PREFIX = "tenantry-dev"


def at_work(wanted: runs.Request) -> Run:
    """A run of the journal that the worker ``test`` has taken."""
    with transaction() as connection:
        run_id = runs.request(connection, wanted)["id"]
    claimed = runs_at_work.claim(run_id, "test")
    assert claimed is not None
    return Run.of(claimed, "test")


class Platform:
    """What the tests do to the platform by hand."""

    bucket = naming.bucket(PREFIX, "main")

    def __init__(self, home: Home) -> None:
        self.environment = {**os.environ, **environment(home), "PYTHONPATH": str(CLONE)}

    def make(self) -> None:
        with self.admin() as admin:
            hurry(admin, Server.from_environment().password)
        self._database(naming.CONTROL_DATABASE, naming.CONTROL_OWNER, naming.CONTROL_APP, naming.CONTROL_SCHEMA)
        with Server.from_environment().connect(naming.CONTROL_DATABASE) as connection:
            migrations.apply(
                connection, "control", "control", owner=naming.CONTROL_OWNER, app_role=naming.CONTROL_APP,
                platform_role=naming.CONTROL_OWNER,
            )  # fmt: skip
        cell, owner, app = naming.cell_database("main"), naming.cell_owner("main"), naming.cell_app("main")
        self._database(cell, owner, app, naming.SHARED_SCHEMA)
        with Server.from_environment().connect(cell) as connection:
            migrations.apply(connection, "tenant", naming.SHARED_SCHEMA, owner=owner, app_role=app)
        for bucket in (self.bucket, backups.bucket()):
            aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
            aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def tenant(self, slug: str, isolation: str, documents: int = 20, *, empty: bool = False) -> TenantStore:
        """A tenant with rows, settings, registry rows and objects of its own."""
        database, schema, role = naming.cell_database("main"), naming.SHARED_SCHEMA, naming.cell_app("main")
        tenant_id = str(naming.tenant_id(slug))
        if isolation == "schema":
            schema, role = naming.tenant_schema(slug), naming.tenant_app(slug)
            with self.admin() as admin:
                self._role(admin, role, login=True)
            with Server.from_environment().connect(database) as connection:
                with acting_as(connection, naming.cell_owner("main")):
                    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
                migrations.apply(connection, "tenant", schema, owner=naming.cell_owner("main"), app_role=role, tenant_id=tenant_id)
        if isolation == "database":
            database, schema, role = naming.tenant_database(slug), naming.TENANT_SCHEMA, naming.tenant_app(slug)
            self._database(database, naming.tenant_owner(slug), role, schema)
            with Server.from_environment().connect(database) as connection:
                migrations.apply(connection, "tenant", schema, owner=naming.tenant_owner(slug), app_role=role, tenant_id=tenant_id)
        row = {
            "name": slug.title(), "tier": "starter", "isolation": isolation, "cell": "main",
            "stack": naming.stack_of(isolation, "main", slug), "state": "active", "host": f"{slug}.tenantry.example", "server": None,
            "database": database, "schema": schema, "app_role": role, "bucket": self.bucket, "prefix": naming.object_prefix(slug),
            "limits": {}, "labels": {},
        }  # fmt: skip
        registry.record(tenant_id, slug, row, [], {"name": "Ada", "email": f"ada@{slug}.example"})
        registry.issue_tokens([tenant_id])
        configuration.write_declared(tenant_id, {"theme.primary": json.dumps("#0b5fff")})
        store = TenantStore.of(slug)
        if empty:
            return store
        self.write(store, documents)
        for name in ("branding/theme.css", "files/bücher & co.txt"):
            aws.client("s3").put_object(
                Bucket=self.bucket, Key=store.prefix + name, Body=f"{slug} {name}".encode(), ContentType="text/plain", Metadata={"by": slug}
            )
        return store

    def write(self, store: TenantStore, documents: int, words: str = "") -> None:
        """A user with a setting, and documents that hold what a text format trips over."""
        with store.acting(store.owner) as connection:
            row = connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (%s, gen_random_uuid() || '@x.example', %s) RETURNING id",
                [store.id, f"U {store.slug}"],
            ).fetchone()
            assert row is not None
            connection.execute("INSERT INTO user_settings VALUES (%s, %s, 'language', '{\"a\": 1.0}')", [store.id, row[0]])
            connection.execute(
                "INSERT INTO documents (tenant_id, author_id, title, body) SELECT %s, %s, 'T ' || g, repeat(%s || g, 5)"
                " FROM generate_series(1, %s) g",
                [store.id, row[0], words or f"tab\there, back\\slash, line\nbreak, \\., ümläut 😀, {store.slug} ", documents],
            )

    def image(self, store: TenantStore) -> str:
        """SHA-256 over every row and object of the tenant, found without the code under test: sorted lines of text."""
        digest = hashlib.sha256()
        with Server.from_environment().connect(store.database) as connection:
            # A superuser sees all rows, whatever a policy says.
            for table in ("users", "user_settings", "documents"):
                rows = connection.execute(
                    sql.SQL("SELECT t::text FROM {} t WHERE tenant_id = %s ORDER BY 1").format(sql.Identifier(store.schema, table)),
                    [store.id],
                )
                digest.update(f"{table}\n".encode() + "\n".join(line for (line,) in rows).encode())
        digest.update(json.dumps(self.objects(store)).encode())
        return digest.hexdigest()

    def objects(self, store: TenantStore) -> dict[str, str]:
        """Key → content and type of each of the tenant's objects."""
        s3 = aws.client("s3")
        found = {}
        for entry in s3.list_objects_v2(Bucket=store.bucket, Prefix=store.prefix).get("Contents", ()):
            answer = s3.get_object(Bucket=store.bucket, Key=entry["Key"])
            found[entry["Key"]] = f"{answer['ContentType']} {answer['Metadata']} {answer['Body'].read().decode('latin-1')}"
        return found

    def uploads(self) -> list[str]:
        """Keys of the uploads in parts that were begun and neither ended nor aborted."""
        s3 = aws.client("s3")
        return [
            entry["Key"]
            for bucket in (self.bucket, backups.bucket())
            for entry in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
        ]

    def sessions(self) -> list[str]:
        """What sessions of other processes do at the moment: a killed command's end when PostgreSQL notices. Ours are kept."""
        own = [connection.laddr.port for connection in psutil.Process().net_connections("tcp")]
        with self.admin() as admin:
            return [
                f"{name}: {query}"
                for name, query in admin.execute(
                    "SELECT application_name, query FROM pg_stat_activity WHERE backend_type = 'client backend'"
                    " AND client_port <> ALL(%s) AND pid <> pg_backend_pid()",
                    [own],
                )
            ]

    def admin(self) -> psycopg.Connection:
        connection = Server.from_environment().connect()
        connection.autocommit = True
        return connection

    def databases(self) -> set[str]:
        with self.admin() as admin:
            return {name for (name,) in admin.execute("SELECT datname FROM pg_database")}

    def _database(self, database: str, owner: str, app: str, schema: str) -> None:
        with self.admin() as admin:
            self._role(admin, owner, login=False)
            self._role(admin, app, login=True)
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner)))
        with Server.from_environment().connect(database) as connection, acting_as(connection, owner):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))

    @staticmethod
    def _role(admin: psycopg.Connection, role: str, *, login: bool) -> None:
        word = sql.SQL("LOGIN PASSWORD 'test'" if login else "NOLOGIN")
        admin.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), word))


def logged_in(store: TenantStore) -> psycopg.Connection | None:
    """A session of the application with its role's own password and settings; None where it is not let in."""
    server = Server.from_environment()
    try:
        return psycopg.connect(
            host=server.host, port=server.port, user=store.app_role, password="test", dbname=store.database, sslmode=server.sslmode
        )
    except psycopg.OperationalError:
        return None


@contextmanager
def started(*, stay: bool = False) -> Iterator[tuple[Platform, Home]]:
    """A platform on a local cloud of its own, removed at the end. ``stay``: with its variables in this process's environment."""
    root = Path(tempfile.mkdtemp(prefix="tenantry-backup-"))
    cloud = Cloud(Home(root / "local"))
    cloud.up()
    try:
        with entered(environment(cloud.home)):
            made = Platform(cloud.home)
            made.make()
            if stay:
                yield made, cloud.home
        if not stay:
            yield made, cloud.home
    finally:
        cloud.reset()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def _platform() -> Iterator[tuple[Platform, Home]]:
    with started() as made:
        yield made


@pytest.fixture(scope="module")
def platform(_platform: tuple[Platform, Home]) -> Iterator[Platform]:
    """The session's platform, with its variables in this process's environment. By module: making the clients takes half a second."""
    made, home = _platform
    with entered(environment(home)):
        yield made


@pytest.fixture(scope="session")
def made() -> dict[str, TenantStore]:
    """Tenants that tests have made on the session's platform: slug → store."""
    return {}


@pytest.fixture
def tenant(platform: Platform, made: dict[str, TenantStore]) -> Callable[..., TenantStore]:
    """A tenant by slug, made when it is first asked for."""

    def get(slug: str, model: str, documents: int = 20, *, empty: bool = False) -> TenantStore:
        if slug not in made:
            made[slug] = platform.tenant(slug, model, documents, empty=empty)
        return made[slug]

    return get
