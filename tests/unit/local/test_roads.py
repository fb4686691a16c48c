"""The order in which the engine is looked for, and how it comes into the cache."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.engine import build, download, roads
from tenantry.errors import InputError, WorkError

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python")


def engine(folder: Path, version: str, programs: tuple[str, ...] = PROGRAMS) -> Path:
    """An engine that only knows its version."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs:
        (folder / name).write_text(f"#!/bin/sh\necho v{version}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, a PATH with a shell and without an engine, and no road that leads out of the machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("TENANTRY_ENGINE", raising=False)
    for road in ("fetch", "build"):
        module = download if road == "fetch" else build
        monkeypatch.setattr(module, road, refuse(road))


def refuse(road: str) -> Callable[[str, Path, Callable[[str], None]], None]:
    def get(version: str, target: Path, say: Callable[[str], None]) -> None:
        raise WorkError(f"{road} leads nowhere", "")

    return get


def bring(times: list[str], name: str) -> Callable[[str, Path, Callable[[str], None]], None]:
    def get(version: str, target: Path, say: Callable[[str], None]) -> None:
        times.append(name)
        engine(target / "bin", version)

    return get


def test_an_engine_on_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pulumi of the SDK's version or later on PATH is used as it is, whatever the cache holds."""
    engine(roads.cache() / "bin", roads.wanted())
    mine = engine(tmp_path / "mine", "99.0.0")
    monkeypatch.setenv("PATH", f"{mine}:/usr/bin:/bin")
    assert roads.ensure(print) == mine


@pytest.mark.parametrize(("version", "programs"), [("3.0.0", PROGRAMS), ("99.0.0", ("pulumi",)), ("no version", PROGRAMS)])
def test_an_engine_on_path_that_is_old_or_without_host_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, programs: tuple[str, ...]
) -> None:
    """Too old, broken, or without a Python language host: the cache's engine is used."""
    engine(roads.cache() / "bin", roads.wanted())
    monkeypatch.setenv("PATH", f"{engine(tmp_path / 'mine', version, programs)}:/usr/bin:/bin")
    assert roads.ensure(print) == roads.cache() / "bin"


def test_the_official_release_is_preferred_to_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the release can be had, nothing is built."""
    came: list[str] = []
    monkeypatch.setattr(download, "fetch", bring(came, "download"))
    monkeypatch.setattr(build, "build", bring(came, "build"))
    assert roads.ensure(print) == roads.cache() / "bin"
    assert came == ["download"]
    roads.ensure(print)
    assert came == ["download"]


def test_without_the_release_it_is_built_and_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failed download is one line, and the build follows."""
    came: list[str] = []
    said: list[str] = []
    monkeypatch.setattr(build, "build", bring(came, "build"))
    roads.ensure(said.append)
    assert came == ["build"]
    assert said == ["fetch leads nowhere"]


def test_without_any_road_the_error_names_them_all() -> None:
    """No traceback, both reasons, and what to do."""
    with pytest.raises(WorkError, match="no Pulumi engine: fetch leads nowhere; build leads nowhere") as raised:
        roads.ensure(lambda line: None)
    assert "by hand" in raised.value.hint


@pytest.mark.parametrize("road", ["download", "build"])
def test_a_forced_road_is_the_only_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, road: str) -> None:
    """TENANTRY_ENGINE allows one road, also where PATH has an engine."""
    came: list[str] = []
    monkeypatch.setattr(download, "fetch", bring(came, "download"))
    monkeypatch.setattr(build, "build", bring(came, "build"))
    monkeypatch.setenv("PATH", f"{engine(tmp_path / 'mine', '99.0.0')}:/usr/bin:/bin")
    monkeypatch.setenv("TENANTRY_ENGINE", road)
    assert roads.ensure(print) == roads.cache() / "bin"
    assert came == [road]


def test_path_alone_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """TENANTRY_ENGINE=path with no engine on PATH is an error, also where the cache has one."""
    engine(roads.cache() / "bin", roads.wanted())
    monkeypatch.setenv("TENANTRY_ENGINE", "path")
    with pytest.raises(WorkError, match="on PATH"):
        roads.ensure(print)


def test_an_unknown_road_is_an_error_of_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt TENANTRY_ENGINE is refused and the right words are named."""
    monkeypatch.setenv("TENANTRY_ENGINE", "biuld")
    with pytest.raises(InputError) as raised:
        roads.ensure(print)
    assert "path, download, build" in raised.value.hint


def test_two_at_once_build_once() -> None:
    """Who comes while another process gets the engine says that it waits, and then uses what the other has brought."""
    other = (
        "import sys, fasteners; from pathlib import Path; lock = fasteners.InterProcessLock(sys.argv[1]); lock.acquire();"
        "print('held', flush=True); sys.stdin.read(1); Path(sys.argv[2]).rename(sys.argv[3]); lock.release()"
    )
    ready = roads.cache().with_name("ready")
    engine(ready / "bin", roads.wanted())
    command = [sys.executable, "-c", other, roads.cache().parent / ".lock", ready, roads.cache()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        said: list[str] = []
        proceed = holder.stdin

        def say(line: str) -> None:
            said.append(line)
            proceed.write(b".")
            proceed.flush()

        assert roads.ensure(say) == roads.cache() / "bin"
    assert said == ["another process is getting the Pulumi engine; waiting for it"]


def test_the_build_makes_the_sdks_version() -> None:
    """The engine in go.mod is the SDK's version: another one would be refused by the Automation API."""
    assert build.module_version() == roads.wanted()


def test_the_lock_file_names_no_registry_and_pins_everything() -> None:
    """Every requirement is pinned with hashes; the address of a registry belongs to the machine, not to the repository."""
    text = (Path(build.HERE).parent.parent / "requirements.lock").read_text()
    assert not re.search(r"https?://|--index-url|--find-links|file://", text)
    requirements = re.findall(r"^[a-z0-9].*$", text, re.MULTILINE | re.IGNORECASE)
    assert len(requirements) > 50
    assert all(re.search(r"==\S+.* \\$", requirement) for requirement in requirements)


def test_a_machine_without_network_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The download gives up in bounded time where its site cannot be reached."""
    monkeypatch.undo()
    monkeypatch.setattr(download, "_REACH", "import time; time.sleep(60)")
    monkeypatch.setattr(download, "REACH_SECONDS", 0.2)
    with pytest.raises(WorkError, match="can't be reached"):
        download.fetch("1.0.0", Path("/nowhere"), print)


def test_the_lock_file_holds_every_dependency() -> None:
    """Whoever adds a dependency to pyproject.toml renews the lock file: make lock."""
    clone = build.HERE.parent.parent
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {re.match(r"[\w.-]+", each)[0].lower() for each in (*project["dependencies"], *extras["local"], *extras["dev"])}  # type: ignore[index]
    locked = set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", (clone / "requirements.lock").read_text().lower(), re.MULTILINE))
    assert named <= locked
