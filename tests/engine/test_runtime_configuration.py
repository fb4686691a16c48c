"""The engine and what is set at runtime do not fight: nothing to do stays nothing to do, and a changed file wins where it should."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def platform(sandbox):
    (sandbox.tenants / "defaults").unlink()
    (sandbox.tenants / "defaults").mkdir()
    (sandbox.tenants / "defaults" / "starter.yaml").write_text("isolation: rls\nlimits: {users: 10}\n")
    for slug in ("acme", "birch"):
        sandbox.declare(slug, tier="starter")
    sandbox.up()
    for key, value in (("theme.primary", "#111111"), ("limits.users", "50"), ("legal.terms", "https://acme.example/terms")):
        sandbox.tenantry("config", "set", "acme", key, value)
    return sandbox


def value(platform, slug, key):
    told = json.loads(platform.tenantry("config", "get", slug, key, "--json").stdout)
    return told["value"], told["source"]


def test_values_set_at_runtime_are_nothing_to_do(platform):
    """Neither for an up, nor for one that looks first, nor for a bare pulumi."""
    assert platform.up() == {"shared": {}}
    assert platform.up("--all", "--refresh") == {"shared": {}}
    platform.pulumi("preview", "-s", "shared", "--expect-no-changes")
    assert value(platform, "acme", "theme.primary") == ("#111111", "runtime")


def test_drift_shows_what_a_tiers_new_default_does_to_each_tenant(platform):
    """To the one that has its own value at runtime as well; then up does just that, and after write-back nothing differs."""
    (platform.tenants / "defaults" / "starter.yaml").write_text("isolation: rls\nlimits: {users: 20}\ntheme: {primary: '#222222'}\n")
    told = {(d["slug"], d["key"]): d["next"] for d in json.loads(platform.tenantry("config", "drift", "--json").stdout)}
    assert told == {
        ("acme", "theme.primary"): "overridden at runtime: stays, whatever the file says",
        ("acme", "limits.users"): "overridden at runtime: the changed file wins",
        ("acme", "legal.terms"): "overridden at runtime: stays",
        ("birch", "theme.primary"): "the file was changed: up applies it",
        ("birch", "limits.users"): "the file was changed: up applies it",
    }
    platform.up()
    assert value(platform, "acme", "limits.users") == (20, "declaration")
    assert value(platform, "acme", "theme.primary") == ("#111111", "runtime")
    assert value(platform, "birch", "theme.primary") == ("#222222", "declaration")
    platform.tenantry("config", "write-back", "acme")
    assert set(platform.up()["shared"]) == {"change"}
    assert value(platform, "acme", "theme.primary") == ("#111111", "declaration")
    assert json.loads(platform.tenantry("config", "drift", "--json").stdout) == []
    assert platform.up("--all", "--refresh") == {"shared": {}}
