"""Declarations on a branch: one commit for each change, only on the head that was seen, and a checkout for whoever reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest

from local.home import CLONE
from tenantry.actor import Actor
from tenantry.clients import git_branch
from tenantry.clients.git import Repository
from tenantry.clients.git_branch import Branch, Overtaken, Unusable
from tenantry.clients.git_commit import Files, Person
from tenantry.declaration.generator import NewTenant, create
from tenantry.declaration.keeper import Change
from tenantry.declaration.on_branch import person
from tenantry.declaration.store import DeclarationStore
from tenantry.declared_in import VARIABLE, DeclaredIn
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.operations import declaration_checks
from tenantry.settings import PlatformSettings, tenants_dir
from tests.listening import Quiet, listening

REQUEST = UUID("01234567-89ab-cdef-0123-456789abcdef")
BY_HAND = "name: X\ntier: starter\nadmin: {name: A, email: a@x.example}\n"
HANK = Actor("Hank Scorpio", "service", REQUEST)


def git(folder: Path, *arguments: str) -> str:
    settings = ("user.name=x", "user.email=x@x.example", "protocol.file.allow=always", "init.defaultBranch=main")
    command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def bare(folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bare repository of the setting, whose branch main has the folder's files in tenants/."""
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", os.devnull)
    root = tmp_path_factory.mktemp("branch")
    shutil.copytree(folder, root / "work" / "tenants")
    git(root / "work", "init", "-q")
    git(root / "work", "add", ".")
    git(root / "work", "commit", "-qm", "first")
    git(root, "clone", "-q", "--bare", "work", "kept.git")
    git(root / "kept.git", "remote", "remove", "origin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    monkeypatch.setenv(VARIABLE, f"git:{root}/kept.git#main")
    monkeypatch.delenv("TENANTRY_TENANTS", raising=False)
    return root / "kept.git"


@pytest.fixture
def remote(bare: Path) -> Path:
    """The repository that the setting's repository has as its remote."""
    there = bare.parent / "there.git"
    git(bare.parent, "clone", "-q", "--bare", "kept.git", "there.git")
    git(bare, "remote", "add", "origin", str(there))
    return there


def show(repository: Path, name: str) -> str:
    return git(repository, "show", f"main:tenants/{name}")


def count(repository: Path) -> int:
    return int(git(repository, "rev-list", "--count", "main"))


def declare(slug: str, settings: PlatformSettings, *domains: str) -> Path:
    new = NewTenant(slug, "business", domains=domains)
    return create(tenants_dir(), new, settings, Change("declared", HANK))


def test_a_new_tenant_is_one_commit_of_whoever_asked(bare: Path, settings: PlatformSettings) -> None:
    """With what the journal needs in trailers, and nothing else changed; the file is what a folder would have."""
    declare("globex", settings)
    about = git(
        bare,
        "log",
        "-1",
        "--format=%an|%ae|%cn|%s|%(trailers:key=Tenantry-Actor,valueonly,separator=)|%(trailers:key=Tenantry-Request,valueonly,separator=)",
        "main",
    )
    assert about == f"Hank Scorpio|hank-scorpio@{settings.domain}|Tenantry|globex: declared|Hank Scorpio (service)|{REQUEST}"
    assert git(bare, "diff-tree", "--no-commit-id", "--name-status", "-r", "main") == "A\ttenants/globex.yaml"
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    elsewhere = bare.parent / "folder"
    shutil.copytree(bare.parent / "work" / "tenants", elsewhere)
    by_hand = create(elsewhere, NewTenant("globex", "business"), settings)
    assert f"{show(bare, 'globex.yaml')}\n".encode() == by_hand.read_bytes()
    git(bare, "fsck", "--strict")


def test_readers_have_the_branch_in_a_checkout(bare: Path, settings: PlatformSettings) -> None:
    """Of this user, at the branch's commit, with nothing changed: what a run is for can be told as in any clone."""
    declare("globex", settings)
    assert "globex" in DeclarationStore(tenants_dir()).load(settings)
    repository = Repository.require(tenants_dir())
    assert repository.head() == git(bare, "rev-parse", "main")
    assert repository.dirty([tenants_dir()]) == set()
    assert tenants_dir().parent.parent.stat().st_mode & 0o077 == 0
    (tenants_dir() / "globex.yaml").write_text("scribbled")
    DeclarationStore(tenants_dir()).edit("globex", {"theme.primary": "#123456"})
    assert DeclarationStore(tenants_dir()).load(settings)["globex"].theme.primary == "#123456"


def test_edits_and_removals_are_commits(bare: Path, settings: PlatformSettings) -> None:
    store = DeclarationStore(tenants_dir())
    declare("globex", settings)
    before, after = store.edit("globex", {"theme.primary": "#123456"}, change=Change("theme.primary edited", HANK))
    assert (before == after, f"{show(bare, 'globex.yaml')}\n") == (False, after)
    assert count(bare) == 3
    store.edit("globex", {"theme.primary": "#123456"})
    assert count(bare) == 3, "what is so already is no commit"
    with pytest.raises(Overtaken):
        store.edit("globex", {"theme.primary": "#654321"}, seen=before)
    assert [name.rpartition("/")[2] for name in store.remove("globex")] == ["globex.yaml"]
    assert "globex" not in DeclarationStore(tenants_dir()).load(settings)
    assert store.remove("globex") == []


@pytest.mark.parametrize("far", [False, True])
def test_of_two_with_one_name_one_wins(bare: Path, settings: PlatformSettings, request: pytest.FixtureRequest, far: bool) -> None:
    """Whoever comes second tries again on what the first has made, and is refused for what is true by then."""
    counted = request.getfixturevalue("remote") if far else bare

    def ask(number: int) -> str:
        try:
            declare(f"tenant-{number % 3}", settings, f"one{number // 4}.host.example")
        except InputError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert found.count("made") == 2
    assert set(found) <= {"made", "tenant.exists", "domain.taken"}
    assert count(counted) == count(bare) == 3


PROCESS = """
import sys
from tenantry.declaration.generator import NewTenant, create
from tenantry.errors import InputError
from tenantry.settings import tenants_dir
sys.stdin.readline()
for number in range(3):
    try:
        create(tenants_dir(), NewTenant(f"tenant-{number}", "business", domains=(f"host{number}.host.example",)))
        print("made")
    except InputError as error:
        print(error.code)
"""


def test_processes_that_declare_the_same_at_once_make_each_once(bare: Path) -> None:
    """No lock of theirs: the head decides."""
    started = [
        subprocess.Popen([sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CLONE)
        for _ in range(3)
    ]
    said = [line for process in started for line in process.communicate("\n")[0].splitlines()]
    assert sorted(said) == ["made"] * 3 + ["tenant.exists"] * 6
    assert count(bare) == 4


@contextmanager
def over_http(repositories: Path) -> Iterator[tuple[str, threading.Event]]:
    """git's own server for a folder of bare repositories, and what makes it answer no more."""
    silent, over = threading.Event(), threading.Event()

    class Handler(Quiet):
        def handle_any(self) -> None:
            if silent.is_set():
                over.wait(60)
                return
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            variables = {
                "GIT_PROJECT_ROOT": str(repositories), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "x", "PATH_INFO": path,
                "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "CONTENT_LENGTH": str(len(body)),
            }  # fmt: skip
            done = subprocess.run(["git", "http-backend"], input=body, env={**os.environ, **variables}, capture_output=True, check=False)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = handle_any

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        try:
            yield address, silent
        finally:
            over.set()


def test_a_remote_over_http(bare: Path, remote: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over a path; one that hangs takes nothing, soon enough, and nobody is asked for a password."""
    monkeypatch.setattr(git_branch, "AWAY", 1.5)
    with over_http(remote.parent) as (address, silent):
        git(bare, "remote", "set-url", "origin", f"{address}/{remote.name}")
        declare("globex", settings)
        assert git(remote, "log", "-1", "--format=%an: %s", "main") == "Hank Scorpio: globex: declared"
        silent.set()
        began = time.monotonic()
        with pytest.raises(TransientError):
            declare("initech", settings)
        assert time.monotonic() - began < 15
        assert list(DeclarationStore(tenants_dir()).load(settings)) == ["globex"]
    assert count(remote) == 2


def test_a_lost_race_is_tried_again_on_the_new_head(bare: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the other one's commit comes between looking and writing; and what it took is taken."""
    meanwhile = iter([("other", "a.host.example"), ("another", "b.host.example")])
    commit = Branch.commit

    def overtaken(self: Branch, on: str, files: Files) -> str:
        for slug, host in meanwhile:
            text = f"name: X\ntier: starter\nadmin: {{name: A, email: a@x.example}}\ndomains: [{host}]\n"
            commit(self, on, files._replace(contents={f"tenants/{slug}.yaml": text.encode()}))
            break
        return commit(self, on, files)

    monkeypatch.setattr(Branch, "commit", overtaken)
    declare("globex", settings, "c.host.example")
    assert count(bare) == 3 + 1
    with pytest.raises(InputError) as caught:
        declare("initech", settings, "b.host.example")
    assert caught.value.code == "domain.taken"


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("Hank", "Hank <hank@tenantry.example>"),
        ("hank@globex.example", "hank <hank@globex.example>"),
        ("A <b@c> Z", "A b@c Z <a--b-c--z@tenantry.example>"),
        ("<>", "unknown <unknown@tenantry.example>"),
        ("Jörg Weiß", "Jörg Weiß <j-rg-wei@tenantry.example>"),
        ("x Tenantry-Request: 1", "x Tenantry-Request: 1 <x-tenantry-request--1@tenantry.example>"),
    ],
)
def test_hostile_names_are_names(bare: Path, settings: PlatformSettings, name: str, author: str) -> None:
    """Nobody can be somebody else, or write a trailer of another's."""
    DeclarationStore(tenants_dir()).create("globex", "name: x\n", Change("declared", Actor(name, "service", REQUEST)))
    made, trailers = git(bare, "log", "-1", "--format=%an <%ae>%n%(trailers:only)", "main").split("\n", 1)
    assert made == author
    assert trailers.splitlines() == [f"Tenantry-Actor: {name} (service)", f"Tenantry-Request: {REQUEST}"]


def test_a_name_of_two_lines_is_none() -> None:
    for name in ("x\nTenantry-Request: 1", "x\u2028y", "x\x00y"):
        with pytest.raises(InputError):
            Actor(name)
    assert Person("a\nb<c>\x00", "d\n> <e").line(0) == "a b c <de> 0 +0000"
    assert "\n" not in Change("x\n\nTenantry-Request: 1", Actor("y")).message("globex").splitlines()[0]
    assert person(Change("x", Actor("@"))).email.startswith("unknown@")


def test_the_remote_decides(bare: Path, remote: Path, settings: PlatformSettings) -> None:
    """Somebody else's push is seen before ours; ours goes on top, never over it."""
    other = bare.parent / "other"
    git(bare.parent, "clone", "-q", "there.git", "other")
    text = "name: X\ntier: starter\nadmin: {name: A, email: a@x.example}\ndomains: [a.host.example]\n"
    (other / "tenants" / "other.yaml").write_text(text)
    git(other, "add", ".")
    git(other, "commit", "-qm", "another's")
    git(other, "push", "-q")
    with pytest.raises(InputError) as caught:
        declare("globex", settings, "a.host.example")
    assert caught.value.code == "domain.taken"
    declare("globex", settings)
    assert git(remote, "rev-parse", "main") == git(bare, "rev-parse", "main")
    assert git(remote, "log", "--format=%s", "main").splitlines() == ["globex: declared", "another's", "first"]
    assert "other" in DeclarationStore(tenants_dir()).load(settings)


def test_a_remote_that_is_away_takes_nothing_and_readers_go_on(bare: Path, remote: Path, settings: PlatformSettings) -> None:
    declare("globex", settings)
    remote.rename(remote.with_name("away.git"))
    with pytest.raises(TransientError):
        declare("initech", settings)
    assert list(DeclarationStore(tenants_dir()).load(settings)) == ["globex"]
    remote.with_name("away.git").rename(remote)
    declare("initech", settings)
    assert list(DeclarationStore(tenants_dir()).load(settings)) == ["globex", "initech"]


def test_an_answer_that_is_lost_makes_nothing_twice(
    bare: Path, remote: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote took the commit, and did not say so."""
    far = Branch._far

    def lost(self: Branch, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        done = far(self, *arguments)
        if arguments[0] == "push":
            raise TransientError("git push has not answered for 20 s and was ended")
        return done

    monkeypatch.setattr(Branch, "_far", lost)
    declare("globex", settings)
    assert count(remote) == count(bare) == 2


def test_a_remote_that_refuses_says_why(bare: Path, remote: Path, settings: PlatformSettings) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(git_branch.WorkError, match=r"does not take a commit on main: pre-receive hook declined"):
        declare("globex", settings)
    assert count(remote) == 1
    assert "globex" not in DeclarationStore(tenants_dir()).load(settings)


def test_a_branch_that_somebody_works_on_is_refused(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files would not follow, and his next commit would take ours back."""
    monkeypatch.setenv(VARIABLE, f"git:{bare.parent}/work#main")
    with pytest.raises(InputError, match="main is checked out in"):
        DeclarationStore(tenants_dir()).edit("globex", {"state": "active"})


@pytest.fixture
def clone(bare: Path) -> Path:
    """An engineer's clone of the setting's repository."""
    git(bare.parent, "clone", "-q", "kept.git", "clone")
    return bare.parent / "clone"


def push(clone: Path, *options: str) -> None:
    """What the engineer has changed by hand, as one commit."""
    git(clone, "add", "--all", ".")
    git(clone, "commit", "-qm", "by hand")
    git(clone, "push", "-q", *options, "origin", "HEAD:main")


def loaded(settings: PlatformSettings) -> list[str]:
    return list(DeclarationStore(tenants_dir()).load(settings))


def test_pushes_by_hand_at_the_same_moment_lose_nothing(bare: Path, clone: Path, settings: PlatformSettings) -> None:
    """Whoever is second, be it git or we, builds on the other one's commit."""

    def by_hand(number: int) -> None:
        (clone / "tenants" / f"hand-{number}.yaml").write_text(BY_HAND)
        git(clone, "add", ".")
        git(clone, "commit", "-qm", f"hand-{number}")
        for _ in range(50):
            git(clone, "pull", "-q", "--rebase")
            try:
                git(clone, "push", "-q", "origin", "HEAD:main")
            except subprocess.CalledProcessError:
                continue
            return
        raise AssertionError

    with ThreadPoolExecutor(2) as pool:
        ours = pool.submit(lambda: [declare(f"ours-{number}", settings) for number in range(6)])
        theirs = pool.submit(lambda: [by_hand(number) for number in range(6)])
        ours.result()
        theirs.result()
    assert loaded(settings) == [f"{who}-{number}" for who in ("hand", "ours") for number in range(6)]
    assert count(bare) == 13


@pytest.mark.parametrize("gone", ["repository", "branch"])
def test_what_is_gone_is_said_and_goes_on_when_it_is_back(bare: Path, settings: PlatformSettings, gone: str) -> None:
    """Also where it is another copy: the checkout of the one before is made anew."""
    declare("globex", settings)
    assert loaded(settings) == ["globex"]
    git(bare.parent, "clone", "-q", "--bare", "kept.git", "copy.git")
    if gone == "repository":
        shutil.rmtree(bare)
    else:
        git(bare, "branch", "-m", "main", "trunk")
    attempts = [
        lambda: loaded(settings),
        lambda: declare("initech", settings),
        lambda: DeclarationStore(tenants_dir()).edit("globex", {"theme.primary": "#123456"}),
    ]
    for attempt in attempts:
        with pytest.raises(Unusable, match="is not there" if gone == "repository" else "has no branch main"):
            attempt()
    shutil.rmtree(bare, ignore_errors=True)
    (bare.parent / "copy.git").rename(bare)
    git(bare, "remote", "remove", "origin")
    declare("initech", settings)
    assert loaded(settings) == ["globex", "initech"]


def test_a_branch_that_the_remote_has_no_more(bare: Path, remote: Path, settings: PlatformSettings) -> None:
    """Nothing is written, and nobody waits for it to come back by itself: it may have another name. Reading goes on."""
    declare("globex", settings)
    git(remote, "branch", "-m", "main", "trunk")
    with pytest.raises(Unusable, match="the remote origin has no branch main"):
        declare("initech", settings)
    assert loaded(settings) == ["globex"]


@pytest.mark.parametrize("cleared", [False, True])
def test_a_forced_push_is_the_truth(bare: Path, clone: Path, settings: PlatformSettings, cleared: bool) -> None:
    """Also where git has cleared away the commit that was looked at last."""
    declare("globex", settings, "a.host.example")
    assert loaded(settings) == ["globex"]
    (clone / "tenants" / "initech.yaml").write_text(BY_HAND + "domains: [b.host.example]\n")
    git(clone, "checkout", "-q", "--orphan", "other")
    push(clone, "--force")
    if cleared:
        shutil.rmtree(tenants_dir().parent)
        git(bare, "worktree", "prune")
        git(bare, "gc", "-q", "--prune=now")
    with pytest.raises(InputError) as caught:
        declare("hooli", settings, "b.host.example")
    assert caught.value.code == "domain.taken"
    declare("hooli", settings, "a.host.example")
    assert loaded(settings) == ["hooli", "initech"]
    assert git(bare, "log", "--format=%s", "main").splitlines() == ["hooli: declared", "by hand"]


def test_files_with_the_line_ends_of_windows(bare: Path, clone: Path, settings: PlatformSettings) -> None:
    """They keep them; and where the repository wants them in work trees alone, nothing looks changed in the checkout."""
    file = "tenants/initech.yaml"
    (clone / file).write_bytes(BY_HAND.replace("\n", "\r\n").encode())
    push(clone)
    DeclarationStore(tenants_dir()).edit("initech", {"theme.primary": "#123456"})
    kept = subprocess.run(["git", "-C", bare, "show", f"main:{file}"], check=True, capture_output=True).stdout
    assert kept == (BY_HAND + 'theme:\n  primary: "#123456"\n').replace("\n", "\r\n").encode()
    git(clone, "pull", "-q")
    (clone / ".gitattributes").write_text("*.yaml text eol=crlf\n")
    git(clone, "add", "--renormalize", ".")
    push(clone)
    assert loaded(settings) == ["initech"]
    assert (tenants_dir() / "initech.yaml").read_bytes() == kept
    assert Repository.require(tenants_dir()).dirty([tenants_dir()]) == set()
    DeclarationStore(tenants_dir()).edit("initech", {"theme.primary": "#654321"})
    assert DeclarationStore(tenants_dir()).load(settings)["initech"].theme.primary == "#654321"


def test_a_file_that_git_renames_is_another_tenant(bare: Path, clone: Path, settings: PlatformSettings) -> None:
    declare("globex", settings, "a.host.example")
    git(clone, "pull", "-q")
    git(clone, "mv", "tenants/globex.yaml", "tenants/hooli.yaml")
    push(clone)
    with pytest.raises(InputError) as caught:
        declare("initech", settings, "a.host.example")
    assert caught.value.code == "domain.taken"
    declare("globex", settings)
    assert loaded(settings) == ["globex", "hooli"]


def test_a_shallow_repository_is_as_good(bare: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a remote, which gets the commits, and without."""
    declare("globex", settings)
    git(bare.parent, "clone", "-q", "--bare", "--depth", "1", f"file://{bare}", "shallow.git")
    monkeypatch.setenv(VARIABLE, f"git:{bare.parent}/shallow.git#main")
    declare("initech", settings)
    assert loaded(settings) == ["globex", "initech"]
    assert count(bare) == 3
    git(bare.parent / "shallow.git", "remote", "remove", "origin")
    declare("hooli", settings)
    assert loaded(settings) == ["globex", "hooli", "initech"]


@pytest.mark.parametrize("far", [False, True])
def test_doctor_rehearses_a_commit(bare: Path, settings: PlatformSettings, request: pytest.FixtureRequest, far: bool) -> None:
    """Whether the branch is there and may be written, here and where it comes from; nothing is changed by that."""
    there = request.getfixturevalue("remote") if far else bare
    head = git(there, "rev-parse", "main")
    found = declaration_checks.repository()
    assert found.startswith(f"main of {bare} at commit {head[:10]} of 20")
    assert ("with its remote, fetched now" in found) == far
    assert (git(there, "rev-parse", "main"), git(there, "for-each-ref", "--format=%(refname)")) == (head, "refs/heads/main")
    lock = bare / "refs" / "heads" / "main.lock"
    lock.write_text("")
    with pytest.raises(WorkError, match="no commit can be made in"):
        declaration_checks.repository()
    lock.unlink()
    git(bare, "branch", "-m", "main", "trunk")
    with pytest.raises(Unusable, match="has no branch main"):
        declaration_checks.repository()


def test_doctor_says_since_when_a_remote_was_not_fetched(bare: Path, remote: Path, settings: PlatformSettings) -> None:
    """And which commit is read meanwhile; one that may not be written is told apart."""
    with over_http(remote.parent) as (address, _):
        git(bare, "remote", "set-url", "origin", f"{address}/there.git")
        git(remote, "config", "http.receivepack", "false")
        with pytest.raises(WorkError, match="the remote origin takes no commit") as refused:
            declaration_checks.repository()
        assert "docs/production.md" in refused.value.hint
    git(bare, "remote", "set-url", "origin", str(remote))
    head = git(remote, "rev-parse", "main")
    remote.rename(remote.with_name("away.git"))
    with pytest.raises(WorkError, match=f"commit {head[:10]} is read, never fetched by this user"):
        declaration_checks.repository()
    remote.with_name("away.git").rename(remote)
    assert loaded(settings) == []
    git(remote, "branch", "-m", "main", "trunk")
    with pytest.raises(WorkError, match=rf"the remote origin has no branch main; .* commit {head[:10]} is read, last fetched at 20"):
        declaration_checks.repository()


@pytest.mark.parametrize("left", ["a lock", "another folder", "files of no repository"])
def test_a_checkout_that_was_left_half_made_is_made_anew(bare: Path, settings: PlatformSettings, left: str) -> None:
    """By a process that was killed, or by somebody who clears caches."""
    declare("globex", settings)
    assert loaded(settings) == ["globex"]
    checkout = tenants_dir().parent
    if left == "a lock":
        (bare / "worktrees" / checkout.name / "index.lock").write_text("")
    else:
        shutil.rmtree(checkout)
        checkout.mkdir()
        (checkout / "x").write_text("")
        if left == "files of no repository":
            git(checkout.parent, "init", "-q")
            git(checkout.parent, "commit", "-q", "--allow-empty", "-m", "of somebody's home")
    declare("initech", settings)
    assert loaded(settings) == ["globex", "initech"]
    assert not (checkout / "x").exists()


@pytest.mark.parametrize(
    "text",
    [
        "git:/x",
        "git:/x#",
        "git:/x#a..b",
        "git:/x#-a",
        "git:/x#main:../y",
        "hub:a/b#c",
        "github:a#main",
        "gitea:a/b#c",
        "github:http://h/a/b#c",
        "git:/x#a\nb",
    ],
)
def test_a_setting_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="tenantry:declarations"):
        DeclaredIn.parse(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("folder", DeclaredIn()),
        ("git:/srv/x.git#main", DeclaredIn("git", "/srv/x.git", "", "main", "tenants")),
        ("git:/srv/x.git#rel/1:", DeclaredIn("git", "/srv/x.git", "", "rel/1", "")),
        ("github:me/it#main:a/b", DeclaredIn("github", "https://github.com", "me/it", "main", "a/b")),
        ("gitlab:g/h/it#main", DeclaredIn("gitlab", "https://gitlab.com", "g/h/it", "main", "tenants")),
        ("gitea:https://git.example/me/it#main", DeclaredIn("gitea", "https://git.example", "me/it", "main", "tenants")),
    ],
)
def test_a_setting_says_where(text: str, found: DeclaredIn) -> None:
    assert DeclaredIn.parse(text) == found
