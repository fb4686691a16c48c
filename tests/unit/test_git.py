"""What a folder's repository answers, whoever asks: real repositories, one for each way in which people have them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantry.clients import git
from tenantry.clients.git import Repository
from tenantry.errors import InputError

Git = Callable[..., str]


def git_in(folder: Path) -> Git:
    """git in a folder, with a name for commits, and none of this machine's settings."""

    def run(*arguments: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", "-c", "protocol.file.allow=always", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    return run


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", os.devnull)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a folder of declarations and two commits on main."""
    (tmp_path / "one" / "tenants").mkdir(parents=True)
    run = git_in(tmp_path / "one")
    run("init", "-q", "-b", "main")
    write(tmp_path / "one", "tenants/acme.yaml", "name: A\n")
    run("add", ".")
    run("commit", "-qm", "first")
    write(tmp_path / "one", "tenants/acme.yaml", "name: B\n")
    run("commit", "-qam", "second")
    return tmp_path / "one"


def write(root: Path, name: str, text: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return root / name


def of(folder: Path) -> Repository:
    found = Repository.of(folder)
    assert found is not None
    return found


def test_a_folder_s_repository(root: Path) -> None:
    """Found from within it; the folder's place in it; the commit that is checked out, which contains its ancestors."""
    run = git_in(root)
    found = of(root / "tenants")
    first, second = run("rev-parse", "HEAD~1"), run("rev-parse", "HEAD")
    assert (found.root, found.prefix, found.shallow, found.head()) == (root, "tenants/", False, second)
    assert of(root).prefix == ""
    assert (found.contains(first, second), found.contains(second, second), found.contains(second, first)) == (True, True, False)
    assert found.contains("1" * 40, second) is None
    assert [entry.path for entry in found.files(second)] == ["acme.yaml"]
    assert [entry.path for entry in of(root).files(second)] == ["tenants/acme.yaml"]


def test_no_commit_yet(tmp_path: Path) -> None:
    """Nothing is checked out, and a commit that is asked for is refused with that cause."""
    git_in(tmp_path)("init", "-q")
    assert of(tmp_path).head() is None
    with pytest.raises(InputError, match="no commit yet"):
        of(tmp_path).commit("main")


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacked archive, a folder that is not there, a bare repository's own folder, a machine without git: none, with the cause."""
    assert Repository.of(tmp_path) is None
    assert Repository.of(tmp_path / "nothing") is None
    with pytest.raises(InputError, match="is in no git repository") as caught:
        Repository.require(tmp_path)
    assert "unpacked archive" in caught.value.hint
    git_in(tmp_path)("init", "-q", "--bare", "bare")
    assert Repository.of(tmp_path / "bare") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="git is not installed"):
        Repository.require(tmp_path)


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES"]
)
def test_a_caller_s_repository_is_not_meant(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What a hook or an alias of another repository tells the programs that it starts says nothing about this folder."""
    run = git_in(root)
    first, second = run("rev-parse", "HEAD~1"), run("rev-parse", "HEAD")
    (tmp_path / "other").mkdir()
    git_in(tmp_path / "other")("init", "-q")
    monkeypatch.setenv("GIT_PREFIX", "elsewhere/")
    monkeypatch.setenv(name, str(tmp_path / "other" / ".git") if name != "GIT_CEILING_DIRECTORIES" else str(root))
    found = of(root / "tenants")
    assert (found.root, found.head(), found.contains(first, second), found.dirty([root])) == (root, second, True, set())


def test_what_git_names_as_a_repository_s_own_is_not_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each variable of git's own list, also of a git newer than this program."""
    names = git_in(tmp_path)("rev-parse", "--local-env-vars").split()
    for name in names:
        monkeypatch.setenv(name, "x")
    assert len(names) > 10
    assert not set(names) & set(git.environment())


def test_from_a_hook_of_a_worktree(root: Path, tmp_path: Path) -> None:
    """git gives a hook there GIT_DIR and GIT_INDEX_FILE; the folder of the other worktree is answered as the other worktree."""
    run = git_in(root)
    run("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    hook = write(root, ".git/hooks/pre-commit", f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    hook.chmod(0o755)
    write(tmp_path / "side", "tenants/acme.yaml", "name: C\n")
    git_in(tmp_path / "side")("commit", "-qam", "third")
    seen = dict(line.partition("=")[::2] for line in (tmp_path / "seen").read_text().splitlines() if line.startswith("GIT_"))
    assert {"GIT_INDEX_FILE", "GIT_DIR"} <= seen.keys()
    code = (
        "import sys; from pathlib import Path; from tenantry.clients.git import Repository; r = Repository.require(Path(sys.argv[1]));"
        "print(r.root, r.head(), len(r.dirty([r.root])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root / "tenants")],
        env={**os.environ, **seen}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(root), run("rev-parse", "main"), "0"]
    assert of(tmp_path / "side").head() == run("rev-parse", "side")


def test_a_submodule_is_its_own(root: Path, tmp_path: Path) -> None:
    """The folder of a submodule is answered by it; to the repository around it, it is no file."""
    (tmp_path / "around").mkdir()
    run = git_in(tmp_path / "around")
    run("init", "-q")
    run("submodule", "--quiet", "add", str(root), "inner")
    run("commit", "-qm", "x")
    assert of(tmp_path / "around" / "inner" / "tenants").head() == git_in(root)("rev-parse", "HEAD")
    around = of(tmp_path / "around")
    assert [entry.path for entry in around.files(around.head() or "")] == [".gitmodules"]


def test_where_two_branches_part(root: Path) -> None:
    """The commit that both have, also after a merge; none for a history that has nothing in common."""
    run = git_in(root)
    main = run("rev-parse", "HEAD")
    run("checkout", "-qb", "side")
    write(root, "tenants/beta.yaml", "b\n")
    run("add", ".")
    run("commit", "-qm", "side")
    side = run("rev-parse", "HEAD")
    run("checkout", "-q", "main")
    write(root, "tenants/coral.yaml", "c\n")
    run("add", ".")
    run("commit", "-qm", "main")
    found = of(root)
    assert found.merge_base("main", "side") == main
    assert found.contains(side, "main") is False
    run("merge", "-q", "--no-edit", "side")
    assert found.contains(side, "main") is True
    run("checkout", "-q", "--orphan", "alone")
    run("commit", "-qm", "alone")
    assert found.merge_base("main", "alone") is None
    assert found.contains("main", "alone") is False


def test_a_clone_that_was_cut_off(root: Path, tmp_path: Path) -> None:
    """It does not know what it lacks: no "no" where the history would say it, and the command that fetches it."""
    first, second = (git_in(root)("rev-parse", name) for name in ("HEAD~1", "HEAD"))
    git_in(tmp_path)("clone", "-q", "--depth=1", root.as_uri(), "cut")
    found = of(tmp_path / "cut")
    assert (found.shallow, found.head(), found.contains(first, second), found.contains(second, second)) == (True, second, None, True)
    for name in ("HEAD~1", first):
        with pytest.raises(InputError, match="its history was cut off") as caught:
            found.commit(name)
        assert "git fetch --unshallow" in caught.value.hint
        assert "fetch-depth: 0" in caught.value.hint
    git_in(root)("checkout", "-qb", "side", "HEAD~1")
    git_in(root)("commit", "-q", "--allow-empty", "-m", "side")
    git_in(tmp_path / "cut")("fetch", "-q", "--depth=1", "origin", "side:side")
    assert found.contains(found.commit("side"), second) is None
    with pytest.raises(InputError, match="part is not in this clone"):
        found.merge_base("side", "main")


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("0" * 40, "a commit of zeros is none", "origin/main"),
        ("1" * 40, "no branch has it, or has it any more", f"git fetch origin {'1' * 40}"),
        ("side", "this clone has no 'side'", "did you mean origin/side?"),
        ("nothing", "there is no commit 'nothing'", "git branch --all"),
        ("HEAD~2", "the history of HEAD begins later", "tenantry up --all"),
        ("nothing~1", "there is no commit 'nothing~1'", "git branch --all"),
        ("--output=x", "is not a commit", "name a branch"),
        ("HEAD:tenants", "there is no commit", "name a branch"),
        ("", "is not a commit", "name a branch"),
    ],
)
def test_a_commit_that_is_not_there(root: Path, tmp_path: Path, name: str, what: str, hint: str) -> None:
    """Each cause in its own words, with the next thing to do."""
    git_in(root)("branch", "side")
    git_in(tmp_path)("clone", "-q", str(root), "two")
    with pytest.raises(InputError, match=what) as caught:
        of(tmp_path / "two").commit(name)
    assert hint in caught.value.hint


