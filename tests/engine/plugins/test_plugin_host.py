"""The plugin host: plugins that are there at once, and gone with whoever started them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2_grpc

from local.home import CLONE
from local.plugins import host as plugin_host
from local.plugins_home import LAUNCH
from tests.engine.plugins.driver import Driver
from tests.waiting import wait_for

PLUGIN = "local.plugins.postgresql"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CLONE)}


@pytest.fixture(scope="module")
def host() -> Iterator[tuple[Path, psutil.Process]]:
    """A host of these tests' own: its socket, far down in the file system, and its process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, *(["a-folder-with-a-rather-long-name"] * 4), "host.sock")
        path.parent.mkdir(parents=True)
        process = subprocess.Popen([sys.executable, "-m", "local.plugins.host", "--socket", path], env=ENVIRONMENT, cwd=folder)
        try:
            wait_for(path.exists)
            yield path, psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def launch(host: tuple[Path, psutil.Process]) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """Starts a plugin as the engine does and gives the process that the engine sees, and the port it prints."""
    started: list[subprocess.Popen[str]] = []

    def start(module: str = PLUGIN, socket: Path = host[0], **variables: str) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-I", "-S", LAUNCH, socket, module, "127.0.0.1:1"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**ENVIRONMENT, **variables})
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def version(port: int) -> str:
    driver = Driver(port)
    try:
        return driver.stub.GetPluginInfo(empty_pb2.Empty(), timeout=5).version
    finally:
        driver.close()


def test_a_plugin_is_a_child_of_the_host(launch, host):
    """The launcher prints the port of a process that the host has forked, and that answers as the plugin."""
    before = len(host[1].children())
    _, port = launch()
    assert version(port) == "3.18.2"
    assert len(host[1].children()) == before + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_plugin_ends_with_its_launcher(launch, host, number):
    """However the engine ends the process it started, the plugin's own ends too."""
    process, port = launch()
    assert version(port)
    process.send_signal(number)
    process.wait()
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in host[1].children()))
    with pytest.raises(grpc.RpcError):
        version(port)


def test_a_launcher_ends_with_its_plugin(launch, host):
    """A plugin that dies is seen by the engine as the process it started having failed."""
    process, _ = launch()
    host[1].children()[-1].kill()
    assert process.wait(timeout=10) == 128 + signal.SIGKILL


def test_a_launcher_has_the_exit_code(launch):
    """Also that of a process which leaves without a word, as the language host does when the engine cancels."""
    process, port = launch("local.engine.language_host")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, contextlib.suppress(grpc.RpcError):  # its answer may come too late
        language_pb2_grpc.LanguageRuntimeStub(channel).Cancel(empty_pb2.Empty(), timeout=5)
    assert process.wait(timeout=10) == 0


def test_a_plugin_that_hears_nothing_ends_with_its_launcher(launch, host):
    """The host ends a process that can't see its launcher's end by itself, as a program's that never lets go of the interpreter."""
    process, _ = launch()
    child = host[1].children()[-1]
    child.suspend()
    process.kill()
    process.wait()
    wait_for(lambda: not child.is_running())


def test_a_plugin_ends_with_an_engine_that_was_killed(host):
    """A launcher whose engine is no more ends, and its plugin with it."""
    program = f"""
import subprocess, sys, time
launcher = subprocess.Popen([sys.executable, "-I", "-S", {str(LAUNCH)!r}, {str(host[0])!r}, {PLUGIN!r}], stdout=subprocess.PIPE)
launcher.stdout.readline()
print(launcher.pid, flush=True)
time.sleep(60)
"""
    engine = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    launcher = int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    engine.stdout.close()
    wait_for(lambda: not psutil.pid_exists(launcher) or psutil.Process(launcher).status() == psutil.STATUS_ZOMBIE)
    wait_for(lambda: not any(child.status() != psutil.STATUS_ZOMBIE for child in host[1].children()))


def test_each_plugin_has_its_own_environment(launch, host):
    """A plugin sees the variables that its launcher was started with, and another plugin sees others."""
    _, first = launch(PGHOST="first.invalid")
    _, second = launch(PGHOST="second.invalid")
    for port, name in ((first, "first.invalid"), (second, "second.invalid")):
        driver = Driver(port)
        driver.configure({"sslmode": "disable", "port": "1", "connectTimeout": "1"})
        with pytest.raises(grpc.RpcError, match=name):
            driver.adopt("postgresql:index/role:Role", "nobody")
        driver.close()


