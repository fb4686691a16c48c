"""What differs from another commit, in each shape that a history and a clone of it can have; real repositories."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tenantry.commands.declarations import register
from tenantry.declaration import load
from tenantry.declaration.files import FileReader, tenant_files
from tenantry.declaration.history import TenantChange, compared, differences, load_revision
from tenantry.declaration.tree import Tree
from tenantry.errors import InputError

from .committing import commit, git_in, write
from .conftest import PLAIN

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" height="1" fill="{}"/></svg>'


STAGING = ("acme", "birch", "coral", "defaults/starter")


def since(folder: Path, revision: str = "HEAD") -> dict[str, TenantChange]:
    """What the folder has against a commit, as `provision --changed-since` sees it."""
    now = Tree.of(folder, load(folder))
    return {change.slug: change for change in differences(load_revision(folder, revision, now), now)}


def what(changes: dict[str, TenantChange]) -> dict[str, str]:
    return {slug: change.what for slug, change in changes.items()}


def test_what_is_the_same_is_no_difference(tenants: Path) -> None:
    """Nothing; a comment, a mode, a change that was taken back; a default selects exactly its tier's tenants."""
    assert since(tenants) == {}
    write(tenants / "acme.yaml", f"# said\n{PLAIN}")
    (tenants / "birch.yaml").chmod(0o755)
    assert since(tenants) == {}
    write(tenants / "birch.yaml", PLAIN.replace("starter", "business"))
    commit(tenants)
    write(tenants / "defaults" / "starter.yaml", "isolation: rls\nlimits: {users: 8}\n")
    assert what(since(tenants)) == {"acme": "changed", "coral": "changed"}
    assert what(since(tenants, "HEAD~1")) == {"acme": "changed", "birch": "changed", "coral": "changed"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("birch.yaml", "name: [\n"),
        ("birch.yaml", PLAIN + "rule_of_tomorrow: 1\n"),
        ("birch.yaml", "<<<<<<< HEAD\n" + PLAIN),
        ("birch.yaml", PLAIN + "# " + "x" * 300_000),
        ("birch.yaml", PLAIN + "branding: {logo: assets/birch/none.svg}\n"),
    ],
    ids=["broken", "of other rules", "a conflict", "too large", "a missing asset"],
)
def test_a_file_that_today_s_rules_refuse_counts_as_changed(tenants: Path, name: str, text: str) -> None:
    """The merge that repairs it is the one that has to be applied; the others are compared as always (N1)."""
    write(tenants / name, text)
    commit(tenants)
    write(tenants / name, PLAIN)
    found = since(tenants)
    assert what(found) == {"birch": "changed"}
    assert found["birch"].unreadable.startswith("birch.yaml")
    (tenants / name).unlink()
    assert what(since(tenants)) == {"birch": "removed"}


def test_a_tier_that_today_s_rules_refuse(tenants: Path) -> None:
    """All of its tenants were unreadable then, and nobody else (N1)."""
    write(tenants / "birch.yaml", PLAIN.replace("starter", "business"))
    write(tenants / "defaults" / "starter.yaml", "isolation: nonsense\n")
    commit(tenants)
    write(tenants / "defaults" / "starter.yaml", "isolation: rls\nlimits: {users: 7}\n")
    found = since(tenants)
    assert what(found) == {"acme": "changed", "coral": "changed"}
    assert found["acme"].unreadable.startswith("defaults/starter.yaml:1:12: ")


def test_what_two_files_then_claimed_is_not_asked_again(tenants: Path) -> None:
    """A host name in two files of the earlier commit is no reason to refuse today's (N1)."""
    for slug in ("birch", "coral"):
        write(tenants / f"{slug}.yaml", PLAIN + "domains: [portal.x.example]\n")
    commit(tenants)
    write(tenants / "coral.yaml", PLAIN)
    assert what(since(tenants)) == {"coral": "changed"}


