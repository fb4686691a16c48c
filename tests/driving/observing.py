"""What there is: asked of PostgreSQL, S3 and Cloudflare themselves, and of the state only which passwords it hands out."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg

from tenantry import naming
from tenantry.control.registry import RECORD_COLUMNS
from tests import kms
from tests.engine.offboarding import BUCKET, ZONE

MARKER = "marker@driving.example"


class Role(NamedTuple):
    login: bool
    limit: int


class LogIn(NamedTuple):
    """A role and whether it gets in with the password that the stack hands out."""

    stack: str
    role: str
    works: bool


@dataclass(frozen=True)
class Observed:
    """Everything of the tenants that there is, by name. Tenants that are marked deleted are none."""

    roles: Mapping[str, Role]
    databases: frozenset[str]
    tables: Mapping[tuple[str, str], frozenset[str]]
    """By database and schema."""
    rows: Mapping[str, Mapping[str, Any]]
    """The registry's, by slug."""
    hosts: Mapping[str, frozenset[str]]
    """The registry's, by slug."""
    configuration: Mapping[str, Mapping[str, Any]]
    """As declared, by slug."""
    marked: frozenset[str]
    """The tenants in whose tables the marker is."""
    objects: Mapping[str, str]
    """Key → MD5."""
    hostnames: Counter[str]
    """Custom host names at Cloudflare."""
    records: Mapping[str, tuple[str, str]]
    """DNS: name → type and content."""
    log_ins: frozenset[LogIn]


