"""The page that a link leads to, in a real browser: it signs in where the button is pressed, and runs nothing but its own script."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tenantry.web import sign_in_page
from tests.browser import running
from tests.browser.running import Page

# Presses the button, or does not, and tells what the page says then.
OUTSIDE = """<!doctype html><iframe src="/sign-in#the-code"></iframe><script>
onload = () => {
  const frame = document.querySelector("iframe").contentWindow
  if (%s) frame.document.querySelector("button").click()
  const said = () => encodeURIComponent(frame.document.querySelector("p").textContent)
  setTimeout(() => fetch("/said/" + said() + "/" + frame.location.hash.length), 150)
}
</script>"""
HOSTILE = '<img src="/ran" onerror="fetch(`/ran`)">'


@pytest.mark.parametrize(
    ("pressed", "answer", "said"),
    [
        (True, {"email": f"ada@platform.example{HOSTILE}"}, f"You are signed in as ada@platform.example{HOSTILE}."),
        (False, {"email": "nobody"}, "This link works once."),
    ],
)
def test_the_link_is_used_where_the_button_is_pressed(pressed, answer, said):
    """The code leaves the address bar, and what the service answers is text."""
    csp = sign_in_page.HEADERS["Content-Security-Policy"].replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    assert csp != sign_in_page.HEADERS["Content-Security-Policy"]
    with running.site() as site:
        site.pages["/sign-in"] = Page("text/html", sign_in_page.PAGE.encode(), {**sign_in_page.HEADERS, "Content-Security-Policy": csp})
        site.pages["/v1/session"] = Page("application/json", json.dumps(answer).encode())
        site.pages["/outside"] = Page("text/html", (OUTSIDE % json.dumps(pressed)).encode())
        running.visit(site, ["/outside"])
        assert ("/v1/session" in site.asked) == pressed
        assert f"/said/{quote(said, safe='()!')}/{0 if pressed else len('#the-code')}" in site.asked, site.asked
        assert "/ran" not in site.asked
