"""Whose word counts: the file's, a command's, or that of a newer file. The runs are played; ledger, registry and git are real."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tenantry import naming
from tenantry.control import admission, ledger, quarantine, registry, stack_runs
from tenantry.control.admitted import Admitted
from tenantry.control.database import transaction
from tenantry.control.ledger import Ledger
from tenantry.control.origin import Origin
from tenantry.declaration import placement
from tenantry.errors import InputError, OlderProgram
from tenantry.postgres.server import Server
from tenantry.settings import PlatformSettings, project_root
from tests.service import control_database

pytestmark = pytest.mark.service

FILE = """\
name: {name}
tier: starter
isolation: {isolation}
state: {state}
admin: {{name: Ada, email: ada@{slug}.example}}
branding: {{app_name: App}}
"""


class Checkout:
    """A folder of declarations, with git or without."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, git: bool = True) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.tenants = folder / "tenants"
        if git and not folder.exists():
            folder.mkdir()
            self.git("init", "-q", "-b", "main")
            self.git("config", "user.email", "a@b.example")
            self.git("config", "user.name", "A")
        (self.tenants / "defaults").mkdir(parents=True, exist_ok=True)
        (self.tenants / "defaults" / "starter.yaml").write_text("limits: {users: 5}\n")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(self.folder), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, slug: str, name: str = "One", state: str = "active", isolation: str = "rls") -> None:
        (self.tenants / f"{slug}.yaml").write_text(FILE.format(slug=slug, name=name, state=state, isolation=isolation))

    def merge(self, slug: str, **values: str) -> str:
        """``write`` and ``commit``."""
        self.write(slug, **values)
        return self.commit()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", str(uuid4()))  # in two clones in one second: two commits
        return self.git("rev-parse", "HEAD")

    def clone(self, folder: Path, commit: str = "main") -> Checkout:
        subprocess.run(["git", "clone", "-q", str(self.folder), str(folder)], check=True)
        copy = Checkout(folder, self.monkeypatch)
        copy.git("checkout", "-q", commit)
        for setting in (("user.email", "a@b.example"), ("user.name", "A")):
            copy.git("config", *setting)
        return copy

    def admitted(self, *, accept_older: bool = False) -> Admitted:
        self.monkeypatch.setenv("TENANTRY_TENANTS", str(self.tenants))
        self.monkeypatch.setenv(admission.ACCEPT_OLDER, "1" if accept_older else "")
        return admission.load()

    def begin(self, *, accept_older: bool = False) -> Admitted:
        """What a run of the stack `shared` writes down before it makes anything."""
        admitted = self.admitted(accept_older=accept_older)
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            known = [admitted.entry(tenant) for tenant in admitted.declared.values() if not tenant.gone]
            ledger.begin(connection, Ledger.read(connection, "shared"), [], known)
        return admitted

    def run(self, *, accept_older: bool = False) -> Admitted:
        """A run of the stack, to its end."""
        admitted = self.begin(accept_older=accept_older)
        settings = PlatformSettings.from_project(project_root())
        with Server.from_environment().connect() as connection:
            stack_runs.reach_end(connection, "shared")
        for tenant in admitted.declared.values():
            admin = {"name": tenant.admin.name, "email": tenant.admin.email}
            registry.record(str(tenant.id), tenant.slug, placement.row(tenant, settings), [], admin)
        return admitted


def command(slug: str, name: str, to: str, state: str = "done") -> str:
    """What a command leaves in the control database; its run."""
    run = uuid4()
    with transaction() as connection:
        if name in ("suspend", "offboard") or state == "done":
            connection.execute("UPDATE tenants SET state = %s WHERE slug = %s", [to, slug])
        connection.execute(
            "INSERT INTO runs (id, kind, tenant_id, subject, stack, arguments, requested_by, via, state)"
            " VALUES (%s, %s, %s, %s, 'shared', %s, 'ada', 'cli', %s)",
            [run, name, naming.tenant_id(slug), slug, Jsonb({"to": to}), state],
        )
    return str(run)


