"""What the local AWS keeps over a restart."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.cloud.postgres import PostgresServer
from tests.service.aws import running
from tests.service.aws.running import ACCOUNT, REGION, connect

DATABASE = {"DBInstanceIdentifier": "dev-t-acme", "Engine": "postgres", "DBInstanceClass": "db.t4g.small", "MasterUsername": "tenantry"}


def describe(address: str) -> dict[str, Any]:
    """Everything with an identity in the account of this module's tests."""
    s3, iam, acm, secrets = (connect(address, service) for service in ("s3", "iam", "acm", "secretsmanager"))
    arn = acm.list_certificates()["CertificateSummaryList"][0]["CertificateArn"]
    certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    role = iam.get_role(RoleName="assets")["Role"]
    return {
        "versions": sorted((each["Key"], each["VersionId"], each["ETag"]) for each in s3.list_object_versions(Bucket="kept")["Versions"]),
        "body": s3.get_object(Bucket="kept", Key="a")["Body"].read(),
        "tags": s3.get_object_tagging(Bucket="kept", Key="a")["TagSet"],
        "policy": s3.get_bucket_policy(Bucket="kept")["Policy"],
        "role": (role["Arn"], role["RoleId"], role["CreateDate"]),
        "certificate": (arn, certificate["Status"], certificate["DomainName"]),
        "secret": secrets.get_secret_value(SecretId="kept")["SecretString"],
        "parameter": connect(address, "ssm").get_parameter(Name="/kept/a", WithDecryption=True)["Parameter"]["Value"],
    }


