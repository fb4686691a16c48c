"""Every error a user can meet. Library code raises these; the command line and the service translate them once."""

from __future__ import annotations


class TenantryError(Exception):
    """Something a user has to know about.

    ``message`` says what is wrong in one line, ``hint`` what to do next in one line (may be empty).
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as it is shown: one line, but for an error about several places."""
        return (self.message,)


class InputError(TenantryError):
    """What the user wrote is wrong: a declaration, an argument, a setting. Nothing was touched."""

    exit_code = 2


class OlderProgram(InputError):
    """The platform was brought further than this program knows (clients/program_age.py)."""


class WorkError(TenantryError):
    """The input was right but the work failed: a server is down, a name is taken, a run was interrupted."""

    exit_code = 1


class TransientError(WorkError):
    """Work that failed for a cause that passes by itself: a server that restarts, a lock that somebody holds, a limit on requests.

    Durable work tries again; the command line says it as any other ``WorkError``.
    """