def state(admitted: Admitted, slug: str = "harbor") -> tuple[str, str | None]:
    verdict = admitted.verdicts.get(slug)
    return admitted.declared[slug].state, verdict.kind if verdict else None


@pytest.fixture(autouse=True)
def platform(in_cloud: Any) -> Iterator[None]:
    control_database.make()
    with Server.from_environment().connect() as connection:
        ledger.begin(connection, Ledger.read(connection, "shared"), [], [])
    _clear()
    yield
    _clear()


def _clear() -> None:
    with Server.from_environment().connect() as connection:
        connection.execute("DELETE FROM tenantry_ledger.tenants")
    with transaction() as control:
        control.execute("TRUNCATE runs, invitations, tenant_domains, tenants, quarantined_names CASCADE")


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    checkout = Checkout(tmp_path / "main", monkeypatch)
    checkout.write("harbor")
    checkout.merge("birch")
    checkout.run()
    return checkout


def test_a_command_is_not_undone_by_a_file_that_knows_nothing_of_it(main: Checkout) -> None:
    command("harbor", "suspend", "suspended")
    main.merge("birch", name="Another")
    admitted = main.run()
    assert state(admitted) == ("suspended", "unaware")
    assert "suspend by ada on 2" in admitted.verdicts["harbor"].message
    assert "tenantry reactivate harbor" in admitted.verdicts["harbor"].hint
    assert admitted.declared["birch"].name == "Another"
    assert "birch" not in admitted.verdicts
    assert state(main.run()) == ("suspended", "unaware")  # however often


def test_the_other_edits_of_such_a_file_are_made(main: Checkout) -> None:
    command("harbor", "suspend", "suspended")
    main.merge("harbor", name="Harbor Two")
    admitted = main.run()
    assert (admitted.declared["harbor"].name, admitted.declared["harbor"].state) == ("Harbor Two", "suspended")


def test_a_command_s_line_counts_as_the_file_s_word_once_it_is_merged(main: Checkout, tmp_path: Path) -> None:
    command("harbor", "suspend", "suspended")
    main.write("harbor", state="suspended")
    assert state(main.run()) == ("suspended", None)
    main.git("checkout", "-q", "--", ".")  # where the command was given, and lost
    assert state(main.run()) == ("suspended", "unaware")
    main.merge("harbor", state="suspended")
    assert state(main.run()) == ("suspended", None)
    main.write("harbor", state="active")  # somebody means it
    main.commit()
    assert state(main.run()) == ("active", None)


@pytest.mark.parametrize("runs", [False, True])
def test_an_earlier_command_s_line_that_is_merged_late_lets_nobody_in(main: Checkout, tmp_path: Path, runs: bool) -> None:
    """Suspended, that line merged and run; reactivated, and that line merged; suspended again, with a run in that clone or without one."""
    main.merge("harbor", state="suspended")
    main.run()
    operator = main.clone(tmp_path / "operator")
    command("harbor", "reactivate", "active")
    main.merge("harbor", state="active")
    command("harbor", "suspend", "suspended")
    operator.git("pull", "-q", "origin", "main")
    operator.write("harbor", state="suspended")
    if runs:
        assert state(operator.run()) == ("suspended", None)
    assert state(main.run()) == ("suspended", "unaware")
    main.merge("birch", name="Another")
    assert state(main.run()) == ("suspended", "unaware")  # however often
    main.merge("harbor", state="suspended")
    main.run()
    main.merge("harbor", state="active")
    assert state(main.run()) == ("active", None)  # this one is meant


