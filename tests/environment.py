"""A cloud's variables in this process: nothing that the process remembers of another cloud is used in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import boto3
import pytest

from local.env import UNSET
from tenantry.clients import aws, cloudflare
from tenantry.control import keys
from tenantry.work import queue


@contextmanager
def entered(variables: Mapping[str, str]) -> Iterator[pytest.MonkeyPatch]:
    """This process in the environment ``variables``, as it was at the end; the patch takes variables of a test's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        _forget()
        try:
            yield patch
        finally:
            _forget()


def _forget() -> None:
    """Clients, credentials and keys are remembered by the process."""
    boto3.DEFAULT_SESSION = None
    for remembered in (aws.client, cloudflare.client, queue.client, keys._keys):
        remembered.cache_clear()
