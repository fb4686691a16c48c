"""The SMTP server: its settings from the environment, and handing one mail over to it."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

from tenantry import waiting
from tenantry.errors import InputError, TransientError, WorkError
from tenantry.hosts import refuse_lookalikes

TIMEOUT: Final = 30  # seconds, for each answer of the server
TLS: Final = ("starttls", "tls", "none")
# RFC 4954: the server wants another login or encryption. That is wrong with our settings, not with one mail.
_OURS: Final = frozenset({530, 534, 535, 538})


class Refused(WorkError):
    """The server refuses this mail for good (an SMTP code that begins with 5)."""

    code = "mail.refused"


class Deferred(TransientError):
    """The server does not take this mail now (an SMTP code that begins with 4)."""


class Unreachable(TransientError):
    """No mail can be sent at all now: no connection, no TLS, no login. The next mail would fare no better."""

    code = "mail.unreachable"


class Unanswered(TransientError):
    """The connection was lost after the text had been handed over: the mail may have arrived or not."""


@dataclass(frozen=True)
class Settings:
    """How to send. ``sender`` and ``bounces`` are addresses, without a name."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: str
    sender: str
    bounces: str

    @classmethod
    def from_environment(cls, domain: str) -> Settings:
        """From SMTP_HOST, _PORT, _USER, _PASSWORD, _TLS, _FROM and _BOUNCES. ``InputError`` for what is missing or wrong.

        ``domain``: the platform's, for the addresses that are not set.
        """
        read = os.environ.get
        host = read("SMTP_HOST", "")
        if not host:
            raise InputError("no mail server: SMTP_HOST is not set", 'set SMTP_HOST and SMTP_PORT, or run: eval "$(tenantry local env)"')
        port = read("SMTP_PORT") or "587"
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise InputError(f"SMTP_PORT cannot be {port!r}", "a number: 587 with STARTTLS, 465 with TLS from the start")
        tls = read("SMTP_TLS") or ("tls" if port == "465" else "none" if _is_loopback(host) else "starttls")
        if tls not in TLS:
            raise InputError(f"SMTP_TLS cannot be {tls!r}", f"one of {', '.join(TLS)}")
        user, password = read("SMTP_USER", ""), read("SMTP_PASSWORD", "")
        if user and tls == "none" and not _is_loopback(host):
            raise InputError("SMTP_TLS=none would send the password in plain", "set SMTP_TLS to starttls or tls")
        sender = _address("SMTP_FROM", read("SMTP_FROM") or f"no-reply@{domain}")
        bounces = _address("SMTP_BOUNCES", read("SMTP_BOUNCES") or f"bounces@{sender.rpartition('@')[2]}")
        return cls(host, int(port), user, password, tls, sender, bounces)

    def envelope_sender(self, tag: str) -> str:
        """Where a bounce of the mail ``tag`` goes: ``bounces+<tag>@…``, so that it names its mail whatever the other side quotes."""
        local, _, domain = self.bounces.rpartition("@")
        return f"{local}+{tag}@{domain}"


class Mailer:
    """A connection to the server, made when the first mail is sent and kept for the next."""

    def __init__(self, settings: Settings, hello: str) -> None:
        """``hello``: the name we greet with; looking up one's own name can take long."""
        self._settings, self._hello = settings, hello
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def hand_over(self, content: bytes, recipient: str, tag: str, begin: Callable[[], None]) -> str:
        """Sends ``content``, a whole mail, to ``recipient``; the server's answer. ``begin`` is called right before the text is handed over.

        ``Unreachable``, ``Deferred``, ``Refused`` (before or after ``begin``) or ``Unanswered`` (only after it).
        """
        with waiting.on(self._name):
            return self._hand_over(content, recipient, tag, begin)

    def _hand_over(self, content: bytes, recipient: str, tag: str, begin: Callable[[], None]) -> str:
        connection = self._connected()
        international = not recipient.isascii()
        if international and not connection.has_extn("smtputf8"):
            raise Refused(f"the mail server takes no address like {recipient} (it does not offer SMTPUTF8)", "use an address in ASCII")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if international else []
        try:
            _check(*connection.mail(self._settings.envelope_sender(tag), options))
            _check(*connection.rcpt(recipient))
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            raise Unreachable(f"{self._name}: {_reason(error)}") from error
        begin()
        try:
            # smtplib raises SMTPDataError only where the server refuses the word DATA.
            code, answer = connection.data(content)
        except smtplib.SMTPDataError as error:
            _check(error.smtp_code, error.smtp_error)
            raise Unreachable(f"{self._name}: {_reason(error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            raise Unanswered(f"{self._name}: {_reason(error)}, after the mail had been handed over") from error
        _check(code, answer)
        return f"{code} {answer.decode(errors='replace')}"

    def reset(self) -> None:
        """Gives the connection up: what was said on it last is not known. The next mail makes a new one."""
        self._close()

    def check(self) -> str:
        """Connects and logs in; where to. ``Unreachable`` when that fails."""
        with waiting.on(self._name):
            self._connected()
        return self._name

    @property
    def _name(self) -> str:
        return f"the mail server {self._settings.host}:{self._settings.port}"

    def _connected(self) -> smtplib.SMTP:
        # A server closes a connection that was quiet or was used often enough; asking first keeps that from looking like a failure.
        if self._connection is not None and self._answers(self._connection):
            return self._connection
        self._close()
        settings = self._settings
        try:
            context = ssl.create_default_context()
            if settings.tls == "tls":
                connection: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, self._hello, timeout=TIMEOUT, context=context)
            else:
                connection = smtplib.SMTP(settings.host, settings.port, self._hello, timeout=TIMEOUT)
            self._connection = connection
            if settings.tls == "starttls":
                connection.starttls(context=context)
            connection.ehlo_or_helo_if_needed()
            if settings.user:
                connection.login(settings.user, settings.password)
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            raise Unreachable(
                f"{self._name}: {_reason(error)}", "check SMTP_HOST, SMTP_PORT, SMTP_TLS, SMTP_USER and SMTP_PASSWORD"
            ) from error
        return connection

    @staticmethod
    def _answers(connection: smtplib.SMTP) -> bool:
        try:
            return connection.rset()[0] == 250  # also drops what an earlier mail left half said
        except (smtplib.SMTPException, OSError):
            return False

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.quit()
            except (smtplib.SMTPException, OSError):
                connection.close()


def _check(code: int, answer: bytes | str) -> None:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    line = f"{code} {' '.join(text.split())}"
    if code in _OURS:
        raise Unreachable(f"the mail server wants another login: {line}", "check SMTP_TLS, SMTP_USER and SMTP_PASSWORD")
    if code == 421:
        raise Unreachable(f"the mail server closes: {line}")
    if 400 <= code < 500:
        raise Deferred(f"the mail server does not take it now: {line}")
    if code >= 500 or code < 200:
        raise Refused(f"the mail server refuses it: {line}")


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
    return " ".join(str(error).split()) or type(error).__name__


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _address(variable: str, text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise InputError(f"{variable} is not an e-mail address: {text!r}", f"{str(error).rstrip('.')}; an address without a name") from None
    try:
        refuse_lookalikes(found.domain)
    except ValueError as error:
        raise InputError(f"{variable}: {error}", "write the address that the mail server knows") from None
    if found.ascii_email is None:
        raise InputError(f"{variable} has letters outside ASCII before the @", "bounces must find the way from any server")
    return found.ascii_email
