"""AWS as the resource types use it: boto3 made on first use, bounded retries, errors that say what and what to do."""

import os
import threading
from collections.abc import Collection
from typing import Any

from local.plugins.framework import Field, Props, ProviderError

CONFIG = {
    "region": Field(),
    "accessKey": Field(secret=True),
    "secretKey": Field(secret=True),
    "token": Field(secret=True),
    "profile": Field(),
    "defaultTags": Field(dict),
    "endpoints": Field(list),
    **{name: Field(bool) for name in ("s3UsePathStyle", "skipCredentialsValidation", "skipRegionValidation", "skipRequestingAccountId")},
    "skipMetadataApiCheck": Field(bool),
}
ATTEMPTS = 5
REFUSED = {
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "ExpiredToken",
    "InvalidToken",
}
EXISTS = {"BucketAlreadyExists", "BucketAlreadyOwnedByYou", "EntityAlreadyExists", "DBInstanceAlreadyExists"}


class Client:
    """One account. boto3 is imported with the first call: a run without changes makes none."""

    def __init__(self, config: Props) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._account = ""
        self.default_tags: dict[str, str] = (config.get("defaultTags") or {}).get("tags") or {}

    @property
    def region(self) -> str:
        """The provider's region. Raises ProviderError where nothing names one."""
        found = self._config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not found:
            raise ProviderError("No AWS region is set.", "Set aws:region or AWS_REGION.")
        return str(found)

    @property
    def account(self) -> str:
        """The account's twelve digits."""
        if not self._account:
            self._account = self.call("sts", "get_caller_identity", "the AWS account")["Account"]
        return self._account

    def tags(self, props: Props) -> dict[str, str]:
        """A resource's tags with the provider's default ones."""
        return self.default_tags | (props.get("tags") or {})

    def call(self, service: str, operation: str, what: str, region: str | None = None, **arguments: Any) -> Any:
        """The answer of a call. `what` names the thing in errors. Raises ProviderError."""
        found = self.find(service, operation, what, (), region, **arguments)
        return found if found is not None else {}

    def find(
        self, service: str, operation: str, what: str, missing: Collection[str], region: str | None = None, **arguments: Any
    ) -> Any | None:
        """The answer of a call, or None where AWS answers with one of the codes `missing`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._api(service, region or self.region), operation)(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in missing:
                return None
            raise _explained(error, what) from error
        except BotoCoreError as error:
            raise ProviderError(
                f"{what}: AWS cannot be reached or asked: {error}", "Check AWS_ENDPOINT_URL, AWS_REGION and the AWS keys."
            ) from error

    def _api(self, service: str, region: str) -> Any:
        import boto3
        from botocore.config import Config

        with self._lock:
            if (service, region) not in self._clients:
                named = next((entry[service] for entry in self._config.get("endpoints") or [] if entry.get(service)), None)
                session = boto3.Session(
                    aws_access_key_id=self._config.get("accessKey"),
                    aws_secret_access_key=self._config.get("secretKey"),
                    aws_session_token=self._config.get("token"),
                    profile_name=self._config.get("profile"),
                    region_name=region,
                )
                style = {"addressing_style": "path"} if self._config.get("s3UsePathStyle") else {}
                retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
                config = Config(connect_timeout=10, read_timeout=60, retries=retries, max_pool_connections=32, s3=style)
                self._clients[service, region] = session.client(service, endpoint_url=named, config=config)
            return self._clients[service, region]


def _explained(error: Any, what: str) -> ProviderError:
    code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    if code in REFUSED:
        return ProviderError(f"{what}: AWS refused the credentials: {code}: {said}", "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    if code in EXISTS:
        return ProviderError(
            f"{what} exists already: {code}: {said}",
            "If it is this stack's own, run again: it is taken over. If not, give this another name, or adopt that with import_.",
        )
    if status >= 500 or status == 429:
        return ProviderError(f"{what}: AWS kept failing: {code}: {said}", "Run again when it has recovered.")
    return ProviderError(f"{what}: AWS refused it: {code}: {said}")
