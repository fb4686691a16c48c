"""Keys that somebody makes and ends by the service: never for more scopes, tenants or days than he has, nor in another one's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from tenantry.actor import Actor
from tenantry.control.api_keys import ApiKey
from tenantry.errors import InputError
from tenantry.operations import api_keys
from tenantry.operations.api_keys import NewKey
from tenantry.operations.callers import Caller

__all__ = ["ApiKey", "give", "listed", "revoke"]


def give(who: Caller, holder: str, scopes: Collection[str], labels: Mapping[str, str], *, days: int | None = None, actor: Actor) -> NewKey:
    """A new key for ``holder``, with the labels of ``who`` and ``labels`` besides. ``InputError`` for what he does not have himself."""
    # A holder's name is how the log names him, and whose answers are kept for requests that are repeated: nobody takes another one's.
    platform = who.session is not None and who.sight.everything
    if not platform and holder != who.name and not holder.startswith(f"{who.name}/"):
        raise InputError("a key is for its maker, or for a name below his", f"{who.name}, or {who.name}/…")
    if lacking := sorted(set(scopes) - who.scopes):
        raise InputError(f"nobody gives what he does not have: {', '.join(lacking)[:200]}", "leave these scopes out")
    if who.sight.slug is not None or any(labels.get(name, value) != value for name, value in who.sight.labels.items()):
        raise InputError("nobody gives tenants that he does not see", "leave the labels out that say another partner")
    _require_shorter(days, who)
    return api_keys.make(holder, scopes, {**labels, **who.sight.labels}, days=days, actor=actor)


def listed(who: Caller) -> tuple[ApiKey, ...]:
    """The keys that are for no more than ``who`` is, by holder, the newest first."""
    return tuple(key for key in api_keys.listed() if _within(key, who))


def revoke(who: Caller, identifier: str, *, actor: Actor) -> ApiKey:
    """Ends one of these at once; repeating it is a no-op. ``InputError``, alike for one that is for more and one that there is not."""
    if not any(key.id == identifier for key in listed(who)):
        raise InputError("there is no such key", "GET /v1/keys lists those that can be ended", code="key.unknown")
    return api_keys.revoke(identifier, actor=actor)


def _within(key: ApiKey, who: Caller) -> bool:
    return who.sight.slug is None and set(key.scopes) <= who.scopes and who.sight.labels.items() <= key.labels.items()


def _require_shorter(days: int | None, who: Caller) -> None:
    if who.expires_at is not None and (days is None or datetime.now(UTC) + timedelta(days=days) > who.expires_at):
        raise InputError(
            f"a key cannot outlast the one that made it, which ends on {who.expires_at:%Y-%m-%d}", "say fewer days, or ask the platform"
        )
