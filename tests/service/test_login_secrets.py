"""The secret of a login: what a store writes into it, keeps of it when a state is lost, and takes away, in either place of AWS."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from benchmarks.fleet import Fleet
from components import login_secret
from components.resources.login import LoginProvider
from components.resources.store import StoreProvider
from tenantry import naming
from tenantry.app import secrets as app_secrets
from tenantry.clients import login_secrets
from tenantry.clients.aws import client
from tenantry.clients.login_secrets import LoginSecret
from tenantry.control import logins as written_down
from tenantry.control import passwords
from tenantry.errors import WorkError
from tenantry.postgres import login_limits, logins, revisions
from tenantry.postgres.server import Server
from tenantry.settings import PlatformSettings, platform_settings
from tests.environment import entered
from tests.service import directory, scratch

pytestmark = pytest.mark.service

CELL, SLUG = "vault", "vaulted"
ROLE, APP = naming.tenant_app(SLUG), naming.cell_app(CELL)
KINDS = ("secretsmanager", "ssm")


@pytest.fixture(scope="module", autouse=True)
def tenant(cloud):
    """A tenant with a schema of its own in a cell of this module's."""
    with entered(cloud.environment):
        fleet = Fleet(CELL)
        fleet.schemas([SLUG])
        yield
        directory.forget(str(naming.tenant_id(SLUG)))
        with fleet.server.connect() as admin:
            logins.drop_second(admin, ROLE)
        scratch.drop(fleet.server, naming.cell_database(CELL), roles=(ROLE, APP, naming.cell_owner(CELL)))


def settings(kind: str) -> PlatformSettings:
    values = {name: getattr(platform_settings(), name) for name in PlatformSettings.__slots__}
    return PlatformSettings(**{**values, "login_secrets": kind})


def props(kind: str, **more: Any) -> dict[str, Any]:
    """What the engine gives the tenant's store on a platform that keeps such secrets."""
    secret = login_secret.of_tenant(SLUG, "schema", ROLE, settings(kind))
    return {
        "tree": "tenant", "server": None, "database": naming.cell_database(CELL), "schema": naming.tenant_schema(SLUG),
        "owner": naming.cell_owner(CELL), "app_role": ROLE, "tenant_id": str(naming.tenant_id(SLUG)), "limits": login_limits.SETTINGS,
        "login": True, "revision": revisions.head("tenant"), **({"secret": secret} if secret else {}), **more,
    }  # fmt: skip


def secret(kind: str) -> LoginSecret:
    return LoginSecret(**props(kind)["secret"])


@pytest.fixture(params=KINDS)
def kind(request, in_cloud):
    yield request.param
    for each in KINDS:
        secret(each).erase()


def connects(content: dict[str, Any]) -> str:
    """As whom the application finds itself with what the secret says."""
    there = {name: content[name] for name in ("host", "port", "password", "dbname")}
    with psycopg.connect(**there, user=content["username"]) as connection:
        row = connection.execute("SELECT current_user").fetchone()
    return row[0] if row else ""


