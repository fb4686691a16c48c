"""Values set at runtime over declared ones: who may, what is kept, what wins, and what the history tells."""

from __future__ import annotations

import json

import psycopg
import pytest

from tenantry import naming
from tenantry.actor import Actor
from tenantry.control import configuration
from tenantry.control.database import transaction
from tenantry.errors import InputError
from tenantry.operations import configure
from tenantry.postgres.server import Server

from .conftest import DECLARED, content, declare

pytestmark = pytest.mark.service


def value(slug, key):
    (setting,) = configure.settings(slug, key)
    return setting.value, setting.source


def set_(slug, key, new, editor="platform"):
    return configure.put(slug, key, new, editor=editor, actor=Actor("ada"))


def test_a_value_comes_from_runtime_then_the_declaration_then_the_default(make):
    """Each with its source; unset goes back one step."""
    make("acme")
    assert value("acme", "theme.primary") == ("#0b5fff", "declaration")
    assert value("acme", "theme.font") == ("system-ui", "default")
    assert set_("acme", "theme.primary", "#ABC").changed
    assert value("acme", "theme.primary") == ("#aabbcc", "runtime")
    set_("acme", "theme.font", "Inter")
    assert value("acme", "theme.font") == ("Inter", "runtime")
    for key in ("theme.primary", "theme.font"):
        configure.take_back("acme", key, editor="tenant_admin", actor=Actor("ada"))
    assert content() == {("acme", key): (declared, "declaration") for key, declared in DECLARED.items()}
    assert not configure.take_back("acme", "theme.font", editor="platform", actor=Actor("ada")).changed


def test_the_declared_value_is_no_override(make):
    """Setting what the file says ends an override, and begins none."""
    make("acme")
    assert not set_("acme", "limits.users", 10).changed
    set_("acme", "limits.users", 11)
    set_("acme", "limits.users", 10)
    assert value("acme", "limits.users") == (10, "declaration")


@pytest.mark.parametrize(
    ("key", "new", "editor", "message", "hint"),
    [
        ("features.reprots", True, "platform", "no configuration key", "features.reports"),
        ("limits.users", 0, "platform", "at least 1", "1 to 100,000"),
        ("limits.users", "many", "platform", "a whole number", ""),
        ("features.sso", True, "tenant_admin", "the platform's to change", ""),
        ("branding.logo", "assets/acme/logo.svg", "platform", "is a picture", "tenantry branding upload"),
        ("limits.connections", 6, "platform", "by the declaration only", "file"),
        ("theme.css", "@import 'x';", "tenant_admin", "@import", ""),
        ("legal.terms", "http://acme.example", "tenant_admin", "https://", ""),
        ("email_templates.welcome.subject", "{{ nobody }}", "tenant_admin", "no placeholder", ""),
    ],
)
def test_what_is_wrong_touches_nothing(make, key, new, editor, message, hint):
    """Unknown key, range, type, right, content: one line what, one line what to do, and the table as before."""
    make("acme")
    before = content()
    with pytest.raises(InputError, match=message) as caught:
        set_("acme", key, new, editor)
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2
    assert content() == before


def test_an_unknown_tenant_is_answered_with_the_nearest(make):
    """The slug is a person's typing."""
    make("acme")
    with pytest.raises(InputError, match="no tenant acne") as caught:
        set_("acne", "limits.users", 11)
    assert "acme" in caught.value.hint


def test_the_tenant_administrators_value_outlives_a_changed_file(make):
    """A key of theirs: the runtime value stands against the file until it is unset, and then the newest declared value is there."""
    make("acme")
    set_("acme", "theme.primary", "#111111", "tenant_admin")
    declare("acme", {**DECLARED, "theme.primary": "#222222"})
    assert value("acme", "theme.primary") == ("#111111", "runtime")
    declare("acme", {key: value for key, value in DECLARED.items() if key != "theme.primary"})
    assert value("acme", "theme.primary") == ("#111111", "runtime")
    declare("acme", {**DECLARED, "theme.primary": "#333333"})
    configure.take_back("acme", "theme.primary", editor="tenant_admin", actor=Actor("ada"))
    assert value("acme", "theme.primary") == ("#333333", "declaration")


def test_a_changed_file_ends_the_override_of_a_platform_key(make):
    """Applied unchanged it does not; with another value the reviewed decision is the newer one, and the history tells."""
    make("acme")
    set_("acme", "limits.users", 50)
    declare("acme", DECLARED)
    assert value("acme", "limits.users") == (50, "runtime")
    declare("acme", {**DECLARED, "limits.users": 20})
    assert value("acme", "limits.users") == (20, "declaration")
    newest = configure.history("acme", "limits.users")[0]
    assert (newest.old_value, newest.new_value, newest.source, newest.changed_by) == (50, 20, "declaration", "tenantry up")


