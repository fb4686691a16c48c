"""What holds mail, states or secrets is its owner's alone: from the first moment, and again where an earlier version left it open."""

from __future__ import annotations

import ast
import os
import stat
from pathlib import Path

import pytest

from local import private
from local.home import Home

ROOT = Path(__file__).parents[3]


@pytest.fixture
def open_umask():
    """The umask that hides the least."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_closed_from_the_first_moment(tmp_path, open_umask, monkeypatch):
    """Whatever the umask: it is opened 0600, not opened and then closed; what a killed process left is not written into."""
    opened = []
    real = os.open

    def watched(path, flags, mode=0o777, **more):
        opened.append(mode)
        return real(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", watched)
    left = tmp_path / "mail.eml.new"
    left.write_bytes(b"left")
    left.chmod(0o666)
    private.write(tmp_path / "mail.eml", b"secret")
    assert 0o600 in opened
    assert mode(tmp_path / "mail.eml") == 0o600
    assert (tmp_path / "mail.eml").read_bytes() == b"secret"
    assert not left.exists()


def test_a_folder_is_closed(tmp_path, open_umask):
    assert mode(private.folder(tmp_path / "above" / "new")) == 0o700
    assert mode(tmp_path / "above") == 0o700
    (tmp_path / "old").mkdir(mode=0o755)
    assert mode(private.folder(tmp_path / "old")) == 0o700


def test_a_home_of_an_earlier_version_is_mended(tmp_path, open_umask):
    """The next `up` closes mail, states, logs and journals; the folders of database servers stay as the system user needs them."""
    home = Home(tmp_path / ".local")
    for folder in (home.mail, home.state / ".pulumi", home.log, home.postgres, home.instances / "t-acme"):
        folder.mkdir(parents=True, mode=0o755)
    files = [home.mail / "1.eml", home.state / ".pulumi" / "acme.json", home.log / "aws.log", home.cloudflare, home.record]
    for file in files:
        file.write_text("secret")
        file.chmod(0o644)
    (home.plugins).mkdir()
    launcher = home.plugins / "launch"
    launcher.touch(mode=0o755)
    with home.create().lock():
        assert mode(home.root / "lock") == 0o600
    assert {mode(file) for file in files} == {0o600}
    assert {mode(folder) for folder in (home.mail, home.state, home.state / ".pulumi", home.log, home.secrets, home.aws)} == {0o700}
    assert (mode(launcher), mode(home.root), mode(home.instances)) == (0o700, 0o711, 0o711)
    assert (mode(home.postgres), mode(home.instances / "t-acme")) == (0o755, 0o755)


OWN_WAY = {
    "local/private.py": "is the way",
    "local/engine/build.py": "the engine's sources and binaries, in the user's cache",
    "local/plugins_home.py": "a launcher without secrets, in a closed folder",
    "local/cloud/postgres.py": "a server's settings and port, in its closed folder",
    "local/stack_config.py": "a scratch project, in a temporary folder, which is closed",
    "components/pictures.py": "a picture of the branding, checked and written anew, which is published",
    "local/turn.py": "a lock without content, for make, before there is a virtual environment",
    "tenantry/declaration/committed.py": "declarations and pictures of a commit, in a temporary folder, which is closed",
    "tenantry/declaration/folder.py": "declarations, which are to be committed",
    "tenantry/operations/branding_export.py": "a look, which is for everybody",
}


@pytest.mark.parametrize("folder", ["local", "tenantry", "components", "stacks"])
def test_nothing_is_written_another_way(folder):
    """Every place that makes a file goes through `local.private`, but for these, each with its reason."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            closed = any(keyword.arg == "opener" for keyword in node.keywords)
            writes = named == "open" and any(set(text) & set("wax") and len(text) <= 3 for text in texts)
            if (named in ("write_text", "write_bytes") or writes) and not closed:
                found.add(str(file.relative_to(ROOT)))
    assert found <= OWN_WAY.keys()
