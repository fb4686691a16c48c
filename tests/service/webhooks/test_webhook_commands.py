"""`tenantry webhook` as it is typed, beside a worker that sends."""

from __future__ import annotations

import json
import os
import signal

import pytest
from standardwebhooks import Webhook

from local.env import process_environment
from tenantry.clients.outbound import LOCAL
from tests.commands import Command
from tests.waiting import wait_for

pytestmark = pytest.mark.service


def test_from_the_first_to_the_last(platform, receiving):
    receiver = receiving()
    platform.key()

    def tenantry(*arguments, code=0):
        done = platform.cloud.tenantry("webhook", *arguments, **{LOCAL: "1"})
        assert done.returncode == code, done.stderr
        return done.stdout

    worker = Command({**process_environment(platform.cloud.home), LOCAL: "1"}, "worker", "--concurrency", "1")
    try:
        made = json.loads(tenantry("new", "me", receiver.url, "--contact", "ops@globex.example", "--event", "run.done", "--json"))
        short = made["id"][:8]
        assert "delivered  200" in tenantry("test", short)
        run = platform.run()
        platform.run(state="failed")
        wait_for(lambda: len(receiver.requests) == 2, 20)
        told = Webhook(made["secret"]).verify(receiver.requests[1].body, receiver.requests[1].headers)
        assert (told["type"], told["sequence"], told["data"]["run"]) == ("run.done", 1, str(run))
        lines = tenantry("deliveries", short).splitlines()
        assert len(lines) == 2
        assert "#1  run.done whk-mine  delivered  200" in lines[1]
        tenantry("redeliver", short, receiver.requests[1].id)
        wait_for(lambda: receiver.ids.count(receiver.requests[1].id) == 2, 20)
        assert tenantry("rotate", short).startswith("whsec_")
        assert f"{made['id']}  me  {receiver.url}  (run.done; active)" in tenantry("list")
        tenantry("remove", short)
        assert tenantry("list", "--json").strip() == "[]"
        tenantry("test", short, code=2)
    finally:
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(60) == 0
