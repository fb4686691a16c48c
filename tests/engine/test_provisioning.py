"""Provisioning as a person sees it: eight steps, asked for once, explained when they fail, resumed when mended."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from local.home import CLONE
from tenantry.declaration.assets import published
from tests.checkout import DEFAULTS
from tests.engine.provisioning import STEPS, check_provisioned_once, check_welcomed_once, control, mails_to, runs_of

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def platform(sandbox):
    sandbox.up("--stack", "shared")
    return sandbox


def test_eight_steps_from_a_file_to_a_welcome_mail(platform):
    """`provision` makes the tenant, prints each step, and the administrator has one mail with a link that the registry knows."""
    platform.declare("alder", isolation="schema", domains=["www.alder.example"], branding={"app_name": "Alder Desk"})
    done = platform.tenantry("provision", "alder")
    lines = [line for line in done.stderr.splitlines() if line.startswith("alder: ✓")]
    assert [line.split(" ", 3)[2] for line in lines] == [str(number) for number in range(1, 9)]
    check_provisioned_once(platform, "alder")
    (mail,) = mails_to(platform, "ada@alder.example")
    assert "Alder Desk" in mail.subject
    assert "https://alder.tenantry.example/invitations/" in mail.text
    with platform.as_tenant("alder") as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_asked_again_nothing_is_done_twice(platform):
    """A second `provision` of what is already there gives the same run and makes nothing."""
    platform.declare("beech")
    first = json.loads(platform.tenantry("provision", "beech", "--json").stdout)
    second = json.loads(platform.tenantry("provision", "beech", "--json").stdout)
    assert first[0]["id"] == second[0]["id"]
    check_provisioned_once(platform, "beech")


def test_a_changed_file_is_a_new_run(platform):
    """An edit is applied by a run of its own; no second welcome mail goes out."""
    platform.declare("cedar")
    platform.tenantry("provision", "cedar")
    platform.declare("cedar", theme={"primary": "#102030"})
    platform.tenantry("provision", "cedar")
    assert [run["state"] for run in runs_of(platform, "cedar")] == ["done", "done"]
    assert len(mails_to(platform, "ada@cedar.example")) == 1
    with control(platform) as registry:
        colour = registry.execute(
            "SELECT config_value FROM tenant_configurations JOIN tenants t ON t.id = tenant_id"
            " WHERE slug = 'cedar' AND config_key = 'theme.primary'"
        ).fetchone()
    assert colour == {"config_value": "#102030"}


def test_after_a_merge_the_new_ones_are_welcomed(platform):
    """`--changed-since REF` makes what was added and what was edited in one run; who has been there is not invited once more."""

    def git(*arguments):
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments]
        subprocess.run(command, cwd=platform.tenants, check=True, capture_output=True)

    defaults = platform.tenants / "defaults"
    defaults.unlink()  # a link out of the folder is refused, as one that another commit could bring
    shutil.copytree(DEFAULTS, defaults)
    platform.declare("elder")
    logo = platform.tenants / "assets" / "gorse" / "logo.svg"
    logo.parent.mkdir(parents=True)
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1"/></svg>')
    platform.declare("gorse", branding={"app_name": "Gorse", "logo": "assets/gorse/logo.svg"})
    platform.up("elder")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "before")
    platform.declare("elder", theme={"primary": "#102030"})
    platform.declare("fir")
    drawn = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="2" height="2"/></svg>'
    logo.write_text(drawn)
    done = json.loads(platform.tenantry("provision", "--changed-since", "HEAD", "--json").stdout)
    assert [(run["kind"], run["subject"], run["state"], run["via"]) for run in done["runs"]] == [
        ("apply", "shared", "done", "pull-request")
    ]
    made = {each["slug"] for each in done["tenants"] if each["outcome"] == "made"}
    assert made == {"elder", "fir", "gorse"}
    with control(platform) as registry:
        place = registry.execute("SELECT bucket, prefix FROM tenants WHERE slug = 'gorse'").fetchone()
    (key,) = [
        each["Key"]
        for each in platform.s3().list_objects_v2(Bucket=place["bucket"], Prefix=place["prefix"])["Contents"]
        if "logo" in each["Key"]
    ]
    assert platform.s3().get_object(Bucket=place["bucket"], Key=key)["Body"].read() == published(platform.tenants, "assets/gorse/logo.svg")
    check_welcomed_once(platform, "fir")
    assert mails_to(platform, "ada@elder.example") == []
    platform.tenantry("invite", "elder", "--mail")
    assert len(mails_to(platform, "ada@elder.example")) == 1


def test_a_cause_is_said_and_resume_goes_on_there(platform):
    """A run that fails says why and what to do; once that is mended, `resume` begins with the step that failed."""
    platform.declare("dogwood", isolation="schema")
    with platform.sql() as admin:
        admin.execute("CREATE ROLE t_dogwood__app")
    failed = platform.tenantry("provision", "dogwood", check=False)
    assert failed.returncode == 1
    assert "role t_dogwood__app is on the server already and Tenantry did not make it" in failed.stderr
    (run,) = runs_of(platform, "dogwood")
    assert run["state"] == "failed"
    assert f"tenantry resume {run['id']}" in failed.stderr
    assert [step["state"] for step in run["steps"]] == ["done", "failed"]
    with platform.sql() as admin:
        admin.execute("DROP ROLE t_dogwood__app")
    platform.tenantry("resume", str(run["id"]))
    check_provisioned_once(platform, "dogwood")
    (run,) = runs_of(platform, "dogwood")
    assert run["steps"][0]["attempts"] == 1


def test_the_log_tells_what_happened(platform):
    """`log SLUG` says what, when, by whom and with what outcome; as JSON with every step."""
    platform.declare("elm")
    platform.tenantry("provision", "elm", TENANTRY_ACTOR="grace@platform.example")
    text = platform.tenantry("log", "elm").stdout
    assert "provision elm: done, asked for by grace@platform.example (cli)" in text
    assert "✓ 7 welcome mail: 1 sent" in text
    (run,) = json.loads(platform.tenantry("log", "elm", "--json").stdout)
    assert [step["name"] for step in run["steps"]] == list(STEPS)
    with control(platform) as journal:
        audit = journal.execute("SELECT actor, action, outcome FROM audit_log WHERE run_id = %s", [run["id"]]).fetchall()
    assert audit == [{"actor": "grace@platform.example", "action": "provision", "outcome": "done"}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("provision", "aldre"), "did you mean alder?"),
        (("provision",), "say which"),
        (("resume", "alder"), "is not a run's id"),
        (("resume", "00000000-0000-4000-8000-000000000000"), "no run"),
        (("log", "aldr"), "did you mean alder?"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(platform, arguments, words):
    """Nothing is touched; what is wrong and what to do are a line each."""
    platform.declare("alder", isolation="schema", domains=["www.alder.example"], branding={"app_name": "Alder Desk"})
    done = platform.tenantry(*arguments, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


COUNTED = """
import atexit, sys
from collections import Counter
from tenantry.control.ledger import Ledger
from tenantry.declaration import loader
counted, load, read = Counter(), loader.load, Ledger.read.__func__
def loads(*arguments, **more):
    counted["declarations"] += 1
    return load(*arguments, **more)
def reads(cls, *arguments):
    counted["ledger"] += 1
    return read(cls, *arguments)
loader.load, Ledger.read = loads, classmethod(reads)
atexit.register(lambda: print(dict(counted)))
from tenantry.cli import main
main()
"""


def test_files_and_ledger_are_read_once_to_ask_and_once_to_work(platform):
    """The command asks, and is the worker as well where there is no other: twice of each. The engine's program reads for itself."""
    platform.declare("maple")
    command = [sys.executable, "-c", COUNTED, "provision", "maple"]
    done = subprocess.run(command, env=platform.environment, cwd=CLONE, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "{'declarations': 2, 'ledger': 2}"
    check_provisioned_once(platform, "maple")
