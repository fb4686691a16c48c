"""Values set at runtime, written into the tenant's file."""

from __future__ import annotations

import pytest

from tenantry.actor import Actor
from tenantry.declaration import DeclarationErrors, load_one
from tenantry.errors import InputError
from tenantry.operations import configure
from tenantry.operations.write_back import write_back

from .conftest import declare

pytestmark = pytest.mark.service

FILE = """\
# Acme, since 2026
name: Acme
tier: starter  # for now
admin: {name: Ada, email: ada@acme.example}
theme: {primary: "#0b5fff"}  # our blue
"""


@pytest.fixture
def folder(tmp_path, make):
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults" / "starter.yaml").write_text("limits: {users: 10}\n")
    (tmp_path / "acme.yaml").write_text(FILE)
    make("acme", rows=load_one(tmp_path, "acme").configuration())
    configure.put("acme", "theme.primary", "#111111", editor="tenant_admin", actor=Actor("ada"))
    configure.put("acme", "limits.users", 50, editor="platform", actor=Actor("grace"))
    return tmp_path


def test_the_file_says_then_what_is_in_force(folder):
    """Every value that differs, with comments and formatting kept; applied, the rows are declared and nothing drifts."""
    done = write_back("acme", folder)
    assert set(done.keys) == {"theme.primary", "limits.users"}
    assert (folder / "acme.yaml").read_text() == FILE.replace("#0b5fff", "#111111") + "limits:\n  users: 50\n"
    tenant = load_one(folder, "acme")
    assert {entry.next for entry in configure.drift({"acme": tenant}, "acme")} == {"the file says so too: up makes it declared"}
    declare("acme", tenant.configuration())
    assert configure.drift({"acme": tenant}, "acme") == []
    assert configure.settings("acme", "limits.users")[0].source == "declaration"
    assert write_back("acme", folder).keys == ()


def test_a_chosen_key_is_written_alone_and_a_dry_run_writes_nothing(folder):
    """The diff is the same in both."""
    shown = write_back("acme", folder, ["theme.primary"], dry=True)
    assert (folder / "acme.yaml").read_text() == FILE
    assert shown.keys == ("theme.primary",)
    assert '+theme: {primary: "#111111"}  # our blue\n' in shown.diff
    assert write_back("acme", folder, ["theme.primary"]) == shown
    assert "users" not in (folder / "acme.yaml").read_text()


def test_a_broken_file_is_reported_and_left_alone(folder):
    """Its problems first; there is nothing to write into it until they are corrected."""
    broken = FILE + "features:\n"
    (folder / "acme.yaml").write_text(broken)
    with pytest.raises(DeclarationErrors, match="features must be a mapping"):
        write_back("acme", folder, ["theme.primary"])
    assert (folder / "acme.yaml").read_text() == broken


def test_a_key_without_a_value_of_its_own_is_a_mistake(folder):
    """Unknown, or not set at runtime."""
    with pytest.raises(InputError, match="no configuration key"):
        write_back("acme", folder, ["theme.primray"])
    with pytest.raises(InputError, match="is not set at runtime"):
        write_back("acme", folder, ["theme.accent"])
    assert (folder / "acme.yaml").read_text() == FILE


def test_a_file_whose_shape_cannot_be_edited_is_left_alone(folder, monkeypatch):
    """The message says what a person has to write."""
    from tenantry.declaration import store
    from tenantry.declaration.yaml_edit import CannotEdit

    def refuse(*_):
        raise CannotEdit("theme is not a mapping")

    monkeypatch.setattr(store, "set_value", refuse)
    with pytest.raises(InputError, match="theme is not a mapping") as caught:
        write_back("acme", folder, ["theme.primary"])
    assert caught.value.hint == "write it yourself: theme: {primary: '#111111'}"
    assert (folder / "acme.yaml").read_text() == FILE
