"""The cookie of a session in a real browser: taken where docs/sign-in.md says, and nowhere in the clear."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from starlette.responses import Response

from tenantry.operations.sessions import Person, Session
from tenantry.operations.sign_in import SignedIn
from tenantry.web import browsers
from tests.browser import running
from tests.browser.running import Page

# One after the other, before the page has been loaded.
PAGE = """<!doctype html><script>
for (const path of ['/in', '/seen', '/out', '/gone']) { const asked = new XMLHttpRequest(); asked.open('GET', path, false); asked.send() }
</script>"""


@pytest.mark.parametrize(("host", "taken"), [("127.0.0.1", True), ("localhost", True), ("admin.tenantry.test", False)])
def test_a_browser_takes_the_cookie_on_this_machine_and_not_in_the_clear_from_another(host, taken):
    now = datetime.now(UTC)
    session = Session(b"", Person(uuid4(), "ada@platform.example", "platform"), host, "x", "link", now, now, now)
    entered, left = Response(), Response()
    browsers.signed_in(entered, SignedIn(session, "secret"))
    browsers.signed_out(left)
    with running.site() as site:
        site.pages["/page"] = Page("text/html", PAGE.encode())
        site.pages["/seen"] = site.pages["/gone"] = Page("text/plain", b"")
        for path, response in (("/in", entered), ("/out", left)):
            site.pages[path] = Page("text/plain", b"", {"Set-Cookie": response.headers["set-cookie"]})
        running.visit(site, ["/page"], host=host)
        assert site.cookies["/seen"] == ("__Host-tenantry=secret" if taken else "")
        assert site.cookies["/gone"] == ""
