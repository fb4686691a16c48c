"""What a run is for, and whether a checkout's files are that, newer or others: real repositories, nothing of a platform."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tenantry.control import admission
from tenantry.control.admitted import Admitted, Verdict
from tenantry.control.ledger import Ledger
from tenantry.declaration import load
from tenantry.operations.purpose import Purpose
from tenantry.work.step import OtherFiles

FILE = """\
name: {name}
tier: {tier}
isolation: rls
state: {state}
admin: {{name: Ada, email: ada@{slug}.example}}
branding: {{app_name: App}}
"""


class Checkout:
    """A folder of declarations; one tenant, ``acme``, unless more are written."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.tenants, self._monkeypatch = folder, folder / "tenants", monkeypatch
        if not self.tenants.exists():
            (self.tenants / "defaults").mkdir(parents=True)
            for tier in ("starter", "growth"):
                (self.tenants / "defaults" / f"{tier}.yaml").write_text("limits: {users: 5}\n")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), "-c", "user.email=a@b.example", "-c", "user.name=A", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def write(self, name: str, slug: str = "acme", state: str = "active", tier: str = "starter") -> None:
        (self.tenants / f"{slug}.yaml").write_text(FILE.format(slug=slug, name=name, state=state, tier=tier))

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def clone(self, folder: Path, *options: str) -> Checkout:
        subprocess.run(["git", "clone", "-q", *options, f"file://{self.folder}", str(folder)], check=True)
        return Checkout(folder, self._monkeypatch)

    def admitted(self) -> Admitted:
        self._monkeypatch.setenv("TENANTRY_TENANTS", str(self.tenants))
        return admission.admit(load(self.tenants), Ledger("shared", {}, {}, False))

    def asked(self, *slugs: str) -> dict[str, Purpose]:
        return Purpose.of(self.admitted(), slugs or ("acme",))

    def newer(self, purpose: Purpose) -> str:
        return purpose.newer(self.admitted(), "acme")

    def refusal(self, purpose: Purpose) -> str:
        with pytest.raises(OtherFiles) as raised:
            self.newer(purpose)
        return raised.value.message


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Without git."""
    made = Checkout(tmp_path / "asker", monkeypatch)
    made.write("One")
    return made


@pytest.fixture
def asker(plain: Checkout) -> Checkout:
    plain.git("init", "-q", "-b", "main")
    plain.commit()
    return plain


@pytest.fixture
def worker(asker: Checkout, tmp_path: Path) -> Checkout:
    """A clone of the first commit."""
    return asker.clone(tmp_path / "worker")


def test_a_worker_with_the_same_declaration_goes_on(asker, worker):
    """At whichever commit it is: what another tenant's file says does not matter, and neither does a rebase."""
    assert worker.newer(asker.asked()["acme"]) == ""
    asker.write("Birch", slug="birch")
    head = asker.commit()
    purpose = asker.asked()["acme"]
    assert purpose.commit == head
    assert worker.newer(purpose) == ""
    worker.git("commit", "-q", "--amend", "-m", "rebased")
    assert worker.newer(purpose) == ""


def test_a_worker_that_is_ahead_makes_what_is_newer_and_says_so(asker, worker):
    """Nobody wants an older file to be put over it. That a newer one takes the tenant away is not for this to say."""
    purpose = asker.asked()["acme"]
    worker.write("Two")
    newer = worker.commit()
    assert purpose.commit is not None
    assert worker.newer(purpose) == f"made from newer files: commit {newer[:10]} contains {purpose.commit[:10]}, which was asked for"
    worker.write("Two", state="suspended")
    worker.commit()
    assert worker.newer(purpose) != ""
    worker.git("rm", "-q", "tenants/acme.yaml")
    worker.commit()
    assert worker.newer(purpose) != ""


def test_a_worker_that_is_behind_gives_back(asker, worker):
    """It says at which commit it is. Behind is also who has no file of the tenant yet, or knows that it is suspended only."""
    behind = worker.git("rev-parse", "HEAD")
    asker.write("Two")
    ahead = asker.commit()
    said = f"gave back at commit {behind[:10]}: acme was asked for with commit {ahead[:10]}"
    assert worker.refusal(asker.asked()["acme"]) == said
    worker.git("rm", "-q", "tenants/acme.yaml")
    worker.commit()
    assert worker.refusal(asker.asked()["acme"]).startswith("gave back at commit ")


def test_a_state_that_only_an_older_file_has_is_no_reason_to_fail(asker, tmp_path):
    """What else is in the file is the same; the newer one lets the tenant in again."""
    asker.write("One", state="suspended")
    asker.commit()
    worker = asker.clone(tmp_path / "suspended")
    asker.write("One")
    asker.commit()
    assert worker.refusal(asker.asked()["acme"]).startswith("gave back at commit ")


def test_histories_that_do_not_contain_each_other_are_others(asker, worker, tmp_path):
    """So is a clone that was cut off before the commit."""
    asker.write("Two")
    asker.commit()
    purpose = asker.asked()["acme"]
    worker.write("Three")
    worker.commit()
    assert "asked for with commit" in worker.refusal(purpose)
    asker.write("Four")
    asker.commit()
    shallow = asker.clone(tmp_path / "shallow", "--depth", "1")
    assert "asked for with commit" in shallow.refusal(purpose)


def test_what_is_in_no_commit_is_not_called_so(asker, worker):
    """Neither where it was asked for, a tier's defaults among it, nor where it would be made."""
    asker.write("Two")
    purpose = asker.asked()["acme"]
    assert purpose.commit is None
    assert asker.newer(purpose) == "", "the same folder has it"
    assert worker.refusal(purpose).endswith(": acme was asked for with other files")
    asker.git("checkout", "-q", ".")
    asker.write("Birch", slug="birch", tier="growth")
    asker.commit()
    (asker.tenants / "defaults" / "starter.yaml").write_text("limits: {users: 6}\n")
    asked = asker.asked("acme", "birch")
    assert (asked["acme"].commit, asked["birch"].commit) == (None, asker.git("rev-parse", "HEAD"))
    asker.git("checkout", "-q", ".")
    purpose = asker.asked()["acme"]
    asker.write("Three")
    assert "acme.yaml was changed and not committed: acme was asked for with commit" in asker.refusal(purpose)


def test_a_worker_that_is_behind_what_was_applied_has_that_from_the_ledger(asker, worker):
    """Is it what was asked for, then it goes on; else another worker may have the newer files."""
    purpose, admitted = asker.asked()["acme"], worker.admitted()
    verdict = Verdict("acme", "older", "tenants/acme.yaml of commit 1 is older than commit 2", "git pull")
    behind = replace(admitted, verdicts={"acme": verdict})
    assert purpose.newer(behind, "acme") == ""
    asker.write("Two")
    asker.commit()
    with pytest.raises(OtherFiles) as raised:
        asker.asked()["acme"].newer(behind, "acme")
    assert raised.value.message.endswith(f": {verdict.message}")
    assert raised.value.hint == "git pull"


def test_without_git_only_the_same_files_will_do(plain, tmp_path, monkeypatch):
    """Which are newer nobody can tell. A state that differs is a command's, of which the registry knows more."""
    purpose = plain.asked()["acme"]
    assert purpose.commit is None
    other = Checkout(tmp_path / "other", monkeypatch)
    other.write("One", state="suspended")
    assert other.newer(purpose) == ""
    other.write("Two")
    assert other.refusal(purpose) == f"gave back in {other.tenants}, which is in no git repository: acme was asked for with other files"
