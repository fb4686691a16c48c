"""Each type that a stack registers has an answer to "replace it", and its resources the options that the answer amounts to."""

from __future__ import annotations

import pulumi
import pytest

from stacks import replacements
from tenantry.backend import replacement
from tenantry.backend.stack_state import Remembered, State
from tenantry.errors import InputError
from tests.graph.test_tokens import TOKENS

COMPONENTS = {token for token in TOKENS if token.startswith("tenantry:")}
ROLE, STORE = "postgresql:index/role:Role", "pulumi-python:dynamic/tenantry:Store"


def test_every_type_has_an_answer():
    """A type without one would be replaced as the engine does it: made, and then deleted, which is the same thing in the same place."""
    # A tenant's own server comes with a provider of its own; no cell has one.
    assert set(replacement.ANSWERS) == TOKENS - COMPONENTS | {"aws:rds/instance:Instance", "pulumi:providers:postgresql"}


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        ("refused", {"delete_before_replace": False, "hooks": True}),
        ("again", {"delete_before_replace": True}),
        ("kept", {"retain_on_delete": True}),
        ("owned", {}),
        ("beside", {}),
    ],
)
def test_an_answer_becomes_options(answer, options):
    """As the engine is told: what a provider's own diff says of the order does not count beside them."""
    token = next(token for token, given in replacement.ANSWERS.items() if given == answer)
    before = pulumi.ResourceOptions(protect=True)
    resource = object.__new__(pulumi.CustomResource)
    binding = pulumi.ResourceHookBinding(before_create=[])
    result = replacements.answered(binding, pulumi.ResourceTransformationArgs(resource, token, "it", {}, before))
    opts = result.opts if result else before
    seen = {name: getattr(opts, name) for name in ("delete_before_replace", "retain_on_delete", "hooks") if getattr(opts, name) is not None}
    assert opts.protect is True
    assert {name: value if name != "hooks" else True for name, value in seen.items()} == options
    assert before.delete_before_replace is None, "options are shared by several resources"


def _tainted(type_: str, **fields: bool) -> State:
    remembered = Remembered(f"urn:pulumi:shared::tenantry::{type_}::it", type_, "it", {}, {}, tainted=True, leaving=False, changed_at=None)
    return State(resources=(Remembered(**{**vars(remembered), **fields}),))


def test_what_is_tainted_and_never_replaced_is_refused_with_the_command_that_ends_it():
    """Before the first resource."""
    with pytest.raises(InputError, match="it: marked for replacement") as refused:
        replacements.refuse_tainted("shared", _tainted(ROLE))
    assert refused.value.hint == f"pulumi state untaint --stack shared 'urn:pulumi:shared::tenantry::{ROLE}::it'"
    with pytest.raises(InputError):
        replacements.refuse_tainted("shared", _tainted(STORE, protected=True))


@pytest.mark.parametrize("state", [_tainted(STORE), _tainted(ROLE, leaving=True), _tainted(ROLE, tainted=False)])
def test_what_can_be_replaced_is_let_through(state):
    """What has an answer of its own, what was replaced already, and what nobody marked."""
    replacements.refuse_tainted("shared", state)
