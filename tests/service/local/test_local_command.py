"""`tenantry local` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands import Command

if TYPE_CHECKING:
    from tests.conftest import PrivateCloud

pytestmark = pytest.mark.service


def test_env_is_quoted_for_a_shell(cloud: PrivateCloud) -> None:
    """Evaluated by a shell, what `local env` prints gives exactly the variables of the Python function."""
    printed = cloud.tenantry("local", "env").stdout
    shown = subprocess.run(
        ["sh", "-c", f"{printed}\nenv -0"], capture_output=True, text=True, check=True, env={"PATH": cloud.environment["PATH"]}
    )
    seen = dict(line.split("=", 1) for line in shown.stdout.split("\0") if line)
    assert {key: seen[key] for key in cloud.environment} == cloud.environment


def test_status_as_json_names_every_server(cloud: PrivateCloud) -> None:
    """`status --json` is a list with name, state, port and process id, and exits 0 where all run."""
    done = cloud.tenantry("local", "status", "--json")
    assert done.returncode == 0
    assert {row["name"]: row["state"] for row in json.loads(done.stdout)} == dict.fromkeys(
        ("postgres", "aws", "cloudflare", "mail", "plugins"), "running"
    )


def test_env_without_a_cloud_says_what_to_do(cloud: PrivateCloud, tmp_path: Path) -> None:
    """Where no cloud was ever started, `local env` exits 1 with one line what and one line what to do, no traceback."""
    done = cloud.tenantry("local", "env", TENANTRY_LOCAL_HOME=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "tenantry local up" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("arguments", [("local", "status", "--json"), ("local", "mail", "999"), ("lokal",), ("--help",)])
def test_the_installed_program_does_what_the_forked_one_does(cloud: PrivateCloud, arguments: tuple[str, ...]) -> None:
    """Other tests fork their commands; started from the disk, it says the same and gives the same exit code."""
    started = cloud.run(str(Path(sys.executable).with_name("tenantry")), *arguments)
    forked = cloud.tenantry(*arguments)
    assert (started.returncode, started.stdout, started.stderr) == (forked.returncode, forked.stdout, forked.stderr)


def test_all_that_a_forked_command_says_is_read(cloud: PrivateCloud) -> None:
    """Line by line, however often the command is asked meanwhile whether it has ended."""
    command = Command(cloud.environment, "local", "status")
    while command.poll() is None:
        pass
    assert list(command.stdout) == cloud.tenantry("local", "status").stdout.splitlines(keepends=True)


def test_reset_asks_before_it_removes(cloud: PrivateCloud) -> None:
    """Without --yes and without an answer nothing is removed."""
    assert cloud.tenantry("local", "reset").returncode != 0
    assert cloud.home.record.exists()


def test_a_missing_mail_is_an_error_of_the_input(cloud: PrivateCloud) -> None:
    """`local mail 999` exits 2."""
    done = cloud.tenantry("local", "mail", "999")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
