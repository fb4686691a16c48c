"""What a stack hands out of its passwords."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest

from stacks.credentials import handed_out


def output(value: str | None) -> pulumi.Output[Any]:
    """None: the engine does not know it."""

    async def given(of: Any) -> Any:
        return of

    return pulumi.Output(set(), given(value), given(value is not None))


def seen(run: Any, preview: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, Any]:
    found: list[tuple[bool, Any]] = []

    async def look(handed: pulumi.Output[Any]) -> None:
        found.append((await handed.is_known(), await handed.future()))

    def program() -> None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
        passwords = {"t_oak__app": output("secret"), "t_new__app": output(None), "t_lost__app": output("")}
        asyncio.ensure_future(look(handed_out(passwords)))  # noqa: RUF006  the run waits for it

    run(program)
    return found[0]


def test_what_is_left_out_takes_no_other_password_with_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pulumi up --target` while a new tenant's tables are not made yet: the others' are handed out."""
    assert seen(run, False, monkeypatch) == (True, {"t_oak__app": "secret"})


def test_in_a_preview_it_is_not_known_yet(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would say that the new one goes."""
    assert seen(run, True, monkeypatch) == (False, None)
