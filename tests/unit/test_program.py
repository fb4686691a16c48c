"""What a program's digests tell apart: all that changes what a run makes, by its kind, and nothing else."""

from __future__ import annotations

import re
import shutil
import time
from types import SimpleNamespace

import pytest

from local.home import CLONE
from tenantry import program
from tenantry.declaration.fingerprint import made_by
from tenantry.program import Program

TENANT = SimpleNamespace(state="active", isolation="rls", cell="main")
CODE = ("components", "stacks", "tenantry", "__main__.py")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The parts of a clone that count, and some that do not."""
    root = tmp_path_factory.mktemp("clone")
    for name in (*CODE, "migrations"):
        place = CLONE / name
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(place, root / name, ignore=skip) if place.is_dir() else shutil.copy(place, root / name)
    for name in ("Pulumi.yaml", "requirements.lock", "README.md"):
        shutil.copy(CLONE / name, root / name)
    for name in ("tests", "docs"):
        (root / name).mkdir()
    return root


@pytest.fixture
def here(clone, monkeypatch):
    """The clone's program, read anew each time."""
    monkeypatch.setattr(program, "_PACKAGE", clone / "tenantry")
    monkeypatch.delenv("PULUMI_OPTION_CONFIG_FILE", raising=False)

    def read():
        program._read.cache_clear()
        return program._read(clone, clone / "migrations")

    yield read
    program._read.cache_clear()


def changed(clone, here, name, edit):
    """As sentences, what differs after an edit, which is taken back."""
    file = clone / name
    before, content = here(), file.read_bytes() if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(edit(content or b""))
    try:
        after = here()
    finally:
        file.unlink() if content is None else file.write_bytes(content)
    assert here() == before
    words = made_by(after, TENANT, "x").differs(made_by(before, TENANT, "x"))
    assert after.differs(str(before)) == words
    return words


def one_more(content):
    return content + b"\n# one line more\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stacks/shared.py", ("code",)),
        ("stacks/new.py", ("code",)),
        ("components/dynamic/pulumi-resource-pulumi-python", ("code",)),
        ("components/resources/store.py", ("code",)),
        ("tenantry/control/ledger.sql", ("code",)),
        ("tenantry/rendering/mail.html", ("code",)),
        ("__main__.py", ("code",)),
        ("migrations/tenant/0002_phone.sql", ("migrations",)),
        ("migrations/control/0001_registry.sql", ("migrations",)),
        ("migrations/isolation.sql", ("migrations",)),
        ("migrations/control_grants.yaml", ("migrations",)),
        ("migrations/classification.yaml", ("migrations",)),
        ("README.md", ()),
        ("docs/operations.md", ()),
        ("tests/unit/test_more.py", ()),
        ("requirements.lock", ()),  # a comment
        ("tenantry/__pycache__/cli.cpython-313.pyc", ()),
        ("tenantry/cli.pyc", ()),
        ("tenantry/.cli.py.swp", ()),
        ("stacks/shared.py~", ()),
        ("migrations/.DS_Store", ()),
        ("migrations/isolation.sql.orig", ()),
        ("Pulumi.yaml", ()),  # a comment
    ],
)
def test_a_file_counts_as_what_it_is(clone, here, name, words):
    assert changed(clone, here, name, one_more) == words


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        ("Pulumi.yaml", "default: tenantry.example", "default: other.example", ("settings",)),
        ("Pulumi.yaml", 'default: "true"', "default: true", ()),
        ("Pulumi.yaml", 'default: "true"', 'default: "false"', ("settings",)),
        ("Pulumi.yaml", "default: none", "default: governance", ("settings",)),
        ("Pulumi.yaml", 'default: "30"', 'default: "31"', ()),
        ("Pulumi.yaml", "default: 7/4/12", "default: 7/4/13", ()),
        ("Pulumi.yaml", "Where the application answers", "Where it answers", ()),
        ("Pulumi.yaml", "config:\n", "config:\n  aws:defaultTags:\n    value: {tags: {team: a}}\n", ("settings",)),
        ("Pulumi.yaml", "path: components/dynamic", "path: components/other", ("code",)),
        ("requirements.lock", r"pulumi-aws==[\d.]+", "pulumi-aws==99.0.0", ("code",)),
        ("requirements.lock", r"sha256:[0-9a-f]+", "sha256:00", ()),
    ],
)
def test_a_setting_counts_as_it_is_read(clone, here, name, before, after, words):
    """By its value, whichever way it is written; and only what a stack's program goes by."""

    def edit(content):
        text, count = re.subn(before, after, content.decode(), count=1)
        assert count, "nothing was edited"
        return text.encode()

    assert changed(clone, here, name, edit) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("config:\n  aws:defaultTags: {tags: {team: a}}\n", ("settings",)),
        ("encryptionsalt: v1:eTFfdfWPu7k=\n", ()),
        ("config:\n  aws:region: eu-central-1\n  tenantry:domain: tenantry.example\n", ()),  # a stack cannot say something else
        ("config:\n  cloudflare:apiToken:\n    secure: v1:abc\n", ()),
    ],
)
def test_a_stacks_own_file_counts_by_what_it_configures(clone, here, monkeypatch, text, words):
    """Not by the salt and the secrets, which each clone has of its own; in the stack's file, and in the one that stands for all."""
    assert changed(clone, here, "Pulumi.shared.yaml", lambda _: text.encode()) == words
    monkeypatch.setenv("PULUMI_OPTION_CONFIG_FILE", str(clone / "stacks.yaml"))
    assert changed(clone, here, "stacks.yaml", lambda _: text.encode()) == words


@pytest.mark.parametrize("name", ["stacks/shared.py", "migrations/isolation.sql", "requirements.lock", "Pulumi.yaml"])
def test_line_ends_are_the_machines(clone, here, name):
    """As core.autocrlf writes them."""
    assert changed(clone, here, name, lambda content: content.replace(b"\n", b"\r\n")) == ()


def test_a_setting_that_is_left_out_is_read_by_no_program():
    """Else a merge that changes it would be pending nowhere."""
    names = re.compile(rf"\.({'|'.join(program.OF_NO_RUN)})\b")
    sources = [file for place in ("stacks", "components") for file in (CLONE / place).rglob("*.py")]
    assert [file for file in sources if names.search(file.read_text(encoding="utf-8"))] == []
    assert len(sources) > 20


def test_it_costs_next_to_nothing(clone, here):
    """Every command that asks what is pending asks this, once."""
    here()
    least = min(_seconds(here) for _ in range(5))
    assert least < 0.05, f"{least:.3f} s of a processor"


def _seconds(work):
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_two_clones_are_the_same_program(clone, here, tmp_path, monkeypatch):
    """Wherever they are, and in whichever order their folders list the files."""
    first = here()
    shutil.copytree(clone, tmp_path / "elsewhere", copy_function=shutil.copy)
    monkeypatch.setattr(program, "_PACKAGE", tmp_path / "elsewhere" / "tenantry")
    assert program._read(tmp_path / "elsewhere", tmp_path / "elsewhere" / "migrations") == first
    assert isinstance(first, Program)
