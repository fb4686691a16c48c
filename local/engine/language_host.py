"""The Python language host of an engine that was built from its Go modules, which carry none.

The official host starts a second Python for the program; this one runs it in its own process, which saves half a second a run.
It is never used where the official one exists. The engine starts it, reads a port from its first line, and calls it over gRPC.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import os
import queue
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from concurrent import futures
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

import grpc
import pulumi
from pulumi.runtime import reset_options, run_in_stack, set_all_config, settings
from pulumi.runtime.proto import LanguageRuntimeServicer, engine_pb2, language_pb2, language_pb2_grpc, plugin_pb2

from local.plugins import kept
from tenantry.clients.parent import SECONDS, Parent

if TYPE_CHECKING:
    from collections.abc import Iterator

# The engine's own limit for one message, so that no program fails here that runs with the official host.
_MESSAGE_BYTES = 400 * 1024 * 1024
_SHOWN = 32  # a program ends with this code when it has told the user what is wrong, here as with the official host


class LanguageHost(LanguageRuntimeServicer):
    """Runs the program of a project directory. ``ended`` is set when the engine cancels."""

    def __init__(self, engine_address: str) -> None:
        self.engine_address = engine_address
        self.ended = threading.Event()

    def Handshake(self, request: Any, context: Any) -> Any:
        self.engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def About(self, request: Any, context: Any) -> Any:
        return language_pb2.AboutResponse(executable=sys.executable, version=".".join(map(str, sys.version_info[:3])))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        # None: the plugins are put into place by `tenantry local up`, so the engine has nothing to look for before the program runs.
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        installed = sorted({(package.name, package.version) for package in distributions()})
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in installed]
        )

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        yield language_pb2.InstallDependenciesResponse(
            stdout=f"the dependencies are those of {sys.prefix}; make up installs them\n".encode()
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        from google.protobuf.empty_pb2 import Empty

        self.ended.set()
        return Empty()

    def Run(self, request: Any, context: Any) -> Any:
        # A context of its own: the SDK keeps what belongs to a run in context variables.
        return contextvars.copy_context().run(self._run, request)

    def _run(self, request: Any) -> Any:
        directory = request.info.program_directory or request.pwd
        program = os.path.join(directory, request.info.entry_point or ".")  # noqa: PTH118  runpy takes text
        os.chdir(request.pwd or directory)
        sys.path[0] = directory  # where `python -m` has put the working directory
        if not kept.first_found():
            kept.forget()  # the program is another clone's
        sys.argv = [program, *request.args]
        _configure(request, self.engine_address)
        # What the program leaves there goes with the run: this process may live on, or end without a word.
        folder = tempfile.TemporaryDirectory(prefix="pulumi-program-", ignore_cleanup_errors=True)
        tempfile.tempdir = folder.name
        try:
            _in_loop(lambda: runpy.run_path(program, run_name="__main__"), request.parallel)
        except pulumi.RunError as error:
            pulumi.log.error(str(error))
            return language_pb2.RunResponse(bail=True)
        except grpc.RpcError as error:
            # The monitor is gone when the engine has already ended the run; its reason is shown, ours would hide it.
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                pulumi.log.error(f"RPC error: {error.details()}")
                return language_pb2.RunResponse(bail=True)
        except SystemExit as left:
            if left.code == _SHOWN:
                return language_pb2.RunResponse(bail=True)
            if left.code not in (None, 0):
                return language_pb2.RunResponse(error=f"Program exited: {left.code}")
        except BaseException as error:  # the program's: whatever it is, it is shown, and this host lives on
            pulumi.log.error(f"Program failed with an unhandled exception:\n{_of_program(error, directory)}")
            return language_pb2.RunResponse(bail=True)
        finally:
            tempfile.tempdir = None
            folder.cleanup()
            sys.stdout.flush()
            sys.stderr.flush()
        return language_pb2.RunResponse()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Runs a policy pack (or any plugin written in Python) as a process, and hands on what it says until it ends."""
        directory = request.info.program_directory
        program = os.path.join(directory, request.info.entry_point or ".")  # noqa: PTH118
        variables = dict(variable.split("=", 1) for variable in request.env)
        if request.kind == "analyzer":
            command, folder = [sys.executable, "-u", "-m", "pulumi.policy", *request.args, program], directory
        else:
            command, folder = [sys.executable, "-u", program, *request.args], request.pwd
        process = subprocess.Popen(
            command, cwd=folder or directory, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        context.add_callback(process.terminate)
        said: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def listen(name: str) -> None:
            with getattr(process, name) as stream:
                while chunk := stream.read1(65536):
                    said.put(language_pb2.RunPluginResponse(**{name: chunk}))
            said.put(None)

        for name in ("stdout", "stderr"):
            threading.Thread(target=listen, args=(name,), daemon=True).start()
        open_streams = 2
        while open_streams:
            if (message := said.get()) is None:
                open_streams -= 1
            else:
                yield message
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _configure(request: Any, engine_address: str) -> None:
    reset_options(
        project=request.project,
        stack=request.stack,
        organization=request.organization or "organization",
        monitor_address=request.monitor_address,
        engine_address=engine_address,
        parallel=request.parallel,
        preview=request.dryRun,
    )
    set_all_config(request.config, request.configSecretKeys)
    settings.SETTINGS.engine = _Engine(settings.SETTINGS.engine)


class _Engine:
    """The engine as the SDK sees it, without the SDK's debug messages unless TENANTRY_DEBUG is set (`tenantry --debug`).

    The SDK writes several for each resource and calls the engine for each, shown or not: a fifth of a run's time.
    """

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)

    def Log(self, request: Any) -> Any:
        wanted = request.severity != engine_pb2.DEBUG or os.environ.get("TENANTRY_DEBUG")
        return self._stub.Log(request) if wanted else None


def _in_loop(program: Any, parallel: int) -> None:
    """Runs ``program`` inside a stack, as `pulumi-language-python-exec` does; returns when all its resources are registered."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a failing program leaves futures that nobody awaits: that is no news
    # A run is short and all it makes is needed to its end: looking for garbage finds none.
    gc.disable()
    loop = asyncio.new_event_loop()
    loop.set_default_executor(futures.ThreadPoolExecutor(max_workers=max(parallel, 1) * 4))
    try:
        loop.run_until_complete(run_in_stack(program))
    finally:
        if pending := asyncio.all_tasks(loop):
            for task in pending:
                task.cancel()
            loop.run_until_complete(asyncio.wait(pending))
        loop.close()


def _of_program(error: BaseException, directory: str) -> str:
    """The traceback of ``error`` from the first frame that is the program's; what is above it is ours or the SDK's."""
    report = traceback.TracebackException.from_exception(error)
    inside = [number for number, frame in enumerate(report.stack) if frame.filename.startswith(directory)]
    # This file may lie in the program's directory, too.
    inside = [number for number in inside if report.stack[number].filename != __file__]
    if inside:
        report.stack = traceback.StackSummary.from_list(report.stack[inside[0] :])
    return "".join(report.format())


def main() -> None:
    """Serves until the engine says so, sends SIGTERM or SIGINT, or is no more."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    host = LanguageHost(addresses[-1] if addresses else "")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.ended.set())
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    parent = Parent()
    server.start()
    print(port, flush=True)
    while not (host.ended.wait(SECONDS) or parent.gone):
        pass
    server.stop(0)
    # A program that hangs in a thread of its own must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
