"""The gate before moto: every request's signature is verified and every permission it needs is evaluated.

moto itself lets everybody in and knows neither principal tags nor conditions; isolation by ABAC could not be seen to work without this.
A request over the loopback interface counts as secure transport (`aws:SecureTransport`), which plain http to anywhere else would not.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from xml.sax.saxutils import escape

from moto.backends import get_backend

from local.cloud import aws_s3_actions as s3
from local.cloud.aws_identities import ACCOUNT, Identities, Identity, role_named, session_of
from local.cloud.aws_policy import Document, Request, decide, parsed
from local.cloud.aws_signature import Refused, Signature

HOSTS = {"127.0.0.1", "localhost"}
ACCESS_KEY = re.compile(r"<AccessKeyId>(\w+)</AccessKeyId>")


class Call:
    """One HTTP request, taken apart once."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.method = environ["REQUEST_METHOD"]
        self.path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
        self.query_string = environ.get("QUERY_STRING", "")
        raw = environ.get("REQUEST_URI") or self.path
        self.url = f"http://{environ.get('HTTP_HOST', '')}{raw}"
        self.headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                self.headers[name.replace("_", "-").lower()] = environ[name]
        self.body = _read(environ)
        environ["wsgi.input"] = io.BytesIO(self.body)
        pairs = parse_qsl(self.query_string, keep_blank_values=True)
        self.query = dict(pairs)
        if len(pairs) != len(self.query):
            # Two layers that pick different ones of two values would disagree on what was allowed.
            raise Refused("InvalidRequest", "A query parameter is given twice.", 400)
        if self.headers.get("host", "").partition(":")[0] not in HOSTS:
            raise Refused("InvalidRequest", "Only path-style requests to 127.0.0.1 are served.", 400)

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a call in AWS's query protocol."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return {}


class Authorization:
    """WSGI middleware: passes on what is allowed, answers the rest as AWS would."""

    def __init__(self, application: WSGIApplication, identities: Identities, lock: AbstractContextManager[Any]) -> None:
        self.application, self.identities, self.lock = application, identities, lock
        _trust_our_decision()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        service = "s3"
        try:
            call = Call(environ)
            signature = Signature.of(call.headers, call.query_string)
            service = signature.service if signature else service
            # moto's state is read here, and has no locks of its own.
            with self.lock:
                identity = self.identities.find(signature) if signature else None
                if signature and identity:
                    signature.verify(identity.secret, call.method, call.url, call.headers, call.body)
                if service == "s3" and not call.path.startswith("/v20180820/"):
                    self._authorize_s3(call, identity)
                else:
                    self._authorize_other(call, service, identity)
                tags = self._session_tags(call, service, identity)
        except Refused as refused:
            return _refusal(refused, service, environ["REQUEST_METHOD"], start_response)
        answer = self.application(environ, start_response)
        with self.lock:
            return _remember_tags(answer, tags) if tags else answer

    def _authorize_s3(self, call: Call, identity: Identity | None) -> None:
        for needed in s3.permissions(call.method, call.path, call.query, call.headers, call.body):
            request = _request(call, identity, needed.action, needed.resource, s3.conditions(call.query, call.headers))
            bucket = get_backend("s3")[ACCOUNT]["aws"].buckets.get(needed.bucket)
            policy = parsed(bucket.policy.decode()) if bucket and bucket.policy else {}
            by_bucket = decide([policy], request)
            if identity is None:
                blocked = bucket and bucket.public_access_block and _true(bucket.public_access_block.restrict_public_buckets)
                allowed = by_bucket is True and not blocked
            elif identity.administrator:
                # As an account's root user, who can take back a policy that locks everybody out.
                allowed = by_bucket is not False or needed.action.endswith("BucketPolicy")
            else:
                # A deny of either wins. The bucket's policy may allow what the caller's own says nothing about.
                granted = by_bucket is True and identity.session is None and decide(identity.policies, request) is None
                allowed = by_bucket is not False and (_allows(identity, request) or granted)
            if not allowed:
                raise Refused("AccessDenied", "Access Denied")

    def _authorize_other(self, call: Call, service: str, identity: Identity | None) -> None:
        if identity is None:
            raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token")
        action = call.form.get("Action") or call.headers.get("x-amz-target", "").rpartition(".")[2] or "UnknownOperation"
        if (service, action) == ("sts", "AssumeRole"):
            self._authorize_role(call, identity)
        elif not identity.administrator and (service, action) != ("sts", "GetCallerIdentity"):
            resource = call.form.get("RoleArn") or call.form.get("PolicyArn") or "*"
            if call.headers.get("x-amz-target", "").startswith("secretsmanager."):
                resource = _json(call.body).get("SecretId") or "*"
            if not _allows(identity, _request(call, identity, f"{service}:{action}", resource, {})):
                raise Refused("AccessDenied", f"User: {identity.arn} is not authorized to perform: {service}:{action}")

    def _authorize_role(self, call: Call, identity: Identity) -> None:
        """The role must exist and its trust policy must let the caller assume it, and tag the session where tags are given."""
        arn = call.form.get("RoleArn", "")
        role, tags = role_named(arn), _tags(call.form)
        context = {f"aws:requesttag/{name.lower()}": value for name, value in tags.items()}
        for action in ("sts:AssumeRole", "sts:TagSession")[: 2 if tags else 1]:
            request = _request(call, identity, action, arn, context)
            trusted = role is not None and decide([parsed(role.assume_role_policy_document)], request) is True
            if not trusted or not (identity.administrator or _allows(identity, request)):
                raise Refused("AccessDenied", f"User: {identity.arn} is not authorized to perform: {action} on resource: {arn}")

    def _session_tags(self, call: Call, service: str, identity: Identity | None) -> dict[str, str]:
        return _tags(call.form) if identity and service == "sts" and call.form.get("Action") == "AssumeRole" else {}


