"""What doctor finds where changes are proposed on a forge: whether the token may what it must, and what it may besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from tenantry import cli
from tenantry.clients import forges
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.operations import declaration_checks, doctor
from tenantry.operations.declaration_checks import Warned
from tests.service.web import forge as fake
from tests.service.web.forge import Token

LATER = str((datetime.now(UTC) + timedelta(days=90)).date())
SOON = str((datetime.now(UTC) + timedelta(days=3)).date())


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request, monkeypatch) -> Iterator[fake.Forge]:
    monkeypatch.setattr(forges, "AWAY", 0.5)
    with fake.running(request.param) as running:
        monkeypatch.setenv("TENANTRY_DECLARATIONS", running.setting)
        monkeypatch.setenv(forges.TOKEN, fake.TOKEN)
        yield running


def test_a_token_with_just_its_rights_is_well(forge):
    """And nothing was made to find that out."""
    forge.token = Token(expires=LATER)
    found = declaration_checks.forge()
    until = "without an end that the forge tells" if forge.kind == "gitea" else f"until {LATER}"
    assert found == f"the token is valid for {fake.REPOSITORY} at {forge.place}, {until}"
    assert (forge.commits, forge.pulls, list(forge.files)) == ([], [], ["main"])


@pytest.mark.parametrize(
    ("forge", "token", "said"),
    [
        ("github", Token(writes=False), "Contents: write"),
        ("github", Token(proposes=False), "Pull requests: write"),
        ("gitlab", Token(scopes=["read_api"]), "scope api"),
        ("gitlab", Token(level=20), "the role Developer"),
        ("gitea", Token(writes=False), "the right to write to the repository"),
    ],
    indirect=["forge"],
)
def test_a_right_that_is_missing_is_named(forge, token, said):
    forge.token = token
    with pytest.raises(WorkError, match=f"has not {said}") as caught:
        declaration_checks.forge()
    assert "docs/production.md" in caught.value.hint


@pytest.mark.parametrize(
    ("forge", "token", "said"),
    [
        ("github", Token(scopes=["repo", "delete_repo"]), "scope delete_repo, which is for every repository of its user, scope repo"),
        ("github", Token(besides=("hooks", "actions/secrets")), "Webhooks, Secrets"),
        ("gitlab", Token(scopes=["api", "sudo"]), "scope sudo"),
        ("gitlab", Token(level=40), "a role above Developer"),
        ("gitlab", Token(group=30), "the group's other projects"),
        ("gitea", Token(admin=True), "administration of the repository"),
        ("gitea", Token(besides=("user",)), "a scope besides write:repository"),
    ],
    indirect=["forge"],
)
def test_a_right_too_many_is_a_warning(forge, token, said):
    forge.token = token
    found = declaration_checks.forge()
    assert isinstance(found, Warned)
    assert f"it may do more than it must: {said}" in found.found
    assert found.hint == "make one with the rights of docs/production.md, A forge"


def test_an_end_that_is_near_and_a_branch_that_is_open_are_warnings(forge):
    forge.token = Token(expires=SOON, protected=False)
    found = declaration_checks.forge()
    assert isinstance(found, Warned)
    assert "without review" in found.found
    assert "protect the branch main" in found.hint
    assert ("it ends in 3 days" in found.found) == (forge.kind != "gitea")


def test_what_is_wrong_with_the_token_or_the_setting_is_told_apart(forge, monkeypatch):
    """And the token is in none of it."""
    place = forge.setting
    for setting, words in (
        (place.replace("globex/platform", "globex/other"), "globex/other is not there for the token"),
        (place.replace("#main", "#trunk"), "has no branch trunk"),
    ):
        monkeypatch.setenv("TENANTRY_DECLARATIONS", setting)
        with pytest.raises(WorkError, match=words):
            declaration_checks.forge()
    monkeypatch.setenv("TENANTRY_DECLARATIONS", place)
    monkeypatch.setenv(forges.TOKEN, "another-secret")
    with pytest.raises(WorkError, match="refuses the token") as caught:
        declaration_checks.forge()
    assert "another-secret" not in caught.value.message + caught.value.hint
    monkeypatch.delenv(forges.TOKEN)
    with pytest.raises(InputError, match="TENANTRY_FORGE_TOKEN is not set"):
        declaration_checks.forge()
    monkeypatch.setenv(forges.TOKEN, fake.TOKEN)
    for trouble in (500, "hang"):
        forge.trouble = [trouble]
        with pytest.raises(TransientError):
            declaration_checks.forge()


def test_a_warning_is_shown_and_fails_nothing(monkeypatch):
    checks = [doctor.Check("forge", True, "it ends", "make another"), doctor.Check("mail", True, "well")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    runner = CliRunner()
    cli._register()
    shown = runner.invoke(cli.app, ["doctor"])
    assert (shown.exit_code, shown.output.splitlines()) == (0, ["warn  forge: it ends", "      make another", "ok    mail: well"])
    told = json.loads(runner.invoke(cli.app, ["doctor", "--json"]).stdout)
    assert [(check["ok"], check["warning"]) for check in told] == [(True, True), (True, False)]
