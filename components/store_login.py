"""What an application comes to a store with: one of two logins that take turns, and its password.

Where the login has a secret the secret is the truth: a rotation changes it, and the state never hears of that (docs/adr/0039).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from tenantry import naming
from tenantry.clients.login_secrets import LoginSecret
from tenantry.control import logins as written_down
from tenantry.control import passwords
from tenantry.postgres import logins, own_server
from tenantry.postgres.server import Server


class Handed(NamedTuple):
    """The login that an application is to come with."""

    username: str
    password: str
    """``passwords.UNKNOWN``: the login goes on with what it has."""
    renewed: bool = False
    """Whether the password is a new one."""


def server(props: Mapping[str, Any]) -> Server:
    """The server that the store is on."""
    own = props.get("server")
    return own_server.at(own["address"], int(own["port"]), own["secret_arn"]) if own else Server.from_environment()


def both(props: Mapping[str, Any]) -> tuple[str, str]:
    """The names of the two; the second is there once a password was renewed."""
    return props["app_role"], naming.second_login(props["app_role"])


def in_either(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Handed | None:
    """What the secret says that there is to be, or else the one that there was, where the login gets in with that."""
    for props in (news, {**news, "secret": olds.get("secret")}):
        found = in_secret(props)
        if found and (news.get("secret") or found.username == news["app_role"]):  # without secrets the outputs name the first alone
            return found
    return None


def anew(username: str) -> Handed:
    """A new password."""
    return Handed(username, secrets.token_urlsafe(32), renewed=True)


def in_secret(props: Mapping[str, Any]) -> Handed | None:
    """What the store's secret says, where the login gets in with that."""
    found = _said(props)
    return found if found and _holds(props, found) else None


def after(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Handed:
    """What the application comes with when the store becomes what ``news`` says. A state may be older than the last rotation."""
    role = news["app_role"]
    if found := in_either(olds, news):
        return found
    password = str(olds["password"])
    if password != passwords.UNKNOWN or nobody_knows(olds):
        known = passwords.after_loss(password, lambda: _holds(olds, Handed(olds["app_role"], password)))
        return Handed(role, known, renewed=known not in (password, passwords.UNKNOWN))
    if passwords.choice() == "keep":
        return Handed(role, passwords.UNKNOWN)
    if not news.get("secret"):
        return anew(role)
    # The secret is wrong or gone, and whoever has read it before goes on with what it said then: so it is the other one's turn.
    said, noted = _said(news), written_down.find(role)
    former = said.username if said else noted.username if noted else naming.second_login(role)
    return anew(next(each for each in both(news) if each != former))


def nobody_knows(state: Mapping[str, Any]) -> bool:
    """Whether the password is neither in the state nor in a secret: since a state was lost."""
    return state.get("password") == passwords.UNKNOWN and (state.get("password_known") is False or not state.get("secret"))


def written(props: Mapping[str, Any], login: Handed) -> dict[str, str]:
    """Writes the password into the login's secret, where it has one: the output that says where. One that nobody knows is left."""
    secret = _secret(props)
    if secret is None or login.password == passwords.UNKNOWN:
        return {}
    arn = secret.write(_content(props, login))
    written_down.record(props["app_role"], arn, login.username, renewed=login.renewed)
    return {"secret_arn": arn}


def take_away(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Deletes the secret of ``olds`` where ``news`` has it no more."""
    before, now = _secret(olds), _secret(news)
    if before is None or (now is not None and (before.kind, before.name) == (now.kind, now.name)):
        return
    before.erase()
    if now is None or olds["app_role"] != news["app_role"]:
        written_down.forget(olds["app_role"])


def opens(props: Mapping[str, Any]) -> bool:
    """Whether the login gets in with what is handed out, and its secret and the directory say what they should."""
    if not props.get("secret"):
        return not props["login"] or _holds(props, Handed(props["app_role"], str(props["password"])))
    if props.get("password_known") is False:
        return True
    found, noted = in_secret(props), written_down.find(props["app_role"])
    if found is None or noted is None or (noted.secret, noted.username) != (props.get("secret_arn"), found.username):
        return False
    secret = _secret(props)
    return secret is not None and secret.read() == _content(props, found)


def _said(props: Mapping[str, Any]) -> Handed | None:
    """What the store's secret says of one of its two logins, right or not."""
    secret = _secret(props)
    found = secret.read() if secret else None
    if found is None or found.get("username") not in both(props):
        return None
    return Handed(found["username"], str(found.get("password") or "none"))


def _holds(props: Mapping[str, Any], login: Handed) -> bool:
    """Whether the login gets in with that password. One that nobody knows holds."""
    if login.password == passwords.UNKNOWN:
        return True
    return logins.password_holds(server(props), props["database"], login.username, login.password)


def _secret(props: Mapping[str, Any]) -> LoginSecret | None:
    found = props.get("secret")
    return LoginSecret(found["kind"], found["name"], dict(found["tags"])) if found else None


def _content(props: Mapping[str, Any], login: Handed) -> dict[str, Any]:
    """What the login's secret says: the keys that RDS writes, and two of ours."""
    there = server(props)
    return {
        "engine": "postgres",
        "host": there.host,
        "port": there.port,
        "username": login.username,
        "password": login.password,
        "dbname": props["database"],
        "schema": props["schema"],
        "tenant_id": props.get("tenant_id"),
    }
