"""E-mail addresses and the e-mails a tenant may write itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import InitErrorDetails

from tenantry.declaration.keys import TEMPLATES
from tenantry.hosts import refuse_lookalikes
from tenantry.problems import at, invalid, nearest, shown, together
from tenantry.text import ENCODED_WORD, hidden_character

if TYPE_CHECKING:
    from jinja2 import Template

_PLACEHOLDER: Final = re.compile(r"(?<!\{)\{\{ *([A-Za-z_][A-Za-z0-9_]{0,63}) *\}\}", re.ASCII)
# Nearly every address there is. The library says the same of each (a test compares them), but importing it costs every Pulumi run 20 ms.
_PLAIN: Final = re.compile(
    r"(?=.{1,200}$)(?!.*--)(?P<local>[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,30})?)@"
    r"(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?\.){1,3}(?P<top>[A-Za-z]{2,20}))",
    re.ASCII,
)
_SPECIAL: Final = frozenset({"arpa", "invalid", "local", "localhost", "onion"})
_MARKUP: Final = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")


@lru_cache(maxsize=16_384)
def check_email(text: str) -> str:
    """The normalised address; a ``PydanticCustomError`` when it is not one. No DNS is asked; ``.test`` is allowed.

    A name before the @ or a label after it that looks like an ASCII one, or mixes scripts, is refused as in a host name.
    """
    if (plain := _PLAIN.fullmatch(text)) and plain["top"].lower() not in _SPECIAL:
        return f"{plain['local']}@{plain['domain'].lower()}"
    from email_validator import EmailNotValidError, validate_email

    if ENCODED_WORD in text:
        raise invalid(f"{shown(text)} contains {ENCODED_WORD}, which e-mail programs take for encoded text", "use another address")
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise invalid(f"{shown(text)} is not an e-mail address", str(error).rstrip(".")) from None
    refuse_lookalikes(f"{found.local_part}.{found.domain}")
    return found.normalized


Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(check_email)]


@lru_cache(maxsize=4096)
def placeholders(text: str) -> frozenset[str]:
    """The names between ``{{ }}`` in a text; a ``PydanticCustomError`` for any other markup (statement, call, filter, attribute)."""
    if hidden := hidden_character(text, allowed="\n\t\r\u200d\u200e\u200f"):
        raise invalid(f"contains the hidden character {hidden}", "remove it")
    rest = _PLACEHOLDER.sub(" ", text)
    if found := _MARKUP.search(rest):
        raise invalid(f"only plain placeholders are allowed, not {shown(rest[found.start() : found.start() + 30])}", "write {{ name }}")
    return _names(text)


def _template(text: str) -> str:
    placeholders(text)
    return text


def _subject(text: str) -> str:
    # A line break would begin another header.
    if "\n" in text or "\r" in text:
        raise invalid("a subject is one line")
    if ENCODED_WORD in text:
        raise invalid(f"contains {ENCODED_WORD}, which e-mail programs take for encoded text", "write a space between the two")
    return _template(text)


class EmailTemplate(BaseModel):
    """The text of one e-mail; ``{{ name }}`` stands for a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    subject: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_subject)] = Field(
        description="One line, at most 200 characters"
    )
    body: Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_template)] = Field(
        description="Plain text, at most 20,000 characters"
    )

    def render(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Subject (one line) and plain-text body with the values put in; ``KeyError`` names a value that is missing."""
        missing = (placeholders(self.subject) | placeholders(self.body)) - values.keys()
        if missing:
            raise KeyError(", ".join(sorted(missing)))
        subject = _compiled(self.subject).render(values)
        return " ".join(subject.split()), _compiled(self.body).render(values)


def check_templates(given: Any, check_shape: ValidatorFunctionWrapHandler) -> Any:
    """Templates by key: known keys with known placeholders. Every error at once, those of the single texts as well."""
    errors: list[InitErrorDetails] = []
    if isinstance(given, dict):
        errors = list(_unknown(given))
        # What an e-mail that does not exist lacks is of no interest.
        given = {key: template for key, template in given.items() if key in TEMPLATES}
    try:
        templates = check_shape(given)
    except ValidationError as error:
        raise together(errors, error) from None
    if errors:
        raise together(errors)
    return {**BUILT_IN, **templates}


def _unknown(given: dict[Any, Any]) -> Iterator[InitErrorDetails]:
    for key, template in given.items():
        known = TEMPLATES.get(key)
        if known is None:
            yield at((key, "[key]"), invalid(f"there is no e-mail {shown(key)}", nearest(str(key), TEMPLATES)), key)
            continue
        for part in ("subject", "body"):
            text = template.get(part) if isinstance(template, dict) else getattr(template, part, None)
            for name in sorted(_names(text) - known.allowed) if isinstance(text, str) else ():
                message = f"there is no placeholder {{{{ {name} }}}} in {key}"
                yield at((key, part), invalid(message, nearest(name, known.allowed)), name)


@lru_cache(maxsize=4096)
def _names(text: str) -> frozenset[str]:
    return frozenset(_PLACEHOLDER.findall(text))


BUILT_IN: Final[Mapping[str, EmailTemplate]] = {
    template.key: EmailTemplate(subject=template.subject, body=template.body) for template in TEMPLATES.values()
}


@lru_cache(maxsize=512)
def _compiled(text: str) -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Plain text: escaping would corrupt it. What renders HTML must escape the result.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return environment.from_string(text)