def test_a_value_written_back_becomes_declared(make):
    """When the file says what was set at runtime, it is no override any more, in either kind of key."""
    make("acme")
    set_("acme", "theme.primary", "#111111")
    set_("acme", "limits.users", 50)
    declare("acme", {**DECLARED, "theme.primary": "#111111", "limits.users": 50})
    assert value("acme", "theme.primary") == ("#111111", "declaration")
    assert value("acme", "limits.users") == (50, "declaration")


def test_a_refresh_sees_damage_and_not_overrides(make):
    """What is read back is the declaration as applied; a row changed or deleted past Tenantry shows."""
    tenant_id = make("acme")
    applied = {key: json.dumps(declared) for key, declared in DECLARED.items()}
    set_("acme", "theme.primary", "#111111")
    set_("acme", "theme.font", "Inter")
    assert configuration.read_declared(str(tenant_id)) == applied
    with transaction() as connection:
        connection.execute("UPDATE tenant_configurations SET config_value = '99' WHERE config_key = 'limits.users'")
        connection.execute("DELETE FROM tenant_configurations WHERE config_key = 'features.reports'")
    assert configuration.read_declared(str(tenant_id)) == {"limits.users": "99", "theme.primary": '"#0b5fff"'}
    declare("acme", DECLARED)
    assert configuration.read_declared(str(tenant_id)) == applied


def test_a_stack_that_lets_go_keeps_what_was_set_at_runtime(make):
    """The next stack's declaration finds the override, of a platform key too."""
    tenant_id = make("acme")
    set_("acme", "limits.users", 50)
    configuration.withdraw_declared(str(tenant_id), None)
    assert content() == {("acme", "limits.users"): (50, "runtime")}
    declare("acme", DECLARED)
    assert value("acme", "limits.users") == (50, "runtime")


def test_history_tells_who_and_from_what_to_what(make):
    """Every change, by whom, also one that takes a row away; the newest first."""
    make("acme", rows={})
    set_("acme", "theme.font", "Inter")
    configure.put("acme", "theme.font", "Lato", editor="tenant_admin", actor=Actor("bob"))
    configure.take_back("acme", "theme.font", editor="tenant_admin", actor=Actor("eve"))
    told = [(row.changed_by, row.old_value, row.new_value, row.old_source) for row in configure.history("acme")]
    assert told == [("eve", "Lato", None, "runtime"), ("bob", "Inter", "Lato", "runtime"), ("ada", None, "Inter", None)]


def test_the_applications_own_changes_are_recorded_too(make):
    """By its function, in a tenant's context: an override like any other, in the name of role and administrator; no other way."""
    tenant_id = make("acme", rows={"features.exports": True})
    with Server.from_environment().connect(naming.CONTROL_DATABASE) as connection:
        connection.execute("SELECT set_config('role', %s, true), set_config('search_path', 'control', true)", [naming.CONTROL_APP])
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        (person,) = connection.execute(
            "INSERT INTO users (tenant_id, email, name, role) VALUES (%s, 'bea@x.example', 'Bea', 'admin') RETURNING id", [tenant_id]
        ).fetchone()
        connection.execute("SELECT set_configuration('features.exports', 'false', %s)", [person])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("UPDATE tenant_configurations SET config_value = '42'")
        connection.execute("SELECT remove_user(%s)", [person])
        connection.commit()
    newest = configure.history("acme", "features.exports")[0]
    assert (newest.changed_by, newest.old_value, newest.new_value) == (f"{naming.CONTROL_APP}: {person}", True, False)
    assert value("acme", "features.exports") == (False, "runtime")
    configure.take_back("acme", "features.exports", editor="tenant_admin", actor=Actor("eve"))
    assert value("acme", "features.exports") == (True, "declaration")


def test_drift_says_what_the_next_up_does(make):
    """Overrides that stay, that the changed file ends, that it agrees with; changes not applied yet; damage."""
    from types import SimpleNamespace

    make("acme")
    set_("acme", "theme.primary", "#111111")
    set_("acme", "limits.users", 50)
    file = {**DECLARED}

    def told():
        tenant = SimpleNamespace(configuration=lambda: file, state="active", gone=False)
        return {entry.key: entry.next for entry in configure.drift({"acme": tenant}, "acme")}

    assert told() == dict.fromkeys(["theme.primary", "limits.users"], "overridden at runtime: stays")
    file |= {"theme.primary": "#222222", "limits.users": 20, "features.reports": True}
    assert told() == {
        "theme.primary": "overridden at runtime: stays, whatever the file says",
        "limits.users": "overridden at runtime: the changed file wins",
        "features.reports": "the file was changed: up applies it",
    }
    file |= {"theme.primary": "#111111", "limits.users": 10, "features.reports": False}
    assert told() == {"theme.primary": "the file says so too: up makes it declared", "limits.users": "overridden at runtime: stays"}
