"""Pictures, from S3: a few megabytes of those that were asked for last are kept, and one that many ask for at once is fetched once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from tenantry import console
from tenantry.declaration.assets import content_type
from tenantry.errors import TenantryError
from tenantry.operations import pictures
from tenantry.web.runtime import answers
from tenantry.web.runtime.answers import Answer, problem

MOST: Final = 16 * 1024 * 1024
"""Bytes that are kept."""
FRESH: Final = 30.0
"""Seconds for which one that a file declares is kept: its object has the same name when the picture is another."""
AT_ONCE: Final = 4
"""Pictures that are fetched at a time."""

NO_PICTURE: Final = problem(404, "input.invalid", "the tenant has no such picture")
_LASTING: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_AWAY: Final = problem(503, "platform.unreachable", "the picture cannot be read now", retry=5)


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    until: float


class Pictures:
    """What was fetched. It belongs to one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[str, asyncio.Task[Answer]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def answer(self, bucket: str, key: str) -> Answer:
        """The picture of that object."""
        kept = self._kept.get(key)
        if kept is not None and kept.until > time.monotonic():
            self._kept.move_to_end(key)
            return kept.answer
        if key not in self._under_way:
            task = asyncio.create_task(self._fetch(bucket, key))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        # Whoever goes away takes nothing from the others who wait for it.
        return await asyncio.shield(self._under_way[key])

    async def _fetch(self, bucket: str, key: str) -> Answer:
        try:
            async with self._slots:
                content = await asyncio.to_thread(pictures.read, bucket, key)
        except TenantryError as error:
            console.say(f"the picture {key} is not served: {error.message}")
            return _AWAY
        if content is None:
            return NO_PICTURE
        lasting = "/uploads/" in key
        kind = (b"content-type", content_type(key).encode())
        answer = answers.content(kind, content, _LASTING) if lasting else answers.content(kind, content)
        self._keep(key, _Kept(answer, float("inf") if lasting else time.monotonic() + FRESH))
        return answer

    def _keep(self, key: str, found: _Kept) -> None:
        before = self._kept.pop(key, None)
        self._bytes += len(found.answer.body) - (len(before.answer.body) if before else 0)
        self._kept[key] = found
        while self._bytes > MOST:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.answer.body)
