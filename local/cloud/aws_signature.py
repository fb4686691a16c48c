"""AWS Signature Version 4: who signed a request, and whether the signature is theirs."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)


class Refused(Exception):
    """The request is refused: HTTP status, AWS's code and a message."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature."""

    access_key: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    token: str | None
    presigned: bool
    expires: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], query: str) -> "Signature | None":
        """The signature in the Authorization header or the query, or None for an anonymous request. Raises Refused."""
        fields = dict(parse_qsl(query, keep_blank_values=True))
        given = headers.get("authorization")
        if given and "X-Amz-Signature" in fields:
            raise Refused("InvalidArgument", "Only one auth mechanism allowed.", 400)
        if given:
            scheme, _, rest = given.partition(" ")
            parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
            wanted = ("Credential", "SignedHeaders", "Signature")
            timestamp, token = headers.get("x-amz-date", ""), headers.get("x-amz-security-token")
            scheme_fits, expires = scheme == ALGORITHM, None
        elif "X-Amz-Signature" in fields:
            parts, wanted = fields, ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature")
            timestamp, token = fields.get("X-Amz-Date", ""), fields.get("X-Amz-Security-Token")
            scheme_fits = fields.get("X-Amz-Algorithm") == ALGORITHM
            expires = int(fields["X-Amz-Expires"]) if fields.get("X-Amz-Expires", "").isdigit() else 0
        elif "AWSAccessKeyId" in fields:
            scheme_fits, parts, wanted, timestamp, token, expires = False, {}, (), "", None, None
        else:
            return None
        if not scheme_fits:
            message = f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
            raise Refused("InvalidRequest", message, 400)
        scope = parts.get(wanted[0], "").split("/")
        if len(scope) != 5 or not all(parts.get(name) for name in wanted):
            raise Refused("AuthorizationHeaderMalformed", "The authorization header is malformed.", 400)
        signed = tuple(parts[wanted[1]].lower().split(";"))
        return cls(scope[0], scope[2], scope[3], signed, parts[wanted[2]], timestamp, token, given is None, expires)

    def verify(self, secret: str, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Refused where the signature does not fit, is too old or not yet valid."""
        self._verify_time()
        credentials = Credentials(self.access_key, secret, self.token)
        signed = {name: headers[name] for name in self.signed_headers if name in headers}
        if "host" not in signed:
            raise Refused("SignatureDoesNotMatch", "The host header is not signed.")
        auth: Any
        if self.presigned:
            url = _without(url, "X-Amz-Signature")
            auth = S3SigV4QueryAuth(credentials, self.service, self.region, expires=self.expires)
        else:
            auth = (S3SigV4Auth if self.service == "s3" else SigV4Auth)(credentials, self.service, self.region)
        request = AWSRequest(method=method, url=url, headers=signed, data=body)
        if self.presigned:
            request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
            auth.headers_to_sign = lambda _: _headers(signed)
        request.context["timestamp"] = self.timestamp
        expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if not hmac.compare_digest(expected, self.signature):
            message = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
            raise Refused("SignatureDoesNotMatch", message)

    def _verify_time(self) -> None:
        try:
            signed_at = datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise Refused("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from None
        age = datetime.now(UTC) - signed_at
        if age < -SKEW or (not self.presigned and age > SKEW):
            raise Refused("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
        if self.presigned and age > timedelta(seconds=self.expires or 0):
            raise Refused("AccessDenied", "Request has expired")


def _headers(signed: Mapping[str, str]) -> Any:
    from botocore.compat import HTTPHeaders

    found = HTTPHeaders()
    for name, value in signed.items():
        found[name] = value
    return found


def _without(url: str, name: str) -> str:
    path, _, query = url.partition("?")
    return f"{path}?{'&'.join(pair for pair in query.split('&') if pair.partition('=')[0] != name)}"
