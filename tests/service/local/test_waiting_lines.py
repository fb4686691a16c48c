"""A part of the world that stops answering is named after a while of silence, in plain lines, and the command goes on when it answers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import psutil
import pytest

from local.cloud.record import Record
from local.env import process_environment
from local.home import CLONE

pytestmark = pytest.mark.service


def test_an_endpoint_that_is_stopped_is_named(cloud):
    """SIGSTOP of the AWS endpoint: the only output ever was the line before it."""
    endpoint = psutil.Process(Record.load(cloud.home).processes["aws"].pid)
    stopped = [endpoint, *endpoint.children(recursive=True)]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    lines: list[str] = []
    found = threading.Event()
    doctor = subprocess.Popen(
        [sys.executable, "-c", "from tenantry.cli import main; main()", "doctor"],
        env=process_environment(cloud.home), cwd=CLONE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def read() -> None:
        assert doctor.stderr is not None
        for line in doctor.stderr:
            lines.append(line.rstrip())
            if "AWS" in line:
                found.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert found.wait(60), lines
    finally:
        for process in stopped:
            process.send_signal(signal.SIGCONT)
        doctor.wait(120)
        reader.join(10)
    assert [line for line in lines if line.startswith("waiting for AWS (sts GetCallerIdentity) (")]