def fill(address: str) -> None:
    s3 = connect(address, "s3")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket="kept", Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    for body in (b"first", b"second"):
        s3.put_object(Bucket="kept", Key="a", Body=body, Tagging="x=y")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    own = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::kept/${aws:PrincipalTag/key}"}
    iam = connect(address, "iam")
    iam.create_role(RoleName="assets", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    iam.put_role_policy(RoleName="assets", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    connect(address, "acm").request_certificate(DomainName="tenantry.example", ValidationMethod="DNS")
    connect(address, "secretsmanager").create_secret(Name="kept", SecretString="s")
    connect(address, "ssm").put_parameter(Name="/kept/a", Value="p", Type="SecureString", Tags=[{"Key": "x", "Value": "y"}])


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_forgets_nothing(tmp_path: Path, end: signal.Signals) -> None:
    """ARNs, object versions, policies, secrets and certificates are the same after an orderly end, and a second after any."""
    with running.aws(tmp_path / "aws", end) as address:
        fill(address)
        before = describe(address)
        if end is signal.SIGKILL:
            time.sleep(1.2)
    with running.aws(tmp_path / "aws") as address:
        assert describe(address) == before


def test_large_objects_are_kept_once_each(tmp_path: Path) -> None:
    """Their bytes are files of their own: both versions come back, a copy shares its original's file, what is deleted for good is gone."""
    first, second, folder = b"1" * 100_000, b"2" * 20_000_000, tmp_path / "aws" / "objects"
    with running.aws(tmp_path / "aws") as address:
        fill(address)
        s3 = connect(address, "s3")
        versions = [s3.put_object(Bucket="kept", Key="large", Body=body)["VersionId"] for body in (first, second)]
        s3.copy_object(Bucket="kept", Key="copy", CopySource={"Bucket": "kept", "Key": "large", "VersionId": versions[0]})
    assert sorted(file.stat().st_size for file in folder.iterdir()) == [len(first), len(second)]
    assert (tmp_path / "aws" / "moto.pickle").stat().st_size < 100_000
    assert all(file.stat().st_mode & 0o077 == 0 for file in (folder, *folder.iterdir()))
    with running.aws(tmp_path / "aws") as address:
        s3 = connect(address, "s3")
        found = [s3.get_object(Bucket="kept", Key="large", VersionId=version)["Body"].read() for version in versions]
        assert (found, s3.get_object(Bucket="kept", Key="copy")["Body"].read()) == ([first, second], first)
        s3.delete_object(Bucket="kept", Key="large", VersionId=versions[1])
    assert [file.stat().st_size for file in folder.iterdir()] == [len(first)]


def test_sessions_live_on(tmp_path: Path) -> None:
    """A tenant's session, its tag included, is worth after a restart what it was worth before."""
    with running.aws(tmp_path / "aws") as address:
        fill(address)
        arn, tags = f"arn:aws:iam::{ACCOUNT}:role/assets", [{"Key": "key", "Value": "a"}]
        found = connect(address, "sts").assume_role(RoleArn=arn, RoleSessionName="test", Tags=tags)["Credentials"]
    keys = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    with running.aws(tmp_path / "aws") as address:
        s3 = connect(address, "s3", **keys, aws_session_token=found["SessionToken"])
        assert s3.get_object(Bucket="kept", Key="a")["Body"].read() == b"second"
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            s3.get_object(Bucket="kept", Key="b")


def test_a_damaged_memory_is_set_aside(tmp_path: Path) -> None:
    """A snapshot that cannot be read does not keep the server from starting, and is not thrown away."""
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "moto.pickle").write_bytes(b"nonsense")
    with running.aws(tmp_path / "aws") as address:
        assert connect(address, "s3").list_buckets()["Buckets"] == []
    assert [path.read_bytes() for path in (tmp_path / "aws").glob("*.bad")] == [b"nonsense"]


def test_the_memory_is_private(tmp_path: Path) -> None:
    """The snapshot, which holds secrets and objects, is readable by its owner alone."""
    with running.aws(tmp_path / "aws") as address:
        connect(address, "secretsmanager").create_secret(Name="kept", SecretString="s")
    assert (tmp_path / "aws" / "moto.pickle").stat().st_mode & 0o077 == 0


def test_many_objects(tmp_path: Path) -> None:
    """Writing objects does not get slower for each that is kept already."""
    with running.aws(tmp_path / "aws") as address:
        s3, began = connect(address, "s3"), time.monotonic()
        s3.create_bucket(Bucket="many", CreateBucketConfiguration={"LocationConstraint": REGION})
        for number in range(300):
            s3.put_object(Bucket="many", Key=f"tenants/{number}/logo", Body=b"x" * 2000)
            if number == 99:
                first = time.monotonic() - began
        assert time.monotonic() - began < 9 * first
    with running.aws(tmp_path / "aws") as address:
        assert connect(address, "s3").list_objects_v2(Bucket="many")["KeyCount"] == 300


def test_a_database_server_keeps_its_rows(tmp_path: Path) -> None:
    """A managed password still opens the same rows after the API was restarted and the server came up on another port."""
    state = tmp_path / "aws"
    try:
        with running.aws(state) as address:
            connect(address, "rds").create_db_instance(**DATABASE, ManageMasterUserPassword=True)
            with _open(address) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
                old = connection.info.port
        server = PostgresServer(tmp_path / "instances" / "dev-t-acme")
        server.stop()
        with running.aws(state) as address:
            found = connect(address, "rds").describe_db_instances()["DBInstances"][0]
            assert found["DBInstanceStatus"] == "stopped"
            server.start(old + 1)
            with _open(address) as connection:
                assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
                assert connection.info.port != old
    finally:
        running.end_instances(state)


def test_a_creation_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    """A record whose server was never finished is dropped with its secret, and the identifier is free."""
    state = tmp_path / "aws"
    try:
        with running.aws(state) as address:
            connect(address, "rds").create_db_instance(**DATABASE, ManageMasterUserPassword=True)
        # As if initdb had been killed: its last step, the server's own record, is missing.
        server = PostgresServer(tmp_path / "instances" / "dev-t-acme")
        server.stop()
        (server.directory / "instance.json").unlink()
        with running.aws(state) as address:
            assert connect(address, "rds").describe_db_instances()["DBInstances"] == []
            assert connect(address, "secretsmanager").list_secrets()["SecretList"] == []
            connect(address, "rds").create_db_instance(**DATABASE, ManageMasterUserPassword=True)
            _open(address).close()
    finally:
        running.end_instances(state)


def test_a_final_snapshot_keeps_the_data(tmp_path: Path) -> None:
    """An instance that was deleted with a final snapshot leaves its data in the state's folder."""
    state = tmp_path / "aws"
    with running.aws(state) as address:
        rds = connect(address, "rds")
        rds.create_db_instance(**DATABASE, MasterUserPassword="some-password")
        rds.delete_db_instance(DBInstanceIdentifier="dev-t-acme", FinalDBSnapshotIdentifier="last")
        assert not (tmp_path / "instances" / "dev-t-acme").exists()
        assert (state / "set-aside" / "snapshot-last" / "data" / "PG_VERSION").exists()
        assert rds.describe_db_snapshots()["DBSnapshots"][0]["DBSnapshotIdentifier"] == "last"


def _open(address: str) -> psycopg.Connection:
    found = connect(address, "rds").describe_db_instances()["DBInstances"][0]
    text = connect(address, "secretsmanager").get_secret_value(SecretId=found["MasterUserSecret"]["SecretArn"])["SecretString"]
    account = json.loads(text)
    return psycopg.connect(
        host=found["Endpoint"]["Address"],
        port=found["Endpoint"]["Port"],
        user=account["username"],
        password=account["password"],
        dbname="postgres",
        autocommit=True,
    )
