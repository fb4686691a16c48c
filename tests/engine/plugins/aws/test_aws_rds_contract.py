"""What the official pulumi-aws 7.51.1 promises of an RDS instance, kept by the stand-in on a real PostgreSQL server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import psycopg
import pytest

from tests.engine.plugins.driver import Driver, Recorded
from tests.service.aws.running import ACCOUNT, REGION

Api = Callable[[str], Any]
INSTANCE = "aws:rds/instance:Instance"
WANTED = {
    "identifier": "dev-t-acme",
    "engine": "postgres",
    "engineVersion": "18",
    "instanceClass": "db.t4g.small",
    "allocatedStorage": 20,
    "storageEncrypted": True,
    "username": "tenantry",
    "manageMasterUserPassword": True,
    "backupRetentionPeriod": 7,
    "copyTagsToSnapshot": True,
    "deletionProtection": True,
    "skipFinalSnapshot": False,
    "finalSnapshotIdentifier": "dev-t-acme-final",
    "tags": {"tenantry": "acme"},
}


@pytest.fixture(scope="module")
def made(driver: Driver) -> Iterator[Recorded]:
    """An instance with a managed password and deletion protection."""
    made = driver.create(INSTANCE, WANTED)
    yield made
    driver.delete(driver.update(made, WANTED | {"deletionProtection": False, "skipFinalSnapshot": True, "applyImmediately": True}))


def connect(outputs: dict[str, Any], password: str) -> psycopg.Connection:
    return psycopg.connect(host=outputs["address"], port=outputs["port"], user=outputs["username"], password=password, dbname="postgres")


def managed_password(api: Api, outputs: dict[str, Any]) -> str:
    arn = outputs["masterUserSecrets"][0]["secretArn"]
    return str(json.loads(api("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])["password"])


def test_required_inputs(driver: Driver) -> None:
    """The class is required by the schema; engine, user and a password or a managed one by the provider."""
    assert set(driver.check(INSTANCE, {})[1]) == {"instanceClass", "engine", "username", "password"}
    assert set(driver.check(INSTANCE, WANTED | {"password": "p"})[1]) == {"manageMasterUserPassword"}


def test_outputs(made: Recorded) -> None:
    """The id is RDS's resource id; address, endpoint, ARN and the actual version are reported."""
    outputs = made.outputs
    assert made.id == outputs["resourceId"]
    assert made.id.startswith("db-")
    assert outputs["arn"] == f"arn:aws:rds:{REGION}:{ACCOUNT}:db:dev-t-acme"
    assert outputs["endpoint"] == f"{outputs['address']}:{outputs['port']}"
    assert outputs["status"] == "available"
    assert outputs["engineVersion"] == "18"
    assert outputs["engineVersionActual"].startswith("18.")


def test_the_server_is_real(made: Recorded, api: Api) -> None:
    """The password in the managed secret opens a PostgreSQL of the version that was reported."""
    with connect(made.outputs, managed_password(api, made.outputs)) as connection:
        assert connection.execute("SELECT current_user, version()").fetchone()[0] == "tenantry"  # type: ignore[index]
    assert "password" not in made.outputs


def test_read_and_adopted(driver: Driver, made: Recorded) -> None:
    """A refresh changes nothing; an import by the identifier finds the same instance, and the program agrees with it."""
    seen, adopted = driver.refresh(made), driver.adopt(INSTANCE, "dev-t-acme")
    assert seen is not None
    assert adopted is not None
    assert adopted.id == made.id
    assert not driver.diff(seen, WANTED).changes
    # What a deletion is to do, RDS does not know.
    assert driver.diff(adopted, WANTED).changes == {"finalSnapshotIdentifier", "skipFinalSnapshot"}
    assert not driver.diff(driver.update(adopted, WANTED), WANTED).changes


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"username": "other"}, True),
        ({"engine": "mysql"}, True),
        ({"storageEncrypted": False}, True),
        ({"dbName": "app"}, True),
        ({"region": "us-east-1"}, True),
        ({"allocatedStorage": 50}, False),
        ({"instanceClass": "db.t4g.large"}, False),
        ({"backupRetentionPeriod": 14}, False),
        ({"deletionProtection": False}, False),
        ({"tags": {"tenantry": "beta"}}, False),
        ({"engineVersion": "18.6"}, False),
    ],
)
def test_replacing_changes(driver: Driver, made: Recorded, change: dict[str, Any], replaces: bool) -> None:
    """Exactly the fields that the official provider marks replace."""
    assert driver.diff(made, WANTED | change).replaces == (frozenset(change) if replaces else frozenset())


def test_a_second_one_is_refused(driver: Driver, made: Recorded) -> None:
    """Creating an identifier that exists fails as RDS does and leaves the first alone."""
    with pytest.raises(grpc.RpcError, match="RDS instance dev-t-acme exists already: DBInstanceAlreadyExists"):
        driver.create(INSTANCE, WANTED)
    assert driver.refresh(made) is not None


def test_deletion_protection(driver: Driver, made: Recorded) -> None:
    """A protected instance is not deleted."""
    with pytest.raises(grpc.RpcError, match="Cannot delete protected DB Instance"):
        driver.delete(made)
    assert driver.refresh(made) is not None


def test_updated_in_place(driver: Driver, made: Recorded) -> None:
    """An update keeps the server and its id."""
    wanted = WANTED | {"allocatedStorage": 40, "tags": {"tenantry": "acme", "more": "x"}}
    assert driver.update(made, wanted).outputs["allocatedStorage"] == 20, "it grows in the next maintenance window"
    wanted |= {"applyImmediately": True}
    changed = driver.update(made, wanted)
    assert (changed.outputs["resourceId"], changed.outputs["port"]) == (made.id, made.outputs["port"])
    assert not driver.diff(changed, wanted).changes
    with pytest.raises(grpc.RpcError, match="cannot be less than the current storage size"):
        driver.update(changed, WANTED)


def test_a_password_of_ones_own(driver: Driver) -> None:
    """A given password stays a secret, opens the server, and is changed in place; a deleted instance is gone and forgotten."""
    plain = {key: WANTED[key] for key in ("engine", "instanceClass", "username")} | {"identifier": "dev-t-plain", "skipFinalSnapshot": True}
    made = driver.create(INSTANCE, plain | {"password": "first-password"}, frozenset({"password"}))
    assert "password" in made.secrets
    connect(made.outputs, "first-password").close()
    changed = driver.update(made, plain | {"password": "second-password"})
    connect(changed.outputs, "second-password").close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(changed.outputs, "first-password")
    driver.delete(changed)
    with pytest.raises(psycopg.OperationalError):
        connect(changed.outputs, "second-password")
    assert driver.refresh(changed) is None
    driver.delete(changed)


def test_final_snapshot_is_asked_for(driver: Driver) -> None:
    """An instance that is to leave a snapshot and names none is not deleted."""
    plain = {key: WANTED[key] for key in ("engine", "instanceClass", "username")} | {
        "identifier": "dev-t-final",
        "password": "some-password",
    }
    made = driver.create(INSTANCE, plain)
    with pytest.raises(grpc.RpcError, match="final_snapshot_identifier is required"):
        driver.delete(made)
    driver.delete(driver.update(made, plain | {"skipFinalSnapshot": True}))
