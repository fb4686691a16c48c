"""A sender killed between the SMTP server's answer and its own commit."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tenantry.control import outbox
from tenantry.control.database import transaction
from tenantry.naming import CONTROL_DATABASE
from tenantry.operations import mailing
from tenantry.operations.delivery import Delivery
from tenantry.postgres.server import Server
from tests.commands import Command
from tests.service.mail.running import due_now, kept, queue, row_of
from tests.service.mail.smtp import Stubborn
from tests.volume import volume

pytestmark = pytest.mark.service

WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = 'tenantry' AND wait_event_type = 'Lock' AND query LIKE 'UPDATE outbox %'"
)


class Killed:
    """`tenantry mail send` in a process of its own, killed when the server has answered and the row is not written yet.

    A lock on the table makes that moment last: the sender reads the answer, goes to note it, and waits. Then it is killed.
    """

    def __init__(self, port: int) -> None:
        self.process = Command({**os.environ, "SMTP_PORT": str(port)}, "mail", "send", "--limit", "1")

    def at_its_commit(self) -> None:
        """Waits for the moment and kills. The lock was taken before the server answered."""
        with Server.from_environment().connect() as watcher:
            watcher.autocommit = True
            end = time.monotonic() + 60
            while watcher.execute(WAITING).fetchone() == (0,):
                assert self.process.poll() is None, self.process.communicate()[0]
                assert time.monotonic() < end, "the sender never came to its commit"
                time.sleep(0.01)
        self.process.kill()


def _kill_one(server: Stubborn) -> None:
    """One sender that takes one mail and is killed after the answer."""
    with Server.from_environment().connect(CONTROL_DATABASE) as blocker:
        locked = threading.Event()

        def answer(text: bytes) -> str:
            # Claims go on (ROW SHARE), what ends one waits.
            blocker.execute("LOCK TABLE control.outbox IN SHARE MODE")
            locked.set()
            return "250 taken"

        server.on["TEXT"] = answer
        sender = Killed(server.port)
        sender.at_its_commit()
        assert locked.is_set()
        blocker.rollback()
    del server.on["TEXT"]


@pytest.mark.volume
def test_many_senders_killed_after_the_answer(control, tenant, monkeypatch):
    """Mail after mail, each sender killed between answer and commit: each is sent in the end, its second time with the same Message-ID."""
    tenant_id = tenant()
    ids = []
    with Stubborn() as server:
        for number in range(volume(5, 20)):
            ids.append(queue(tenant_id, f"kill{number}", recipient=f"kill{number}@x.example"))
            _kill_one(server)
            _put_off(ids[-1])
        handed = [f"<{each}@tenantry.example>" for each in ids]
        assert server.message_ids == handed
        assert {row_of(each)["state"] for each in ids} == {"queued"}
        due_now(*ids)
        monkeypatch.setenv("SMTP_PORT", str(server.port))
        assert mailing.sweep() == Delivery(sent=len(ids))
        assert sorted(server.message_ids) == sorted(handed * 2)
        assert mailing.sweep() == Delivery()


def test_one_mail_whose_senders_are_always_killed(control, tenant):
    """The same mail, killed each time: two deliveries with one Message-ID, then it is left to a person, who decides."""
    mail_id = queue(tenant(), "always")
    with Stubborn() as server:
        for _ in range(outbox.MAX_UNANSWERED):
            _kill_one(server)
            _put_off(mail_id)
            due_now(mail_id)
        assert server.message_ids == [f"<{mail_id}@tenantry.example>"] * 2
        assert row_of(mail_id)["state"] == "queued"
    assert mailing.deliver([mail_id]).failed == 1
    with transaction() as connection:
        attempts = outbox.attempts(connection, mail_id)
    assert [(attempt["outcome"], attempt["ended_at"]) for attempt in attempts] == [(None, None)] * 2
    with transaction() as connection:
        outbox.requeue(connection, [mail_id])
    assert mailing.deliver([mail_id]) == Delivery(sent=1)


def test_the_sink_counts_a_second_delivery(control, tenant):
    """What the local cloud shows after a kill: one mail, delivered twice."""
    mail_id = queue(tenant(), "sink", recipient="twice@x.example")
    assert mailing.deliver([mail_id]).sent == 1
    with transaction() as connection:
        connection.execute("UPDATE outbox SET state = 'queued' WHERE id = %s", [mail_id])
    assert mailing.deliver([mail_id]).sent == 1
    (mail,) = kept(control.home.mail, "twice@x.example")
    assert mail.deliveries == 2


def _put_off(mail_id) -> None:
    """Lets a mail wait, so that another is next. It also waits for the dead sender's claim, which ends with its connection."""
    with transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now() + interval '1 hour' WHERE id = %s", [mail_id])
