"""What the tests of off-boarding look at: canaries that are planted in a tenant, and everything that could still hold one afterwards."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tenantry import naming
from tests.waiting import wait_for

ZONE = "7e4a9d0c51b34f6f8a2d3c9b1e6075aa"
BUCKET = "tenantry-dev-main"

# What may still name a tenant that is gone.
ALLOWED = frozenset(
    {"control.deletion_records", "control.quarantined_names", "control.audit_log", "control.audit_reads", "control.backups",
     "control.backup_keys", "control.retained_backups"}
)  # fmt: skip


def plant(sandbox: Any, slug: str) -> list[str]:
    """Canaries in every place where a tenant's data can be; the words to search for afterwards, slug, id and host names among them."""
    canary = f"canary{hashlib.sha256(slug.encode()).hexdigest()[:12]}"
    tenant = naming.tenant_id(slug)
    with sandbox.as_tenant(slug) as store:
        user = store.execute(
            "INSERT INTO users (tenant_id, email, name) VALUES (%s, %s, %s) RETURNING id", [tenant, f"{canary}@u.example", canary]
        ).fetchone()[0]
        store.execute("INSERT INTO user_settings VALUES (%s, %s, %s, to_jsonb(%s::text))", [tenant, user, canary, canary])
        for number in range(20):
            store.execute(
                "INSERT INTO documents (tenant_id, author_id, title, body) VALUES (%s, %s, %s, %s)",
                [tenant, user, f"{canary} {number}", canary],
            )
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        control.execute("SET search_path TO control")
        person = control.execute(
            "INSERT INTO users (tenant_id, email, name, role) VALUES (%s, %s, %s, 'member') RETURNING id",
            [tenant, f"{canary}@c.example", canary],
        ).fetchone()[0]
        control.execute("INSERT INTO user_settings VALUES (%s, %s, %s, to_jsonb(%s::text))", [tenant, person, canary, canary])
        control.execute(
            "INSERT INTO tenant_configurations (tenant_id, config_key, config_value, source)"
            " VALUES (%s, %s, to_jsonb(%s::text), 'runtime')",
            [tenant, canary, canary],
        )
        # Runs of others and of the fleet, and a task of the platform, that mention the tenant.
        control.execute(
            "INSERT INTO runs (id, kind, subject, arguments, requested_by, via, state, error) VALUES"
            " (gen_random_uuid(), 'config-bulk', 'fleet', jsonb_build_object('tenants', jsonb_build_array(%(slug)s::text, %(id)s::text)),"
            " 'test', 'cli', 'failed', format('stack shared: %%s-db-app (postgresql:Role): role %%s; host portal.%%s.example',"
            " %(slug)s::text, %(role)s::text, %(slug)s::text))",
            {"slug": slug, "id": str(tenant), "role": naming.tenant_app(slug)},
        )
        control.execute(
            "INSERT INTO task_runs (id, task, slot, requested_by, summary) VALUES (gen_random_uuid(), 'moves', now(), 'schedule', %s)",
            [f"the old place of {slug} goes"],
        )
    s3 = sandbox.s3()
    for body in (canary, f"{canary} again"):  # two versions
        s3.put_object(Bucket=BUCKET, Key=f"tenants/{slug}/uploads/{canary}.txt", Body=body.encode())
    s3.delete_object(Bucket=BUCKET, Key=f"tenants/{slug}/uploads/{canary}.txt")
    s3.put_object(Bucket=BUCKET, Key=f"tenants/{slug}/uploads/other.txt", Body=canary.encode())
    return [slug, slug.replace("-", "_"), str(tenant), canary]


def found(sandbox: Any, words: list[str]) -> list[str]:
    """Every place in which one of the words stands: databases, buckets, DNS zone, certificates, state files, logs."""
    return [
        *databases(sandbox, words), *buckets(sandbox, words), *edge(sandbox, words),
        *files(sandbox.cloud.home.state, words), *logs(sandbox, words),
    ]  # fmt: skip


