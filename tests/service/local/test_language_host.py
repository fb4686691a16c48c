"""The language host that stands in where the official one cannot be had, under the real engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from local.cloud.record import Record
from local.env import process_environment
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import PrivateCloud

pytestmark = pytest.mark.engine

DYNAMIC = """
import time, pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    def create(self, props):
        time.sleep(props["seconds"])
        return CreateResult("one", props)

class Slow(Resource):
    def __init__(self, name, seconds):
        super().__init__(Provider(), name, {"seconds": seconds})
"""


@pytest.fixture
def project(cloud: PrivateCloud, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An empty project with a stack `dev` of its own."""
    (tmp_path / "Pulumi.yaml").write_text(f"name: host-{abs(hash(request.node.name)) % 10**9}\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("")
    assert cloud.run("pulumi", "stack", "init", "dev", cwd=tmp_path).returncode == 0
    return tmp_path


ALONE = {"TENANTRY_LOCAL_HOME": ""}
"""Without the local cloud's home nobody finds its plugin host."""
DIFFER = {*ALONE, "PULUMI_LOG_OTLP_ENDPOINT"}
"""The variables that differ: by the tests here, and by the engine's own port."""


@pytest.fixture
def ours(cloud: PrivateCloud) -> None:
    """Skips where the official language host runs, which is a process of its own."""
    host = shutil.which("pulumi-language-python", path=cloud.environment["PATH"])
    if b"local.engine" not in Path(str(host)).read_bytes():
        pytest.skip("the official language host")


def preview(
    cloud: PrivateCloud, project: Path, program: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    (project / "__main__.py").write_text(program)
    return cloud.run("pulumi", "preview", "--stack", "dev", "--non-interactive", cwd=project, variables=variables)


def plugin_host(cloud: PrivateCloud) -> psutil.Process:
    return psutil.Process(Record.load(cloud.home).processes["plugins"].pid)


FACTS = """
import beyond, dill, gc, json, os, pathlib, signal, sys, time
pathlib.Path("facts").write_text(json.dumps([
    os.getppid(), sys.argv, sys.path[0], sys.stdout.write_through, os.getcwd(), beyond.__file__, dict(os.environ),
    time.tzname, gc.isenabled(), dill._dill._main_module.__name__,
    signal.getsignal(signal.SIGINT).__qualname__, signal.getsignal(signal.SIGCHLD),
]))
def inner():
    raise ValueError("boom")
inner()
"""


@pytest.mark.usefixtures("ours")
def test_with_the_plugin_host_and_without_it_a_program_is_run_the_same(cloud: PrivateCloud, project: Path) -> None:
    """Where there is a plugin host it is the parent. What the program sees of its process otherwise, and how it fails, is the same."""
    wait_for((cloud.home.plugins / "host.sock").exists)
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "beyond.py").write_text("")
    elsewhere = {"PYTHONPATH": os.pathsep.join([str(project / "elsewhere"), os.environ["PYTHONPATH"]]), "TZ": "Asia/Tokyo"}
    parents, seen, shown = [], [], []
    for variables in (elsewhere, elsewhere | ALONE):
        done = preview(cloud, project, FACTS, variables)
        assert "ValueError: boom" in done.stdout
        # The engine shows that it is alive where a run takes long.
        lines = [line for line in done.stdout.splitlines() if not line.startswith("@ ")]
        shown.append((lines, done.stderr, done.returncode))
        parent, *facts = json.loads((project / "facts").read_text())
        parents.append(parent == plugin_host(cloud).pid)
        facts[5] = {name: value for name, value in facts[5].items() if name not in DIFFER}
        seen.append(facts)
    assert parents == [True, False]
    assert seen[0] == seen[1]
    assert shown[0] == shown[1]


def test_a_run_has_the_present_modules(cloud: PrivateCloud, project: Path) -> None:
    """A module of a name of ours, which the plugin host has imported, is the program's own, as it is now."""
    (project / "components").mkdir()
    for text in ("as it was", "as it is now"):
        (project / "components" / "__init__.py").write_text(f"WHAT = {text!r}")
        done = preview(cloud, project, "import components; print('it is', components.WHAT)")
        assert f"it is {text}\n" in done.stdout


def test_a_program_gets_its_configuration_and_exports(cloud: PrivateCloud, project: Path) -> None:
    """Configuration arrives, the working directory is the program's, its modules are found, and outputs are kept."""
    (project / "beside.py").write_text("WHAT = 'found'")
    (project / "__main__.py").write_text(
        "import os, pulumi, beside\n"
        "pulumi.export('seen', [pulumi.Config('other').require('key'), beside.WHAT, os.path.basename(os.getcwd()), pulumi.get_stack()])\n"
    )
    assert cloud.run("pulumi", "config", "set", "other:key", "value", "--stack", "dev", cwd=project).returncode == 0
    assert cloud.run("pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", cwd=project).returncode == 0
    output = cloud.run("pulumi", "stack", "output", "seen", "--stack", "dev", cwd=project).stdout
    assert output.strip() == f'["value","found","{project.name}","dev"]'


def test_a_failing_program_shows_its_own_frames_only(cloud: PrivateCloud, project: Path) -> None:
    """The traceback begins in the program; neither the SDK's nor our frames are in it, and the engine says nothing on top."""
    done = preview(cloud, project, "def inner():\n    raise ValueError('boom')\ninner()\n")
    assert done.returncode != 0
    assert "Program failed with an unhandled exception:" in done.stdout
    assert "ValueError: boom" in done.stdout
    assert "language_host" not in done.stdout
    assert "site-packages" not in done.stdout
    assert "unhandled error occurred" not in done.stdout


def test_a_run_error_is_its_message_without_traceback(cloud: PrivateCloud, project: Path) -> None:
    """What the program itself has to say reaches the user as it is."""
    done = preview(cloud, project, "import pulumi\nraise pulumi.RunError('no such tenant\\nlook into tenants/')\n")
    assert done.returncode != 0
    assert "error: no such tenant" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_error_in_an_apply_fails_the_run(cloud: PrivateCloud, project: Path) -> None:
    """An exception after the program's last line is not lost."""
    done = preview(cloud, project, "import pulumi\npulumi.export('x', pulumi.Output.from_input(1).apply(lambda one: one / 0))\n")
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stdout


def test_a_program_that_has_told_the_user_is_believed(cloud: PrivateCloud, project: Path) -> None:
    """Exit code 32 means that the error was shown, as with the official host: the run fails without further words."""
    done = preview(cloud, project, "import pulumi\npulumi.log.error('no such tenant')\nraise SystemExit(32)\n")
    assert done.returncode != 0
    shown = done.stdout + done.stderr
    assert "no such tenant" in shown
    assert "Program exited" not in shown
    assert "unhandled" not in shown


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "raise SystemExit('why')"])
def test_a_program_that_exits_fails_the_run(cloud: PrivateCloud, project: Path, program: str) -> None:
    """An exit code other than 0 is a failure, as with the official host."""
    assert preview(cloud, project, program).returncode != 0


