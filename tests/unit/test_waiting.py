"""After a while of silence a line says what is waited for; whatever is asked outside of this process has an end."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest

from tenantry import waiting
from tenantry.clients import aws, cloudflare, process
from tenantry.clients.smtp import Mailer, Settings
from tenantry.engine.progress import Run
from tenantry.errors import InputError, WorkError
from tenantry.postgres.server import Server


@pytest.fixture(autouse=True)
def _nothing_is_waited_for(monkeypatch):
    monkeypatch.setattr(waiting, "_open", {})
    aws.client.cache_clear()
    cloudflare.client.cache_clear()
    yield
    aws.client.cache_clear()
    cloudflare.client.cache_clear()


@contextmanager
def mute():
    """A server that takes connections and never says a word; its port."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def told_while(work):
    """What is told a moment after ``work`` has begun, which may raise, and is not waited for."""

    def run():
        with suppress(Exception):
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not (text := waiting.told()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


def test_what_is_waited_for_is_told_longest_first():
    """One line: what a thread waits for within what, and for how long; nothing when nothing is."""
    assert waiting.told() == ""
    with waiting.on("the outer"), waiting.on(lambda: "the inner"):
        assert waiting.told() == "the outer: the inner (0 s)"
        with waiting.on(""):
            assert waiting.told() == "the outer: the inner (0 s)"
    assert waiting.told() == ""


def test_a_line_comes_after_silence_and_not_while_something_is_said():
    """Again after each silence, for as long as it is waited for."""
    lines = []
    with waiting.on("a thing"):
        waiting.heard()
        waiting.watch(lines.append, silence=0.3)
        for _ in range(8):
            time.sleep(0.1)
            waiting.heard()
        assert lines == []
        time.sleep(0.75)
    assert len(lines) == 2
    assert lines[0].startswith("waiting for a thing (")
    time.sleep(0.5)
    assert len(lines) == 2, "nothing is waited for any more"


def test_an_idle_worker_says_nothing_of_its_short_looks(monkeypatch):
    """Only what has lasted."""
    monkeypatch.setattr(waiting, "_least", 0.0)
    waiting.silence_is_normal()
    with waiting.on("a look"):
        assert waiting.told() == ""
        monkeypatch.setattr(waiting, "_least", 0.01)
        time.sleep(0.02)
        assert waiting.told() == "a look (0 s)"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("AWS (secretsmanager GetSecretValue)", lambda: aws.find_secret("a")),
        ("Cloudflare", lambda: cloudflare.find_hostname("0" * 32, "a.example")),
    ],
)
def test_each_service_is_named(monkeypatch, name, call):
    """While it does not answer."""
    with mute() as port:
        for variable, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "CLOUDFLARE_BASE_URL": f"http://127.0.0.1:{port}",
            "CLOUDFLARE_API_TOKEN": "c",
        }.items():
            monkeypatch.setenv(variable, value)
        assert told_while(call).startswith(name)


def test_postgresql_and_mail_are_named():
    """With their addresses."""
    with mute() as port:
        server = Server("127.0.0.1", port, "u", "p", "disable")
        assert told_while(lambda: server.connect(timeout=2)).startswith(f"PostgreSQL at 127.0.0.1:{port}")
        waiting._open.clear()
        fields = {name: "" for name in Settings.__annotations__} | {"host": "127.0.0.1", "port": port, "tls": "none"}
        assert told_while(Mailer(SimpleNamespace(**fields), "a.example").check).startswith(f"the mail server 127.0.0.1:{port}")


def test_no_call_to_aws_or_cloudflare_goes_on_for_more_than_a_minute_and_a_half(monkeypatch):
    """Attempts times the longer of the two limits; what is between the attempts is seconds."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "c")
    limits = aws.client("s3").meta.config
    assert limits.retries["total_max_attempts"] * max(limits.connect_timeout, limits.read_timeout) <= 60
    assert (cloudflare.client().max_retries + 1) * cloudflare.client().timeout <= 60


def test_a_program_that_does_not_answer_is_ended():
    """And said, with its name."""
    began = time.monotonic()
    with pytest.raises(WorkError, match="has not answered"):
        process.run([sys.executable, "-c", "import time; time.sleep(60)"], limit=0.3)
    assert time.monotonic() - began < 10
    assert process.run([sys.executable, "-c", "print(1)"]).stdout == b"1\n"


def test_no_region_is_said_with_the_variable_that_everybody_reads(monkeypatch):
    """boto3 alone would name none, and reads AWS_DEFAULT_REGION only."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(InputError, match="AWS_REGION is not set"):
        aws.client("secretsmanager")


def test_a_run_of_the_engine_says_what_it_is_at():
    """The resources that were begun; between two of them, the engine."""
    run = Run("shared", lambda step: None)
    assert run.told() == "the engine, stack shared"
    event = SimpleNamespace(op="OpType.UPDATE", urn="urn:pulumi:shared::tenantry::t::acme-record", type="t", detailed_diff=None)
    run._step(event, done=False)
    assert run.told() == "stack shared, change acme-record"
    run._step(event, done=True)
    assert run.told() == "the engine, stack shared"


def test_every_program_that_only_answers_is_given_a_limit():
    """A call of subprocess without one is either a server or a transfer, which are listed here with their reason."""
    listed = {
        "tenantry/postgres/pgtools.py": "dumps and restores take as long as the data do",
        "tenantry/clients/process.py": "with the limit",
    }
    found = subprocess.run(
        ["grep", "-rlE", r"subprocess\.(run|Popen|call|check_)", "tenantry", "components", "stacks", "--include=*.py"],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    assert set(found) == set(listed)
