"""What a stack hands out: the passwords of its log-ins, or the ARNs of the secrets that they are in."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi.output import contains_unknowns

from tenantry.control import passwords


def handed_out(credentials: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[dict[str, str]]:
    """Secret: all of them but those that nobody knows: since a state was lost, or as long as a new tenant's tables are left out
    (`pulumi up --target`). One that the engine does not know would else take all others with it."""
    return pulumi.Output.secret(known(credentials))


def known(values: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[dict[str, str]]:
    """The same of what is no secret."""
    names = list(values)
    found = pulumi.Output.all(*map(_or_unknown, values.values()))
    return found.apply(lambda values: _known(dict(zip(names, values, strict=True))))


def _or_unknown(password: pulumi.Output[str]) -> pulumi.Output[str]:
    if pulumi.runtime.is_dry_run():
        return password  # the run is going to know it
    return password.apply(lambda value: passwords.UNKNOWN if contains_unknowns(value) else value, run_with_unknowns=True)


def _known(found: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in found.items() if value and value != passwords.UNKNOWN}
