"""The plugin host: has imported what every plugin needs once, and forks a process for each plugin that the engine starts.

A run of the engine starts four Python processes of ours besides the program's, and each would spend half a second and more on importing
gRPC, boto3, SQLAlchemy and the like. ``launch.py``, which the engine starts instead, hands a request over a socket: the module, its
arguments, the environment, the working directory, and the three standard streams themselves. The forked child is then what
``python -m MODULE`` would be, except that it is there at once. It ends when its launcher does, however that ends.

Only packages are kept: our own modules are forgotten after they have pulled in what they need, so a child always runs the present code.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import runpy
import signal
import socket
import sys
import sysconfig
import threading
import traceback
from pathlib import Path
from typing import Final, NoReturn

SERVED: Final = (
    "local.plugins.aws",
    "local.plugins.cloudflare",
    "local.plugins.postgresql",
    "local.engine.dynamic_provider",
)
"""What a launcher may ask for."""

# Importing these pulls in all the packages that the served modules need. (pulumi.dynamic.__main__ would start to serve.)
IMPORTED: Final = (
    *(f"local.plugins.{name}.provider" for name in ("aws", "cloudflare", "postgresql")),
    "local.plugins.framework.serve",
    "pulumi.dynamic",
    "components.resources",
    "boto3",
    "dill",
)
OURS: Final = frozenset({"components", "local", "stacks", "tenantry"})
PATIENCE: Final = 2.0
"""Seconds that a launcher has to say what it wants; the host serves one at a time."""
LOOK_AFTER: Final = 10.0
"""Seconds between looks whether the socket is still there: a host that nobody can find must not stay."""
ACCEPTED: Final = b"\1"


def warm_up() -> None:
    """Imports the packages, forgets our own modules, and starts no thread, which a fork would lose."""
    for name in IMPORTED:
        try:
            importlib.import_module(name)
        except Exception:  # shown, not raised
            # A module that is broken now may be whole when it is asked for; its packages are just not warm.
            traceback.print_exc()
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    importlib.invalidate_caches()
    gc.collect()
    gc.freeze()  # what is shared with the children stays shared


def serve(path: Path) -> None:
    """Serves launchers at the socket until this process is ended, or the socket is gone or another host's. Only its user can reach it."""
    installed = _installed()
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have 107 bytes, which a deep clone exceeds
    Path(path.name).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    listener.bind(path.name)
    os.umask(before)
    os.chdir(here)
    own = path.stat().st_ino
    listener.listen(64)
    listener.settimeout(LOOK_AFTER)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if path.exists() and path.stat().st_ino == own:
                continue
            return
        if _installed() != installed:
            # Packages have come or gone: this launcher starts its plugin by itself, the next ones find us anew.
            listener.close()
            os.execv(sys.executable, sys.orig_argv)  # noqa: S606
        with connection:
            _answer(connection, listener)


def _answer(connection: socket.socket, listener: socket.socket) -> None:
    streams: list[int] = []
    try:
        connection.settimeout(PATIENCE)
        request, streams = _request(connection)
        module, directory, count, *rest = request
        arguments, variables = rest[: int(count)], rest[int(count) :]
        if module not in SERVED or len(streams) != 3:
            raise ValueError(f"{module} is not served")
        connection.sendall(ACCEPTED)
        if os.fork() == 0:
            listener.close()
            _become(module, directory, arguments, dict(each.split("=", 1) for each in variables), streams, connection)
    except (OSError, ValueError, EOFError) as error:
        print(f"refused a launcher: {error}", file=sys.stderr, flush=True)
    finally:
        for stream in streams:
            os.close(stream)


def _request(connection: socket.socket) -> tuple[list[str], list[int]]:
    """The NUL-separated parts of a request (module, directory, number of arguments, arguments, variables) and the streams."""
    data, streams, _, _ = socket.recv_fds(connection, 65536, 3)
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        chunk = connection.recv(65536)
        if not chunk:
            raise EOFError("it went before it had said what it wants")
        data += chunk
    return os.fsdecode(data[4:]).split("\0"), streams


def _become(
    module: str, directory: str, arguments: list[str], variables: dict[str, str], streams: list[int], launcher: socket.socket
) -> NoReturn:
    """Turns the forked child into ``python -m module``; its exit code goes to the launcher."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        launcher.settimeout(None)
        threading.Thread(target=_end_with, args=(launcher,), daemon=True).start()
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(variables)
        sys.argv = [module, *arguments]
        sys.path[0] = directory
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]  # a TextIOWrapper, as every process starts with
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # the last word of a process that was forked: its exit code says it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        launcher.send(bytes([code & 0xFF]))
        os._exit(code)


def _end_with(launcher: socket.socket) -> None:
    """Ends this process when its launcher is no more, which the engine has ended, or which has ended because the engine was killed."""
    while launcher.recv(1):
        pass
    os._exit(0)


def _installed() -> float:
    """When a package last came or went."""
    return os.stat(sysconfig.get_path("purelib")).st_mtime  # noqa: PTH116  on every start: the quick one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--socket", type=Path, required=True, help="where launchers find the host")
    path = parser.parse_args().socket.absolute()
    warm_up()
    serve(path)


if __name__ == "__main__":
    main()
