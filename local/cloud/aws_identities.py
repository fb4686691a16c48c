"""Who an access key of the local AWS belongs to, and which policies speak for them; read from moto's own state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow

from local.cloud.aws_policy import Document, parsed
from local.cloud.aws_signature import Refused, Signature

ACCOUNT = DEFAULT_ACCOUNT_ID
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@dataclass(frozen=True)
class Identity:
    """A caller. `session` narrows `policies`, as the policy given to AssumeRole does."""

    arn: str
    secret: str = field(repr=False)
    administrator: bool = False
    policies: tuple[Document, ...] = ()
    session: tuple[Document, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def context(self) -> dict[str, str]:
        """The condition keys that speak of the caller."""
        keys = {f"aws:principaltag/{name.lower()}": value for name, value in self.tags.items()}
        return keys | {"aws:principalarn": self.arn, "aws:principalaccount": ACCOUNT}


class Identities:
    """The account's callers: the administrator whose key the server was started with, roles' sessions, users."""

    def __init__(self, access_key: str, secret: str) -> None:
        self._access_key, self._secret = access_key, secret

    def find(self, signature: Signature) -> Identity:
        """The identity behind an access key. Raises Refused where there is none or its session is over."""
        if signature.access_key == self._access_key:
            return Identity(ROOT, self._secret, administrator=True)
        if session := session_of(signature.access_key):
            if signature.token != session.session_token:
                raise Refused("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
            if session.expiration <= utcnow():
                raise Refused("ExpiredToken", "The provided token has expired.", 400)
            narrowed = (parsed(session.policy),) if session.policy else None
            tags = getattr(session, "session_tags", {})
            return Identity(session.arn, session.secret_access_key, False, role_policies(session.role_arn), narrowed, tags)
        if user := get_backend("iam")[ACCOUNT]["aws"].get_user_from_access_key_id(signature.access_key):
            key = next(key for key in user.access_keys if key.access_key_id == signature.access_key)
            if key.status != "Active":
                raise Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided is not active.")
            return Identity(user.arn, key.secret_access_key, False, _policies(user))
        raise Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")


def session_of(access_key: str) -> Any:
    """moto's record of an assumed role, or None."""
    return get_backend("sts")[ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)


def role_named(arn: str) -> Any:
    """moto's record of a role, or None."""
    return next((role for role in get_backend("iam")[ACCOUNT]["aws"].roles.values() if role.arn == arn), None)


def role_policies(arn: str) -> tuple[Document, ...]:
    role = role_named(arn)
    return _policies(role) if role else ()


def _policies(holder: Any) -> tuple[Document, ...]:
    """Inline and attached policies of a role or a user."""
    managed = (next(version.document for version in policy.versions if version.is_default) for policy in holder.managed_policies.values())
    return tuple(parsed(document) for document in (*holder.policies.values(), *managed))
