"""Which command a state in a file asks for, by what the registry and the journal know of the tenant."""

from __future__ import annotations

from typing import Any

import pytest

from tenantry.declaration import TenantDeclaration
from tenantry.operations import pending


def tenant(state):
    file = {"slug": "ash", "name": "Ash", "tier": "starter", "admin": {"name": "A", "email": "a@ash.example"}}
    return TenantDeclaration.model_validate({**file, "branding": {"app_name": "Ash"}, "state": state})


def journal(state, kind=None, to=None, run="done"):
    last: dict[str, Any] = {"kind": kind, "state": run, "arguments": {"to": to}}
    one = tenant("active")
    return pending._Journal({"ash": state} if state else {}, (), {}, {one.id: last} if kind else {})


@pytest.mark.parametrize(
    ("declared", "known", "command"),
    [
        ("suspended", journal("active"), "suspend"),
        ("offboarding", journal("active"), "offboard"),
        ("offboarding", journal("suspended", "suspend", "suspended"), "offboard"),
        ("active", journal("suspended", "suspend", "suspended"), "reactivate"),
        ("active", journal("offboarding", "offboard", "offboarding"), "undelete"),
        ("suspended", journal("offboarding", "offboard", "offboarding"), "undelete"),
        # it has led there, or is under way
        ("suspended", journal("suspended", "suspend", "suspended"), None),
        ("suspended", journal("suspended", "suspend", "suspended", "failed"), "suspend"),
        ("active", journal("offboarding", "undelete", "active", "running"), "undelete"),
        # an engine's run that was for somebody else has applied the file: sessions go on, and there is no hold
        ("suspended", journal("suspended"), "suspend"),
        ("offboarding", journal("offboarding", "reactivate", "active"), "offboard"),
        # nothing is deleted by a file, and a tenant that was never made is given no command
        ("deleted", journal("offboarding", "offboard", "offboarding"), None),
        ("archived", journal("offboarding", "offboard", "offboarding"), None),
        ("active", journal("active"), None),
        ("active", journal("active", "reactivate", "active"), None),
        ("active", journal(None), None),
        ("active", journal("provisioning"), None),
        ("suspended", journal(None), None),
    ],
)
def test_a_state_in_a_file_is_a_command(declared, known, command):
    assert pending._command(tenant(declared), known)[0] == command
