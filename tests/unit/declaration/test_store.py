"""What is kept of a folder between processes is never other than what its files say; and whose file it has to be."""

from __future__ import annotations

import os
import random
import stat
import time
from pathlib import Path

import pytest

from tenantry.declaration import DeclarationErrors, Declarations, assets, kept, load
from tenantry.declaration.files import FileReader
from tenantry.declaration.store import DeclarationStore
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings

from .conftest import PLAIN

SETTLED = 30_000_000
"""Nanoseconds: some ticks of the clock of files."""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect/></svg>'
FULL = """\
name: Größe & Söhne
tier: business
isolation: database
row_context: signed
cell: eu1
state: suspended
admin: {name: Ada, email: ada@acme.example}
domains: [portal.acme.example, bücher.example]
branding: {app_name: Desk, logo: assets/acme/logo.svg}
theme: {primary: "#0b5fff", font: Inter, css: ":root { --radius: 3px }"}
features: {sso: true, reports: false}
email_templates: {welcome: {subject: Hi}, suspended: {subject: Stop, body: "Bye {{ user_name }}"}}
legal: {terms: "https://acme.example/terms"}
limits: {users: 9}
server: {instance_class: db.r7g.large, security_groups: [sg-0123456789abcdef0]}
labels: {region: emea}
sign_in: {email_domains: [acme.example], issuer: "https://login.acme.example", client_id: us}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache of its own, for folders of any size."""
    home = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.setattr(kept, "FEWEST", 1)
    monkeypatch.setattr(kept, "SETTLED", SETTLED)
    return home / "tenantry" / "declarations"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tenants whose files were read."""
    found: list[str] = []
    real = FileReader.read

    def read(self: FileReader, slug: str) -> object:
        found.append(slug)
        return real(self, slug)

    monkeypatch.setattr(FileReader, "read", read)
    return found


def settle() -> None:
    time.sleep(1.5 * SETTLED / 1e9)


def outcome(directory: Path, settings: PlatformSettings, *, stored: bool) -> object:
    """Everything that a reading tells in a new process: the declarations, or every problem."""
    assets._rewritten_file.cache_clear()
    try:
        found = DeclarationStore(directory).load(settings) if stored else load(directory, settings)
    except DeclarationErrors as error:
        return [str(problem) for problem in error.problems]
    return [(slug, tenant, tenant.model_dump_json(), tenant.stack) for slug, tenant in found.items()]


def of_stacks(declared: Declarations) -> dict[str, list[str]]:
    return {stack: [tenant.slug for tenant in declared.of_stack(stack)] for stack in ("shared", "shared-eu1", "acme", "none")}


def test_only_what_changed_is_read(folder: Path, settings: PlatformSettings, reads: list[str]) -> None:
    """The second process reads no tenant's file, after an edit that one, after an edit of a tier its tenants."""
    for slug, tier in (("acme", "starter"), ("birch", "starter"), ("coral", "business")):
        (folder / f"{slug}.yaml").write_text(PLAIN.replace("starter", tier))
    settle()
    for act, expected in (
        (lambda: None, ["acme", "birch", "coral"]),
        (lambda: None, []),
        (lambda: (folder / "birch.yaml").write_text(PLAIN + "cell: eu1\n"), ["birch"]),
        (lambda: None, []),
        (lambda: (folder / "defaults" / "business.yaml").write_text("isolation: database\n"), ["coral"]),
        (lambda: (folder / "acme.yaml").rename(folder / "delta.yaml"), ["delta"]),
        (lambda: None, []),
    ):
        act()
        settle()
        reads.clear()
        declared = DeclarationStore(folder).load(settings)
        assert reads == expected
        assert of_stacks(declared) == of_stacks(load(folder, settings))


def test_every_key_comes_back(folder: Path, settings: PlatformSettings, reads: list[str]) -> None:
    """A declaration that says everything is, from what was kept, equal to the one that was read, type by type."""
    (folder / "assets" / "acme").mkdir(parents=True)
    (folder / "assets" / "acme" / "logo.svg").write_text(SVG)
    (folder / "acme.yaml").write_text(FULL)
    settle()
    first = DeclarationStore(folder).load(settings)["acme"]
    reads.clear()
    again = DeclarationStore(folder).load(settings)["acme"]
    assert reads == []
    assert again == first
    assert repr(again) == repr(first)
    assert again.model_dump() == first.model_dump()
    assert type(again).model_validate(again.model_dump()) == again
    with pytest.raises(ValueError, match="frozen"):
        again.limits.users = 3