def _request(call: Call, identity: Identity | None, action: str, resource: str, context: Mapping[str, str]) -> Request:
    caller = identity.context() if identity else {}
    everything = {**context, **caller, "aws:securetransport": "true", "aws:sourceip": "127.0.0.1", "s3:resourceaccount": ACCOUNT}
    return Request(action, resource, identity.arn if identity else "", ACCOUNT, everything)


def _allows(identity: Identity, request: Request) -> bool:
    within: tuple[tuple[Document, ...], ...] = (identity.policies,) if identity.session is None else (identity.policies, identity.session)
    return all(decide(policies, request) is True for policies in within)


def _tags(form: Mapping[str, str]) -> dict[str, str]:
    """Session tags of AssumeRole: `Tags.member.N.Key` and `.Value`."""
    names = {name.removesuffix(".Key"): value for name, value in form.items() if re.fullmatch(r"Tags\.member\.\d+\.Key", name)}
    return {key: form.get(f"{prefix}.Value", "") for prefix, key in names.items()}


def _remember_tags(answer: Iterable[bytes], tags: dict[str, str]) -> Iterable[bytes]:
    """Keep the session's tags with moto's record of it, which has no place for them."""
    body = b"".join(answer)
    if (found := ACCESS_KEY.search(body.decode("utf-8", "replace"))) and (session := session_of(found[1])):
        session.session_tags = tags
    return [body]


def _trust_our_decision() -> None:
    """moto's own reading of bucket policies takes a conditional Deny for an unconditional one; everything it would ask is decided here."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    permitted: Callable[[Any, str, str], Any] = lambda bucket, action, resource: PermissionResult.PERMITTED  # noqa: E731
    FakeBucket.get_permission = permitted  # type: ignore[method-assign]  # moto asks it beside our own policies


def _refusal(refused: Refused, service: str, method: str, start_response: StartResponse) -> Iterable[bytes]:
    if service == "s3":
        text = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message><RequestId>local</RequestId></Error>"
        kind = "application/xml"
    elif service in ("iam", "sts", "rds"):
        code = {"InvalidAccessKeyId": "InvalidClientTokenId"}.get(refused.code, refused.code)
        error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(refused.message)}</Message>"
        text, kind = f"<ErrorResponse><Error>{error}</Error><RequestId>local</RequestId></ErrorResponse>", "text/xml"
    else:
        names = {"InvalidAccessKeyId": "UnrecognizedClientException", "AccessDenied": "AccessDeniedException"}
        text = json.dumps({"__type": names.get(refused.code, refused.code), "message": refused.message})
        kind = "application/x-amz-json-1.1"
    body = b"" if method == "HEAD" else text.encode()
    start_response(f"{refused.status} Refused", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _read(environ: WSGIEnvironment) -> bytes:
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return stream.read()
    return stream.read(int(environ.get("CONTENT_LENGTH") or 0))


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
