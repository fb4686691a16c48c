"""Small rules of operations that need no platform."""

from __future__ import annotations

import pytest

from tenantry.operations import doctor, engine_step


def test_doctor_tells_of_a_missing_engine_wherever_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell without the environment is the first thing that doctor is asked about: no check may end in an unexpected error."""
    monkeypatch.setenv("PATH", "")
    for name, check in (("Pulumi engine", doctor._engine), ("state backend", doctor._backend)):
        found = doctor._attempt(name, check)
        assert (found.ok, found.found) == (False, "no pulumi on PATH")
        assert "local env" in found.hint


@pytest.mark.parametrize(
    ("name", "slug"),
    [("acme", "acme"), ("acme-db-tables", "acme"), ("acme-staging-db", "acme-staging"), ("platform-bucket", None), ("default", None)],
)
def test_a_change_is_told_as_its_own_tenants(name: str, slug: str | None) -> None:
    """What is the platform's or the engine's is no other tenant's, and a slug may begin as another one does."""
    assert engine_step._tenant(name, {"acme", "acme-staging"}) == slug
