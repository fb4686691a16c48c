"""The local cloud's life, on real servers."""

from __future__ import annotations

import json
import smtplib
import socket
import sys
import tempfile
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import psutil
import psycopg
import pytest

from local.cloud import ports
from local.cloud.cloud import Cloud
from local.cloud.mail import received
from local.cloud.postgres import PostgresServer
from local.cloud.record import Record
from local.env import environment
from local.home import Home
from tenantry.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.service
NAMES = {"postgres", "aws", "cloudflare", "mail", "plugins"}


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of the test's own, without servers at first."""
    with tempfile.TemporaryDirectory(prefix="tenantry-test-") as root:
        home = Home(Path(root))
        yield home
        Cloud(home).down()


def states(cloud: Cloud) -> dict[str, str]:
    return {status.name: status.state for status in cloud.status()}


def pids(cloud: Cloud) -> dict[str, int | None]:
    return {status.name: status.pid for status in cloud.status()}


def query(home: Home, statement: str) -> list[tuple[object, ...]]:
    variables = environment(home)
    with psycopg.connect(
        host=variables["PGHOST"], port=variables["PGPORT"], user=variables["PGUSER"], password=variables["PGPASSWORD"], dbname="postgres"
    ) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_up_starts_all_servers_and_a_second_up_starts_none(home: Home) -> None:
    """A second `up` leaves every process as it is."""
    cloud = Cloud(home)
    assert {status.name: status.state for status in cloud.up()} == dict.fromkeys(NAMES, "started")
    before = pids(cloud)
    assert {status.name: status.state for status in cloud.up()} == dict.fromkeys(NAMES, "running")
    assert pids(cloud) == before
    assert all(before.values())


def test_down_and_up_keep_data_ports_and_passwords(home: Home) -> None:
    """A restart brings back the same platform at the same addresses."""
    cloud = Cloud(home)
    cloud.up()
    query(home, "CREATE TABLE kept AS SELECT 42 AS answer")
    before = environment(home)
    cloud.down()
    assert set(states(cloud).values()) == {"stopped"}
    cloud.up()
    assert environment(home) == before
    assert query(home, "SELECT answer FROM kept") == [(42,)]


def test_up_repairs_every_server_that_was_killed(home: Home) -> None:
    """Whatever was killed, PostgreSQL too, the next `up` starts it again and leaves the rest alone."""
    cloud = Cloud(home)
    cloud.up()
    before = pids(cloud)
    for name in ("postgres", "mail"):
        process = psutil.Process(before[name])
        process.kill()
        process.wait(10)
    assert states(cloud) == dict.fromkeys(NAMES, "running") | {"postgres": "stopped", "mail": "stopped"}
    cloud.up()
    after = pids(cloud)
    assert states(cloud) == dict.fromkeys(NAMES, "running")
    assert (after["aws"], after["cloudflare"]) == (before["aws"], before["cloudflare"])
    assert query(home, "SELECT 1") == [(1,)]


def test_a_server_that_a_killed_up_left_unrecorded_is_replaced(home: Home) -> None:
    """An `up` killed between starting a server and noting it leaves no second server on the same data."""
    cloud = Cloud(home)
    cloud.up()
    stored = json.loads(home.record.read_text())
    lost = psutil.Process(stored["processes"].pop("cloudflare")["pid"])
    home.record.write_text(json.dumps(stored))
    cloud.up()
    assert not lost.is_running() or lost.status() == psutil.STATUS_ZOMBIE
    assert states(cloud) == dict.fromkeys(NAMES, "running")
    assert Record.load(home).ports == stored["ports"]


def test_two_homes_do_not_disturb_each_other(home: Home) -> None:
    """`down` in one clone ends nothing of another."""
    with tempfile.TemporaryDirectory(prefix="tenantry-test-") as root:
        other = Cloud(Home(Path(root)))
        mine = Cloud(home)
        mine.up()
        other.up()
        try:
            assert not set(Record.load(home).ports.values()) & set(Record.load(other.home).ports.values())
            before = pids(mine)
            other.down()
            assert pids(mine) == before
            assert states(mine) == dict.fromkeys(NAMES, "running")
        finally:
            other.down()


def test_down_never_ends_a_process_that_got_a_recycled_id(home: Home) -> None:
    """A record's process id that now belongs to somebody else is left alone."""
    cloud = Cloud(home)
    cloud.up()
    stored = json.loads(home.record.read_text())
    own = stored["processes"]["mail"]
    own_pid, own["pid"] = own["pid"], psutil.Process().pid
    home.record.write_text(json.dumps(stored))
    cloud.down()
    assert psutil.Process().is_running()
    psutil.Process(own_pid).kill()


def test_a_port_that_somebody_else_has_taken_is_exchanged(home: Home) -> None:
    """Where another program listens on a chosen port after a restart, `up` takes another port and tells it in the environment."""
    cloud = Cloud(home)
    cloud.up()
    taken = Record.load(home).ports["mail"]
    cloud.down()
    with socket.socket() as intruder:
        intruder.bind((ports.HOST, taken))
        intruder.listen()
        cloud.up()
        assert environment(home)["SMTP_PORT"] != str(taken)
        assert states(cloud)["mail"] == "running"


