"""What the official pulumi-aws 7.51.1 promises of its IAM and ACM types and of the functions in use, kept by the stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from local.plugins.framework.values import decode, encode
from tests.engine.plugins.driver import Driver
from tests.service.aws.running import ACCOUNT, REGION

Api = Callable[[str], Any]
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
CERTIFICATE = "aws:acm/certificate:Certificate"


def trust(action: str = "sts:AssumeRole") -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(resource: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": resource}]})


def certificate(**changes: Any) -> dict[str, Any]:
    names = {"domainName": "tenantry.example", "subjectAlternativeNames": ["*.tenantry.example"]}
    return {**names, "validationMethod": "DNS", "tags": {"tenantry": "edge"}, **changes}


@pytest.mark.parametrize(
    ("token", "required"), [(ROLE, {"assumeRolePolicy"}), (ROLE_POLICY, {"role", "policy"}), (CERTIFICATE, {"domainName"})]
)
def test_required_inputs(driver: Driver, token: str, required: set[str]) -> None:
    """Exactly the inputs that the provider requires are missed."""
    assert set(driver.check(token, {})[1]) == required


def test_role_life(driver: Driver, api: Api) -> None:
    """A role's id is its name; name and path replace, the rest changes in place; it is adopted by name; gone is seen."""
    wanted = {"name": "role-life", "assumeRolePolicy": trust(), "tags": {"tenantry": "cell-main"}}
    made = driver.create(ROLE, wanted)
    assert (made.id, made.outputs["arn"]) == ("role-life", f"arn:aws:iam::{ACCOUNT}:role/role-life")
    assert {"uniqueId", "createDate", "tagsAll"} <= set(made.outputs)
    assert driver.diff(made, wanted | {"name": "x"}).replaces == {"name"}
    assert driver.diff(made, wanted | {"path": "/x/"}).replaces == {"path"}
    respelled = wanted | {"assumeRolePolicy": json.dumps(json.loads(trust()), indent=4)}
    assert not driver.diff(made, respelled).changes
    other = wanted | {"assumeRolePolicy": trust("sts:TagSession"), "description": "d", "maxSessionDuration": 7200, "tags": {"a": "b"}}
    assert not driver.diff(made, other).replaces
    changed = driver.update(made, other)
    seen, adopted = driver.refresh(changed), driver.adopt(ROLE, "role-life")
    assert seen is not None
    assert adopted is not None
    assert not driver.diff(seen, other).changes
    assert not driver.diff(adopted, other).changes
    with pytest.raises(grpc.RpcError, match="IAM role role-life exists already"):
        driver.create(ROLE, wanted)
    api("iam").update_role(RoleName="role-life", Description="d", MaxSessionDuration=3600)
    assert driver.drift(changed, other) == {"maxSessionDuration"}
    driver.end(changed)


def test_role_policy_life(driver: Driver, api: Api) -> None:
    """A role's policy has `role:name` as its id; both replace; its document changes in place and is compared by meaning."""
    role = driver.create(ROLE, {"name": "policy-life", "assumeRolePolicy": trust()})
    wanted = {"role": "policy-life", "name": "one-prefix", "policy": allow("arn:aws:s3:::a")}
    made = driver.create(ROLE_POLICY, wanted)
    assert made.id == "policy-life:one-prefix"
    assert driver.diff(made, wanted | {"role": "x"}).replaces == {"role"}
    assert driver.diff(made, wanted | {"name": "x"}).replaces == {"name"}
    other = wanted | {"policy": allow("arn:aws:s3:::b")}
    assert driver.diff(made, other).changes == {"policy"}
    changed = driver.update(made, other)
    seen, adopted = driver.refresh(changed), driver.adopt(ROLE_POLICY, changed.id)
    assert seen is not None
    assert adopted is not None
    assert not driver.diff(seen, other).changes
    assert not driver.diff(adopted, other).changes
    api("iam").put_role_policy(RoleName="policy-life", PolicyName="one-prefix", PolicyDocument=allow("*"))
    assert driver.drift(changed, other) == {"policy"}
    driver.end(changed)
    driver.delete(role)


def test_certificate_life(driver: Driver, api: Api) -> None:
    """A certificate's id is its ARN; it is pending and names the DNS record that would validate each domain; names replace it."""
    made = driver.create(CERTIFICATE, certificate())
    assert made.id == made.outputs["arn"]
    assert made.id.startswith(f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/")
    assert (made.outputs["status"], made.outputs["type"]) == ("PENDING_VALIDATION", "AMAZON_ISSUED")
    records = made.outputs["domainValidationOptions"]
    assert {record["domainName"] for record in records} == {"tenantry.example", "*.tenantry.example"}
    assert {record["resourceRecordType"] for record in records} == {"CNAME"}
    assert len({record["resourceRecordName"] for record in records}) == 1
    assert set(records[0]) == {"domainName", "resourceRecordName", "resourceRecordType", "resourceRecordValue"}
    assert not driver.diff(made, certificate()).changes
    assert driver.diff(made, certificate(domainName="other.example")).replaces == {"domainName", "subjectAlternativeNames"}
    assert driver.diff(made, certificate(subjectAlternativeNames=["a.tenantry.example"])).replaces == {"subjectAlternativeNames"}
    assert driver.diff(made, certificate(validationMethod="EMAIL")).replaces == {"validationMethod"}
    changed = driver.update(made, certificate(tags={"tenantry": "other"}))
    seen, adopted = driver.refresh(changed), driver.adopt(CERTIFICATE, made.id)
    assert seen is not None
    assert adopted is not None
    assert seen.outputs["tags"] == {"tenantry": "other"}
    assert seen.outputs["domainValidationOptions"] == records
    assert not driver.diff(adopted, certificate(tags={"tenantry": "other"})).changes
    driver.end(changed)


def test_certificate_is_previewed(driver: Driver) -> None:
    """A preview says nothing of what ACM will decide."""
    from local.plugins.framework import UNKNOWN

    outputs = driver.preview(CERTIFICATE, certificate())
    assert outputs["arn"] is UNKNOWN
    assert outputs["domainValidationOptions"] is UNKNOWN


def invoke(driver: Driver, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
    response = driver.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
    return decode(getattr(response, "return"))[0]


def test_caller_identity(driver: Driver) -> None:
    """A program learns the account it works in."""
    found = invoke(driver, "aws:index/getCallerIdentity:getCallerIdentity", {})
    assert found["accountId"] == found["id"] == ACCOUNT
    assert {"arn", "userId"} <= set(found)


def test_secret_version(driver: Driver, api: Api) -> None:
    """A secret's current text is had by ARN or name; one that is not there is an error that names it."""
    secrets, token = api("secretsmanager"), "aws:secretsmanager/getSecretVersion:getSecretVersion"
    made = secrets.create_secret(Name="some-secret", SecretString='{"password": "p"}')
    found = invoke(driver, token, {"secretId": made["ARN"]})
    assert (found["secretString"], found["versionId"]) == ('{"password": "p"}', made["VersionId"])
    assert found["id"] == f"{made['ARN']}|{made['VersionId']}"
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
    with pytest.raises(grpc.RpcError, match="Secret some-secret has no version AWSCURRENT"):
        invoke(driver, token, {"secretId": "some-secret"})
