"""What a failed run of the engine says, and what is tried after it."""

from __future__ import annotations

import pytest

from tenantry.engine.failure import explained, is_of_something_gone


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ('failed to make http request: DELETE "https://api.cloudflare.com/client/v4/zones/z/custom_hostnames/i": 404 Not Found {}', True),
        ('could not delete role t_acme__app: pq: role "t_acme__app" does not exist', True),
        ('Error dropping database: pq: database "t_acme" does not exist', True),
        ("the Cloudflare API cannot be reached", False),
        ("custom host name x.example: Cloudflare refused it: Invalid zone (4040)", False),
    ],
)
def test_what_failed_because_it_is_gone_is_told_from_the_rest(message: str, gone: bool) -> None:
    """A removal whose answer was lost is over after a refresh; nothing else is helped by one."""
    assert is_of_something_gone(explained("acme", [("acme-domain", message)], "")) is gone
