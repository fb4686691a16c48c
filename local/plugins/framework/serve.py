"""A plugin's process: prints its port, serves until the engine goes."""

from __future__ import annotations

import os
import signal
import threading
from concurrent import futures
from typing import Final

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from local.plugins.framework.provider import Provider
from local.plugins.framework.servicer import Servicer

# The engine runs up to four operations per core at once unless told otherwise; a thread is only made when one is needed.
THREADS: Final = 64
MESSAGE_LIMIT: Final = 400 * 1024 * 1024  # the engine's own


def start(provider: Provider) -> tuple[grpc.Server, int]:
    """A running server of the provider on a free port of this machine, and that port."""
    options = [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(provider: Provider) -> None:
    """Serve until the engine, which started this process, ends it or goes away."""
    engine = os.getppid()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    server, port = start(provider)
    print(port, flush=True)
    while not done.wait(1) and os.getppid() == engine:
        pass
    server.stop(grace=None)
