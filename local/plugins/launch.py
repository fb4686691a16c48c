# pathlib alone takes longer to import than everything here.
# ruff: noqa: PTH109, PTH119, PTH120, S606
"""What the engine starts in place of a plugin: asks the plugin host for it, or, where none answers, becomes the plugin itself.

``python -I -S launch.py SOCKET MODULE [ARGUMENT …]``. It has to be small and quick, so it imports only what is built into the interpreter.
"""

import _signal
import _socket
import os
import sys

SECONDS = 1.0


def ask(path: str, module: str, arguments: list[str]) -> "_socket.socket | None":
    """The connection to the plugin's process at the host, None where there is no host or it refuses."""
    directory = os.getcwd()
    host = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        os.chdir(os.path.dirname(path))  # a socket's path may have 107 bytes, which a deep clone exceeds
        host.connect(os.path.basename(path))
        host.settimeout(5)
        variables = [os.fsencode(f"{name}={value}") for name, value in os.environ.items()]
        parts = [os.fsencode(part) for part in (module, directory, str(len(arguments)), *arguments)]
        body = b"\0".join(parts + variables)
        streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
        message = len(body).to_bytes(4, "big") + body
        sent = host.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
        host.sendall(message[sent:])
        if host.recv(1):
            return host
    except OSError:
        pass
    host.close()
    os.chdir(directory)
    return None


def wait(plugin: "_socket.socket") -> int:
    """The plugin's exit code. It ends when this process does; this process ends when the engine is no more."""
    engine = os.getppid()
    plugin.settimeout(SECONDS)
    while os.getppid() == engine:
        try:
            code = plugin.recv(1)
        except TimeoutError:
            continue
        except OSError:
            return 1
        return code[0] if code else 1
    return 1


def main() -> None:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    path, module, *arguments = sys.argv[1:]
    plugin = ask(path, module, arguments)
    if plugin is not None:
        # The streams are the plugin's now: the engine must see their end when that ends.
        for number in (0, 1, 2):
            os.close(number)
        os._exit(wait(plugin))
    clone = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = clone + (os.pathsep + others if others else "")
    os.execv(sys.executable, [sys.executable, "-u", "-m", module, *arguments])


main()
