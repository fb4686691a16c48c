"""The Python client in the repository is what the service's description gives now."""

from __future__ import annotations

import json

from clients import generate


def test_the_client_is_of_this_description_and_nobody_edited_it():
    """By digests: the generator has an environment of its own, which only `make client` makes."""
    assert json.loads(generate.MADE.read_text()) == generate.digests(), "make client"


def test_every_call_of_the_description_is_in_the_client():
    described = [call for calls in generate.description()["paths"].values() for call in calls.values()]
    modules = {path.stem for path in (generate.PACKAGE / "api").rglob("*.py")} - {"__init__"}
    assert {call["operationId"].replace("-", "_").replace(" ", "_") for call in described} == modules