def tags(arn: str) -> dict[str, str]:
    if ":ssm:" in arn:
        found = client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=arn.partition(":parameter")[2])["TagList"]
    else:
        found = client("secretsmanager").describe_secret(SecretId=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def versions(kind: str) -> int:
    """How often something was written into it."""
    if kind == "ssm":
        return len(client("ssm").get_parameter_history(Name=f"/{secret(kind).name}")["Parameters"])
    return len(client("secretsmanager").list_secret_version_ids(SecretId=secret(kind).name, IncludeDeprecated=True)["Versions"])


def test_an_application_connects_with_what_the_secret_says(kind):
    """JSON as RDS writes it, with two keys of ours, and tags by which a policy can give it to one tenant's application."""
    outs = StoreProvider().create(props(kind)).outs
    content = login_secrets.at(outs["secret_arn"])
    server = Server.from_environment()
    assert content == secret(kind).read() == {
        "engine": "postgres", "host": server.host, "port": server.port, "username": ROLE, "password": content["password"],
        "dbname": naming.cell_database(CELL), "schema": naming.tenant_schema(SLUG), "tenant_id": str(naming.tenant_id(SLUG)),
    }  # fmt: skip
    assert (connects(content), outs["password"]) == (ROLE, passwords.UNKNOWN)
    assert tags(outs["secret_arn"]) == {
        "tenantry": SLUG, "tenantry:platform": platform_settings().bucket_prefix, "tenantry:tenant": SLUG, "tenantry:isolation": "schema",
    }  # fmt: skip


def test_what_is_written_already_is_not_written_again(kind):
    """A store that changes for another reason makes no new version; one that the setting reaches later keeps its password."""
    before = StoreProvider().create(props("none")).outs
    assert "secret_arn" not in before
    outs = StoreProvider().update("id", before, props(kind)).outs
    assert (secret(kind).read()["password"], outs["password"]) == (before["password"], passwords.UNKNOWN)
    again = StoreProvider().update("id", outs, props(kind)).outs
    assert (again["secret_arn"], versions(kind)) == (outs["secret_arn"], 1)


def test_a_secret_that_says_something_else_is_found_and_mended(kind):
    """By a refresh, and the run after it: whoever has read it before goes on, so the login that is in it changes."""
    outs = StoreProvider().create(props(kind)).outs
    assert StoreProvider().read("id", outs).outs["posture"] == outs["posture"]
    before = secret(kind).read()
    secret(kind).write({**secret(kind).read(), "password": "another"})
    found = StoreProvider().read("id", outs).outs
    assert StoreProvider().drift(found) == ["posture"]
    mended = StoreProvider().update("id", found, props(kind)).outs
    assert connects(login_secrets.at(mended["secret_arn"])) == naming.second_login(ROLE)
    assert connects(before) == ROLE
    before = secret(kind).read()
    secret(kind).erase()
    found = StoreProvider().read("id", mended).outs
    again = StoreProvider().update("id", found, props(kind)).outs
    assert connects(login_secrets.at(again["secret_arn"])) == ROLE
    assert connects(before) == naming.second_login(ROLE)
    assert StoreProvider().read("id", again).outs["posture"] == again["posture"]


def test_when_a_state_is_lost_the_secret_knows_the_password(kind, monkeypatch):
    """It is kept, and known again; one that does not open any more is left as it is, and nobody knows the password."""
    before = login_secrets.at(StoreProvider().create(props(kind)).outs["secret_arn"])
    monkeypatch.setenv(passwords.VARIABLE, "keep")
    assert login_secrets.at(StoreProvider().create(props(kind)).outs["secret_arn"]) == before
    secret(kind).write({**secret(kind).read(), "password": "another"})
    lost = StoreProvider().create(props(kind)).outs
    assert (lost["password"], lost["password_known"]) == (passwords.UNKNOWN, False)


def test_the_name_may_be_somebody_elses(kind):
    """It is not written over, and not deleted."""
    if kind == "ssm":
        client("ssm").put_parameter(Name=f"/{secret(kind).name}", Value="{}", Type="SecureString", Tags=[{"Key": "tenantry", "Value": "x"}])
    else:
        client("secretsmanager").create_secret(Name=secret(kind).name, SecretString="{}", Tags=[{"Key": "tenantry", "Value": "x"}])
    try:
        with pytest.raises(WorkError, match="is not Tenantry's"):
            StoreProvider().create(props(kind))
        assert (secret(kind).erase(), secret(kind).read()) == (False, {})
    finally:
        LoginSecret(kind, secret(kind).name, {"tenantry": "x"}).erase()


def test_another_place_or_none_leaves_nothing_in_the_former_one(kind):
    """The password stays the same all the while."""
    other = next(each for each in KINDS if each != kind)
    outs = StoreProvider().create(props(kind)).outs
    password = secret(kind).read()["password"]
    moved = StoreProvider().update("id", outs, props(other)).outs
    assert secret(kind).read() is None
    assert secret(other).read()["password"] == password
    without = StoreProvider().update("id", moved, props("none")).outs
    assert secret(other).read() is None
    assert ("secret_arn" in without, without["password"]) == (False, password)


def test_a_secret_goes_with_its_store(kind):
    outs = StoreProvider().create(props(kind)).outs
    StoreProvider().delete("id", outs)
    assert (secret(kind).read(), written_down.find(ROLE)) == (None, None)
    assert json.dumps(props(kind)["secret"])  # the state can hold what says where it was
    StoreProvider().create(props(kind))
    assert connects(secret(kind).read()) == ROLE


def of_directory(kind: str) -> dict[str, Any]:
    """What the engine gives the login that looks tenants up."""
    found = login_secret.of_directory(settings(kind))
    return {
        "database": naming.CONTROL_DATABASE, "schema": naming.CONTROL_SCHEMA, "app_role": naming.CONTROL_DIRECTORY,
        "limits": login_limits.SETTINGS, **({"secret": found} if found else {}),
    }  # fmt: skip


def test_whoever_looks_tenants_up_has_a_secret_too(kind):
    """An output's password goes on in it and comes back; one that was changed or deleted is mended, one of a lost state is found."""
    directory.make()
    place, provider = LoginSecret(**of_directory(kind)["secret"]), LoginProvider()
    try:
        plain = provider.create(of_directory("none")).outs
        kept = provider.update("id", plain, of_directory(kind)).outs
        content = login_secrets.at(kept["secret_arn"])
        assert (content["password"], kept["password"]) == (plain["password"], passwords.UNKNOWN)
        assert connects(content) == naming.CONTROL_DIRECTORY
        assert app_secrets.from_aws(kept["secret_arn"]) == json.dumps(content)
        assert provider.read("id", kept).outs["faults"] == []
        assert provider.create(of_directory(kind)).outs["secret_arn"] == kept["secret_arn"]
        assert login_secrets.at(kept["secret_arn"]) == content
        # By the two logins in turn: whoever has read it before goes on.
        turns = (naming.second_login(naming.CONTROL_DIRECTORY), naming.CONTROL_DIRECTORY)
        for spoil, turn in zip((lambda: place.write({**content, "password": "another"}), place.erase), turns, strict=True):
            spoil()
            found = provider.read("id", kept).outs
            assert found["faults"]
            kept = provider.update("id", found, of_directory(kind)).outs
            assert connects(login_secrets.at(kept["secret_arn"])) == turn
        before = login_secrets.at(kept["secret_arn"])
        back = provider.update("id", kept, of_directory("none")).outs
        assert (back["password"], place.read(), written_down.find(naming.CONTROL_DIRECTORY)) == (before["password"], None, None)
        assert not provider.diff("id", back, of_directory("none")).changes
    finally:
        place.erase()
        with Server.from_environment().connect() as admin:
            logins.drop_second(admin, naming.CONTROL_DIRECTORY)
        directory.make()