@pytest.mark.parametrize("variables", [{"PYTHONHASHSEED": "0"}, {"TRACEPARENT": "00-0-0-00"}])
def test_what_only_a_new_process_obeys_is_left_to_one(launch, host, variables):
    """Variables that are read before the host could set them: the launcher becomes the plugin."""
    before = set(host[1].children())  # another test's plugin may still be ending
    process, port = launch(**variables)
    assert version(port) == "3.18.2"
    assert set(host[1].children()) <= before
    assert psutil.Process(process.pid).cmdline()[-3:] == ["-m", PLUGIN, "127.0.0.1:1"]


def test_a_host_whose_packages_have_changed_waits_for_its_plugins(tmp_path):
    """It starts itself anew when the last one has ended; whoever comes meanwhile starts by itself."""
    path, packages = tmp_path / "host.sock", tmp_path / "packages"
    packages.write_text("one")
    program = f"""
import os, pathlib
from local.plugins import host
host._code = pathlib.Path({str(packages)!r}).read_text
os.execv = lambda *_: os._exit(7)
host.serve(pathlib.Path({str(path)!r}), host.KeptModules())
"""
    serving = subprocess.Popen([sys.executable, "-c", program], env=ENVIRONMENT)
    wait_for(path.exists)
    command = [sys.executable, "-I", "-S", LAUNCH, path, PLUGIN, "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as first:
        assert version(int(first.stdout.readline()))
        packages.write_text("another")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as second:
            assert version(int(second.stdout.readline()))
            assert psutil.Process(second.pid).cmdline()[-3:] == ["-m", PLUGIN, "127.0.0.1:1"]
            second.kill()
        assert serving.poll() is None
        first.kill()
    assert serving.wait(timeout=10) == 7


def test_a_host_that_is_idle_begins_anew_with_modules_that_have_changed(tmp_path):
    """So that the runs after an edit are as quick as those before it."""
    path, changed = tmp_path / "host.sock", tmp_path / "changed"
    program = f"""
import os, pathlib
from local.plugins import host, kept
host.LOOK_AFTER = 0.05
kept.code = pathlib.Path({str(changed)!r}).exists
os.execv = lambda *_: os._exit(7)
host.serve(pathlib.Path({str(path)!r}), host.KeptModules())
"""
    with subprocess.Popen([sys.executable, "-c", program], env=ENVIRONMENT) as serving:
        wait_for(path.exists)
        time.sleep(0.3)
        assert serving.poll() is None
        changed.touch()
        assert serving.wait(timeout=10) == 7


def test_without_a_host_the_launcher_becomes_the_plugin(launch, host):
    """Where nobody listens the plugin starts by itself."""
    before = len(host[1].children())
    process, port = launch(socket=host[0].with_name("nobody.sock"))
    assert version(port) == "3.18.2"
    assert len(host[1].children()) == before
    assert psutil.Process(process.pid).cmdline()[-3:] == ["-m", PLUGIN, "127.0.0.1:1"]


def test_only_plugins_are_served(host):
    """The host forks nothing but the plugins."""
    command = [sys.executable, "-I", "-S", LAUNCH, host[0], "timeit", "-n1", "-r1", "pass"]
    before = host[1].children()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT, timeout=60)
    assert host[1].children() == before


def test_only_its_user_reaches_the_host(host):
    """Whoever could send the host a request could run code as its user."""
    assert stat.S_IMODE(host[0].stat().st_mode) == 0o600


def test_a_host_that_nobody_can_find_ends(tmp_path, monkeypatch):
    """Without its socket, because the local cloud's folder was removed, a host ends by itself."""
    monkeypatch.setattr(plugin_host, "LOOK_AFTER", 0.1)
    path = tmp_path / "host.sock"
    serving = multiprocessing.get_context("fork").Process(target=plugin_host.serve, args=(path, plugin_host.KeptModules()))
    serving.start()
    wait_for(path.exists)
    path.unlink()
    serving.join(10)
    assert serving.exitcode == 0


def test_the_host_has_one_thread(host):
    """A fork would lose all others."""
    assert host[1].num_threads() == 1
