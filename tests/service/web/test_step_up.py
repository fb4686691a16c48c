"""What is hard to take back: people have signed in just now, and type the slug."""

from __future__ import annotations

import pytest

from tenantry.control.database import transaction
from tests.service.web.conftest import MINE, THEIRS, admin
from tests.service.web.test_api_keys import body, filled, routes

pytestmark = pytest.mark.service

CAREFUL = ("offboard", "delete", "moves", "restores", "{slug}/credentials")


def careful(service):
    found = [(method, path) for method, path in routes(service) if method != "GET" and any(f"/{word}" in path for word in CAREFUL)]
    assert len(found) >= 8, found
    return found


def test_who_signed_in_long_ago_or_types_another_slug_is_refused(service):
    """On each such route; another route asks for neither."""
    late, browser = admin(service, "late@platform.example"), admin(service)
    with transaction() as connection:
        connection.execute(
            "UPDATE sessions SET signed_in_at = now() - interval '601 s' FROM platform_admins a WHERE a.id = admin_id AND a.email ~ 'late'"
        )
    for method, path in careful(service):
        where, more = filled(path, slug=MINE), body(path)
        for asker, typed, code in (
            (late, MINE, "session.stale"),
            (browser, None, "session.confirm"),
            (browser, THEIRS, "session.confirm"),
            (browser, MINE.upper(), "session.confirm"),
        ):
            answer = asker.ask(method, where, **more, headers={"Tenantry-Confirm": typed})
            assert (answer.status_code, answer.json()["code"]) == (403, code), (method, path, typed)
        assert browser.ask(method, filled(path), **more, headers={"Tenantry-Confirm": "web-nobody"}).status_code == 404, path
    for path in ("/v1/keys", "/v1/keys/000000000000/revoke", "/v1/credentials/rotations"):  # there is no slug to type
        assert late.ask("POST", path, **body(path)).json()["code"] == "session.stale"
        assert browser.ask("POST", path, **body(path)).json().get("code") != "session.stale"
    assert late.ask("POST", f"/v1/tenants/{MINE}/backups").status_code == 202
    with transaction() as connection:
        rows = connection.execute("SELECT kind FROM runs WHERE subject = %s", [MINE]).fetchall()
    assert {row["kind"] for row in rows} <= {"backup"}


def test_who_has_just_signed_in_and_types_the_slug_is_heard(service):
    answer = admin(service).ask("POST", f"/v1/tenants/{MINE}/restores/rollback", headers={"Tenantry-Confirm": MINE})
    assert answer.json()["code"] == "restore.none", answer.text


def test_a_key_is_exempt(service):
    for method, path in careful(service):
        answer = service.ask(method, filled(path), **body(path))
        assert answer.status_code == 404, (method, path)