def databases(sandbox: Any, words: list[str]) -> list[str]:
    """Tables (``schema.table``) that name one of the words in any row's text, and roles, databases and schemas that are called so."""
    places = []
    with sandbox.sql() as admin:
        names = [row[0] for row in admin.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")]
        named = admin.execute("SELECT rolname FROM pg_roles UNION SELECT datname FROM pg_database").fetchall()
        places += [f"name {name}" for (name,) in named if _hit(name, words)]
    for database in names:
        with sandbox.sql(database) as admin:
            tables = admin.execute(
                "SELECT relnamespace::regnamespace::text, relname FROM pg_class WHERE relkind IN ('r', 'm')"
                " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
            ).fetchall()
            for schema, table in tables:
                if _hit(f"{schema}.{table}", words):
                    places.append(f"{database}: {schema}.{table}")
                # The local administrator is a superuser: no policy hides a row.
                rows = admin.execute(psycopg.sql.SQL("SELECT t::text FROM {} t").format(psycopg.sql.Identifier(schema, table)))
                if f"{schema}.{table}" not in ALLOWED and any(_hit(text, words) for (text,) in rows):
                    places.append(f"{database}: {schema}.{table}")
    return places


def buckets(sandbox: Any, words: list[str]) -> list[str]:
    """Object versions whose key or body names one of the words; backups are found by the tenant's id, and are ciphertext."""
    s3, places = sandbox.s3(), []
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
            for entry in page.get("DeleteMarkers", []):
                places += [f"s3 marker {entry['Key']}"] if _hit(entry["Key"], words) else []
            for entry in page.get("Versions", []):
                body = s3.get_object(Bucket=bucket["Name"], Key=entry["Key"], VersionId=entry["VersionId"])["Body"].read()
                key = "" if bucket["Name"].endswith("--backups") else entry["Key"]
                places += [f"s3 {entry['Key']}"] if _hit(key, words) or _hit(body.decode("latin-1"), words) else []
    return places


def edge(sandbox: Any, words: list[str]) -> list[str]:
    """DNS records and custom host names with their certificates; certificates of the AWS account and database servers."""
    env = sandbox.environment
    headers = {"Authorization": f"Bearer {env['CLOUDFLARE_API_TOKEN']}"}
    places = []
    for what in ("dns_records", "custom_hostnames"):
        answer = httpx.get(f"{env['CLOUDFLARE_BASE_URL']}/zones/{ZONE}/{what}?per_page=100", headers=headers).raise_for_status()
        places += [f"{what} {entry}" for entry in answer.json()["result"] if _hit(str(entry), words)]
    import boto3

    keys = {"aws_access_key_id": env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"]}
    common = {"endpoint_url": env["AWS_ENDPOINT_URL"], "region_name": env["AWS_REGION"], **keys}
    calls = {
        "acm": ("list_certificates",), "iam": ("list_roles",), "secretsmanager": ("list_secrets",),
        "rds": ("describe_db_instances", "describe_db_snapshots"),
    }  # fmt: skip
    for service, call in ((service, call) for service, names in calls.items() for call in names):
        answer = getattr(boto3.client(service, **common), call)()
        answer.pop("ResponseMetadata")
        places += [f"{service} {call}"] if _hit(str(answer), words) else []
    return places


def files(folder: Path, words: list[str]) -> list[str]:
    """Files below the folder whose name or (decompressed) content names one of the words."""
    places = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode("latin-1")
        places += [str(path)] if _hit(str(path.relative_to(folder)), words) or _hit(text, words) else []
    return places


def logs(sandbox: Any, words: list[str]) -> list[str]:
    """Logs of the local cloud's servers."""
    home = sandbox.cloud.home
    paths = [*home.log.glob("*"), home.postgres / "postgres.log", *home.instances.glob("*/postgres.log")]
    return [f"{path}: {line[:200]}" for path in paths for line in path.read_text(errors="replace").splitlines() if _hit(line, words)]


def _hit(text: str, words: list[str]) -> bool:
    return any(word in text for word in words)


def checksums(sandbox: Any, slugs: list[str]) -> dict[str, Any]:
    """Of each tenant, a checksum of every table and object, and of its rows in the control database."""
    result: dict[str, Any] = {}
    for slug in slugs:
        tenant = naming.tenant_id(slug)
        with sandbox.as_tenant(slug) as store:
            for table in ("users", "user_settings", "documents"):
                rows = store.execute(psycopg.sql.SQL("SELECT t::text FROM {} t").format(psycopg.sql.Identifier(table))).fetchall()
                result[f"{slug} {table}"] = _digest(rows)
        with sandbox.sql(naming.CONTROL_DATABASE) as control:
            for table in ("tenant_configurations", "tenant_domains", "users", "user_settings", "invitations", "outbox"):
                name = psycopg.sql.Identifier("control", table)
                rows = control.execute(psycopg.sql.SQL("SELECT t::text FROM {} t WHERE tenant_id = %s").format(name), [tenant]).fetchall()
                result[f"{slug} control.{table}"] = _digest(rows)
        listed = sandbox.s3().list_object_versions(Bucket=BUCKET, Prefix=f"tenants/{slug}/")
        result[f"{slug} objects"] = sorted((entry["Key"], entry["VersionId"], entry["ETag"]) for entry in listed.get("Versions", []))
    return result


def journal(sandbox: Any, slugs: list[str]) -> dict[str, list[tuple[str]]]:
    """Of each tenant, every run, step and task of the journal, as text."""
    queries = {
        "runs": "SELECT r::text FROM control.runs r WHERE tenant_id = %s ORDER BY 1",
        "run_steps": "SELECT s::text FROM control.run_steps s JOIN control.runs r ON r.id = s.run_id WHERE tenant_id = %s ORDER BY 1",
        "task_runs": "SELECT t::text FROM control.task_runs t WHERE tenant_id = %s ORDER BY 1",
    }
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        return {
            f"{slug} {table}": control.execute(query, [naming.tenant_id(slug)]).fetchall()
            for slug in slugs
            for table, query in queries.items()
        }


def _digest(rows: list[tuple[str]]) -> tuple[int, str]:
    return len(rows), hashlib.sha256("\n".join(sorted(text for (text,) in rows)).encode()).hexdigest()


@contextmanager
def stopped_before(sandbox: Any, step: str) -> Iterator[Callable[[], Any]]:
    """The journal lets a step of that name begin only when the block has ended; what is given waits until one is about to."""
    with sandbox.sql(naming.CONTROL_DATABASE) as control, sandbox.sql() as watcher:
        control.execute(
            "CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = TG_ARGV[0] THEN"
            " PERFORM pg_advisory_xact_lock(4711); END IF; RETURN NEW; END $$"
        )
        trigger = "CREATE TRIGGER stop BEFORE INSERT ON control.run_steps FOR EACH ROW EXECUTE FUNCTION public.stop({})"
        control.execute(psycopg.sql.SQL(trigger).format(psycopg.sql.Literal(step)))
        control.execute("SELECT pg_advisory_lock(4711)")
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
        try:
            yield lambda: wait_for(lambda: watcher.execute(waits).fetchone()[0], seconds=120)
        finally:
            control.execute("SELECT pg_advisory_unlock(4711)")
            control.execute("DROP FUNCTION public.stop CASCADE")


def end_hold(sandbox: Any, slug: str) -> None:
    """As if the days of the hold had gone by."""
    with sandbox.sql(naming.CONTROL_DATABASE) as control:
        control.execute("UPDATE control.holds SET until = now() WHERE tenant = %s", [naming.tenant_id(slug)])
