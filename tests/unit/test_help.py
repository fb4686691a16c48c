"""`tenantry --help`: every command is in one group, with one line; and each one's own help has an example that can be typed."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer

from tenantry import cli
from tenantry.commands.overview import PANELS

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 63
"""What a terminal of 80 columns has for a line: the frame and the longest name take the rest."""


@pytest.fixture(scope="module")
def root():
    cli._register()
    return typer.main.get_command(cli.app)


def tree(command: Any, path: tuple[str, ...] = ("tenantry",)):
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from tree(below, (*path, name))


def test_every_command_is_in_one_group(root):
    named = [name for lines in PANELS.values() for name in lines]
    assert len(named) == len(set(named))
    assert list(root.commands) == named


def test_every_command_has_one_line(root):
    long = [name for lines in PANELS.values() for name, line in lines.items() if len(line) > WIDTH or not line.endswith(".")]
    assert long == []
    assert all(command.short_help == PANELS[command.rich_help_panel][name] for name, command in root.commands.items())


def test_the_help_is_shown_in_groups(root, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    root(["--help"], prog_name="tenantry", standalone_mode=False)
    heads = re.findall(r"╭─ (\w+) ─", out.getvalue())
    assert heads == ["Options", *PANELS]
    for lines in PANELS.values():
        for name, line in lines.items():
            assert re.search(rf"│ {name} +{re.escape(line)} *│", out.getvalue()), name


def examples(command: Any) -> list[str]:
    return re.findall(r"^Example: (.+)$", command.help or "", re.MULTILINE)


def test_every_command_has_an_example(root):
    """Each in a paragraph of its own: Typer joins the lines of one."""
    without = [" ".join(path) for path, command in tree(root) if not examples(command)]
    joined = [" ".join(path) for path, command in tree(root) if re.search(r"[^\n]\nExample:", command.help or "")]
    assert (without, joined) == ([], [])


def test_every_example_can_be_typed(root):
    """Its command, options and number of arguments are what the command line reads, though nothing is done."""
    typed = 0
    for path, command in tree(root):
        for example in examples(command):
            text = re.sub(r"\s{2,}\(.*\)$", "", example)  # said beside it
            for part in re.split(r"&&", text.removeprefix('eval "$(').removesuffix(')"')):
                words = shlex.split(re.split(r"\s[<>]\s", part)[0])
                assert len(path) == 1 or path[1] in example, example
                understand(root, words)
                typed += 1
    assert typed > 60


def understand(command: Any, words: list[str]) -> None:
    """Parses each level; a wrong option, a missing argument or one too many raises."""
    name, *rest = words
    parent = None
    while True:
        context = command.make_context(name, list(rest), parent=parent)
        if not getattr(command, "commands", None):
            return
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parent = context


def test_the_version_is_the_packages(root, capsys):
    """And the engine's is what the package requires."""
    with pytest.raises(typer.Exit):
        root.make_context("tenantry", ["--version"])
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    engine = next(each for each in declared if each.startswith("pulumi==")).removeprefix("pulumi==")
    assert capsys.readouterr().out == f"tenantry {metadata.version('tenantry')} (Pulumi engine {engine})\n"


def test_a_shell_completes_commands_and_slugs(tmp_path):
    """As bash asks; there is no server."""
    for name in ("acme", "acme-staging", "birch"):
        (tmp_path / f"{name}.yaml").write_text("{ not: yaml", encoding="utf-8")
    where = {**os.environ, "TENANTRY_TENANTS": str(tmp_path), "PGHOST": "", "_TENANTRY_COMPLETE": "complete_bash"}

    def completed(line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        # As installed: the variable that the shell sets has the name of the program.
        code = "import sys; sys.argv[0] = 'tenantry'; from tenantry.cli import main; main()"
        run = subprocess.run([sys.executable, "-c", code], env={**where, **words}, cwd=ROOT, capture_output=True, text=True, check=True)
        return run.stdout.split()

    assert completed("tenantry prov") == ["provision"]
    assert completed("tenantry suspend a") == ["acme", "acme-staging"]
    assert completed("tenantry provision acme b") == ["birch"]