def test_a_command_that_is_given_in_a_clone_behind_stands_against_the_line_of_the_one_before(main: Checkout, tmp_path: Path) -> None:
    """That clone's file says suspended already, of the first time."""
    command("harbor", "suspend", "suspended")
    main.merge("harbor", state="suspended")
    main.run()
    behind = main.clone(tmp_path / "behind")
    command("harbor", "reactivate", "active")
    main.merge("harbor", state="active")
    command("harbor", "suspend", "suspended")
    assert state(behind.run()) == ("suspended", None)
    assert state(main.run()) == ("suspended", "unaware")
    command("harbor", "reactivate", "active")
    assert state(main.run()) == ("active", None)


def test_a_suspension_that_came_and_went_by_command_is_no_word_against_a_later_edit(main: Checkout) -> None:
    command("harbor", "suspend", "suspended")
    command("harbor", "reactivate", "active")
    main.run()
    main.merge("harbor", state="suspended")
    assert state(main.run()) == ("suspended", None)


def test_edits_by_hand_count_after_commands_that_came_and_went(main: Checkout) -> None:
    """In files that are not committed, too."""
    command("harbor", "suspend", "suspended")
    command("harbor", "reactivate", "active")
    for wanted in ("suspended", "active", "offboarding"):
        main.write("harbor", state=wanted)
        assert state(main.run()) == (wanted, None)


def test_an_edit_that_means_it_counts(main: Checkout) -> None:
    for wanted in ("suspended", "active", "suspended"):
        main.write("harbor", state=wanted)
        assert state(main.run()) == (wanted, None)  # by hand
    main.commit()
    main.merge("harbor", state="offboarding")
    assert state(main.run()) == ("offboarding", None)


@pytest.mark.parametrize("suspended_before", [False, True])
def test_an_edit_whose_run_failed_is_still_meant(main: Checkout, suspended_before: bool) -> None:
    """Whatever the registry says meanwhile."""
    if suspended_before:
        command("harbor", "suspend", "suspended")
    main.merge("harbor", state="suspended")
    main.begin()
    assert state(main.run()) == ("suspended", None)
    main.merge("harbor", state="active")
    main.begin()
    assert state(main.begin()) == ("active", None)
    assert state(main.run()) == ("active", None)


def test_file_and_command_that_say_different_things(main: Checkout) -> None:
    command("harbor", "suspend", "suspended")
    main.merge("harbor", state="offboarding")
    admitted = main.run()
    assert state(admitted) == ("suspended", "refused")
    assert "tenantry offboard harbor" in admitted.verdicts["harbor"].hint
    with pytest.raises(InputError, match="stays suspended"):
        admitted.require("harbor")


def test_a_command_under_way_or_failed_counts_as_what_it_leads_to(main: Checkout) -> None:
    command("harbor", "suspend", "suspended")
    command("harbor", "reactivate", "active", state="failed")
    main.merge("birch", name="Another")
    assert state(main.run()) == ("active", None)


def test_an_older_commit_replaces_nothing(main: Checkout, tmp_path: Path) -> None:
    old = main.git("rev-parse", "HEAD")
    main.write("harbor", name="Newer")
    main.merge("cedar")
    main.run()
    again = main.clone(tmp_path / "job", old)
    admitted = again.run()
    assert admitted.declared["harbor"].name == "Newer"
    assert admitted.verdicts["harbor"].kind == "older"
    assert "is older than commit" in admitted.verdicts["harbor"].message
    assert admitted.declared["cedar"].name == "One"  # not missing either
    assert admitted.declared["birch"].name == "One"
    assert "birch" not in admitted.verdicts
    meant = again.run(accept_older=True)
    assert (meant.declared["harbor"].name, "harbor" in meant.accepted) == ("One", True)


def test_an_older_commit_does_not_let_in_either(main: Checkout, tmp_path: Path) -> None:
    old = main.git("rev-parse", "HEAD")
    main.merge("harbor", state="suspended")
    main.run()
    assert state(main.clone(tmp_path / "job", old).run()) == ("suspended", "older")


