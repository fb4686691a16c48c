"""What a new user's settings are at first: the tenant's section, the registry of keys, and the same values in SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import pytest

from tenantry.declaration import Declarations
from tenantry.declaration.keys import CONFIGURATION_KEYS, FULLER, TEMPLATES, USER_DEFAULTS
from tenantry.declaration.mail import EmailTemplate, placeholders
from tenantry.declaration.values import check, known
from tenantry.errors import InputError
from tenantry.settings import migrations_dir

from .conftest import PLAIN

Loaded = Callable[[Mapping[str, str]], Declarations]
Problems = Callable[[Mapping[str, str]], list[str]]


def test_sql_and_the_registry_have_the_same_defaults() -> None:
    """The function that lets somebody in cannot ask Python."""
    text = (migrations_dir() / "control" / "0019_onboarding.sql").read_text(encoding="utf-8")
    (values,) = re.findall(r"FROM \(VALUES (.*)\) AS d \(name, value\)", text)
    found = {name: json.loads(value) for name, value in re.findall(r"\('(\w+)', '([^']*)'", values)}
    assert found == USER_DEFAULTS
    assert {f"user_defaults.{key}": value for key, value in found.items()} == {
        key.key: key.default for key in CONFIGURATION_KEYS.values() if key.key.startswith("user_defaults.")
    }


def test_what_a_file_says_is_a_row_and_nothing_else_is(loaded: Loaded) -> None:
    """A tenant of before has no row more."""
    plain = loaded({"acme": PLAIN})["acme"]
    assert not [key for key in plain.configuration() if key.startswith("user_defaults.")]
    said = loaded({"acme": PLAIN + "user_defaults: {locale: pt-BR, time_zone: America/Sao_Paulo, email_notifications: false}\n"})["acme"]
    assert {key: value for key, value in said.configuration().items() if key.startswith("user_defaults.")} == {
        "user_defaults.locale": "pt-BR",
        "user_defaults.time_zone": "America/Sao_Paulo",
        "user_defaults.email_notifications": False,
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{locale: German}", "characters that are not allowed"),
        ("{locale: de_DE}", "characters that are not allowed"),
        ("{time_zone: Europe/Berlim}", "Europe/Berlin"),
        ("{time_zone: ../etc/passwd}", "characters that are not allowed"),
        ("{email_notifications: sometimes}", "true or false"),
        ("{language: de}", "unknown key"),
    ],
)
def test_what_is_none_is_refused(problems: Problems, line: str, words: str) -> None:
    (found,) = problems({"acme": PLAIN + f"user_defaults: {line}\n"})
    assert words in found


@pytest.mark.parametrize(("key", "value"), [("locale", "x"), ("time_zone", "Mars/Olympus"), ("email_notifications", "yes")])
def test_at_runtime_it_is_checked_as_in_a_file(key: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^user_defaults.{key}: "):
        check(known(f"user_defaults.{key}"), value)


def test_the_fuller_texts_are_of_mails_there_are_and_say_what_they_are_for() -> None:
    """Each can be rendered with what its mail may say, and uses the placeholder that calls for it."""
    for key, (placeholder, body) in FULLER.items():
        assert placeholder in TEMPLATES[key].placeholders
        used = placeholders(EmailTemplate(subject="x", body=body).body)
        assert placeholder in used
        assert used <= TEMPLATES[key].allowed
        assert placeholders(TEMPLATES[key].body) <= used
