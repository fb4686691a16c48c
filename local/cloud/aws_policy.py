"""IAM policy documents, evaluated: effect, action, resource, principal, conditions, policy variables.

The rules are those of the AWS IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements": an explicit Deny wins, what nothing
allows is denied. An operator this file does not know makes a statement that denies apply and one that allows not apply.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = Mapping[str, Any]
VARIABLE = re.compile(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}")


@dataclass(frozen=True)
class Request:
    """One permission asked for. `context` has condition keys in lower case (`aws:principaltag/tenant`, `s3:prefix`)."""

    action: str
    resource: str
    principal: str = ""
    account: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


def decide(policies: Iterable[Document], request: Request) -> bool | None:
    """False for an explicit deny, True for an allow, None where no statement applies."""
    allowed: bool | None = None
    for policy in policies:
        for statement in _list(policy.get("Statement")):
            if not _applies(statement, request):
                continue
            if statement.get("Effect") == "Deny":
                return False
            allowed = True
    return allowed


def parsed(document: str | Document | None) -> Document:
    """The policy as a mapping; one that cannot be read allows nothing."""
    if not document:
        return {}
    return json.loads(document) if isinstance(document, str) else document


def _applies(statement: Document, request: Request) -> bool:
    return (
        _element(statement, "Action", lambda wanted: _like(wanted.lower(), request.action.lower(), {}))
        and _element(statement, "Resource", lambda wanted: _like(wanted, request.resource, request.context))
        and _principal(statement, request)
        and _conditions(statement, request)
    )


def _element(statement: Document, name: str, matches: Callable[[str], bool]) -> bool:
    if f"Not{name}" in statement:
        return not any(map(matches, _list(statement[f"Not{name}"])))
    # A trust policy has no Resource: it speaks of the role it belongs to.
    return name not in statement or any(map(matches, _list(statement[name])))


def _principal(statement: Document, request: Request) -> bool:
    for name, wanted in (("Principal", True), ("NotPrincipal", False)):
        if name in statement:
            named = statement[name]
            names = _list(named.get("AWS", [])) if isinstance(named, Mapping) else _list(named)
            accepted = {"*", request.account, f"arn:aws:iam::{request.account}:root", request.principal} if request.principal else {"*"}
            return any(entry in accepted for entry in names) == wanted
    return True


def _conditions(statement: Document, request: Request) -> bool:
    denies = statement.get("Effect") == "Deny"
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, wanted in keys.items():
            met = _condition(operator, [str(value) for value in _list(wanted)], request.context.get(key.lower()), request.context)
            if met is None:
                met = denies
            if not met:
                return False
    return True


def _condition(operator: str, wanted: list[str], given: str | None, context: Mapping[str, str]) -> bool | None:
    """Whether one condition is met; None for an operator we do not know."""
    operator = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
    optional = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    if operator == "Null":
        return (given is None) == (wanted[0].lower() == "true")
    negated = "Not" in operator
    compare = COMPARISONS.get(operator.replace("Not", "", 1))
    if compare is None:
        return None
    if given is None:
        return optional or negated
    return any(compare(value, given, context) for value in wanted) != negated


def _like(pattern: str, value: str, context: Mapping[str, str], literal: Callable[[str], str] | None = None) -> bool:
    """Whether `value` fits the pattern: `*`, `?` and variables, whose values stand for themselves. An unknown variable fits nothing."""
    literal = literal or _wildcards
    expression, position = "", 0
    for found in VARIABLE.finditer(pattern):
        expression += literal(pattern[position : found.start()])
        name, default = found[1], found[2]
        known = name if name in ("*", "?", "$") else context.get(name.lower(), default)
        if known is None:
            return False
        expression += re.escape(known)
        position = found.end()
    return re.fullmatch(expression + literal(pattern[position:]), value, re.DOTALL) is not None


def _wildcards(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def _equals(pattern: str, value: str, context: Mapping[str, str]) -> bool:
    return _like(pattern, value, context, re.escape)


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str, Mapping[str, str]], bool]:
    return lambda wanted, given, _: compare(float(given), float(wanted))


COMPARISONS: dict[str, Callable[[str, str, Mapping[str, str]], bool]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": lambda wanted, given, context: _equals(wanted.lower(), given.lower(), context),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda wanted, given, _: wanted.lower() == given.lower(),
    "IpAddress": lambda wanted, given, _: ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False),
    "NumericEquals": _number(lambda given, wanted: given == wanted),
    "NumericLessThan": _number(lambda given, wanted: given < wanted),
    "NumericLessThanEquals": _number(lambda given, wanted: given <= wanted),
    "NumericGreaterThan": _number(lambda given, wanted: given > wanted),
    "NumericGreaterThanEquals": _number(lambda given, wanted: given >= wanted),
}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