def test_another_history_replaces_nothing_until_it_has_what_was_applied(main: Checkout, tmp_path: Path) -> None:
    branch = main.clone(tmp_path / "branch")
    main.merge("harbor", name="Newer")
    main.run()
    branch.merge("harbor", name="Of a branch")
    admitted = branch.run()
    assert (admitted.declared["harbor"].name, admitted.verdicts["harbor"].kind) == ("Newer", "older")
    assert "not in this clone" in admitted.verdicts["harbor"].message
    branch.git("fetch", "-q")
    assert "of a history that does not contain" in branch.run().verdicts["harbor"].message
    branch.git("merge", "-q", "-s", "ours", "origin/main")
    assert branch.run().declared["harbor"].name == "Of a branch"


def test_a_squash_has_what_it_squashed(main: Checkout, tmp_path: Path) -> None:
    branch = main.clone(tmp_path / "branch")
    branch.merge("harbor", name="Of a branch")
    branch.run()
    main.merge("harbor", name="Of a branch")
    main.write("harbor", name="After it")
    main.commit()
    assert "git fetch origin" in main.run().verdicts["harbor"].hint
    main.git("fetch", "-q", str(branch.folder), "HEAD")
    admitted = main.run()
    assert (admitted.declared["harbor"].name, admitted.verdicts) == ("After it", {})


def test_a_revert_is_newer(main: Checkout) -> None:
    main.merge("harbor", name="Newer")
    main.run()
    main.git("revert", "--no-edit", "HEAD")
    assert main.run().declared["harbor"].name == "One"


@pytest.mark.parametrize("seen", ["when it was asked for", "when it was made"])
def test_a_merged_state_that_is_taken_back_is_not_a_command_s_word(main: Checkout, tmp_path: Path, seen: str) -> None:
    """The line was asked for by the pipeline, and made by a worker that is behind: it has written the line into its own file."""
    first = main.git("rev-parse", "HEAD")
    main.merge("harbor", state="suspended")
    run = command("harbor", "suspend", "suspended", "queued")
    if seen == "when it was asked for":
        confirm(main.admitted().heard_by("harbor", run))
    worker = main.clone(tmp_path / "worker", first)
    worker.write("harbor", state="suspended")
    assert worker.run().declared["harbor"].state == "suspended"
    if seen == "when it was made":
        confirm(main.admitted().confirmed)
    assert worker.clone(tmp_path / "late", first).admitted().declared["harbor"].state == "suspended"
    main.git("revert", "--no-edit", "HEAD")
    assert state(main.run()) == ("active", None)


def confirm(origins: Mapping[str, tuple[Origin, Origin]]) -> None:
    with Server.from_environment().connect() as connection:
        ledger.confirm(connection, origins)


@pytest.mark.parametrize("pending", [False, True])
def test_an_edit_that_was_taken_back_before_any_run_is_older_once_a_run_has_seen_that(
    main: Checkout, tmp_path: Path, pending: bool
) -> None:
    """Jobs in the wrong order: the head's own finds nothing to do, and its edit's comes after it. Whatever the newer run had to do."""
    main.write("harbor", name="A mistake")
    mistake = main.commit()
    main.git("revert", "--no-edit", "HEAD")
    if pending:
        confirm(main.admitted().confirmed)
    else:
        main.run()
    admitted = main.clone(tmp_path / "late", mistake).run()
    assert (admitted.declared["harbor"].name, admitted.verdicts["harbor"].kind) == ("One", "older")


def test_without_git_what_was_replaced_is_older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Checkout(tmp_path / "plain", monkeypatch, git=False)
    plain.write("harbor")
    plain.run()
    plain.write("harbor", name="Newer")
    plain.run()
    plain.write("harbor")
    admitted = plain.run()
    assert (admitted.declared["harbor"].name, admitted.verdicts["harbor"].kind) == ("Newer", "older")
    assert plain.run(accept_older=True).declared["harbor"].name == "One"
    command("harbor", "suspend", "suspended")
    assert state(plain.run()) == ("suspended", "unaware")


