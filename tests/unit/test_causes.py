"""What went wrong is said with its own cause: not a missing bucket for a wrong clock, not a bug for a full disk."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from http.server import HTTPServer
from pathlib import Path

import psycopg
import pytest

from local import env
from local.cloud.record import Record
from local.home import Home
from tenantry import cli
from tenantry.clients import objects
from tenantry.commands import local
from tenantry.errors import InputError, WorkError
from tenantry.operations import control_version, doctor
from tests.environment import entered
from tests.listening import Quiet, listening

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def s3():
    """An S3 that answers every request with one refusal: `.answer` is status, code."""

    class Handler(Quiet):
        def do_HEAD(self):
            self.send_response(server.answer[0])
            self.end_headers()

        def do_GET(self):
            status, code = server.answer
            body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
    }  # fmt: skip
    with listening(server), entered(variables):
        yield server


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (404, "there is no bucket b for backups", "tenantry up --stack shared --refresh makes it"),
        (403, "bucket b: An error occurred (403)", "the clock of this machine is wrong"),
        (400, "bucket b: An error occurred (400)", "check the AWS credentials"),
    ],
)
def test_only_a_missing_bucket_is_a_missing_bucket(s3, status, message, hint):
    """A refusal because of a wrong clock or credentials was "there is no bucket … up makes it"."""
    s3.answer = (status, "")
    with pytest.raises(WorkError) as caught:
        objects.require_bucket("b")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_wrong_clock_is_said(s3):
    """Where S3 names it."""
    s3.answer = (403, "RequestTimeTooSkewed")
    with pytest.raises(WorkError, match="RequestTimeTooSkewed") as caught:
        list(objects.current("b", ""))
    assert "set the clock" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "no space left: /x/y", "df -h"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "permission denied: /x/y", "ls -ld /x/y"),
        (psycopg.errors.DiskFull("could not extend file"), "PostgreSQL: could not extend file", "its disk is full"),
        (KeyError("x"), "unexpected KeyError", "--debug"),
    ],
)
def test_the_machines_own_troubles_are_no_faults_of_the_program(error, message, hint):
    """They were "unexpected … please report it"."""
    found = cli._unexpected(error)
    assert message in found.message
    assert hint in found.hint


@pytest.mark.parametrize("arguments", [["up", "--nothing", "--json"], ["resolve", "a", "b", "--json"], ["no-command", "--json"]])
def test_a_program_gets_json_for_a_command_line_that_cannot_be_read(arguments):
    """It was a box for people."""
    code = "from tenantry.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["code"] == "input.invalid"
    assert "╭" not in done.stdout + done.stderr


def test_ports_that_moved_are_said(tmp_path):
    """The shell's variables lead where the local cloud is no more."""
    home = Home(tmp_path)
    record = Record(home.record, {"postgres": 20001, "aws": 20002, "cloudflare": 20003, "mail": 20004})
    record._save()
    ours = {
        "TENANTRY_LOCAL_HOME": str(tmp_path), "PGPORT": "20001", "AWS_ENDPOINT_URL": "http://127.0.0.1:20002",
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:20003/client/v4", "SMTP_PORT": "20004",
    }  # fmt: skip
    with entered(ours):
        assert local.moved() == ""
    with entered({**ours, "PGPORT": "20009"}):
        assert local.moved() == "PGPORT at port 20001"
        assert "tenantry local env" in cli._moved()
    with entered({"TENANTRY_LOCAL_HOME": "", "PGPORT": "1"}):
        assert local.moved() == ""


def test_another_home_has_no_engine_and_is_told_so(tmp_path, monkeypatch):
    """It was "there is no local cloud … start it", which ran already."""
    home = Home(tmp_path)
    Record(home.record, {"postgres": 1, "aws": 2, "cloudflare": 3, "mail": 4})._save()
    monkeypatch.setattr(env.roads, "locate", lambda: None)
    with pytest.raises(WorkError, match=r"there is no Pulumi engine in .*HOME=") as caught:
        env.environment(home)
    assert "make engine" in caught.value.hint


def test_two_makes_take_turns(tmp_path):
    """Each finds the file as the other left it; the second says what it waits for."""
    work = "import pathlib, sys, time; p = pathlib.Path(sys.argv[1]); assert not p.exists(); p.touch(); time.sleep(0.5); p.unlink()"
    command = [sys.executable, str(ROOT / "local" / "turn.py"), str(tmp_path / "lock"), sys.executable, "-c", work, str(tmp_path / "busy")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=30)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(said) == ["", "another make is at work here: waiting for it\n"]


def test_an_error_of_input_stays_one():
    """Exit code 2, whoever reads it."""
    assert cli._unexpected(type("UsageError", (Exception,), {"format_message": lambda self: "no"})()).exit_code == InputError.exit_code


@pytest.mark.parametrize(("at_head", "hint"), [(True, "bring it back from the server's backup"), (False, "tenantry up --stack shared")])
def test_a_dropped_table_is_no_old_version(monkeypatch, at_head, hint):
    """`up` has nothing to do where the control database is at the head: its hint went in a circle."""
    monkeypatch.setattr(control_version, "at_head", lambda: at_head)
    error = psycopg.errors.UndefinedTable('relation "runs" does not exist')
    assert hint in cli._unexpected(error).hint

    def missing() -> str:
        raise error

    assert hint in doctor._attempt("a check", missing).hint
