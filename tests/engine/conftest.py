"""A private platform for each test module: its own servers, state and tenants folder, driven as a user drives it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from local.cloud.cloud import Cloud
from local.cloud.postgres import PostgresServer
from local.env import environment
from local.home import Home
from tenantry import naming
from tenantry.tenant_token import SigningKey
from tenantry.work import queue
from tests import checkout, commands, kms, warm
from tests.environment import entered
from tests.hurry import hurry

CLONE = Path(__file__).resolve().parents[2]
IMAGE = "image"


@dataclass
class Sandbox:
    """A local cloud and a folder of declarations."""

    root: Path
    cloud: Cloud
    extra: dict[str, str] = field(default_factory=dict)
    _outputs: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)

    @property
    def tenants(self) -> Path:
        return self.root / "tenants"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **environment(self.cloud.home),
            "PYTHONPATH": str(CLONE),
            "TENANTRY_TENANTS": str(self.tenants),
            **self.extra,
        }

    def declare(self, slug: str, **fields: Any) -> None:
        """Writes a tenant's file; fields overlay a plain starter tenant."""
        declaration = {
            "name": slug.title(),
            "tier": "starter",
            "isolation": "rls",
            "admin": {"name": "Ada Byron", "email": f"ada@{slug}.example"},
            "branding": {"app_name": slug.title()},
        }
        (self.tenants / f"{slug}.yaml").write_text(yaml.safe_dump({**declaration, **fields}), encoding="utf-8")

    def remove_file(self, slug: str) -> None:
        (self.tenants / f"{slug}.yaml").unlink()

    def remove(self, slug: str, **fields: Any) -> None:
        """Removes a tenant with the engine alone: what the deletion does before and around it is tested with the deletion."""
        self.declare(slug, **fields, state="offboarding")
        self.up(slug)
        with self.sql() as admin:
            admin.execute("UPDATE tenantry_ledger.tenants SET released_at = now() WHERE slug = %s", [slug])
        self.up(slug)
        self.declare(slug, **fields, state="deleted")
        self.up(slug)

    def tenantry(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line to its end; a failure shows what it printed."""
        done = commands.run({**self.environment, **environment}, *arguments)
        assert not check or done.returncode == 0, f"tenantry {' '.join(arguments)} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, *arguments: str, **environment: str) -> dict[str, dict[str, int]]:
        """`tenantry up`: stack → counted changes."""
        done = self.tenantry("up", *(arguments or ("--all",)), "--json", **environment)
        return {entry["stack"]: entry["changes"] for entry in json.loads(done.stdout)["stacks"]}

    def start(self, *arguments: str) -> commands.Command:
        """Starts the command line in a session of its own, so that all of it can be killed at once."""
        return commands.Command(self.environment, *arguments)

    def start_interpreter(self, *arguments: str) -> subprocess.Popen[str]:
        """The same in an interpreter of its own, as a shell starts it."""
        return self.process(sys.executable, "-c", "from tenantry.cli import main; main()", *arguments)

    def process(self, *command: str) -> subprocess.Popen[str]:
        """Starts any program so."""
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=CLONE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def restart_postgres(self) -> None:
        """Ends PostgreSQL, whatever is going on, and starts it again on the same port."""
        server = PostgresServer(self.cloud.home.postgres)
        server.stop()
        server.start()

    @staticmethod
    def kill(process: subprocess.Popen[str] | commands.Command) -> None:
        """SIGKILL for the command, the engine and every plugin."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)

    def pulumi(self, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            env={**self.environment, **variables},
            cwd=CLONE,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, f"pulumi {' '.join(arguments)} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def state_file(self, stack: str) -> Path:
        return self.cloud.home.state / ".pulumi" / "stacks" / "tenantry" / f"{stack}.json"

    def state(self, stack: str) -> dict[str, Any]:
        """The deployment as the backend keeps it, secrets encrypted."""
        return json.loads(self.state_file(stack).read_text(encoding="utf-8"))["checkpoint"]["latest"]

    def outputs(self, stack: str) -> dict[str, Any]:
        """The stack's outputs with their secrets, which only the engine can read: it is asked once for each state."""
        written = self.state_file(stack).stat()
        key = (stack, written.st_mtime_ns, written.st_size)
        if key not in self._outputs:
            self._outputs[key] = json.loads(self.pulumi("stack", "output", "-s", stack, "--json", "--show-secrets").stdout)
        return self._outputs[key]

    def sql(
        self, database: str = "postgres", *, user: str | None = None, password: str | None = None, port: int | None = None
    ) -> psycopg.Connection:
        """An autocommitting connection, as the administrator or as somebody else."""
        env = self.environment
        return psycopg.connect(
            host=env["PGHOST"],
            port=port or int(env["PGPORT"]),
            user=user or env["PGUSER"],
            password=password or env["PGPASSWORD"],
            dbname=database,
            autocommit=True,
        )

    def port(self, server: str | None) -> int | None:
        """Where a tenant's own server listens; None: it has none."""
        return json.loads((self.cloud.home.instances / server / "instance.json").read_text())["port"] if server else None

    def as_tenant(self, slug: str) -> psycopg.Connection:
        """A session of the application in a tenant's store, in that tenant's context, with the credentials that the stack gives out."""
        with self.sql(naming.CONTROL_DATABASE) as admin:
            row = admin.execute(
                "SELECT id, database, schema, app_role, stack, server FROM control.tenants WHERE slug = %s", [slug]
            ).fetchone()
        assert row is not None
        tenant_id, database, schema, role, stack, server = row
        login, password = self.login(stack, role)
        connection = self.sql(database, user=login, password=password, port=self.port(server))
        connection.execute("SELECT set_config('app.tenant_id', %s, false), set_config('search_path', %s, false)", [str(tenant_id), schema])
        if schema == naming.SHARED_SCHEMA and self._signed(slug):
            key = self.signing_key(naming.cell_of_stack(stack) or "")
            connection.execute("SELECT set_config('app.tenant_token', %s, false)", [key.token(tenant_id, seconds=3600)])
        return connection

    def login(self, stack: str, role: str) -> tuple[str, str]:
        """What the stack, or the login's secret, hands out: of two that take turns the one whose turn it is, and its password."""
        outputs = self.outputs(stack)
        if role not in outputs.get("secrets", {}):
            return role, outputs["credentials"][role]
        found = json.loads(self.aws("secretsmanager").get_secret_value(SecretId=outputs["secrets"][role])["SecretString"])
        return found["username"], found["password"]

    def _signed(self, slug: str) -> bool:
        file = self.tenants / f"{slug}.yaml"
        return file.exists() and yaml.safe_load(file.read_text(encoding="utf-8")).get("row_context") == "signed"

    def signing_key(self, cell: str) -> SigningKey:
        """The key of a cell's row contexts, from where the application has it."""
        secret = self.aws("secretsmanager").get_secret_value(SecretId=naming.context_key("tenantry-dev", cell))
        return SigningKey.from_secret(secret["SecretString"])

    def s3(self) -> Any:
        return self.aws("s3")

    def aws(self, service: str) -> Any:
        """The administrator's client."""
        import boto3

        env = self.environment
        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """Where this worker's sandboxes are, one after the other: a copy of a platform must find its ports and paths as they were."""
    # Not pytest's temporary folder: the system user that PostgreSQL runs as under root may not enter it.
    root = Path(tempfile.mkdtemp(prefix="tenantry-engine-"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def image(place: Path) -> Path:
    """A platform that has been made and has no tenant yet: its cell `shared`, and the queue's tables; stopped, to be copied."""
    with running(place) as made:
        with made.sql() as admin:
            hurry(admin, made.environment["PGPASSWORD"])
        kms.encrypt_states(made.cloud.home, made.environment)
        made.up("--stack", "shared")
        with entered(made.environment):
            queue.client()
        made.cloud.down()
        made.cloud.home.root.rename(place / IMAGE)
        made.cloud.home.create()
    return place / IMAGE


@contextmanager
def running(place: Path) -> Iterator[Sandbox]:
    """The local cloud that is in ``place``, or an empty one, and no declaration; removed with all that the tests have put there."""
    sandbox = Sandbox(place, Cloud(Home(place / "local")))
    checkout.begin(sandbox.tenants)
    warm.up(sandbox.cloud)
    try:
        yield sandbox
    finally:
        sandbox.cloud.reset()
        for entry in place.iterdir():
            if entry.name != IMAGE:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@pytest.fixture(scope="module")
def sandbox(place: Path, image: Path) -> Iterator[Sandbox]:
    """A platform that has no tenant yet."""
    # Not shutil: it would give what belongs to PostgreSQL's system user to root.
    subprocess.run(["cp", "-a", "--reflink=auto", image, place / "local"], check=True)
    with running(place) as made:
        yield made


@pytest.fixture(scope="module")
def empty_sandbox(place: Path) -> Iterator[Sandbox]:
    """A local cloud in which the engine has not run yet."""
    with running(place) as made:
        yield made