class Observer:
    """Looks at one platform, and leaves a marker in the tables of each tenant that it sees for the first time."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox
        self._marked: set[str] = set()
        env = sandbox.environment
        self._cloudflare = httpx.Client(
            limits=httpx.Limits(max_keepalive_connections=0),  # the server closes what was idle for 5 s, maybe just as it is used again
            base_url=f"{env['CLOUDFLARE_BASE_URL']}/zones/{ZONE}/",
            headers={"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"},
        )

    def close(self) -> None:
        self._cloudflare.close()

    @cached_property
    def _s3(self) -> Any:
        return self._sandbox.s3()

    def observe(self) -> Observed:
        with self._sandbox.sql() as server:
            roles = {name: Role(login, limit) for name, login, limit in server.execute(
                r"SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname LIKE '%\_\_%'")}  # fmt: skip
            databases = frozenset(
                name for (name,) in server.execute(r"SELECT datname FROM pg_database WHERE datname LIKE 't\_%' OR datname LIKE 'cell\_%'")
            )
        with self._sandbox.sql(naming.CONTROL_DATABASE) as control:
            control.execute("SET search_path TO control")
            rows = {}
            for slug, *values in control.execute(f"SELECT slug, {', '.join(RECORD_COLUMNS)} FROM tenants WHERE deleted_at IS NULL"):
                rows[slug] = dict(zip(RECORD_COLUMNS, values, strict=True))
            hosts: dict[str, set[str]] = defaultdict(set)
            for slug, host in control.execute("SELECT slug, d.host FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id"):
                hosts[slug].add(host)
            configuration: dict[str, dict[str, Any]] = defaultdict(dict)
            for slug, key, value in control.execute(
                "SELECT slug, config_key, CASE source WHEN 'declaration' THEN config_value ELSE declared_value END"
                " FROM tenant_configurations c JOIN tenants t ON t.id = c.tenant_id"
            ):
                configuration[slug][key] = value
        tables: dict[tuple[str, str], set[str]] = defaultdict(set)
        marked: set[str] = set()
        for database in databases:
            with self._sandbox.sql(database) as store:
                for schema, table in store.execute(
                    "SELECT nspname, relname FROM pg_namespace n LEFT JOIN pg_class c ON relnamespace = n.oid AND relkind IN ('r', 'p')"
                    r" WHERE nspname IN ('shared', 'tenant') OR nspname LIKE 't\_%'"
                ):
                    tables[database, schema] |= {table} if table else set()
                for slug, row in rows.items():
                    if row["database"] == database and "users" in tables.get((database, row["schema"]), ()):
                        marked |= {slug} if self._has_marker(store, slug, row["schema"]) else set()
        return Observed(
            roles,
            databases,
            {key: frozenset(names) for key, names in tables.items()},
            rows,
            {slug: frozenset(names) for slug, names in hosts.items()},
            configuration,
            frozenset(marked),
            dict(self._objects()),
            Counter(entry["hostname"] for entry in self._at_cloudflare("custom_hostnames")),
            {entry["name"]: (entry["type"], entry["content"]) for entry in self._at_cloudflare("dns_records")},
            frozenset(self._log_ins(rows, roles)),
        )

    def _has_marker(self, store: psycopg.Connection, slug: str, schema: str) -> bool:
        """Leaves it where this tenant is new."""
        table, tenant = psycopg.sql.Identifier(schema, "users"), naming.tenant_id(slug)
        if slug not in self._marked:
            self._marked.add(slug)
            insert = psycopg.sql.SQL("INSERT INTO {} (tenant_id, email, name) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING")
            store.execute(insert.format(table), [tenant, MARKER, slug])
        found = store.execute(psycopg.sql.SQL("SELECT FROM {} WHERE tenant_id = %s AND email = %s").format(table), [tenant, MARKER])
        return found.fetchone() is not None

    def _objects(self) -> Iterator[tuple[str, str]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="tenants/"):
            for entry in page.get("Contents", ()):
                yield entry["Key"], entry["ETag"].strip('"')

    def _at_cloudflare(self, what: str) -> list[dict[str, Any]]:
        answer = self._cloudflare.get(what, params={"per_page": 100}).raise_for_status().json()
        assert answer["result_info"]["total_count"] <= 100, "more than one page"
        return list(answer["result"])

    def _log_ins(self, rows: Mapping[str, Mapping[str, Any]], roles: Mapping[str, Role]) -> Iterator[LogIn]:
        where = {row["app_role"]: row["database"] for row in rows.values()} | {naming.CONTROL_DIRECTORY: naming.CONTROL_DATABASE}
        for file in sorted(self._sandbox.state_file("shared").parent.glob("*.json")):
            outputs = _outputs(file, self._sandbox.environment)
            credentials, passwords = outputs.get("credentials", {}), outputs.get("passwords", {})
            if not isinstance(credentials, dict) or not isinstance(passwords, dict):  # the engine's mark for what it does not know
                yield LogIn(file.stem, "whoever", False)
                continue
            handed_out = {*credentials.items()}
            if "app_password" in outputs:
                handed_out.add((outputs["app_role"], outputs["app_password"]))
            by_slug = {**passwords, **({file.stem: outputs["password"]} if "password" in outputs else {})}
            handed_out |= {(rows[slug]["app_role"], password) for slug, password in by_slug.items() if slug in rows}
            for role, password in handed_out:
                if role not in roles or roles[role].login:  # who is shut out on purpose is no fault: that is compared with the file
                    yield LogIn(file.stem, role, self._gets_in(role, password, where.get(role, naming.cell_database("main"))))

    def _gets_in(self, role: str, password: str, database: str) -> bool:
        try:
            self._sandbox.sql(database, user=role, password=password).close()
        except psycopg.OperationalError:
            return False
        return True


def _outputs(file: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The stack's outputs with their secrets: as the engine reads them, without starting it."""
    deployment = json.loads(file.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}
    root = next((it for it in deployment.get("resources") or () if it["type"] == "pulumi:pulumi:Stack"), {})
    outputs = root.get("outputs") or {}
    if not outputs:
        return {}
    key = kms.data_key(deployment["secrets_providers"]["state"]["encryptedkey"], environment)

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and "ciphertext" in value:
            _, nonce, text = value["ciphertext"].split(":")
            return json.loads(key.decrypt(base64.b64decode(nonce), base64.b64decode(text), None))
        return value

    return {name: plain(value) for name, value in outputs.items()}
