"""A process that the plugin host forks has its modules at once, and yet runs the present code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.home import CLONE

PROGRAM = """
import pathlib, sys
from local.plugins import kept
clone, other, what = map(pathlib.Path, sys.argv[1:])
kept.CLONE, kept.OURS, kept.MODULES = clone, ("stacks",), ("stacks.shared",)
sys.path.insert(0, str(clone))
modules = kept.KeptModules()
modules.load()
loaded = sys.modules["stacks.shared"]
file = clone / "stacks" / "shared.py"
if str(what) == "edited":
    file.write_text("WHAT = 'edited'")
elif str(what) == "added":
    (clone / "stacks" / "more.py").touch()
elif str(what) == "elsewhere":
    sys.path.insert(0, str(other))
modules.prepare()
print("stacks.shared" in sys.modules)
import stacks.shared
print(stacks.shared.WHAT)
"""


def clone(place: Path, what: str) -> Path:
    (place / "stacks").mkdir(parents=True)
    (place / "stacks" / "__init__.py").touch()
    (place / "stacks" / "shared.py").write_text(f"WHAT = {what!r}")
    return place


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=CLONE, env={"PYTHONPATH": str(CLONE)}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("what", "kept", "seen"),
    [("nothing", True, "one"), ("edited", False, "edited"), ("added", False, "one"), ("elsewhere", False, "other")],
)
def test_modules_are_kept_as_long_as_they_are_what_would_be_imported(tmp_path: Path, what: str, kept: bool, seen: str) -> None:
    done = run(PROGRAM, clone(tmp_path / "a", "one"), clone(tmp_path / "b", "other"), what)
    assert done.stdout.split() == [str(kept), seen], done.stderr


def test_a_broken_module_keeps_none(tmp_path: Path) -> None:
    """Who needs it will be told when it is run."""
    place = clone(tmp_path / "a", "one")
    (place / "stacks" / "shared.py").write_text("import stacks.nothing")
    tried = "\ntry:\n    modules.load()\nexcept ImportError:\n    print('stacks' in sys.modules)\n    sys.exit()"
    done = run(PROGRAM.replace("modules.load()", tried), place, place, "nothing")
    assert done.stdout.split() == ["False"], done.stderr
