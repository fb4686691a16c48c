"""From the outbox to the SMTP server: one mail per event."""

from __future__ import annotations

import pytest

from tenantry.operations import mailing, welcome
from tests.service.mail.running import kept

pytestmark = pytest.mark.service


def test_the_sequence_is_queued_once_and_its_first_mail_sent(control, tenant):
    """Begun twice it is the same three mails; the invitation goes out now, the others wait, and sending again sends nothing."""
    ids = welcome.begin(tenant_id := tenant("acme", email="ada@acme.example"))
    assert welcome.begin(tenant_id) == ids
    assert mailing.deliver(ids) == mailing.Delivery(sent=1, waiting=2)
    assert mailing.deliver(ids) == mailing.Delivery(sent=1, waiting=2)
    (mail,) = kept(control.home.mail, "ada@acme.example")
    assert mail.subject == "You are invited to Acme GmbH"
