"""The plugin host: has imported what every process of the engine's needs once, and forks one for each that the engine starts.

A run of the engine starts four plugins of ours and twice the language host, and each would spend half a second and more on importing
gRPC, boto3, SQLAlchemy and the like. ``launch.py``, which the engine starts instead, hands a request over a socket: the module, its
arguments, the environment, the working directory, and the three standard streams themselves. The forked child is then what
``python -u -m MODULE`` would be, except that it is there at once. It ends when its launcher does, however that ends.

Our own modules are kept for children that would import the very same; where they have changed since, a child forgets them and imports
what there is (``kept.py``). So a child always runs the present code.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import inspect
import os
import runpy
import select
import socket
import sys
import sysconfig
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from local.plugins.children import Children
from local.plugins.kept import KeptModules
from tenantry import preload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SERVED: Final = (
    "local.plugins.aws",
    "local.plugins.cloudflare",
    "local.plugins.postgresql",
    "components.dynamic",
    "local.engine.dynamic_provider",
    "local.engine.language_host",
)
"""What a launcher may ask for."""

# Importing these pulls in all the packages that the served modules need, and the program, which the language host runs.
# Not pulumi.dynamic.__main__, which would start to serve; and neither AWS's nor Cloudflare's SDK: components/official.py makes stubs of
# them, which belong to our own code.
IMPORTED: Final = (
    *(f"local.plugins.{name}.provider" for name in ("aws", "cloudflare", "postgresql")),
    "local.plugins.framework.serve",
    "pulumi.dynamic",
    "components.dynamic.__main__",
    *preload.STORES,
    "dill",
    "grpc.experimental",
    "grpc._channel",  # gRPC itself imports these two when they are first used
    "grpc._server",
    "local.engine.language_host",
    "pulumi_postgresql",
    "tenantry.declaration.loader",
    # Imported by the declarations' checks, each only when something asks for it.
    "PIL.Image",
    "cloudflare",
    "cloudflare.resources.custom_hostnames",  # the client imports a group of calls when it is first used
    "cloudflare.resources.dns",
    "confusable_homoglyphs.confusables",
    "defusedxml.ElementTree",
    "email_validator",
    "httpcore",  # httpx, which is Cloudflare's client's, imports it when it is first used
    "idna",
    "jinja2.sandbox",
    "publicsuffixlist",
    "tinycss2",
)
READ_AT_START: Final = frozenset({"GRPC_ENABLE_FORK_SUPPORT", "TRACEPARENT"})
"""Variables that a package reads when it is imported, besides Python's own: where they differ the launcher's process is not forked here."""
HOST: Final = (__file__, inspect.getfile(Children))
PATIENCE: Final = 2.0
"""Seconds that a launcher has to say what it wants; the host serves one at a time."""
LOOK_AFTER: Final = 10.0
"""Seconds between looks whether the socket is still there: a host that nobody can find must not stay."""
ACCEPTED: Final = b"\1"


def warm_up() -> KeptModules:
    """Imports the packages and our own modules, and starts no thread, which a fork would lose."""
    kept = KeptModules()
    for name in IMPORTED:
        try:
            importlib.import_module(name)
        except Exception:  # shown, not raised
            # A module that is broken now may be whole when it is asked for; its packages are just not warm.
            traceback.print_exc()
    if pictures := sys.modules.get("PIL.Image"):
        pictures.init()  # its formats, which it would import one by one for the first picture
    try:
        kept.load()
    except Exception:  # as above: a child that needs the broken module will say so
        traceback.print_exc()
    importlib.invalidate_caches()
    gc.collect()
    gc.freeze()  # what is shared with the children stays shared
    return kept


def serve(path: Path, kept: KeptModules) -> None:
    """Serves launchers at the socket until this process is ended, or the socket is gone or another host's. Only its user can reach it."""
    known = _code()
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have 107 bytes, which a deep clone exceeds
    Path(path.name).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    listener.bind(path.name)
    os.umask(before)
    own = _inode(Path(path.name))
    os.chdir(here)
    listener.listen(64)
    children = Children()
    current = True
    while current or children:
        waiting = [listener] if current else []
        ready, _, _ = select.select([*waiting, *children.sockets], [], [], LOOK_AFTER)
        children.look(ready)
        if listener in ready:
            connection, _ = listener.accept()
            current = _code() == known
            if current:
                _answer(connection, listener, children, kept)
            else:
                # This launcher starts its process by itself, and so do the next ones until the last child has ended.
                connection.close()
                listener.close()
        elif not (ready or children):
            if own is None or _inode(path) != own:
                return
            # Nobody waits: a new host begins, which has our modules as they are now.
            current = kept.current
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606


