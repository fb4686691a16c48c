"""One configuration value by itself."""

from __future__ import annotations

import pytest

from tenantry.declaration.keys import CONFIGURATION_KEYS
from tenantry.declaration.values import changeable, check, from_text, json_schema, known, settable
from tenantry.errors import InputError


@pytest.mark.parametrize("key", [key for key in CONFIGURATION_KEYS.values() if key.default is not None], ids=lambda key: key.key)
def test_every_default_is_a_value(key):
    """What is in force without a row passes the check of a row."""
    assert check(key, key.default) == key.default


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("features.sso", "true", True),
        ("features.sso", "False", False),
        ("limits.users", "25", 25),
        ("theme.primary", "#ABC", "#aabbcc"),
        ("theme.font", "true", "true"),
        ("branding.app_name", "12", "12"),
        ("email_templates.welcome.subject", "Hi {{ user_name }}", "Hi {{ user_name }}"),
    ],
)
def test_text_becomes_the_keys_type(key, text, value):
    """Only a boolean's and a number's text is more than text; the value is kept in its canonical form."""
    found = from_text(known(key), text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("features.sso", "yes", "true or false"),
        ("features.sso", "1", "true or false"),
        ("limits.users", "2.5", "a whole number"),
        ("limits.users", "9" * 30, "a whole number"),
        ("limits.users", "-1", "at least 1"),
        ("branding.app_name", "x" * 61, "longer than 60"),
        ("branding.app_name", "", "empty"),
        ("legal.privacy", "ftp://x.example", "https://"),
        ("email_templates.welcome.subject", "a\nb", "one line"),
        ("email_templates.welcome.body", "{% if x %}", "placeholders"),
    ],
)
def test_what_a_file_could_not_say_is_refused(key, text, message):
    """In the same words, with the key's full name."""
    with pytest.raises(InputError, match=f"^{key}: .*{message}"):
        from_text(known(key), text)


@pytest.mark.parametrize(("typed", "meant"), [("features.reprots", "features.reports"), ("primary", "theme.primary")])
def test_an_unknown_key_is_answered_with_the_nearest(typed, meant):
    """By letters, or by its last word."""
    with pytest.raises(InputError) as caught:
        known(typed)
    assert meant in caught.value.hint


def test_the_platforms_keys_are_not_the_tenants():
    """And what the engine makes something of is nobody's at runtime."""
    assert changeable("features.exports", "tenant_admin").key == "features.exports"
    for key, editor in (("features.sso", "tenant_admin"), ("limits.connections", "platform")):
        with pytest.raises(InputError):
            changeable(key, editor)


def test_a_picture_is_uploaded_and_not_written_as_a_value():
    """A tenant's own administrator may: the word says how."""
    assert changeable("branding.logo", "tenant_admin").uploaded
    with pytest.raises(InputError) as caught:
        settable("branding.logo", "platform")
    assert "tenantry branding upload" in caught.value.hint


def test_the_schema_has_every_key_and_its_range():
    """What an editor or a form needs."""
    properties = json_schema()["properties"]
    assert properties.keys() == CONFIGURATION_KEYS.keys()
    assert (properties["limits.users"]["minimum"], properties["limits.users"]["maximum"]) == (1, 100_000)
    assert properties["features.sso"]["x-editor"] == "platform"
