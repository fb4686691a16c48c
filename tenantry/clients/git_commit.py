"""What a commit is made of: the files that it changes, who and why, as git reads it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

_CRUD: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029<>]+")


class Person(NamedTuple):
    """Whom git names: of any name only what fits into one of its lines."""

    name: str
    email: str

    def line(self, now: int) -> str:
        """As in a commit."""
        name, email = (" ".join(_CRUD.sub(" ", text).split()) for text in self)
        return f"{name.strip(' .,:;') or 'unknown'} <{email.replace(' ', '')}> {now} +0000"


class Files(NamedTuple):
    """What a commit does: contents by path, None for what it removes; and who, and why."""

    contents: Mapping[str, bytes | None]
    author: Person
    committer: Person
    message: str


def stream(ref: str, on: str, files: Files) -> bytes:
    """What `git fast-import` makes one commit of. Paths are ours: none has to be quoted."""
    now, message = int(time.time()), files.message.encode("utf-8", "replace")
    parts = [
        f"commit {ref}\nmark :1\nauthor {files.author.line(now)}\ncommitter {files.committer.line(now)}\n".encode("utf-8", "replace"),
        b"data %d\n%s\nfrom %s\n" % (len(message), message, on.encode()),
    ]
    for path, content in files.contents.items():
        if content is None:
            parts.append(f"D {path}\n".encode())
        else:
            parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))
    return b"".join([*parts, b"get-mark :1\ndone\n"])
