"""What a scheduled task is: work, the times it is done at, and the bounds that it is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tenantry.errors import WorkError
from tenantry.stores.tenant_store import TenantStore


@dataclass(frozen=True)
class Context:
    """What the work is given. What it asks PostgreSQL through ``tenantry.clients`` is timed and counted by itself."""

    task: str
    slot: datetime
    """The time that the schedule named, or when someone asked."""
    store: TenantStore | None = None

    @property
    def tenant(self) -> TenantStore:
        """The tenant that the work is for."""
        if self.store is None:
            raise WorkError(f"the task {self.task} is about the whole platform, and asked for its tenant", "declare it per_tenant")
        return self.store


@dataclass(frozen=True)
class Task:
    """A task. ``work`` returns what it did in one line for people, and may be begun again: it must find what it left.

    It is done in a process of its own, by the name of the task: whatever it holds in memory ends with it.
    """

    name: str
    about: str
    cron: str
    """Five fields (minute hour day month weekday), or six with the seconds first; in UTC."""
    work: Callable[[Context], str]
    scope: Literal["per_tenant", "aggregate"] = "per_tenant"
    """``per_tenant``: once for each active tenant; ``aggregate``: once. What an aggregate task returns must name no tenant: it is not
    erased with one."""
    catch_up: bool = False
    """After a downtime: do once what was missed, or leave it until the next time."""
    timeout: float = 300.0
    """Seconds after which the process of one tenant is ended."""
    memory_mb: int = 512
    """Megabytes that the work for one tenant may take."""
    parallel: int = 4
    """Tenants at one time, over all workers."""
    spread: float = 0.0
    """Seconds over which the tenants are spread, each at its own place, always the same."""
    attempts: int = 3
    """How often it is tried when the cause passes by itself (a server that restarts); any other failure waits for the next time."""
    gives_way: bool = False
    """Whether it waits while durable work on the tenant (a move, a restore) is under way."""
