"""What is printed steers no terminal, forges no line and hides nothing; and nothing is printed round the console."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tenantry import console
from tenantry.actor import Actor
from tenantry.commands import changes
from tenantry.engine.progress import Step
from tenantry.errors import InputError, WorkError
from tenantry.escape import escaped, escaped_json, journalled, require_line
from tenantry.problems import DeclarationErrors, Problem

ROOT = Path(__file__).parents[2]
FORGED = "mallory\n2026-11-26 10:00:00  delete acme: done\r\x1b[2K\x1b]8;;https://evil.example\x07\x9b31m\u202e\u2066\u200b\u2028\ud800\U000e0041"
SHOWN = (
    "mallory\\n2026-11-26 10:00:00  delete acme: done\\r\\x1b[2K\\x1b]8;;https://evil.example\\x07\\x9b31m\\u202e\\u2066\\u200b\\u2028"
    "\\ud800\\U000e0041"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[io.StringIO, Terminal])
def streams(monkeypatch, request):
    """Puts stdout and stderr, as files and as terminals, in the place of pytest's, which would take them back before the test begins."""

    def put():
        out, err = request.param(), request.param()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        monkeypatch.setenv("COLUMNS", "400")
        return out, err

    return put


def test_hidden_characters_are_shown_as_their_codes():
    """Cc, Cf, surrogates, line and paragraph separators; all else stays as it is."""
    assert escaped(FORGED) == SHOWN
    for text in ("Acme GmbH", "Bücherei Łódź", "株式会社アクメ", "مقهى עברית", "👩🚀 · “quoted”", "a\\nb"):
        assert escaped(text) == text
    assert journalled("a\n  b\0") == "a b\\x00"
    assert journalled(None) is None


def test_json_means_the_same():
    """Its strings are spelled with JSON's own escapes, beyond the BMP by two."""
    data = {"name": FORGED, "more": ["é", "\x7f"]}
    text = escaped_json(json.dumps(data, indent=2, ensure_ascii=False))
    assert json.loads(text) == data
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "é" in text


@pytest.mark.parametrize(
    "show",
    [
        lambda: console.line(FORGED),
        lambda: console.say(FORGED),
        lambda: console.complain(WorkError(FORGED, FORGED)),
        lambda: console.complain(DeclarationErrors([Problem(FORGED, 1, 1, FORGED, FORGED)])),
        lambda: console.print_table(("what", "value"), [("name", FORGED)]),
        lambda: changes.StackProgress()(Step("shared", "create", "aws:s3/bucket:Bucket", FORGED, True)),
        lambda: changes.StackProgress()(Step("shared", "create", "aws:s3/bucket:Bucket", FORGED, False)),
        lambda: console.print_json({"name": FORGED}),
        lambda: console.document(FORGED),
        lambda: console.trace(WorkError(FORGED)),
    ],
    ids=["line", "say", "complain", "problems", "table", "progress", "begun", "json", "document", "trace"],
)
def test_every_way_of_printing_escapes(streams, show, request):
    """Only the console's own codes reach a terminal; a line break within a value begins no line, but where a text has lines."""
    out, err = streams()
    show()
    # The console's own: a line that is written over, and a table's bold head.
    printed = re.sub(r"\r\033\[K|\033\[[01]m", "", out.getvalue() + err.getvalue())
    assert "mallory" in printed or request.node.callspec.id == "StringIO-begun"  # told to somebody who watches only
    lines = printed.split("\n")
    assert all(character.isprintable() for line in lines for character in line), printed
    if request.node.callspec.id.partition("-")[2] not in ("document", "trace"):
        assert not [line for line in lines if line.startswith("2026-11-26")]


def test_what_was_found_is_a_line_each_or_its_fields(streams):
    out, err = streams()
    step = Step("shared", "create", "aws:s3/bucket:Bucket", "plain", True)
    console.print_entries([step], False, lambda found: found.verb, "none")
    console.print_entries([], False, lambda found: found.verb, "none")
    assert (out.getvalue(), err.getvalue()) == ("create\n", "none\n")
    console.print_entries([step], True, lambda found: found.verb, "none")
    assert json.loads(out.getvalue().partition("\n")[2]) == [{**asdict(step), "properties": []}]


