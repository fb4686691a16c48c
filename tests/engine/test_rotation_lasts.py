"""Passwords of logins that are renewed outside of the engine: whatever it does afterwards, the secrets are right and nothing is left."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

import psycopg
import pytest
import yaml

from local.home import CLONE
from tenantry import naming

pytestmark = pytest.mark.engine

MODELS = {"turn-rls": "rls", "turn-schema": "schema", "turn-database": "database", "turn-instance": "instance"}


class Keeping:
    """A platform whose clone keeps the secrets of logins."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox, self.project = sandbox, sandbox.root / "keeping"
        self.project.mkdir()
        for name in ("__main__.py", "components", "stacks", "tenantry", "migrations", ".venv"):
            (self.project / name).symlink_to(CLONE / name)
        settings = yaml.safe_load((CLONE / "Pulumi.yaml").read_text(encoding="utf-8"))
        settings["config"]["loginSecrets"]["default"] = "secretsmanager"
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def tenantry(self, *arguments: str, check: bool = True) -> str:
        program = [str(CLONE / ".venv" / "bin" / "tenantry"), *arguments]
        done = subprocess.run(program, env=self.sandbox.environment, cwd=self.project, capture_output=True, text=True, timeout=300)
        assert not check or done.returncode == 0, f"{arguments} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def changes(self, *arguments: str) -> list[dict[str, int]]:
        """What a run of all stacks changes, or would."""
        return [entry["changes"] for entry in json.loads(self.tenantry(*arguments, "--all", "--json"))["stacks"]]

    def credentials(self, slug: str) -> dict[str, Any]:
        return json.loads(self.tenantry("credentials", slug, "--json"))

    def secrets(self, slug: str) -> set[str]:
        """The names of the secrets of the tenant's own logins, without what all have."""
        begin = f"tenantry-dev/tenantry/logins/t_{slug.replace('-', '_')}__"
        found = self.sandbox.aws("secretsmanager").list_secrets()["SecretList"]
        return {secret["Name"].removeprefix("tenantry-dev/tenantry/logins/") for secret in found if secret["Name"].startswith(begin)}

    def roles(self, slug: str) -> set[str]:
        with self.sandbox.sql() as admin:
            rows = admin.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [f"t_{slug.replace('-', '_')}__"])
            return {name for (name,) in rows}


def enter(found: dict[str, Any]) -> str:
    """As whom the application is let in."""
    names = {name: found[name] for name in ("host", "port", "dbname", "password")}
    with psycopg.connect(**names, user=found["username"]) as connection:
        row = connection.execute("SELECT session_user").fetchone()
    return row[0] if row else ""


def test_a_rotation_lasts(sandbox):
    """In all four models nobody is refused meanwhile; a refresh and a preview find nothing, a move and a deletion leave nothing."""
    keeping = Keeping(sandbox)
    for slug, model in MODELS.items():
        sandbox.declare(slug, isolation=model)
    keeping.tenantry("up", "--all")
    before = {slug: keeping.credentials(slug) for slug in MODELS}
    roles = {slug: naming.cell_app("main") if model == "rls" else naming.tenant_app(slug) for slug, model in MODELS.items()}
    assert {slug: enter(found) for slug, found in before.items()} == roles

    refused: list[str] = []
    opened = 0
    over = threading.Event()

    def connect() -> None:
        nonlocal opened
        manager = sandbox.aws("secretsmanager")
        while not over.is_set():
            for role in roles.values():
                content = json.loads(manager.get_secret_value(SecretId=naming.login_secret("tenantry-dev", role))["SecretString"])
                try:
                    enter(content)
                    opened += 1
                except psycopg.Error as error:
                    refused.append(f"{content['username']}: {error}")

    applications = threading.Thread(target=connect)
    applications.start()
    try:
        keeping.tenantry("credentials", "rotate", "--all")
    finally:
        over.set()
        applications.join()
    assert (refused, opened > 4) == ([], True)
    after = {slug: keeping.credentials(slug) for slug in MODELS}
    assert {slug: enter(found) for slug, found in after.items()} == {slug: naming.second_login(role) for slug, role in roles.items()}
    assert {slug: enter(found) for slug, found in before.items()} == roles

    assert keeping.changes("up", "--refresh") == [{}] * 3
    assert keeping.changes("preview") == [{}] * 3
    assert {slug: keeping.credentials(slug) for slug in MODELS} == after
    state = json.dumps(
        [json.loads(sandbox.pulumi("stack", "export", "-s", stack, "--show-secrets").stdout) for stack in ("shared", "turn-database")]
    )
    assert not [slug for slug, found in after.items() if found["password"] in state]
    checks = {check["check"]: check["ok"] for check in json.loads(keeping.tenantry("doctor", "--json", check=False))}
    assert {name: checks[name] for name in ("handed out", "passwords", "logins")} == dict.fromkeys(
        ("handed out", "passwords", "logins"), True
    )

    keeping.tenantry("move", "turn-schema", "--to", "database")
    moved = keeping.credentials("turn-schema")
    assert enter(moved) == naming.tenant_app("turn-schema", 1)
    keeping.tenantry("move", "turn-schema", "--finish")
    assert keeping.roles("turn-schema") == {naming.tenant_owner("turn-schema"), moved["username"]}
    assert keeping.secrets("turn-schema") == {moved["username"]}
    keeping.tenantry("credentials", "rotate", "turn-schema")
    assert enter(keeping.credentials("turn-schema")) == naming.second_login(moved["username"])

    for state_of_it in ("offboarding", "offboarding", "deleted"):  # the second takes the protection off
        sandbox.declare("turn-database", isolation="database", state=state_of_it)
        keeping.tenantry("up", "turn-database")
        with sandbox.sql() as admin:
            admin.execute("UPDATE tenantry_ledger.tenants SET released_at = now() WHERE slug = 'turn-database'")
    assert (keeping.roles("turn-database"), keeping.secrets("turn-database")) == (set(), set())
    with sandbox.sql(naming.CONTROL_DATABASE) as admin:
        assert admin.execute("SELECT count(*) FROM control.logins WHERE role ~ '^t_turn_database_'").fetchone() == (0,)