def _inode(path: Path) -> int | None:
    """None: there is no such file, or it went while it was looked at."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _answer(connection: socket.socket, listener: socket.socket, children: Children, kept: KeptModules) -> None:
    streams: list[int] = []
    forked = False
    try:
        connection.settimeout(PATIENCE)
        request, streams = _request(connection)
        module, directory, count, *rest = request
        arguments, variables = rest[: int(count)], dict(each.split("=", 1) for each in rest[int(count) :])
        if module not in SERVED or len(streams) != 3:
            raise ValueError(f"{module} is not served")
        if different := sorted(dict(_of_start(variables).items() ^ _of_start(os.environ).items())):
            raise ValueError(f"{', '.join(different)}: not as in this process, and only a new one obeys")
        if children.fork(connection):
            listener.close()
            _become(module, directory, arguments, variables, streams, kept)
        forked = True
        connection.sendall(ACCEPTED)
    except (OSError, ValueError, EOFError) as error:
        print(f"refused a launcher: {error}", file=sys.stderr, flush=True)
    finally:
        for stream in streams:
            os.close(stream)
        if not forked:
            connection.close()


def _of_start(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that the interpreter or a package reads when it starts, and that are not looked after otherwise."""
    return {
        name: value
        for name, value in variables.items()
        if name in READ_AT_START or (name.startswith("PYTHON") and name not in ("PYTHONPATH", "PYTHONUNBUFFERED"))
    }


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
    module: str, directory: str, arguments: list[str], variables: dict[str, str], streams: list[int], kept: KeptModules
) -> NoReturn:
    """Turns the forked child into ``python -u -m module``."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        # Where modules are looked for: this clone first, as where launch.py starts the process, then the launcher's PYTHONPATH.
        own = _folders(os.environ)
        os.chdir(directory)
        rest = [folder for folder in sys.path[1:] if folder not in own]
        sys.path[:] = [directory, *dict.fromkeys([*own, *_folders(variables), *rest])]
        os.environ.clear()
        os.environ.update(variables)
        time.tzset()
        sys.argv = [module, *arguments]
        kept.prepare()
        for name in (module, f"{module}.__main__"):
            if not hasattr(sys.modules.get(name), "__path__"):
                sys.modules.pop(name, None)  # what is run is not what somebody else has imported under the same name
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
        os._exit(code & 0xFF)


def _folders(variables: Mapping[str, str]) -> list[str]:
    given = variables.get("PYTHONPATH")
    return [os.path.abspath(folder) for folder in given.split(os.pathsep)] if given else []  # noqa: PTH100


def _code() -> list[float]:
    """When a package last came or went, and when the host itself last changed."""
    try:
        return [os.stat(path).st_mtime for path in (sysconfig.get_path("purelib"), *HOST)]  # noqa: PTH116  on every start: the quick one
    except OSError:  # in mid-change
        return []


def main(warm_up: Callable[[], KeptModules] = warm_up) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--socket", type=Path, required=True, help="where launchers find the host")
    path = parser.parse_args().socket.absolute()
    os.environ.pop("TRACEPARENT", None)  # of the run that has started the local cloud; the SDK would trace, with a thread
    serve(path, warm_up())


if __name__ == "__main__":
    main()
