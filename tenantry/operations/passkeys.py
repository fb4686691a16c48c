"""Passkeys: a person's own authenticator signs what the service has just made up. Each is for the host where it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tenantry.control import identities, passkeys, portal_people, runs
from tenantry.control.database import transaction
from tenantry.control.passkeys import Passkey
from tenantry.control.sessions import Place, Session
from tenantry.errors import InputError
from tenantry.escape import require_line
from tenantry.operations import attempts, callers, failed_sign_ins, sign_in
from tenantry.operations.failed_sign_ins import Trying
from tenantry.operations.sign_in import SignedIn

__all__ = ["Asked", "Passkey", "ask", "by_passkey", "listed", "offer", "register", "remove"]

MOST: Final = 20
"""Passkeys of one person."""
_VERIFIED: Final = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class Asked:
    """What the page hands to the browser's ``navigator.credentials``, and the secret of the cookie that the answer comes with."""

    options: Mapping[str, Any]
    secret: str = field(repr=False)


def offer(session: Session, place: Place) -> Asked:
    """Begins to make a passkey for whoever is signed in."""
    person = session.person
    _refuse_elsewhere(session)
    there = listed(session)
    with transaction() as connection:
        if len(there) >= MOST:
            raise InputError(f"there are {MOST} passkeys already", "end one: DELETE /v1/session/passkeys/ID", code="passkey.excess")
        options = webauthn.generate_registration_options(
            rp_id=place.host,
            rp_name="Tenantry",
            user_name=person.email,
            user_id=person.id.bytes,
            authenticator_selection=AuthenticatorSelectionCriteria(
                # Without it nobody could sign in who has not said his name first.
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=_VERIFIED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=bytes.fromhex(each.id)) for each in there if each.host == place.host],
        )
        content = {"challenge": bytes_to_base64url(options.challenge), "person": str(person.id)}
        secret = identities.begin(connection, place.host, content)
    return Asked(json.loads(webauthn.options_to_json(options)), secret)


def register(session: Session, credential: Mapping[str, Any], name: str, secret: str, place: Place, origins: Sequence[str]) -> Passkey:
    """Keeps the passkey that an authenticator has made. ``InputError`` for an answer to another question, and of another site."""
    _refuse_elsewhere(session)
    require_line("the name of a passkey", name, 100)
    challenge = _challenge(secret, place, str(session.person.id))
    try:
        made = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=place.host,
            expected_origin=list(origins),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise _refused() from error
    if own := callers.own(session):
        portal, tenant = own
        key, count = made.credential_public_key, made.sign_count
        if not portal_people.add_passkey(portal, tenant, made.credential_id, place.host, key, count, name):
            raise _refused()
        return next(each for each in listed(session) if each.id == made.credential_id.hex())
    with transaction() as connection:
        if not passkeys.add(connection, session.person, made.credential_id, place.host, made.credential_public_key, made.sign_count, name):
            raise _refused()
        runs.audit(connection, session.person.tenant, callers.named(session.person), "passkey", f"made at {place.host}")
        return next(each for each in passkeys.listed(connection, session.person) if each.id == made.credential_id.hex())


def ask(place: Place) -> Asked:
    """Begins to sign somebody in, whoever it is: the authenticator shows which passkeys it has for the host."""
    attempts.count("address", place.address)
    with transaction() as connection:
        options = webauthn.generate_authentication_options(rp_id=place.host or "unknown", user_verification=_VERIFIED)
        secret = identities.begin(connection, place.host, {"challenge": bytes_to_base64url(options.challenge), "person": ""})
    return Asked(json.loads(webauthn.options_to_json(options)), secret)


def by_passkey(credential: Mapping[str, Any], secret: str, place: Place, origins: Sequence[str], *, before: str | None = None) -> SignedIn:
    """Signs in whoever's authenticator has signed. ``InputError``, the same for whatever does not fit."""
    attempts.count("address", place.address)
    with failed_sign_ins.noted(place, "passkey") as trying:
        return _by_passkey(credential, _challenge(secret, place, ""), place, origins, before, trying)


def _by_passkey(
    credential: Mapping[str, Any], challenge: bytes, place: Place, origins: Sequence[str], before: str | None, trying: Trying
) -> SignedIn:
    with transaction() as connection:
        try:
            shown = parse_authentication_credential_json(dict(credential))
            kept = passkeys.find(connection, shown.raw_id, place.host)
            if kept is None:
                raise _refused()
            trying.person = kept.person
            done = webauthn.verify_authentication_response(
                credential=shown,
                expected_challenge=challenge,
                expected_rp_id=place.host,
                expected_origin=list(origins),
                credential_public_key=kept.public_key,
                credential_current_sign_count=kept.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError) as error:
            raise _refused() from error
        if kept.person.tenant is not None:
            sign_in.refuse_passwords(connection, kept.person.tenant)
        if not sign_in.at_home(connection, kept.person, place):
            raise _refused()
        passkeys.used(connection, shown.raw_id, done.new_sign_count)
        return sign_in.begin(connection, kept.person, place, "passkey", before)


def listed(session: Session) -> list[Passkey]:
    """The passkeys of whoever is signed in."""
    if own := callers.own(session):
        return portal_people.passkeys(*own)
    with transaction() as connection:
        return passkeys.listed(connection, session.person)


def remove(session: Session, identifier: str) -> None:
    """Ends one of them. ``InputError`` where there is none of that id."""
    if own := callers.own(session):
        if not portal_people.remove_passkey(*own, bytes.fromhex(identifier)):
            raise _unknown()
        return
    with transaction() as connection:
        if not passkeys.remove(connection, session.person, bytes.fromhex(identifier)):
            raise _unknown()
        runs.audit(connection, session.person.tenant, callers.named(session.person), "passkey", "ended")


def _challenge(secret: str, place: Place, person: str) -> bytes:
    """What was asked of this browser, once: it is used up by a wrong answer, too."""
    with transaction() as connection:
        kept = identities.take(connection, secret, place.host) if secret else None
    if kept is None or kept.get("person") != person or "challenge" not in kept:
        raise _refused()
    return base64url_to_bytes(kept["challenge"])


def _refuse_elsewhere(session: Session) -> None:
    if own := callers.own(session):
        portal, tenant = own
        with portal.open(tenant) as connection:
            sign_in.refuse_passwords(connection, tenant)


def _unknown() -> InputError:
    return InputError("there is no such passkey", "GET /v1/session/passkeys lists them", code="passkey.unknown")


def _refused() -> InputError:
    return InputError("the passkey was not accepted", "try again from the beginning, or sign in otherwise", code="passkey.refused")
