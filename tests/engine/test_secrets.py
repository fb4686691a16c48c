"""Generated passwords and tokens are nowhere in plain: not in state, its backups, logs, plans, arguments or the closing table."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from tenantry import naming

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def sandbox(empty_sandbox):
    """The engine's very first run makes most of the secrets."""
    return empty_sandbox


@pytest.fixture(scope="module")
def run(sandbox):
    """A platform made in one watched run: its output, and every process's arguments seen meanwhile."""
    import pathlib
    import time

    sandbox.declare("quiet-rls")
    sandbox.declare("quiet-schema", isolation="schema")
    sandbox.declare("quiet-db", isolation="database")
    process = sandbox.start_interpreter("up", "--all", "--show-links")
    arguments = set()
    while process.poll() is None:
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments.add(entry.read_bytes())
            except OSError:
                continue  # a process that ended between the two looks
        time.sleep(0.02)
    output = process.stdout.read()
    assert process.returncode == 0, output
    return sandbox, output, b"\n".join(arguments)


def secrets_of(sandbox):
    shared, dedicated = sandbox.outputs("shared"), sandbox.outputs("quiet-db")
    return {*shared["credentials"].values(), shared["app_password"], *shared["passwords"].values(), dedicated["password"]}


def test_no_password_is_in_any_file_of_the_state(run):
    """State, its backups and history hold ciphertext only; neither do the servers' logs hold a password."""
    sandbox, _, _ = run
    found = secrets_of(sandbox)
    assert len(found) == 4  # of the cell, the look-up, a schema and a database
    assert all(len(secret) >= 40 for secret in found)
    files = [file for file in sandbox.cloud.home.root.rglob("*") if file.is_file() and "secrets" not in file.parts]
    assert any(file.suffix == ".bak" for file in files)
    for file in files:
        content = file.read_bytes()
        for secret in found:
            assert secret.encode() not in content, f"a password is in {file}"


def test_no_stack_holds_a_secret_that_another_one_made(run):
    """A dedicated tenant's stack may have a secrets provider and people of its own: none of them gets at the pooled tenants' passwords."""
    sandbox, _, _ = run
    sandbox.declare("quiet-cell", isolation="schema", cell="eu1")
    sandbox.up()
    stacks = ("shared", "shared-eu1", "quiet-db")
    states = {stack: json.loads(sandbox.pulumi("stack", "export", "-s", stack, "--show-secrets").stdout) for stack in stacks}
    text = {stack: json.dumps(state) for stack, state in states.items()}
    made = {
        (stack, json.loads(resource["outputs"]["password"]["plaintext"]))
        for stack, state in states.items()
        for resource in state["deployment"]["resources"]
        if resource["type"].endswith(":Store")
    }
    assert {stack for stack, _ in made} == set(stacks)
    assert [stack for stack in stacks for maker, secret in made if maker != stack and secret in text[stack]] == []


def test_no_password_is_printed_or_passed_as_an_argument(run):
    """Neither the run's output, nor any process's arguments, nor a preview hold a password."""
    sandbox, output, arguments = run
    preview = sandbox.pulumi("preview", "-s", "shared", "--diff").stdout
    for secret in secrets_of(sandbox) | {sandbox.environment["PGPASSWORD"]}:
        assert secret not in output
        assert secret not in preview
        assert secret.encode() not in arguments


def test_an_invitation_link_is_shown_once_and_stored_hashed(run):
    """The closing table shows each link once; the database holds its SHA-256; a second run shows none; no file holds it."""
    sandbox, output, _ = run
    links = re.findall(r"https://([a-z-]+)\.tenantry\.example/invitations/(\S+)", output)
    assert sorted(slug for slug, _ in links) == ["quiet-db", "quiet-rls", "quiet-schema"]
    with sandbox.sql(naming.CONTROL_DATABASE) as admin:
        stored = {bytes(row[0]) for row in admin.execute("SELECT token_hash FROM control.invitations WHERE token_hash IS NOT NULL")}
    assert stored == {hashlib.sha256(token.encode()).digest() for _, token in links}
    assert "/invitations/" not in sandbox.tenantry("up", "--all").stdout
    for file in sandbox.cloud.home.root.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [slug for slug, token in links if token.encode() in content], file


def test_a_run_whose_output_is_a_log_makes_no_link(run):
    """AUDIT S9: a new tenant's administrator gets none from `up > file`; the line says how to send it."""
    sandbox, _, _ = run
    sandbox.declare("quiet-late")
    done = sandbox.tenantry("up", "quiet-late")
    assert "/invitations/" not in done.stdout + done.stderr
    assert "quiet-late: its administrator has no invitation link yet: tenantry invite quiet-late --mail" in done.stdout
    with sandbox.sql(naming.CONTROL_DATABASE) as admin:
        issued = admin.execute("SELECT issued_at FROM control.invitations WHERE email LIKE '%quiet-late%'").fetchall()
    assert issued == [(None,)]


def test_states_logs_and_mail_are_their_owners_alone(run):
    """AUDIT S14: after runs of the engine no file of the home can be read by others, but for what the database servers' user passes."""
    sandbox, _, _ = run
    home = sandbox.cloud.home
    servers = (home.postgres, home.instances)
    found = [path for path in home.root.rglob("*") if not path.is_symlink() and not any(path.is_relative_to(each) for each in servers)]
    assert any(path.is_relative_to(home.state) and path.suffix == ".json" for path in found)
    assert not [str(path) for path in found if path.stat().st_mode & 0o077]


def test_a_role_stores_no_password_but_its_scram_verifier(run):
    """The server itself knows only a salted hash."""
    sandbox, _, _ = run
    with sandbox.sql() as admin:
        rows = admin.execute(r"SELECT rolpassword FROM pg_authid WHERE rolname LIKE '%\_\_app'").fetchall()
    assert rows
    assert all(row[0].startswith("SCRAM-SHA-256$") for row in rows)


def test_doctor_says_that_a_passphrase_is_not_the_stacks(run):
    """It is found before `up` falls over it."""
    sandbox, _, _ = run
    said = sandbox.tenantry("doctor", "--json", check=False, PULUMI_CONFIG_PASSPHRASE="wrong", PULUMI_CONFIG_PASSPHRASE_FILE="").stdout
    (wrong,) = [check for check in json.loads(said) if check["check"] == "handed out"]
    assert not wrong["ok"]
    assert wrong["found"].startswith("the secrets of the stack ")
    assert "incorrect passphrase" in wrong["found"]
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" in wrong["hint"]
