"""What is imported where it is used because it takes long, and has to be imported before threads are.

Two threads that import from one package for the first time at once fail at random ("deadlock detected by _ModuleLock", "partially
initialized module"). So our own modules import at the top what costs little, and everything else is named here: whoever starts threads
that may come to it loads it before. Only commands import the rest of Tenantry where they need it: they run before there is a thread.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

STORES: Final = (
    "alembic.command",
    "boto3",
    "botocore.config",
    "botocore.exceptions",
    "psycopg",
    "tenantry.postgres.kept",  # psycopg
    "tenantry.postgres.sessions",  # the same
    "sqlalchemy.dialects.postgresql.psycopg",  # SQLAlchemy looks for it by name when an engine is made
)
"""What a tenant's tables may ask for: migrations, and AWS for the account of a server of its own."""

ENGINE: Final = ("dbos", "tenantry.engine.automation")  # the second: pulumi
"""What does the work; the service, which asks for it, does without."""

REST: Final = (
    "PIL.Image",
    "cloudflare",
    "cloudflare.resources.custom_hostnames",  # the client imports a group of calls when it is first used
    "cloudflare.resources.dns",
    "confusable_homoglyphs.categories",
    "confusable_homoglyphs.confusables",
    "email_validator",
    "faker",
    "faker.providers.lorem.la",
    "jinja2",
    "jinja2.sandbox",
    "rich.console",
    "rich.table",
    "sqlalchemy",
    *ENGINE,
    "zoneinfo",
    "tenantry.hosts",  # pydantic; the settings ask it about a domain in punycode only
)


def stores() -> None:
    """Before threads that work on tenants' tables and nothing else."""
    _load(STORES)


def everything() -> None:
    """Before threads that may do anything: a worker's."""
    _load(STORES + REST)


def service() -> None:
    """Before the threads of the service, which asks for runs and does none."""
    _load(STORES + tuple(module for module in REST if module not in ENGINE))


def _load(modules: tuple[str, ...]) -> None:
    for module in modules:
        import_module(module)