def test_servers_listen_on_this_machine_only(home: Home) -> None:
    """Every server is bound to 127.0.0.1; the plugin host has a socket in the home and no port."""
    cloud = Cloud(home)
    cloud.up()
    for name, pid in pids(cloud).items():
        listening = [each.laddr.ip for each in psutil.Process(pid).net_connections("inet") if each.status == psutil.CONN_LISTEN]
        assert listening == ([] if name == "plugins" else [ports.HOST])


def test_a_server_that_cannot_start_is_named_with_the_end_of_its_log(home: Home) -> None:
    """The error says which server, and what it said last."""
    home.create().cloudflare.mkdir()
    with pytest.raises(WorkError, match=r"the local cloudflare server ended at once: .+") as raised:
        Cloud(home).up()
    assert str(home.log / "cloudflare.log") in raised.value.hint


def test_secrets_are_readable_by_their_owner_only_and_no_argument(home: Home) -> None:
    """No password stands in a file that others read, nor among a process's arguments, which all see."""
    cloud = Cloud(home)
    cloud.up()
    secrets = {path.read_text() for path in home.secrets.iterdir()}
    assert len(secrets) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home.secrets, *home.secrets.iterdir()))
    arguments = " ".join(" ".join(psutil.Process(pid).cmdline()) for pid in pids(cloud).values())
    assert not [secret for secret in secrets if secret in arguments]


def test_reset_leaves_nothing_and_up_begins_anew(home: Home) -> None:
    """After `reset` there is no data, no state and no password of before."""
    cloud = Cloud(home)
    cloud.up()
    query(home, "CREATE TABLE lost ()")
    password = environment(home)["PGPASSWORD"]
    cloud.reset()
    assert [path.name for path in home.root.iterdir()] == ["lock"]
    cloud.up()
    assert environment(home)["PGPASSWORD"] != password
    assert query(home, "SELECT to_regclass('lost')") == [(None,)]


def test_a_tenants_own_server_goes_down_and_comes_up_with_the_cloud(home: Home) -> None:
    """`up` starts the instances that exist at their old ports, `down` ends them, their data stay."""
    cloud = Cloud(home)
    cloud.up()
    server = PostgresServer(home.instances / "tenantry-dev-t-acme")
    server.init("master", "secret")
    port = server.start()
    assert states(cloud)["tenantry-dev-t-acme"] == "running"
    cloud.down()
    assert not server.running
    cloud.up()
    with psycopg.connect(host=ports.HOST, port=port, user="master", password="secret", dbname="postgres") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("master",)
    server.destroy()
    assert not server.directory.exists()
    assert set(states(cloud)) == NAMES


def test_wrong_passwords_are_refused_by_postgresql(home: Home) -> None:
    """The local database is no open door for other users of the machine."""
    Cloud(home).up()
    variables = environment(home)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=variables["PGHOST"], port=variables["PGPORT"], user=variables["PGUSER"], password="guess", dbname="postgres")


def test_a_mail_sent_is_kept_with_its_envelope(home: Home) -> None:
    """A mail with a non-ASCII subject and a blind copy is stored whole and shown by number."""
    Cloud(home).up()
    variables = environment(home)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Tenantry <noreply@tenantry.example>", "ada@acme.example", "Willkommen, Ünal"
    mail.set_content("Your link: https://acme.tenantry.example/welcome\n.\nend")
    with smtplib.SMTP(variables["SMTP_HOST"], int(variables["SMTP_PORT"]), timeout=10) as client:
        client.send_message(mail, to_addrs=["ada@acme.example", "hidden@acme.example"])
    (kept,) = received(home.mail)
    assert kept.subject == "Willkommen, Ünal"
    assert kept.recipients == ["ada@acme.example", "hidden@acme.example"]
    assert kept.text.splitlines() == ["Your link: https://acme.tenantry.example/welcome", ".", "end"]


def test_the_environment_leads_to_every_server(home: Home) -> None:
    """What `local env` prints is enough to reach the database, S3, DNS and the engine."""
    Cloud(home).up()
    variables = environment(home)
    assert query(home, "SHOW server_version_num")[0][0] >= "180000"
    assert len(variables["CLOUDFLARE_API_TOKEN"]) == 40
    authorization = {"Authorization": f"Bearer {variables['CLOUDFLARE_API_TOKEN']}"}
    zones = httpx.get(f"{variables['CLOUDFLARE_BASE_URL']}/zones", headers=authorization).json()
    assert zones["success"] is True
    s3 = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    assert s3.list_buckets()["Buckets"] == []
    assert (Path(variables["PATH"].split(":")[0]) / "pulumi").exists()
    assert variables["PULUMI_PYTHON_CMD"] == sys.executable
    plugins = sorted(path.name.rsplit("-v", 1)[0] for path in (home.pulumi_home / "plugins").iterdir())
    assert plugins == ["resource-aws", "resource-cloudflare", "resource-postgresql"]


def test_a_plugin_that_somebody_put_into_place_stays(home: Home) -> None:
    """An official plugin in PULUMI_HOME is not overwritten by a stand-in."""
    Cloud(home).up()
    (launcher,) = (home.pulumi_home / "plugins").glob("resource-aws-v*/pulumi-resource-aws")
    launcher.write_bytes(b"\x7fELF official")
    Cloud(home).up()
    assert launcher.read_bytes() == b"\x7fELF official"
