"""Work that goes over many (tenants, mails, backups, stacks): what one of them raises is that one's fault, and the next has its turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import psycopg

from tenantry import console
from tenantry.errors import TenantryError, TransientError, WorkError
from tenantry.postgres.server import passes

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Swept(Generic[T, R]):
    """What came of a sweep, in the order of its items. ``failed`` are items with why."""

    done: list[tuple[T, R]] = field(default_factory=list)
    failed: list[tuple[T, TenantryError]] = field(default_factory=list)

    @property
    def results(self) -> list[R]:
        """What the work gave for the items that it was done for."""
        return [result for _, result in self.done]

    def refuse(self, what: str, name: Callable[[T], str], hint: str = "") -> None:
        """Raises ``WorkError`` where items failed: how many, and the first five by ``name`` with their causes."""
        if not self.failed:
            return
        some = "; ".join(f"{name(item)}: {error.message}" for item, error in self.failed[:5])
        more = f"; and {len(self.failed) - 5} more" if len(self.failed) > 5 else ""
        raise WorkError(
            f"{what} failed for {len(self.failed)} of {len(self.failed) + len(self.done)}: {some}{more}", hint or self.failed[0][1].hint
        )


def over(items: Iterable[T], work: Callable[[T], R]) -> Swept[T, R]:
    """Does the work for each item, one after the other. Raises nothing that the work raises, but for an interruption."""
    swept = Swept[T, R]()
    for item in items:
        try:
            swept.done.append((item, work(item)))
        except Exception as error:
            swept.failed.append((item, as_error(error)))
    return swept


def as_error(error: Exception) -> TenantryError:
    """Whatever was raised as an error that people understand; a ``TransientError`` where the cause passes."""
    if isinstance(error, TenantryError):
        return error
    return (TransientError if passes(error) else WorkError)(*explained(error))


def explained(error: BaseException) -> tuple[str, str]:
    """An error as one line what and one line what to do."""
    if isinstance(error, TenantryError):
        return error.message, error.hint
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        hint = "it is tried again; check the server when it goes on" if passes(error) else "see to the server"
        return f"PostgreSQL: {str(error).strip().splitlines()[0]}", hint
    if os.environ.get("TENANTRY_DEBUG"):
        console.trace(error)
    first = (str(error).strip().splitlines() or [""])[0]
    return (
        f"unexpected {type(error).__name__}: {first}",
        "a fault of Tenantry's: run the worker with TENANTRY_DEBUG=1 for the traceback, and report it",
    )
