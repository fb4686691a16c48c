"""What is wrong with declarations: where it stands, what it is, what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tenantry.errors import InputError

Severity = Literal["error", "warning", "notice"]
"""What is refused; what is allowed and probably not meant; what is only said."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to correct, or to know. ``line`` and ``column`` count from 1; ``hint`` may be empty."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        what = "" if self.severity == "error" else f"{self.severity}: "
        return f"{self.file}:{self.line}:{self.column}: {what}{self.message}" + (f" ({self.hint})" if self.hint else "")

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return asdict(self)


class DeclarationErrors(InputError):
    """Every problem of every file, in the order of files and lines; the message is a headline and a line for each."""

    code = "declaration.invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        count, files = len(self.problems), len({problem.file for problem in self.problems})
        headline = f"{count} problem{'s' if count != 1 else ''} in {files} file{'s' if files != 1 else ''}"
        super().__init__("\n".join((headline, *map(str, self.problems))), "correct them and run `tenantry validate`; nothing was touched")

    @property
    def lines(self) -> tuple[str, ...]:
        """The headline, then a line for each problem."""
        return (self.message.partition("\n")[0], *map(str, self.problems))

    def as_json(self) -> dict[str, Any]:
        """With each of the ``problems`` as an object of its own."""
        return {**super().as_json(), "problems": [problem.as_json() for problem in self.problems]}


def invalid(message: str, hint: str = "") -> PydanticCustomError:
    """The error a validator raises: shown with the position of the value it is about. Braces in the text are plain text."""
    return PydanticCustomError("tenantry", "{message}", {"message": message, "hint": hint})


def at(place: tuple[str | int, ...], error: PydanticCustomError, value: object = None) -> InitErrorDetails:
    """An ``invalid`` error about something inside the value that a validator sees; for ``together``."""
    return InitErrorDetails(type=error, loc=place, input=value)


def together(errors: Iterable[InitErrorDetails], others: ValidationError | None = None) -> ValidationError:
    """One exception for several places; pydantic adds the validator's own place in front of each."""
    details = list(errors)
    for other in others.errors(include_url=False) if others else ():
        context = other.get("ctx", {})
        kind = invalid(context["message"], context["hint"]) if other["type"] == "tenantry" else other["type"]
        details.append(InitErrorDetails(type=kind, loc=other["loc"], input=other["input"], ctx=context))
    return ValidationError.from_exception_data("declaration", details)


def nearest(text: str, valid: Sequence[str] | Iterable[str]) -> str:
    """A hint that names the closest valid word, or all of them when there are few and none is close, or nothing."""
    words = sorted(valid)
    # Comparing costs O(length): a hostile key of 200 KB is not worth a suggestion.
    close = difflib.get_close_matches(text, words, n=1, cutoff=0.6) if len(text) <= 100 else []
    if close:
        return f"did you mean {close[0]!r}?"
    return f"one of: {', '.join(words)}" if len(words) <= 16 else ""


ALIKE: Final = 0.85
"""``cutoff`` for ids: two that chance has made are more alike than two words."""


def did_you_mean(name: str, known: Iterable[str], otherwise: str, *, cutoff: float = 0.6) -> str:
    """A hint that names the closest of the ``known`` names, or what to do ``otherwise``."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff) if len(name) <= 100 else []
    return f"did you mean {close[0]}?" if close else otherwise


def shown(text: object) -> str:
    """A value for a message: quoted, one line, at most 60 characters."""
    quoted = repr(text)
    return quoted if len(quoted) <= 60 else f"{quoted[:57]}…"
