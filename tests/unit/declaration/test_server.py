"""The database server of a tenant of its own: what a file may ask for, and what its fingerprint makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tenantry.declaration import Declarations, fingerprint
from tenantry.declaration.fingerprint import OF_COMMANDS
from tenantry.declaration.model import Server, TenantDeclaration

from .conftest import PLAIN

Loaded = Callable[[Mapping[str, str]], Declarations]


def content(declaration: TenantDeclaration) -> str:
    return fingerprint.content(declaration, Path("nowhere"))


@pytest.mark.parametrize(
    "asked",
    [
        {"instance_class": "t4g.small"},
        {"instance_class": "db.t4g.small; drop"},
        {"subnet_group": "Tenants"},
        {"subnet_group": ""},
        {"security_groups": ["sg-1"]},
        {"security_groups": ["sg-0123456789abcdef0"] * 6},
        {"storage_gb": 20},
    ],
)
def test_what_rds_would_refuse_in_mid_run_is_refused_before(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Server.model_validate(asked)


def test_a_tenant_without_the_section_is_as_it_was_before_there_was_one(loaded: Loaded) -> None:
    """Its content's digest is that of the last release: an upgrade calls nobody's file changed. One that has it differs.

    `user_defaults` came still later, then `sign_in`.
    """
    plain = loaded({"acme": PLAIN})["acme"]
    before = plain.model_dump_json(exclude={*OF_COMMANDS, "server", "user_defaults", "sign_in"})
    assert content(plain) == hashlib.sha256(before.encode()).hexdigest()
    asked = loaded({"acme": PLAIN + "server: {instance_class: db.r7g.large}\n"})["acme"]
    assert content(asked) != content(plain)
    german = loaded({"acme": PLAIN + "user_defaults: {locale: de}\n"})["acme"]
    assert content(german) != content(plain)
