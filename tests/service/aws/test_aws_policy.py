"""IAM policies are evaluated as the IAM user guide says."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloud.aws_policy import Request, decide

CONTEXT = {"aws:principaltag/tenant": "acme", "s3:prefix": "tenants/acme/", "aws:securetransport": "true", "aws:sourceip": "127.0.0.1"}
REQUEST = Request("s3:GetObject", "arn:aws:s3:::b/tenants/acme/x", "arn:aws:sts::1:assumed-role/r/s", "1", CONTEXT)
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "applies"),
    [
        ({"Action": "s3:GetObject"}, True),
        ({"Action": "S3:getobject"}, True),
        ({"Action": ["s3:Put*", "s3:Get*"]}, True),
        ({"Action": "s3:GetObjec"}, False),
        ({"Action": "s3:Get?bject"}, True),
        ({"NotAction": "s3:Put*", "Action": None}, True),
        ({"NotAction": ["s3:GetObject", "s3:GetObjectVersion"], "Action": None}, False),
        ({"Resource": "arn:aws:s3:::b/tenants/*"}, True),
        ({"Resource": "arn:aws:s3:::B/tenants/*"}, False),
        ({"Resource": "arn:aws:s3:::b/tenants/${aws:PrincipalTag/tenant}/*"}, True),
        ({"Resource": "arn:aws:s3:::b/tenants/${aws:PrincipalTag/other}/*"}, False),
        ({"Resource": "arn:aws:s3:::b/tenants/${aws:PrincipalTag/other, 'acme'}/*"}, True),
        ({"Resource": "arn:aws:s3:::b/tenants/${*}/*"}, False),
        ({"NotResource": "arn:aws:s3:::b/tenants/acme/*", "Resource": None}, False),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, True),
        ({"Principal": {"AWS": ["arn:aws:iam::2:root"]}}, False),
        ({"NotPrincipal": {"AWS": "1"}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/tenant": ["beta", "acme"]}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/tenant": "ac*"}}}, False),
        ({"Condition": {"StringEquals": {"s3:prefix": "tenants/${aws:PrincipalTag/tenant}/"}}}, True),
        ({"Condition": {"StringEquals": {"s3:prefix": "tenants/${aws:PrincipalTag/tenant}*"}}}, False),
        ({"Condition": {"StringLike": {"aws:PrincipalTag/tenant": "ac*"}}}, True),
        ({"Condition": {"StringLike": {"s3:prefix": "tenants/${aws:PrincipalTag/tenant}/*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalTag/tenant": "acme"}}}, False),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalTag/absent": "x"}}}, True),
        ({"Condition": {"StringNotLike": {"aws:PrincipalTag/tenant": ["b*", "c*"]}}}, True),
        ({"Condition": {"StringEquals": {"s3:absent": "x"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"s3:absent": "x"}}}, True),
        ({"Condition": {"Null": {"s3:absent": "true"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"s3:absent": "x"}}}, False),
        ({"Condition": {"Mystery": {"s3:prefix": "x"}}}, False),
    ],
)
def test_statements(statement: dict[str, Any], applies: bool) -> None:
    """A statement applies when every element that it has does."""
    merged = {key: value for key, value in (ALLOW | statement).items() if value is not None}
    assert (decide([{"Statement": [merged]}], REQUEST) is True) == applies


def test_a_deny_wins_wherever_it_stands() -> None:
    """One deny among many allows is a deny; without a statement that applies there is no decision."""
    deny = ALLOW | {"Effect": "Deny"}
    assert decide([{"Statement": ALLOW}, {"Statement": [deny]}, {"Statement": ALLOW}], REQUEST) is False
    assert decide([{"Statement": {**deny, "Action": "iam:*"}}], REQUEST) is None
    assert decide([{}], REQUEST) is None


def test_an_unknown_operator_is_never_to_the_callers_advantage() -> None:
    """A deny with a condition that nobody here understands applies."""
    strange = {"Condition": {"Mystery": {"s3:prefix": "x"}}}
    assert decide([{"Statement": [ALLOW, ALLOW | strange | {"Effect": "Deny"}]}], REQUEST) is False


@pytest.mark.parametrize("tag", ["*", "ac?e", "${aws:PrincipalTag/tenant}", "a.me"])
def test_a_variables_value_stands_for_itself(tag: str) -> None:
    """Wildcards in a tag's value match nothing but themselves."""
    request = Request(REQUEST.action, REQUEST.resource, context={"aws:principaltag/tenant": tag})
    policy = ALLOW | {"Resource": "arn:aws:s3:::b/tenants/${aws:PrincipalTag/tenant}/*"}
    assert decide([{"Statement": policy}], request) is None