def test_a_value_is_no_markup(streams):
    """Rich reads `[link=…]` in a table's cell."""
    out, _ = streams()
    console.print_table(("name",), [("[link=https://evil.example]click[/link] :smile:",)])
    assert "[link=https://evil.example]click[/link] :smile:" in out.getvalue()


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\x1b[2K", "a\u202eb", "x" * 201, "\ud800"])
def test_an_actor_is_one_visible_line(text):
    with pytest.raises(InputError, match="TENANTRY_ACTOR cannot be"):
        require_line("TENANTRY_ACTOR", text)


def test_who_asks_is_one_visible_line_before_anything_is_done(monkeypatch):
    """Whatever keeps a name takes an ``Actor``; there is none of another name."""
    from tenantry.operations.backup import run

    monkeypatch.setenv("TENANTRY_ACTOR", FORGED.replace("\ud800", ""))
    for asked in (Actor.of_environment, lambda: Actor(FORGED), lambda: run.request("acme", FORGED, actor=Actor("ada"))):
        with pytest.raises(InputError, match="cannot be 'mallory"):
            asked()


FORBIDDEN = {"print", "echo", "secho", "print_exception", "print_exc", "print_stack", "pprint", "displayhook"}
OF_TYPER = {"prompt", "confirm"}
CONSOLE = ROOT / "tenantry" / "console.py"
LOGGING = ("listener.py", "secrets.py")
"""Of the applications' library."""
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}


@pytest.mark.parametrize("folder", ["tenantry", "stacks", "components"])
def test_nothing_is_printed_round_the_console(folder):
    """No print, no echo, no stream of ours, no rich console, no logger: but in console.py, and questions
    in commands/asking.py. Programs of the engine talk through its log, what runs in an application through the application's."""
    found = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        if file in (CONSOLE, ROOT / "tenantry" / "commands" / "asking.py", *(ROOT / "tenantry" / "app" / name for name in LOGGING)):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = None
            if isinstance(node, ast.Call):
                function = node.func
                named = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else None
                owner = function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else None
                wrong = named in FORBIDDEN or (owner == "typer" and named in OF_TYPER) or (owner == "os" and named == "write")
                named = named if wrong and owner != "console" else None
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys" and node.attr in STREAMS:
                named = f"sys.{node.attr}"
            elif isinstance(node, ast.Import | ast.ImportFrom):
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                named = next((name for name in modules if name.split(".")[0] in ("rich", "logging", "click", "pprint")), None)
            if named:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {named}")
    assert not found


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["status", "--\x1b]0;evil\x07\u202e"], 2, "error: No such option: --\\x1b]0;evil\\x07\\u202e"),
        (["config", "get", "acme", "key", "too\u202emuch"], 2, "error: Got unexpected extra argument"),
        (["mail", "send", "--limit", "\u202e1"], 2, "error: Invalid value for '--limit'"),
        (["config"], 2, "Usage:"),
        (["status", "--help"], 0, "Usage:"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_an_error_as_every_other(monkeypatch, streams, arguments, code, words):
    """One line what, one line what to do; the arguments that it quotes are escaped as well."""
    from tenantry import cli

    monkeypatch.setattr(sys, "argv", ["tenantry", *arguments])
    monkeypatch.setattr("os.umask", lambda _: 0)
    monkeypatch.setattr("tenantry.waiting.watch", lambda _: None)
    out, err = streams()
    ended = 0
    try:
        cli.main()
    except SystemExit as raised:
        ended = raised.code
    printed = re.sub(r"\033\[[0-9;]*m", "", out.getvalue() + err.getvalue())  # the help is coloured on a terminal
    assert ended == code
    assert words in printed
    assert all(character == "\n" or character.isprintable() for character in printed)
    assert words == "Usage:" or f"{arguments[0]}" in printed.splitlines()[-1]
    assert words == "Usage:" or printed.endswith("--help\n")
