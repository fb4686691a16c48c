"""Small rules of operations that need no platform."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import pytest

from tenantry.engine import fleet
from tenantry.errors import TransientError
from tenantry.operations import doctor, engine_step, provision
from tenantry.postgres import pgtools
from tests.environment import entered


def test_doctor_works_in_a_shell_without_the_environment() -> None:
    """That is the first thing it is asked about: every check says what is missing, and none ends in an unexpected error."""
    nothing = dict.fromkeys(("PATH", "PGHOST", "CLOUDFLARE_API_TOKEN", "SMTP_HOST", "AWS_ACCESS_KEY_ID"), "")
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/nowhere")
    with entered({**nothing, **nowhere, "AWS_EC2_METADATA_DISABLED": "true"}):
        found = {check.name: check for check in doctor.examine()}
    assert found["Pulumi engine"].found == found["state backend"].found == "no pulumi on PATH"
    assert {name for name, check in found.items() if check.ok} <= {
        "Python", "settings", "repository", "forge", "declarations", "passwords", "row contexts",
    }  # fmt: skip
    assert all(check.hint for check in found.values() if not check.ok)
    assert "CLOUDFLARE_API_TOKEN not set" in found["Cloudflare"].found


@pytest.mark.parametrize(
    ("name", "slug"),
    [("acme", "acme"), ("acme-db-tables", "acme"), ("acme-staging-db", "acme-staging"), ("platform-bucket", None), ("default", None)],
)
def test_a_change_is_told_as_its_own_tenants(name: str, slug: str | None) -> None:
    """What is the platform's or the engine's is no other tenant's, and a slug may begin as another one does."""
    assert engine_step.tenant_of(name, {"acme", "acme-staging"}) == slug


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_is_told_to_stop_is_run_again(number: signal.Signals) -> None:
    """What ends a service, or Ctrl-C, reaches pg_dump beside the worker, which finishes what is in hand."""
    stopped = f"import os, signal; signal.signal({int(number)}, signal.SIG_DFL); os.kill(os.getpid(), {int(number)})"
    with pytest.raises(TransientError, match="told to stop"), pgtools.reading([sys.executable, "-c", stopped], {}) as read:
        assert read(1) == b""


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ({}, [["shared"], ["shared-eu1"], ["acme", "globex"]]),
        ({"acme": {"shared"}}, [["shared"], ["shared-eu1"], ["acme", "globex"]]),
        ({"shared": {"acme"}}, [["acme"], ["shared"], ["shared-eu1"], ["globex"]]),
        ({"shared": {"shared-eu1"}, "shared-eu1": {"acme"}}, [["acme"], ["shared-eu1"], ["shared"], ["globex"]]),
        ({"acme": {"globex"}}, [["shared"], ["shared-eu1"], ["globex"], ["acme"]]),
        ({"shared": {"acme"}, "acme": {"shared"}}, [["shared"], ["shared-eu1"], ["acme", "globex"]]),
        ({"shared": {"elsewhere"}}, [["shared"], ["shared-eu1"], ["acme", "globex"]]),
    ],
)
def test_who_gives_a_host_name_up_goes_before_who_takes_it(before, expected) -> None:
    """Otherwise the order is that in which stacks need each other; an exchange has no order, and is refused by the stacks themselves."""
    assert fleet.givers_first(fleet.levels(["globex", "shared", "acme", "shared-eu1"]), before) == expected


@pytest.mark.parametrize(("asked", "expected"), [(True, ["acme", "shared"]), (False, ["shared"])])
def test_provisioning_runs_the_giver_first_where_that_was_asked_for_too(monkeypatch, asked, expected) -> None:
    """Workers take runs in any order. A stack that nobody asked for is not touched: the gate names it."""
    done: list[str] = []
    admitted = SimpleNamespace(
        declared={"birch": SimpleNamespace(stack="shared", slug="birch", state="active")},
        verdicts={},
        require=lambda slug: None,
        fingerprint=lambda slug: None,
    )
    monkeypatch.setattr(provision.admission, "load", lambda: admitted)
    monkeypatch.setattr(provision.Evidence, "of", lambda _: SimpleNamespace(applied=lambda *_: False))
    monkeypatch.setattr(provision.fleet, "givers", lambda _: {"shared": {"acme"}})
    monkeypatch.setattr(provision.runs, "at_work_on", lambda stack, kind: asked)
    monkeypatch.setattr(provision.engine_step, "make", lambda _run, stack, _admitted: done.append(stack))
    monkeypatch.setattr(provision.engine_step, "apply_in_parts", lambda _run, _log, stack, *_: done.append(stack))
    provision._engine(SimpleNamespace(subject="birch", declared=None, notes={}, at_hand={}), None)
    assert done == expected
