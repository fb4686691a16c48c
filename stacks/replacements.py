"""What becomes of a thing of ours that is to be replaced: by `--replace`, by `state taint`, by a program or a provider that asks for it.

The engine makes the new one and then deletes the old one. Nearly everything of ours has one name in one place, so that the old one and
the new one are the same thing, and what was asked for as a repair would be a loss. For each type there is an answer
(tenantry/backend/replacement.py), and here is what follows of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

import psycopg
import pulumi

from stacks.claims import Planned
from tenantry import naming
from tenantry.backend import stack_state
from tenantry.backend.replacement import ANSWERS, refused, taking_back
from tenantry.backend.stack_state import State
from tenantry.control import registry
from tenantry.errors import InputError
from tenantry.postgres import row_context
from tenantry.postgres.server import Server

NEVER: Final = "what is the platform's own is never replaced, because its name and what it holds would be lost"


def guard(stack: str, state: State, planned: Iterable[Planned]) -> None:
    """Refuses what is marked for replacement and never replaced, and gives every resource from now on the options of its type's answer."""
    refuse_tainted(stack, state)
    pulumi.runtime.register_stack_transformation(partial(answered, _before_create(stack, state, planned)))


def refuse_tainted(stack: str, state: State) -> None:
    """Raises ``InputError`` for what the next run would replace (`pulumi state taint`), but must not."""
    if marked := refused(state):
        raise InputError(
            f"{', '.join(each.name for each in marked)}: marked for replacement; {NEVER}",
            taking_back(stack, marked),
        )


def _before_create(stack: str, state: State, planned: Iterable[Planned]) -> pulumi.ResourceHookBinding:
    """Asks before a thing is made, by a preview too: what the engine remembers and is there would be replaced."""
    plans = {plan.logical_name: plan for plan in planned}
    before = {each.urn for each in state.resources}

    def refuse(args: pulumi.ResourceHookArgs) -> None:
        if args.urn not in before:
            return  # new: of many, none reads the state once more
        remembered = any(each.urn == args.urn and not each.leaving for each in stack_state.read(stack).resources)
        if not remembered or args.name not in plans:
            return
        with Server.from_environment().connect() as connection:
            connection.autocommit = True
            if not plans[args.name].find(connection):
                return  # someone removed it, which a refresh has just found out
        # In one text: of an error in a hook the engine shows no more.
        hint = f"run again without --replace for it; if it is tainted: pulumi state untaint --stack {stack} '{args.urn}'"
        raise InputError(f"{args.name} is there; {NEVER}\n{hint}")

    hook = pulumi.ResourceHook("replacement", refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook])


def answered(binding: pulumi.ResourceHookBinding, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """The options that the type's answer amounts to; ``binding`` is for what is refused."""
    if not isinstance(args.resource, pulumi.CustomResource):
        return None
    opts = copy.copy(args.opts)
    match ANSWERS[args.type_]:
        case "refused":
            opts.delete_before_replace = False  # or a provider may delete first, since the name is taken
            opts.hooks = pulumi.ResourceHookBinding.merge(opts.hooks, binding)
        case "again":
            opts.delete_before_replace = True
        case "kept":
            opts.retain_on_delete = True
        case "owned" | "beside":
            return None
    return pulumi.ResourceTransformationResult(args.props, opts)


def settle(stack: str, state: State) -> None:
    """After a killed run: what our own types have made is of the resources that the state has, not of one that it never heard of."""
    makers: dict[str, dict[str, str | None]] = {"TenantRecord": {}, "ConfigurationRows": {}, "SignedTenant": {}}
    for each in state.resources:
        kind = each.type.rsplit(":", 1)[-1]
        if kind in makers and not each.leaving:
            makers[kind][each.id] = each.outputs.get("made_by")
    if makers["TenantRecord"]:
        with suppress(psycopg.errors.UndefinedColumn):  # nothing was written there yet
            registry.settle(stack, makers["TenantRecord"], makers["ConfigurationRows"])
    if makers["SignedTenant"] and (cell := naming.cell_of_stack(stack)):
        row_context.settle(cell, makers["SignedTenant"])