def test_a_caller_s_repository_is_not_compared(tenants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR of another repository that has other tenants at the same place (N2)."""
    other = tmp_path / "other" / "tenants"
    write(other / "zeta.yaml", PLAIN)
    git_in(other.parent)("init", "-q")
    commit(other)
    for name, value in (
        ("GIT_DIR", other.parent / ".git"),
        ("GIT_WORK_TREE", other.parent),
        ("GIT_INDEX_FILE", other.parent / ".git/index"),
    ):
        monkeypatch.setenv(name, str(value))
    assert since(tenants) == {}


def test_each_cause_has_its_next_command(tenants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone that was cut off, a commit that was pushed away, zeros, and an unpacked archive (N3); another user's: test_git.py."""
    gone = commit(tenants)
    git_in(tmp_path)("clone", "-q", "--depth=1", tenants.parent.as_uri(), "cut")
    for folder, revision, said, hint in (
        (tmp_path / "cut" / "tenants", "HEAD~1", "its history was cut off", "fetch-depth: 0"),
        (tenants, gone[::-1], "force-pushed", "origin/main"),
        (tenants, "0" * 40, "a commit of zeros is none", "origin/main"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            since(folder, revision)
        assert hint in caught.value.hint
    (tenants.parent / ".git").rename(tmp_path / "no-git")
    with pytest.raises(InputError, match="is in no git repository"):
        since(tenants)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="git is not installed"):
        since(tenants)


def test_the_first_merge_that_has_the_folder(tmp_path: Path) -> None:
    """All of its tenants are new (N4)."""
    clone = tmp_path / "clone"
    write(clone / "README.md", "x")
    git_in(clone)("init", "-q", "-b", "main")
    commit(clone)
    write(clone / "tenants" / "defaults" / "starter.yaml", "isolation: rls\n")
    write(clone / "tenants" / "acme.yaml", PLAIN)
    commit(clone)
    assert what(since(clone / "tenants", "HEAD~1")) == {"acme": "added"}


@pytest.mark.parametrize("place", ["platform/customers", "platform/tenants/eu", "."])
def test_a_folder_that_was_moved_is_compared(tenants: Path, place: str) -> None:
    """With where it was; another folder of the same repository that has the same names still is not where it was (N4)."""
    clone = tenants.parent
    for name in STAGING:
        write(clone / "staging" / f"{name}.yaml", (tenants / f"{name}.yaml").read_text() + "# staging\n")
    (tenants / "coral.yaml").unlink()
    commit(tenants)
    if place == ".":
        for path in list(tenants.iterdir()):
            path.rename(clone / path.name)
        tenants.rmdir()
    else:
        (clone / place).parent.mkdir(parents=True)
        tenants.rename(clone / place)
    write(clone / place / "birch.yaml", PLAIN + "limits: {users: 9}\n")
    write(clone / place / "coral.yaml", PLAIN)
    commit(clone)
    assert what(since((clone / place), "HEAD~1") if place != "." else _alone(clone)) == {"birch": "changed", "coral": "added"}


def _alone(clone: Path) -> dict[str, TenantChange]:
    """The work tree itself as the folder: what else stands there is another folder's."""
    for name in STAGING:
        (clone / "staging" / f"{name}.yaml").unlink()
    return since(clone, "HEAD~1")


def test_a_commit_s_bytes_are_its_own(tenants: Path) -> None:
    """Attributes for archives leave nothing out and put nothing in (N5)."""
    write(tenants / "coral.yaml", PLAIN.replace("Acme", "$Format:%H$"))
    write(tenants / ".gitattributes", "*.yaml export-ignore\ncoral.yaml -export-ignore export-subst\n")
    commit(tenants)
    write(tenants / "acme.yaml", PLAIN + "limits: {users: 9}\n")
    assert what(since(tenants)) == {"acme": "changed"}


def test_links_that_nobody_reads_are_nothing(tenants: Path, tmp_path: Path) -> None:
    """Absolute, leading out, to nothing (N6). A declaration that leads out was refused then, and is no more than that."""
    outside = write(tmp_path / "secret.yaml", PLAIN)
    links = {
        "notes": "/etc/passwd",
        "up": "../..",
        "assets/acme/old": "nothing",
        "birch.yaml": str(outside),
        "coral.yaml": "../../secret.yaml",
    }
    for name, target in links.items():
        (tenants / name).parent.mkdir(parents=True, exist_ok=True)
        (tenants / name).unlink(missing_ok=True)
        (tenants / name).symlink_to(target)
    commit(tenants)
    for name in links:
        (tenants / name).unlink()
    for slug in ("birch", "coral"):
        write(tenants / f"{slug}.yaml", PLAIN)
    found = since(tenants)
    assert what(found) == {"birch": "changed", "coral": "changed"}
    assert all(change.unreadable for change in found.values())


def test_links_within_the_folder_are_followed(tenants: Path) -> None:
    """An asset and a declaration that lead to another file beside them are that file."""
    write(tenants / "assets" / "acme" / "v1.svg", SVG.format("red"))
    (tenants / "assets" / "acme" / "logo.svg").symlink_to("v1.svg")
    write(tenants / "acme.yaml", PLAIN + "branding: {logo: assets/acme/logo.svg}\n")
    (tenants / "delta.yaml").symlink_to("acme.yaml")
    write(tenants / "acme.yaml", PLAIN)
    (tenants / "delta.yaml").unlink()
    (tenants / "delta.yaml").symlink_to("birch.yaml")
    write(tenants / "acme.yaml", PLAIN + "branding: {logo: assets/acme/logo.svg}\n")
    commit(tenants)
    assert since(tenants) == {}
    write(tenants / "assets" / "acme" / "v1.svg", SVG.format("blue"))
    assert [change.key for change in since(tenants)["acme"].changes] == ["branding.logo.sha256"]


def test_pointers_of_git_lfs(tenants: Path) -> None:
    """A commit has pointers alone: one that stands for the file that is here is the same picture; another is another (N7)."""
    picture = SVG.format("red").encode()
    logo = write(tenants / "assets" / "acme" / "logo.svg", _pointer(picture))
    write(tenants / "acme.yaml", PLAIN + "branding: {logo: assets/acme/logo.svg}\n")
    commit(tenants)
    write(logo, picture)
    assert since(tenants) == {}
    write(logo, SVG.format("blue"))
    found = since(tenants)
    assert what(found) == {"acme": "changed"}
    assert found["acme"].unreadable == "acme.yaml: assets/acme/logo.svg is not the picture but git LFS's pointer to it"


def _pointer(data: bytes) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(data).hexdigest()}\nsize {len(data)}\n"


def test_line_ends_are_no_difference(tenants: Path) -> None:
    """Files that another machine checked out with CRLF: declarations, a picture (N8)."""
    logo = write(tenants / "assets" / "acme" / "logo.svg", f"<!-- x -->\n{SVG.format('red')}\n".replace("><", ">\n<"))
    write(
        tenants / "acme.yaml",
        PLAIN + "branding: {logo: assets/acme/logo.svg}\ntheme:\n  css: |\n    a { color: red }\n    b { color: red }\n",
    )
    commit(tenants)
    for path in (logo, *tenants.glob("**/*.yaml")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert since(tenants) == {}


def behind(tenants: Path) -> None:
    """A branch that edits coral; main went on and edited acme."""
    git_in(tenants)("checkout", "-qb", "side")
    write(tenants / "coral.yaml", PLAIN + "limits: {users: 9}\n")
    commit(tenants)
    git_in(tenants)("checkout", "-q", "main")
    write(tenants / "acme.yaml", PLAIN + "limits: {users: 8}\n")
    commit(tenants)
    git_in(tenants)("checkout", "-q", "side")


@pytest.mark.parametrize(
    ("revision", "slugs"),
    [
        ("main", {"coral", "birch"}), ("main...HEAD", {"coral"}), ("main...", {"coral"}), ("side...main", {"acme"}),
        ("main..side", {"acme", "coral"}), ("HEAD", {"birch"}), ("main~1", {"coral", "birch"}),
    ],
)  # fmt: skip
def test_a_branch_behind_main_shows_its_own_changes(tenants: Path, revision: str, slugs: set[str]) -> None:
    """Against where the two part; what is not committed yet is seen beside it, where no second commit is named (N12)."""
    behind(tenants)
    write(tenants / "birch.yaml", PLAIN + "limits: {users: 9}\n")
    assert {change.slug for change in differences(*compared(tenants, revision, Tree.of(tenants, load(tenants))))} == slugs


def test_histories_that_have_nothing_in_common(tenants: Path) -> None:
    """The other commit itself is what one compares with."""
    git_in(tenants)("checkout", "-q", "--orphan", "alone")
    write(tenants / "coral.yaml", PLAIN + "limits: {users: 9}\n")
    commit(tenants)
    assert {change.slug for change in differences(*compared(tenants, "main", Tree.of(tenants, load(tenants))))} == {"coral"}


def test_the_command_shows_what_cannot_be_compared(tenants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, and for programs, with why."""
    write(tenants / "birch.yaml", "name: [\n")
    commit(tenants)
    write(tenants / "birch.yaml", PLAIN)
    monkeypatch.setenv("TENANTRY_TENANTS", str(tenants))
    import typer

    app = typer.Typer()
    register(app)
    assert CliRunner().invoke(app, ["render", "--diff", "HEAD"]).stdout.startswith("birch: changed; cannot be compared: birch.yaml:2:1: ")
    (one,) = json.loads(CliRunner().invoke(app, ["render", "birch", "--diff", "HEAD", "--json"]).stdout)
    assert (one["what"], one["changes"], one["unreadable"][:10]) == ("changed", [], "birch.yaml")


MEASURE = """
import resource, sys
from pathlib import Path
from tenantry.declaration import load
from tenantry.declaration.history import differences, load_revision
from tenantry.declaration.tree import Tree
folder = Path(sys.argv[1])
now = Tree.of(folder, load(folder))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = differences(load_revision(folder, "HEAD", now), now)
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(len(found), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, children // 1024)
"""


def test_what_no_declaration_names_is_not_read(tenants: Path) -> None:
    """A file of 100 MB costs no memory, here and in git; nor does one that a declaration names, which is refused by its size (N16)."""
    for name in ("assets/acme/film.bin", "assets/acme/logo.svg", "birch.yaml"):
        os.truncate(write(tenants / name, ""), 100 * 2**20)
    write(tenants / "acme.yaml", PLAIN + "branding: {logo: assets/acme/logo.svg}\n")
    commit(tenants)
    for slug in ("acme", "birch"):
        write(tenants / f"{slug}.yaml", PLAIN)
    (tenants / "assets" / "acme" / "film.bin").unlink()
    (tenants / "assets" / "acme" / "logo.svg").unlink()
    done = subprocess.run([sys.executable, "-c", MEASURE, str(tenants)], capture_output=True, text=True, check=True)
    found, own, gits = map(int, done.stdout.split())
    assert found == 2
    assert own < 20
    assert gits < 50


@pytest.mark.parametrize("seed", range(3))
def test_any_commit_is_read_as_if_it_were_checked_out(tenants: Path, tmp_path: Path, seed: int) -> None:
    """Random edits of files, tiers, pictures, links, modes and line ends, some of which break a file: reading a commit beside the folder
    gives what loading its checkout gives, tenant by tenant and key by key."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    commits = [commit(tenants)]
    for edits in range(12):
        for _ in range(1 + edits % 4):
            _edit(tenants, chance)
        commits.append(commit(tenants))
    for revision in chance.sample(commits, 6):
        git_in(tenants)("checkout", "-q", chance.choice(commits))
        now = _tree(tenants)
        other = tmp_path / f"at-{revision[:8]}"
        git_in(tenants)("worktree", "add", "-q", "--detach", str(other), revision)
        there = _tree(other / "tenants")
        read = load_revision(tenants, revision, now)
        assert read.unreadable.keys() == there.unreadable.keys()
        assert {slug: read.flat(slug) for slug in read.tenants} == {slug: there.flat(slug) for slug in there.tenants}
        seen = {change.slug for change in differences(read, now) if not change.unreadable}
        slugs = read.tenants.keys() | now.tenants.keys()
        assert seen == {slug for slug in slugs if read.flat(slug) != now.flat(slug)} - read.unreadable.keys() - now.unreadable.keys()


def _edit(folder: Path, chance: random.Random) -> None:
    slug = chance.choice(["acme", "birch", "coral", "delta", "ember"])
    file = folder / f"{slug}.yaml"
    logo = folder / "assets" / chance.choice([slug, "shared"]) / "logo.svg"
    act = chance.randrange(10)
    if act in (0, 1, 7, 8, 9):
        file.unlink(missing_ok=True)
    if act == 1:
        write(file, chance.choice(["name: [\n", PLAIN + "unknown: 1\n", "<<<<<<< HEAD\n" + PLAIN]))
    elif act == 2:
        tier = chance.choice(["starter", "business"])
        write(folder / "defaults" / f"{tier}.yaml", f"isolation: rls\nlimits: {{users: {chance.randint(1, 3)}}}\n")
    elif act == 3:
        logo.unlink(missing_ok=True)
        write(logo, SVG.format(chance.choice(["red", "blue"])))
    elif act == 4:
        logo.unlink(missing_ok=True)
    elif act == 5:
        write(logo.with_name("real.svg"), SVG.format("green"))
        logo.unlink(missing_ok=True)
        logo.symlink_to("real.svg")
    elif act == 6 and file.exists() and not file.is_symlink():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    elif act == 7:
        file.symlink_to(chance.choice(["acme.yaml", "birch.yaml", "/etc/hostname", "../../x.yaml"]))
    elif act > 7:
        named = f"branding: {{logo: {logo.relative_to(folder)}}}\n" if chance.random() < 0.6 else ""
        write(file, PLAIN.replace("starter", chance.choice(["starter", "business"])) + named)


def _tree(folder: Path) -> Tree:
    """What can be loaded of a folder, file by file."""
    reader = FileReader(folder)
    for tier in reader.tiers:
        reader.tier(tier)
    tenants, unreadable = {}, {}
    for slug in tenant_files(folder, []):
        reader.problems.clear()
        tenant = reader.read(slug)
        if tenant is None or reader.problems:
            unreadable[slug] = "refused"
        else:
            tenants[slug] = tenant
    return Tree(tenants, Tree.of(folder, tenants).assets, unreadable)
