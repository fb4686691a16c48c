"""Why a run of the engine failed, in words for people, and whether the cause passes by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tenantry.errors import TransientError, WorkError

# What servers say of troubles that pass; the program's errors arrive as text, whatever they were in Python.
_PASSING = re.compile(
    r"connection (?:refused|reset|(?:is |already |was )?(?:closed|lost)|to server|timed out)|connection failed|broken pipe|timed? ?out"
    r"|server closed the connection|closed network connection|deadline exceeded"
    r"|(?:starting up|shutting down|recovery mode)|terminating connection|cannot be reached|could not connect|EOF detected"
    r"|too many (?:connections|requests)|too many clients|remaining connection slots|deadlock detected"
    r"|could not serialize|lock timeout|tuple concurrently updated"
    r"|unexpected EOF|bad connection|admin_shutdown|answered (?:429|5\d\d)|service unavailable|throttl",
    re.IGNORECASE,
)

# A provider that was to remove what is gone already: Cloudflare's and PostgreSQL's take that for a failure, AWS's do not.
_GONE = re.compile(r"\b404 Not Found\b|\b(?:role|database|schema) \"[^\"]+\" does not exist")

# What the engine prints when Ctrl-C or a service's stop reaches it beside the worker; -2, -15: before it listened.
_TOLD_TO_STOP = re.compile(r"^(?:\^C|SIG[A-Z]+) received; cancelling|^\s*code: -(?:2|15)$", re.MULTILINE)


def _failure(message: str, hint: str) -> WorkError:
    """``TransientError`` where the cause passes by itself."""
    return (TransientError if _PASSING.search(message) else WorkError)(message, hint, code="engine.failed")


def is_of_something_gone(error: WorkError) -> bool:
    """Whether a run failed over a thing that is no more: the state learns that by a refresh, and only then a removal can end."""
    return bool(_GONE.search(error.message))


def explained(stack: str, problems: Sequence[tuple[str, str]], output: str) -> WorkError:
    """What to raise for a run that failed: from its ``problems`` (resource, message), or where there are none from what it printed.

    A run that was told to stop is a ``TransientError``, whatever it then fell over: its worker finishes what is in hand, or another does.
    """
    if _TOLD_TO_STOP.search(output):
        return TransientError(
            f"stack {stack}: the engine was told to stop in the middle of it",
            "run the same command again: it goes on there",
            code="engine.failed",
        )
    if not problems:
        text = [line.strip() for line in output.splitlines() if "error:" in line]
        return _failure(f"stack {stack}: {text[-1].partition('error:')[2].strip() if text else 'the engine failed'}", "tenantry doctor")
    seen = dict.fromkeys(problems)
    lines = []
    hint = "mend the cause and run the same command again: it goes on where this run stopped"
    for resource, message in seen:
        message = message.removeprefix("Exception calling application: ")
        if message.startswith("Program failed with an unhandled exception"):
            message = _exception(message)
        first, _, rest = message.partition("\n")
        if not resource and rest:
            hint = rest.strip().splitlines()[-1]
        lines.append(f"{resource}: {' '.join(message.split())}" if resource else first)
    return _failure(f"stack {stack}: " + "; ".join(lines), hint)


def _exception(traceback: str) -> str:
    """What a traceback says in the end, in one line: an error of PostgreSQL's has its detail and hint in lines of their own."""
    lines = traceback.strip().splitlines()
    last = max((number for number, line in enumerate(lines) if line.startswith("  File ")), default=-1)
    said = next((number for number in range(last + 1, len(lines)) if not lines[number].startswith(" ")), len(lines) - 1)
    return " ".join(" ".join(lines[said:]).split())
