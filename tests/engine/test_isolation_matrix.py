"""For every table, every operation and every other tenant: no row, and no way to tell foreign from absent."""

from __future__ import annotations

import uuid

import boto3
import psycopg
import pytest
from psycopg import sql

from tenantry import naming

pytestmark = pytest.mark.engine

TENANTS = {
    "rls-one": "rls",
    "rls-two": "rls",
    "rls-safe": "rls",
    "sch-one": "schema",
    "sch-two": "schema",
    "db-one": "database",
    "db-two": "database",
}
SIGNED = "rls-safe"
"""Its rows are in the same tables, and open to signed contexts only."""
TABLES = ("users", "user_settings", "documents")


@pytest.fixture(scope="module")
def platform(sandbox):
    for slug, isolation in TENANTS.items():
        sandbox.declare(slug, isolation=isolation, **({"row_context": "signed"} if slug == SIGNED else {}))
    sandbox.up()
    for slug in TENANTS:
        tenant_id = naming.tenant_id(slug)
        with sandbox.as_tenant(slug) as connection:
            row = connection.execute(
                "INSERT INTO users (tenant_id, email, name) VALUES (%s, %s, 'U') RETURNING id", [tenant_id, f"u@{slug}.example"]
            ).fetchone()
            assert row is not None
            connection.execute("INSERT INTO user_settings VALUES (%s, %s, 'language', '\"en\"')", [tenant_id, row[0]])
            connection.execute(
                "INSERT INTO documents (tenant_id, author_id, title) VALUES (%s, %s, %s)", [tenant_id, row[0], f"canary of {slug}"]
            )
    return sandbox


def location(slug):
    isolation = TENANTS[slug]
    if isolation == "rls":
        return naming.cell_database("main"), naming.SHARED_SCHEMA
    if isolation == "schema":
        return naming.cell_database("main"), naming.tenant_schema(slug)
    return naming.tenant_database(slug), naming.TENANT_SCHEMA


def attempt(connection, statement, parameters=()):
    """Rows touched, or the SQLSTATE of the refusal."""
    try:
        cursor = connection.execute(statement, parameters)
        return cursor.rowcount if cursor.description is None else len(cursor.fetchall())
    except psycopg.Error as error:
        return error.sqlstate


def operations(target, tenant_id, row_id):
    """Each operation aimed at one row, named by tenant and key."""
    table = target.as_string()
    key = "user_id" if "user_settings" in table else "id"
    yield "select", f"SELECT * FROM {table} WHERE tenant_id = %s AND {key} = %s", (tenant_id, row_id)
    yield "update", f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = %s AND {key} = %s", (tenant_id, row_id)
    yield "delete", f"DELETE FROM {table} WHERE tenant_id = %s AND {key} = %s", (tenant_id, row_id)
    columns, values = {
        "users": ("tenant_id, id, email, name", "%s, %s, 'x@x.example', 'X'"),
        "user_settings": ("tenant_id, user_id, setting_key, setting_value", "%s, %s, 'k', '1'"),
        "documents": ("tenant_id, id, author_id, title", "%s, %s, gen_random_uuid(), 'X'"),
    }[table.rsplit(".", 1)[-1].strip('"')]
    yield "insert", f"INSERT INTO {table} ({columns}) VALUES ({values})", (tenant_id, row_id)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("attacker", TENANTS)
@pytest.mark.parametrize("victim", TENANTS)
def test_no_tenant_reaches_anothers_rows(platform, table, attacker, victim):
    """The attacker's role touches nothing of the victim's, and is answered as for a row that does not exist anywhere."""
    if attacker == victim:
        with platform.as_tenant(attacker) as connection:
            assert attempt(connection, f"SELECT * FROM {table}") == 1
        return
    _database, schema = location(victim)
    target = sql.Identifier(schema, table)
    victim_id, absent_id = naming.tenant_id(victim), uuid.uuid4()
    with platform.as_tenant(victim) as connection:
        key = "user_id" if table == "user_settings" else "id"
        row = connection.execute(f"SELECT {key} FROM {table}").fetchone()
        assert row is not None
    with platform.as_tenant(attacker) as connection:
        for (name, statement, foreign), (_, _, absent) in zip(
            operations(target, victim_id, row[0]), operations(target, absent_id, uuid.uuid4()), strict=True
        ):
            result = attempt(connection, statement, foreign)
            assert result in (0, "42501", "42P01", "3F000"), f"{name}: {result}"
            assert result == attempt(connection, statement, absent), f"{name} tells foreign from absent"
        assert attempt(connection, f"SELECT * FROM {target.as_string()} WHERE tenant_id = %s", (victim_id,)) in (
            0,
            "42501",
            "42P01",
            "3F000",
        )
        try:
            with connection.cursor().copy(f"COPY (SELECT * FROM {target.as_string()} WHERE tenant_id = '{victim_id}') TO STDOUT") as copy:
                assert b"".join(copy) == b""
        except psycopg.Error as error:
            assert error.sqlstate in ("42501", "42P01", "3F000")  # noqa: PT017
        assert attempt(connection, f"TRUNCATE {target.as_string()}") in ("42501", "42P01", "3F000")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("attacker", [slug for slug, isolation in TENANTS.items() if isolation == "rls"])
