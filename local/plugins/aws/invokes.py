"""The functions that programs call: who am I, what is in a secret."""

from local.plugins.aws.client import Client
from local.plugins.framework import Props, ProviderError


def get_caller_identity(client: Client, arguments: Props) -> Props:
    """The account and the caller."""
    found = client.call("sts", "get_caller_identity", "the AWS account")
    return {"id": found["Account"], "accountId": found["Account"], "arn": found["Arn"], "userId": found["UserId"]}


def get_secret_version(client: Client, arguments: Props) -> Props:
    """The current version of a secret, or the one that `versionId` or `versionStage` names."""
    secret, version = arguments["secretId"], arguments.get("versionId")
    stage = arguments.get("versionStage") or "AWSCURRENT"
    which = {"VersionId": version} if version else {"VersionStage": stage}
    gone = ("ResourceNotFoundException",)
    found = client.find("secretsmanager", "get_secret_value", f"secret {secret}", gone, arguments.get("region"), SecretId=secret, **which)
    if found is None:
        raise ProviderError(f"Secret {secret} has no version {version or stage}.", "Check that it was not deleted.")
    return {
        "id": f"{secret}|{found['VersionId']}",
        "arn": found["ARN"],
        "secretId": secret,
        "secretString": found.get("SecretString", ""),
        "secretBinary": "",
        "versionId": found["VersionId"],
        "versionStage": stage,
        "versionStages": found["VersionStages"],
        "createdDate": found["CreatedDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": arguments.get("region") or client.region,
    }


INVOKES = {
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": get_secret_version,
}
