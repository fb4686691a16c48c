"""What `migrations/tool.yaml` may say, and what is read of a tool's words."""

from __future__ import annotations

import sys

import pytest

from tenantry.clients import process
from tenantry.clients.process import Ended
from tenantry.declaration import migration_tool
from tenantry.errors import InputError, WorkError
from tenantry.postgres import revisions, tool_commands

RIGHT = """
name: shop
folder: project
migrate: [python, manage.py, migrate]
digest: [steps]
tables: [django_migrations]
"""


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """Writes the file, beside a project, and reads it."""
    monkeypatch.setenv("TENANTRY_MIGRATIONS", str(tmp_path))
    (tmp_path / "project" / "steps").mkdir(parents=True)
    (tmp_path / "project" / "steps" / "0001.sql").write_text("CREATE TABLE a ();", encoding="utf-8")

    def write(text):
        (tmp_path / migration_tool.FILE).write_text(text, encoding="utf-8")
        tool_commands.revisions.cache_clear()
        migration_tool._read.cache_clear()
        return migration_tool.declared()

    write.root = tmp_path
    yield write
    tool_commands.revisions.cache_clear()


def test_without_the_file_there_is_no_tool(tmp_path, monkeypatch):
    monkeypatch.setenv("TENANTRY_MIGRATIONS", str(tmp_path))
    assert migration_tool.declared() is None
    assert revisions.books() == ["alembic_version", "tenantry_version"]


def test_what_it_says(declared):
    tool = declared(RIGHT)
    assert tool.migrate == ("python", "manage.py", "migrate")
    assert migration_tool.folder(tool) == declared.root / "project"
    assert revisions.books() == ["alembic_version", "tenantry_version", "django_migrations"]
    assert revisions.version_table("shared") == "tenantry_version"
    assert revisions.version_table("control") == "alembic_version"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RIGHT.replace("[python, manage.py, migrate]", "manage.py migrate"), ":4:10: migrate must be a list, not 'manage.py migrate'"),
        (RIGHT.replace("migrate: [python, manage.py, migrate]\n", ""), "migrate is missing"),
        (RIGHT.replace("[python, manage.py, migrate]", "[]"), ":4:"),
        (RIGHT + "migrat: [x]\n", ":7:1: unknown key 'migrat' (did you mean 'migrate'?)"),
        (RIGHT + "head: [x]\n", "says head or digest, one of the two"),
        (RIGHT.replace("digest: [steps]\n", ""), "says head or digest, one of the two"),
        (RIGHT.replace("digest: [steps]", "head: [x]"), "says head and current, or neither"),
        (RIGHT + "current: [x]\n", "says head and current, or neither"),
        (RIGHT + "to: [x, y]\n", "to names no {revision}"),
        (RIGHT + "environment: [PGPASSWORD]\n", "PGPASSWORD is Tenantry's to set"),
        (RIGHT + "environment: [TENANTRY_SCHEMA]\n", "TENANTRY_SCHEMA is Tenantry's to set"),
        (RIGHT + "environment: ['A=B']\n", "has characters that are not allowed here"),
        (RIGHT + "timeout: 0\n", ":7:10: timeout must be at least 1, not 0"),
        (RIGHT.replace("name: shop", "name: 'Shop; rm'"), "has characters that are not allowed here"),
        ("name: [", ":"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_place(declared, text, said):
    with pytest.raises(InputError) as refused:
        declared(text)
    assert said in refused.value.message
    assert f"{declared.root.name}/tool.yaml:" in refused.value.message


def test_a_folder_that_is_not_there_is_named(declared):
    tool = declared(RIGHT.replace("folder: project", "folder: nowhere"))
    with pytest.raises(InputError, match="there is no folder nowhere"):
        tool_commands.revisions(tool)


def test_a_digest_is_of_names_and_contents(declared):
    """And of nothing that Python leaves beside its sources."""
    steps = declared.root / "project" / "steps"
    (first,) = tool_commands.revisions(declared(RIGHT))
    (steps / "__pycache__").mkdir()
    (steps / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert tool_commands.revisions(declared(RIGHT)) == (first,)
    (steps / "0002.sql").write_text("CREATE TABLE b ();", encoding="utf-8")
    (second,) = tool_commands.revisions(declared(RIGHT))
    assert second != first
    (steps / "0002.sql").rename(steps / "0003.sql")
    assert tool_commands.revisions(declared(RIGHT)) not in ((first,), (second,))
    with pytest.raises(InputError, match="there are no files in gone"):
        tool_commands.revisions(declared(RIGHT.replace("[steps]", "[gone]")))


def asked(declared, script, more=""):
    command = f"[{sys.executable}, -c, {script!r}]"
    return declared(RIGHT.replace("digest: [steps]", f"head: {command}\ncurrent: [x]\n{more}"))


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("a\\nb", "has 2 lines"), ("", "prints no newest revision"), ("$(x)", "cannot be a revision"), ("x" * 101, "cannot be a revision"),
    ],
)  # fmt: skip
def test_a_revision_is_one_word_of_one_line(declared, printed, said):
    with pytest.raises(InputError) as refused:
        tool_commands.revisions(asked(declared, f"print('{printed}')"))
    assert said in refused.value.message
    assert tool_commands.revisions(asked(declared, "print('0002 (head)')")) == ("0002",)


def test_a_history_tells_older_from_newer(declared):
    """Without one, only the newest is known."""
    listed = f"history: [{sys.executable}, -c, 'print(1); print(2); print(3)']"
    asked(declared, "print(3)", listed)
    assert revisions.revisions("tenant") == ("1", "2", "3")
    assert (revisions.has("tenant", "2"), revisions.has("tenant", "4"), revisions.newer("tenant", "4")) == (True, False, True)
    assert revisions.has("tenant", "alembic:0001")
    asked(declared, "print(3)")
    assert (revisions.has("tenant", "4"), revisions.newer("tenant", "4")) == (True, False)
    with pytest.raises(InputError, match="does not end with 4"):
        tool_commands.revisions(asked(declared, "print(4)", listed))


def test_what_a_tool_said_is_told_without_secrets_and_harmless():
    ended = Ended(1, "out", "one\ntwo\n\x1b[31mthree\x1b[0m pass-word\nDETAIL:  Key (email)=(a@b) already exists.\nfour\x07 \u202efive\n")
    assert tool_commands.said(ended, ["pass-word"]) == "two / three … / four\\x07 \\u202efive"
    assert tool_commands.said(Ended(1, "out\n", "")) == "out"
    assert tool_commands.said(Ended(1, "", "")) == ""


def test_a_program_is_stopped_with_all_that_it_started(tmp_path):
    """And says no more than is kept."""
    started = "import subprocess, time; print('x' * 200_000); subprocess.run(['sleep', '60'])"
    with pytest.raises(WorkError, match="has not ended after 1 s"):
        process.captured([sys.executable, "-c", started], limit=1, cwd=tmp_path, environment={})
    ended = process.captured([sys.executable, "-c", "print('x' * 200_000)"], limit=30, cwd=tmp_path, environment={})
    assert (ended.code, len(ended.output)) == (0, process.SAID)
    with pytest.raises(InputError, match="no program nowhere-to-be-found"):
        process.captured(["nowhere-to-be-found"], limit=1, cwd=tmp_path, environment={"PATH": "/bin"})
