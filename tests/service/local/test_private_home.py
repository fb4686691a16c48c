"""What the local cloud's servers keep is its owner's alone."""

from __future__ import annotations

import os
import smtplib

import pytest

pytestmark = pytest.mark.service


def test_no_server_leaves_anything_open(cloud):
    """AUDIT S14: mail, its repetitions, logs, journals and the servers' states, all 0600 in folders of 0700."""
    home, variables = cloud.home, cloud.environment
    before = os.umask(0)
    try:
        for _ in range(2):
            with smtplib.SMTP(variables["SMTP_HOST"], int(variables["SMTP_PORT"]), "test.example", timeout=10) as server:
                server.sendmail("a@test.example", ["b@test.example"], b"Message-ID: <private@test.example>\r\n\r\nsecret\r\n")
    finally:
        os.umask(before)
    assert list(home.mail.glob("*.again"))
    # PostgreSQL's system user passes through the first two; what a bare `pulumi` writes into the third is as its user's umask has it.
    servers = (home.postgres, home.instances, home.state)
    found = [path for path in home.root.rglob("*") if not path.is_symlink() and not any(path.is_relative_to(each) for each in servers)]
    assert {home.cloudflare, home.record, home.stack_config, home.mail, home.log, home.secrets} <= set(found)
    assert not [str(path) for path in found if path.stat().st_mode & 0o077]
    assert home.root.stat().st_mode & 0o066 == 0
    assert home.state.stat().st_mode & 0o077 == 0