def test_another_user_s_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git refuses to read it; the command that lets it is named with the right folder."""
    own = git.environment()
    monkeypatch.setattr(git, "environment", lambda: own | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert Repository.of(root / "tenants") is None
    with pytest.raises(InputError, match="another user's") as caught:
        Repository.require(root / "tenants")
    assert caught.value.hint == f"git config --global --add safe.directory {root}"


def test_files_that_are_not_as_in_the_commit(root: Path) -> None:
    """Edited, staged, removed, renamed, not added, ignored: each by its own path, odd names too; below the paths that were named only."""
    run = git_in(root)
    for name in ("edited", "staged", "removed", "renamed", "same"):
        write(root, f"tenants/{name}.yaml", name)
    write(root, ".gitignore", "ignored.yaml\n")
    run("add", ".")
    run("commit", "-qm", "third")
    write(root, "tenants/edited.yaml", "x")
    write(root, "tenants/staged.yaml", "x")
    run("add", "tenants/staged.yaml")
    (root / "tenants" / "removed.yaml").unlink()
    run("mv", "tenants/renamed.yaml", "tenants/other.yaml")
    odd = write(root, 'tenants/ü \n"[*].yaml', "x")
    write(root, "tenants/assets/new/logo.svg", "x")
    write(root, "tenants/assets/ignored.yaml", "x")
    write(root, "beside", "x")
    names = ("edited.yaml", "staged.yaml", "removed.yaml", "renamed.yaml", "other.yaml", "assets/new/logo.svg", "assets/ignored.yaml")
    found = of(root / "tenants")
    assert found.dirty([root / "tenants"]) == {root / "tenants" / name for name in names} | {odd}
    assert found.dirty([root / "tenants" / "edited.yaml", root / "tenants" / "same.yaml"]) == {root / "tenants" / "edited.yaml"}
    assert found.untracked([root / "tenants"]) == {odd, *(root / "tenants" / "assets" / name for name in ("new/logo.svg", "ignored.yaml"))}
    assert found.dirty([root.parent]) == set()


def test_the_versions_that_a_file_had(root: Path) -> None:
    """On any branch that was merged, in a merge itself too; not those of another file, nor of a branch that was not merged."""
    run = git_in(root)
    path = root / "tenants" / "acme.yaml"
    found = of(root / "tenants")
    first, second = (found.blob(run("rev-parse", name), path) or "" for name in ("HEAD~1", "HEAD"))
    assert first != second
    run("checkout", "-qb", "side")
    write(root, "tenants/acme.yaml", "name: side\n")
    run("commit", "-qam", "side")
    side = found.blob("side", path) or ""
    run("checkout", "-q", "main")
    assert not found.knew(path, side, "main")
    write(root, "tenants/acme.yaml", "name: main\n")
    run("commit", "-qam", "main")
    with pytest.raises(subprocess.CalledProcessError):
        run("merge", "-q", "side")  # a conflict
    write(root, "tenants/acme.yaml", "name: merged\n")
    run("commit", "-qam", "merge")
    merged = found.blob("main", path) or ""
    assert found.knew(path, merged, "main")
    run("checkout", "-qb", "dropped", "HEAD~1")
    write(root, "tenants/acme.yaml", "name: dropped\n")
    run("commit", "-qam", "dropped")
    dropped = found.blob("dropped", path) or ""
    run("checkout", "-q", "main")
    run("merge", "-q", "-s", "ours", "--no-edit", "dropped")
    assert found.knew(path, dropped, "main")
    write(root, "tenants/acme.yaml", "name: now\n")
    run("commit", "-qam", "now")
    assert all(found.knew(path, blob, "main") for blob in (first, second, side, merged, found.blob("main", path) or ""))
    assert not found.knew(root / "tenants" / "beta.yaml", first, "main")
    assert not found.knew(path, "1" * 40, "main")
    assert found.blob("main", root / "tenants" / "beta.yaml") is None
    assert found.blob("main", root.parent / "x") is None


def test_contents_are_read_within_bounds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several answers for many, none for what is too large or missing; the commit's own bytes, whatever an attribute makes of them."""
    run = git_in(root)
    write(root, ".gitattributes", "tenants/** export-ignore export-subst\n")
    texts = {f"tenants/t{number}.yaml": f"{number} $Format:%H$\n" * 10 for number in range(30)}
    for name, text in texts.items():
        write(root, name, text)
    write(root, "tenants/large.yaml", "x" * 5000)
    run("add", ".")
    run("commit", "-qm", "many")
    found = of(root)
    blobs = {entry.path: entry.blob for entry in found.files(found.head() or "")}
    monkeypatch.setattr(git, "_AT_ONCE", 1000)
    seen = dict(found.contents([*blobs.values(), "1" * 40], 4096))
    assert {name: seen[blobs[name]].decode() for name in texts} == texts
    assert seen.keys() == {blob for name, blob in blobs.items() if name != "tenants/large.yaml"}