def test_a_move_is_not_undone(main: Checkout) -> None:
    with Server.from_environment().connect() as connection:
        connection.autocommit = True
        place = placement.Place(naming.SHARED_STACK, "main", 1)._replace(isolation="schema")
        ledger.pass_on(connection, "harbor", place)
    admitted = main.run()
    assert (admitted.declared["harbor"].isolation, admitted.verdicts["harbor"].kind) == ("schema", "unaware")
    main.merge("harbor", isolation="schema")
    assert main.run().verdicts == {}


def test_the_file_of_a_deleted_tenant_is_skipped(main: Checkout) -> None:
    registry.retire(str(naming.tenant_id("harbor")), "harbor")
    with transaction() as connection:
        quarantine.put(connection, naming.tenant_id("harbor"), [("slug", "harbor")], None)
    admitted = main.run()
    assert "harbor" not in admitted.declared
    assert admitted.verdicts["harbor"].kind == "deleted"
    with pytest.raises(InputError, match="quarantine"):
        admitted.require("harbor")


def test_a_platform_of_the_last_release_goes_on(main: Checkout) -> None:
    with Server.from_environment().connect() as connection:
        connection.execute("UPDATE tenantry_ledger.tenants SET origin = NULL, declared = NULL, applied = %s", ["0" * 64])
    main.merge("harbor", name="Newer")
    admitted = main.run()
    assert (admitted.declared["harbor"].name, admitted.verdicts) == ("Newer", {})


def test_older_code_makes_nothing_anew(main: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The declarations are the same, and the code of the newer commit was another."""
    old = main.git("rev-parse", "HEAD")
    main.commit()
    main.run()
    with Server.from_environment().connect() as connection:
        connection.execute(
            "UPDATE tenantry_ledger.runs SET applied = 'newer:' || split_part(applying, ':', 2) || ':x' WHERE stack = 'shared'"
        )
        connection.commit()
        book = Ledger.read(connection, "shared")
    job = main.clone(tmp_path / "job", old)
    monkeypatch.setattr(admission, "project_root", lambda: job.folder)
    admitted = job.admitted()
    assert admitted.verdicts == {}
    with pytest.raises(OlderProgram, match=f"commit {old[:10]} is older than commit"):
        admission.refuse_older_code(admitted, book)
    admission.refuse_older_code(job.admitted(accept_older=True), book)
    monkeypatch.setenv(admission.ACCEPT_OLDER, "")
    monkeypatch.setattr(admission, "project_root", lambda: main.folder)
    admission.refuse_older_code(main.admitted(), book)  # an edit on top


def sparse(main: Checkout, folder: Path, commit: str) -> Checkout:
    """What a pipeline has that asks for one commit: its history, and nothing later."""
    folder.mkdir()
    main.git("config", "uploadpack.allowAnySHA1InWant", "true")
    for arguments in (("init", "-q"), ("fetch", "-q", main.folder.as_uri(), commit), ("checkout", "-q", commit)):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
    return Checkout(folder, main.monkeypatch)


def test_a_late_job_s_clone_that_lacks_what_was_applied_is_older_too(main: Checkout, tmp_path: Path) -> None:
    main.write("harbor", name="A mistake")
    mistake = main.commit()
    main.git("revert", "--no-edit", "HEAD")
    main.run()
    admitted = sparse(main, tmp_path / "late", mistake).run()
    assert (admitted.declared["harbor"].name, admitted.verdicts["harbor"].kind) == ("One", "older")


def test_a_late_job_s_clone_that_lacks_a_newer_tier_is_older_too(main: Checkout, tmp_path: Path) -> None:
    old = main.git("rev-parse", "HEAD")
    (main.tenants / "defaults" / "starter.yaml").write_text("limits: {users: 9}\n")
    main.commit()
    main.run()
    assert sparse(main, tmp_path / "late", old).run().declared["harbor"].limits.users == 9
