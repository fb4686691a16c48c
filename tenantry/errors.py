"""Every error a user can meet. Library code raises these; the command line and the service translate them once."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

Code = Literal[
    "admin.unknown",
    "backup.incomplete",
    "backup.unknown",
    "classification.invalid",
    "configuration.unknown",
    "credentials.missing",
    "credentials.none",
    "credentials.recent",
    "declaration.invalid",
    "declaration.missing",
    "declaration.older",
    "declaration.refused",
    "declaration.unaware",
    "declarations.unusable",
    "deletion.invalid",
    "deletion.unknown",
    "delivery.settled",
    "delivery.unknown",
    "disk.full",
    "disk.short",
    "domain.taken",
    "email.foreign",
    "email.unknown",
    "email.unverified",
    "engine.failed",
    "input.invalid",
    "invitation.declared",
    "invitation.expired",
    "invitation.host",
    "invitation.revoked",
    "invitation.unknown",
    "invitation.used",
    "key.excess",
    "key.unknown",
    "limit.attempts",
    "limit.mail",
    "limit.users",
    "link.unknown",
    "lock.taken",
    "mail.refused",
    "mail.unreachable",
    "move.none",
    "move.underway",
    "name.quarantined",
    "name.taken",
    "passkey.excess",
    "passkey.refused",
    "passkey.unknown",
    "password.none",
    "password.weak",
    "password.wrong",
    "platform.absent",
    "platform.older",
    "platform.unreachable",
    "platform.unset",
    "program.older",
    "program.unexpected",
    "proposal.open",
    "proposal.unknown",
    "restore.none",
    "restore.underway",
    "return.foreign",
    "run.cancelled",
    "run.failed",
    "run.settled",
    "run.unknown",
    "session.ended",
    "sso.foreign",
    "sso.none",
    "sso.refused",
    "sso.unknown",
    "sso.unreachable",
    "stack.busy",
    "stack.unknown",
    "state.wrong",
    "store.shut",
    "task.unknown",
    "tenant.busy",
    "tenant.deleted",
    "tenant.exists",
    "tenant.held",
    "tenant.offboarded",
    "tenant.state",
    "tenant.suspended",
    "tenant.unknown",
    "user.exists",
    "user.last",
    "user.unknown",
    "webhook.disabled",
    "webhook.excess",
    "webhook.rotating",
    "webhook.unknown",
    "work.failed",
    "work.transient",
]
"""What programs tell errors apart by. A code stays what it is once it was released; docs/operations.md says what each means."""

CODES: Final[tuple[Code, ...]] = get_args(Code)


class TenantryError(Exception):
    """Something a user has to know about.

    ``message`` says what is wrong in one line, ``hint`` what to do next in one line (may be empty), ``code`` the same as ``message`` to a
    program: the class's own where none is given.
    """

    exit_code = 1
    code: Code = "work.failed"

    def __init__(self, message: str, hint: str = "", *, code: Code | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as it is shown: one line, but for an error about several places."""
        return (self.message,)

    def as_json(self) -> dict[str, Any]:
        """The error as a JSON object, for a program."""
        return {"error": self.message, "hint": self.hint, "code": self.code}


class InputError(TenantryError):
    """What the user wrote is wrong: a declaration, an argument, a setting. Nothing was touched."""

    exit_code = 2
    code: Code = "input.invalid"


class OlderProgram(InputError):
    """The platform was brought further than this program knows (control/program_age.py)."""

    code: Code = "program.older"


class WorkError(TenantryError):
    """The input was right but the work failed: a server is down, a name is taken, a run was interrupted."""

    exit_code = 1
    code: Code = "work.failed"


class TransientError(WorkError):
    """Work that failed for a cause that passes by itself: a server that restarts, a lock that someone holds, a limit on requests.

    Durable work tries again; the command line says it as any other ``WorkError``.
    """

    code: Code = "work.transient"


class TooMany(TransientError):
    """Something was tried too often; ``seconds`` after which it may be tried again."""

    code: Code = "limit.attempts"

    def __init__(self, message: str, hint: str = "", *, seconds: float) -> None:
        super().__init__(message, hint)
        self.seconds = seconds
