"""Every command that a hint or a page names exists, so that no hint leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from tenantry import cli
from tenantry.commands.groups import WithDefault

ROOT = Path(__file__).resolve().parents[2]
# After the word come commands, until something that is no command's name.
NAMED = re.compile(r"(?:^|[\s\"'`(\[])tenantry((?: [a-z][a-z-]*)+)")
IN_TEXT = frozenset(
    ["makes", "goes", "and", "is", "was", "has", "would", "did", "does", "of", "for", "with", "the", "to", "drift", "tenants", "template"]
)
"""What follows the name in a sentence, and what is no command on purpose."""


@pytest.fixture(scope="module")
def commands():
    """Name → whether it has commands below it: `backup` and `backup list`."""
    cli._register()

    def walk(group, path):
        for name, command in getattr(group, "commands", {}).items():
            yield (*path, name), command
            yield from walk(command, (*path, name))

    return dict(walk(typer.main.get_command(cli.app), ()))


def closed(command):
    """Whether it is a group of commands, and takes no tenant's slug instead of one: `tenantry backup acme`."""
    return bool(getattr(command, "commands", None)) and not isinstance(command, WithDefault)


def python_strings():
    """Each text in quotes of the program that begins a command line."""
    for folder in ("tenantry", "components", "stacks", "local"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if not text.lstrip().startswith(("#", "from ", "import ")):
                    yield f"{path.relative_to(ROOT)}:{number}", text


def pages():
    for path in (ROOT / "README.md", ROOT / "PLANNING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", text


@pytest.mark.parametrize("source", [python_strings, pages])
def test_every_command_that_is_named_exists(commands, source):
    """The first word after `tenantry`, and the second where the first is a group of commands."""
    unknown = []
    for where, text in source():
        for words in NAMED.findall(text):
            first, *rest = words.split()
            if first in IN_TEXT:
                continue
            if (first,) not in commands:
                unknown.append(f"{where}: tenantry {first}")
            elif rest and rest[0] not in IN_TEXT and closed(commands[(first,)]) and (first, rest[0]) not in commands:
                unknown.append(f"{where}: tenantry {first} {rest[0]}")
    assert unknown == [], "\n".join(unknown)