def test_what_a_program_prints_is_shown_and_no_warning_is_added(cloud: PrivateCloud, project: Path) -> None:
    """Printed lines are diagnostics; the engine has nothing to complain about its plugins."""
    done = preview(cloud, project, "print('hello from the program')")
    assert "hello from the program" in done.stdout
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_interrupted_it_ends_without_traceback(cloud: PrivateCloud, project: Path) -> None:
    """Ctrl-C ends a run that hangs, and no Python process is left."""
    (project / "__main__.py").write_text("import pathlib, time; pathlib.Path('begun').touch(); time.sleep(120)")
    run = start(cloud, project, "preview")
    wait_for((project / "begun").exists)
    children = [*pythons(run.pid), *plugin_host(cloud).children(recursive=True)]
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    assert "Traceback" not in out
    wait_for(lambda: not any(alive(child) for child in children))


@pytest.mark.usefixtures("ours")
def test_a_killed_engine_takes_its_processes_with_it(cloud: PrivateCloud, project: Path) -> None:
    """After SIGKILL of the engine neither the language host nor the dynamic provider lives on."""
    # The official dynamic provider outlives its engine.
    (project / "slow.py").write_text(DYNAMIC)
    (project / "__main__.py").write_text("from slow import Slow\nSlow('slow', 60)\n")
    run = start(cloud, project, "up", "--yes", "--skip-preview")
    wait_for(lambda: len(pythons(run.pid)) >= 2 and len(plugin_host(cloud).children()) >= 2)
    children = [*pythons(run.pid), *plugin_host(cloud).children(recursive=True)]
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    wait_for(lambda: not any(alive(child) for child in children))


def start(cloud: PrivateCloud, project: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["pulumi", *command, "--stack", "dev", "--non-interactive"],
        cwd=project,
        env=process_environment(cloud.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def pythons(engine: int) -> list[psutil.Process]:
    """The Python processes that the engine has started, the provider's among them once a resource needs it."""
    found = []
    for child in psutil.Process(engine).children(recursive=True):
        try:
            if "python" in child.name():
                found.append(child)
        except psutil.Error:
            continue
    return found


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