def test_the_context_of_a_signed_tenant_is_no_setting(platform, table, attacker):
    """What an injected statement says of itself opens a plain tenant's rows in shared tables, and never a signed one's."""
    with platform.as_tenant(attacker) as connection:
        connection.execute("SELECT set_config('app.tenant_token', '', false)")
        for victim in ("rls-one", "rls-two", SIGNED):
            victim_id = naming.tenant_id(victim)
            connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(victim_id)])
            assert attempt(connection, f"SELECT * FROM {table}") == (0 if victim == SIGNED else 1)
            if victim == SIGNED:
                for name, statement, parameters in operations(sql.Identifier(naming.SHARED_SCHEMA, table), victim_id, uuid.uuid4()):
                    assert attempt(connection, statement, parameters) in (0, "42501"), name


@pytest.mark.parametrize("slug", [slug for slug, isolation in TENANTS.items() if isolation == "rls"])
@pytest.mark.parametrize("context", ["", None])
def test_without_a_tenant_there_are_no_rows(platform, slug, context):
    """Policies fail closed: no context, or an empty one, shows and takes nothing."""
    with platform.as_tenant(slug) as connection:
        connection.execute("RESET app.tenant_id" if context is None else "SET app.tenant_id = ''")
        connection.execute("RESET app.tenant_token")
        for table in TABLES:
            assert attempt(connection, f"SELECT * FROM {table}") == 0
        assert attempt(connection, "INSERT INTO users (tenant_id, email, name) VALUES (gen_random_uuid(), 'x', 'x')") == "42501"


@pytest.mark.parametrize("attacker", TENANTS)
@pytest.mark.parametrize("victim", [slug for slug, isolation in TENANTS.items() if isolation == "database"])
def test_nobody_connects_to_anothers_database(platform, attacker, victim):
    """CONNECT is the owner's alone."""
    if attacker == victim:
        return
    with platform.sql(naming.CONTROL_DATABASE) as admin:
        row = admin.execute("SELECT app_role, stack FROM control.tenants WHERE slug = %s", [attacker]).fetchone()
    assert row is not None
    outputs = platform.outputs(row[1])
    password = outputs.get("password") or outputs["passwords"].get(attacker) or outputs["app_password"]
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        platform.sql(naming.tenant_database(victim), user=row[0], password=password)


def tenant_s3(platform, slug):
    """S3 with the temporary credentials that the application gets for one tenant."""
    env = platform.environment
    shared = {"endpoint_url": env["AWS_ENDPOINT_URL"], "region_name": env["AWS_REGION"]}
    root = {"aws_access_key_id": env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"]}
    role = platform.outputs("shared")["assets_role"]
    session = boto3.client("sts", **shared, **root).assume_role(RoleArn=role, RoleSessionName=slug, Tags=[{"Key": "tenant", "Value": slug}])
    keys = session["Credentials"]
    return boto3.client(
        "s3",
        **shared,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


@pytest.mark.parametrize("victim", ["rls-two", "rls-on", "rls-one2"])
def test_credentials_of_a_prefix_open_no_other(platform, victim):
    """A tenant's S3 session reads and writes its own prefix and is refused everywhere else, also where names begin alike."""
    client, bucket = tenant_s3(platform, "rls-one"), "tenantry-dev-main"
    platform.s3().put_object(Bucket=bucket, Key=f"tenants/{victim}/secret.txt", Body=b"secret")
    assert client.get_object(Bucket=bucket, Key="tenants/rls-one/branding/theme.css")["Body"].read()
    client.put_object(Bucket=bucket, Key="tenants/rls-one/own.txt", Body=b"x")
    assert client.list_objects_v2(Bucket=bucket, Prefix="tenants/rls-one/")["KeyCount"] >= 2
    foreign = {"Bucket": bucket, "Key": f"tenants/{victim}/secret.txt"}
    refused = [
        lambda: client.get_object(**foreign),
        lambda: client.head_object(**foreign),
        lambda: client.put_object(**foreign, Body=b"y"),
        lambda: client.delete_object(**foreign),
        lambda: client.copy_object(Bucket=bucket, Key="tenants/rls-one/stolen.txt", CopySource=foreign),
        lambda: client.list_objects_v2(Bucket=bucket, Prefix=f"tenants/{victim}/"),
        lambda: client.list_objects_v2(Bucket=bucket),
        lambda: client.list_object_versions(Bucket=bucket, Prefix=f"tenants/{victim}/"),
    ]
    for call in refused:
        with pytest.raises(client.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert platform.s3().get_object(**foreign)["Body"].read() == b"secret"