def test_an_edit_that_hides_itself_is_seen(folder: Path, settings: PlatformSettings) -> None:
    """Another text of the same size, with the time of the file put back."""
    file = folder / "acme.yaml"
    file.write_text(PLAIN)
    settle()
    DeclarationStore(folder).load(settings)
    before = file.stat()
    file.write_text(PLAIN.replace("Acme", "Acne"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert DeclarationStore(folder).load(settings)["acme"].name == "Acne"


def test_a_file_that_was_just_written_is_not_kept(folder: Path, settings: PlatformSettings, reads: list[str], cache: Path) -> None:
    """The next edit within the clock's tick would not show."""
    (folder / "acme.yaml").write_text(PLAIN)
    DeclarationStore(folder).load(settings)
    DeclarationStore(folder).load(settings)
    assert reads == ["acme", "acme"]
    assert not cache.exists()


def test_a_fault_is_told_every_time(folder: Path, settings: PlatformSettings) -> None:
    """In a file, in a tier, and between two files that are valid each."""
    for files in (
        {"acme.yaml": PLAIN + "nmae: x\n", "birch.yaml": PLAIN},
        {"acme.yaml": PLAIN, "defaults/starter.yaml": "isolation: none\n"},
        {"acme.yaml": PLAIN, "acrne.yaml": PLAIN, "defaults/starter.yaml": "isolation: rls\n"},
    ):
        for name, text in files.items():
            (folder / name).write_text(text)
        settle()
        told = [outcome(folder, settings, stored=True) for _ in range(3)]
        assert told == [outcome(folder, settings, stored=False)] * 3
        assert isinstance(told[0][0], str)  # type: ignore[index]  # a problem


@pytest.mark.parametrize("what", ["edited", "gone", "moved out"])
def test_a_picture_that_changed_is_looked_at(
    what: str, folder: Path, settings: PlatformSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Though the declaration that names it did not change: edited in its size with its time put back, gone, behind a link."""
    logo = folder / "assets" / "acme" / "deep" / "logo.svg"
    written(logo, SVG)
    (folder / "acme.yaml").write_text(PLAIN + "branding: {logo: assets/acme/deep/logo.svg}\n")
    settle()
    assert len(DeclarationStore(folder).load(settings)) == 1
    before = logo.stat()
    if what == "edited":
        logo.write_text(SVG.replace("<rect", "<rekt"))
        os.utime(logo, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif what == "gone":
        logo.unlink()
    else:
        outside = tmp_path_factory.mktemp("outside") / "deep"
        logo.parent.rename(outside)
        logo.parent.symlink_to(outside)
    told = outcome(folder, settings, stored=True)
    assert told == outcome(folder, settings, stored=False)
    assert isinstance(told[0], str)  # type: ignore[index]  # a problem


def test_it_is_its_owners_alone(folder: Path, settings: PlatformSettings, cache: Path) -> None:
    """Whatever the umask."""
    (folder / "acme.yaml").write_text(PLAIN)
    settle()
    before = os.umask(0)
    try:
        DeclarationStore(folder).load(settings)
    finally:
        os.umask(before)
    (file,) = cache.iterdir()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(cache.stat().st_mode)) == (0o600, 0o700)


@pytest.mark.parametrize("what", ["open", "others", "open folder", "link", "half", "one bit", "other code", "empty"])
def test_one_that_cannot_be_trusted_counts_as_none(
    what: str, folder: Path, settings: PlatformSettings, cache: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that another user could have written, a damaged one, another version's: all is read, nothing is said, and it is made anew."""
    (folder / "acme.yaml").write_text(PLAIN)
    settle()
    DeclarationStore(folder).load(settings)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    if what == "open":
        file.chmod(0o620)
    elif what == "others":
        if os.geteuid():
            pytest.skip("only root can give a file away")
        os.chown(file, 65534, -1)
    elif what == "open folder":
        cache.chmod(0o770)
    elif what == "link":
        file.rename(cache / "there")
        file.symlink_to("there")
    elif what == "other code":
        monkeypatch.setattr(kept, "_code", lambda: "0" * 64)
    else:
        at = content.rindex(b"Acme")
        file.write_bytes({"half": content[:at], "one bit": content[:at] + b"Ecme" + content[at + 4 :], "empty": b""}[what])
    reads.clear()
    assert DeclarationStore(folder).load(settings)["acme"].name == "Acme"
    assert reads == ["acme"]
    if what == "open folder":
        cache.chmod(0o700)
    DeclarationStore(folder).load(settings)
    reads.clear()
    DeclarationStore(folder).load(settings)
    assert reads == []


def test_where_nothing_can_be_kept_all_is_read(folder: Path, settings: PlatformSettings, cache: Path) -> None:
    """As where the user's cache is no folder."""
    cache.parent.write_text("")
    (folder / "acme.yaml").write_text(PLAIN)
    settle()
    assert list(DeclarationStore(folder).load(settings)) == ["acme"]


def test_old_folders_make_room(tmp_path: Path, settings: PlatformSettings, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred clones that are gone nothing stays for ever."""
    monkeypatch.setattr(kept, "MOST", 2)
    for number in range(4):
        clone = tmp_path / f"clone-{number}"
        (clone / "defaults").mkdir(parents=True)
        (clone / "defaults" / "starter.yaml").write_text("")
        (clone / "defaults" / "starter.yaml").write_text("isolation: rls\n")
        (clone / "acme.yaml").write_text(PLAIN)
        settle()
        DeclarationStore(clone).load(settings)
    assert {file.name for file in cache.iterdir()} == {kept.place(tmp_path / f"clone-{number}").name for number in (2, 3)}  # type: ignore[union-attr]


SLUGS = ("acme", "birch", "coral", "delta", "elbe", "fjord", "acrne")


@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_it_is_as_without_it(seed: int, folder: Path, settings: PlatformSettings, cache: Path, reads: list[str]) -> None:
    """Files written, renamed, swapped, deleted, broken, edited in their size with their time put back, made links; tiers and pictures the
    same; what is kept damaged: a reading with it tells what one without it does, word by word."""
    chance = random.Random(seed)  # noqa: S311
    spared = problems = 0
    for step in range(50):
        for _ in range(chance.choice((1, 1, 2, 4))):
            edit(folder, cache, chance)
        if chance.random() < 0.6:
            settle()
        reads.clear()
        found = outcome(folder, settings, stored=True)
        spared += len(list(folder.glob("*.yaml"))) - len(reads)
        assert found == outcome(folder, settings, stored=False), step
        problems += bool(found) and isinstance(found[0], str)  # type: ignore[index]
    assert spared > 30
    assert 5 < problems < 45


def edit(folder: Path, cache: Path, chance: random.Random) -> None:
    """One thing that happens to a folder of declarations."""
    slug, other = chance.sample(SLUGS if chance.random() < 0.1 else SLUGS[:-1], 2)
    file, second = folder / f"{slug}.yaml", folder / f"{other}.yaml"
    logo = folder / "assets" / slug / chance.choice(("logo.svg", "deep/logo.svg"))
    tier = folder / "defaults" / f"{chance.choice(('starter', 'business'))}.yaml"
    logo.parent.mkdir(parents=True, exist_ok=True)
    whose = chance.choice((file, file, logo, tier))
    act = chance.randrange(15)
    if act < 4:
        lines = ("", "cell: eu1\n", "state: deleted\n", f"domains: [portal.{chance.choice((slug, slug, slug, 'acme'))}.example]\n")
        text = PLAIN.replace("starter", chance.choice(("starter", "business"))) + chance.choice(lines)
        written(file, text + (f"branding: {{logo: {logo.relative_to(folder)}}}\n" if chance.random() < 0.3 else ""))
    elif act == 4:
        for each in (folder / f"{name}.yaml" for name in SLUGS):  # somebody mends what is broken
            if chance.random() < 0.8 and (each.is_symlink() or each.exists()):
                written(each, PLAIN)
        (folder / "acrne.yaml").unlink(missing_ok=True)
        for each in ("starter", "business"):
            written(folder / "defaults" / f"{each}.yaml", "isolation: rls\nlimits: {users: 7}\n")
    elif act == 14:
        written(file, PLAIN + chance.choice(("nmae: x\n", "tier: [\n", "isolation: rsl\n")) if chance.random() < 0.4 else PLAIN)
    elif act == 5 and file.exists():
        file.rename(second)
    elif act == 6 and file.exists() and second.exists():
        file.rename(folder / ".third")
        second.rename(file)
        (folder / ".third").rename(second)
    elif act == 7:
        (file if chance.random() < 0.7 else logo).unlink(missing_ok=True)
    elif act in (8, 9) and whose.is_file() and not whose.is_symlink():
        before = whose.stat()
        text = whose.read_text()
        for one, another in (("Acme", "Acne"), ("users: 7", "users: 9"), ("<rect", "<rekt"), ("rls", "rsl")):
            if one in text or another in text:
                text = text.replace(one, another) if one in text else text.replace(another, one)
                break
        whose.write_text(text)
        os.utime(whose, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif act == 10:
        written(
            tier, chance.choice(("isolation: rls\nlimits: {users: 7}\n", "isolation: rls\n", "isolation: schema\n", "isolation: none\n"))
        )
        if chance.random() < 0.9:
            written(tier, "isolation: rls\n")
    elif act == 11:
        written(logo, SVG)
        if chance.random() < 0.3:
            logo.unlink()
            logo.symlink_to("/etc/hostname")
    elif act == 12 and file.exists():
        file.unlink()
        file.symlink_to(chance.choice((f"{other}.yaml", "/etc/hostname")))
    elif act == 13:
        for each in cache.iterdir() if cache.exists() else ():
            content = each.read_bytes()
            each.write_bytes(chance.choice((content[: len(content) // 2], content.replace(b"Acme", b"Evil"), b"")))


def written(file: Path, text: str) -> None:
    """Not through a link."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink():
        file.unlink()
    file.write_text(text)


def test_a_value_is_edited_where_it_stands(folder: Path) -> None:
    """Comments, line ends and the file's mode stay; the same again and a dry run write nothing."""
    file = folder / "acme.yaml"
    file.write_bytes(PLAIN.replace("\n", "\r\n").encode() + b"state: active  # for now\r\n")
    file.chmod(0o640)
    store = DeclarationStore(folder)
    before = file.read_bytes()
    assert store.edit("acme", {"state": "suspended"}, dry=True)[1].encode() == before.replace(b"active", b"suspended")
    assert file.read_bytes() == before
    store.edit("acme", {"state": "suspended"})
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (before.replace(b"active", b"suspended"), 0o640)
    inode = file.stat().st_ino
    store.edit("acme", {"state": "suspended"})
    assert file.stat().st_ino == inode
    assert sorted(path.name for path in folder.iterdir()) == ["acme.yaml", "defaults"]


def test_what_would_not_be_valid_is_not_written(folder: Path) -> None:
    """Nor what cannot be edited, nor a tenant without a file: each says what to do."""
    file = folder / "acme.yaml"
    file.write_text(PLAIN + "theme: {}\nlabels: {a: b, c: d}\n")
    before, store = file.read_bytes(), DeclarationStore(folder)
    with pytest.raises(DeclarationErrors):
        store.edit("acme", {"state": "gone"})
    with pytest.raises(InputError) as caught:
        store.edit("acme", {"name.first": "x"})
    assert caught.value.hint == "write it yourself: name: {first: x}"
    with pytest.raises(InputError, match="no file"):
        store.edit("acne", {"state": "active"})
    assert file.read_bytes() == before


def test_removed_are_file_and_assets(folder: Path) -> None:
    """And named, for who has to commit that; a second time there is nothing."""
    (folder / "acme.yaml").write_text(PLAIN)
    written(folder / "assets" / "acme" / "logo.svg", SVG)
    removed = DeclarationStore(folder).remove("acme")
    assert [name.removeprefix(f"{folder}/") for name in removed] == ["acme.yaml", "assets/acme/"]
    assert sorted(path.name for path in folder.rglob("*")) == ["assets", "business.yaml", "defaults", "starter.yaml"]
    assert DeclarationStore(folder).remove("acme") == []
