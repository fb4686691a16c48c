"""What a stack hands out: the passwords of its log-ins."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from tenantry.clients import passwords


def handed_out(credentials: Mapping[str, pulumi.Output[str]]) -> pulumi.Output[dict[str, str]]:
    """Secret: all of them but those that nobody knows since a state was lost."""
    names = list(credentials)
    return pulumi.Output.secret(pulumi.Output.all(*credentials.values()).apply(lambda found: _known(dict(zip(names, found, strict=True)))))


def _known(found: Mapping[str, str]) -> dict[str, str]:
    return {name: password for name, password in found.items() if password != passwords.UNKNOWN}
