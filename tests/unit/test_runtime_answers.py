"""What the runtime answers, by host: documents from memory, each state its own answer, and nothing of a tenant's out of its context."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tenantry.control.faces import FaceRow
from tenantry.declaration.css import check_css
from tenantry.declaration.keys import COLOURS
from tenantry.operations import runtime
from tenantry.rendering.face import KEYS, Face
from tenantry.web.runtime import RuntimeApp
from tenantry.web.runtime.answers import TYPES
from tests import asynchronous

ACME = FaceRow(uuid4(), "acme", "active", "Acme", "acme.x.example", "b", "p", ["acme.x.example", "xn--bcher-kva.example"], {}, "1")


class Feed:
    """A feed that does nothing."""

    def __init__(self, keeper: Any) -> None:
        self.loaded, self.behind = True, 0.0


@pytest.fixture
def app() -> RuntimeApp:
    made = RuntimeApp(feed=Feed)  # type: ignore[arg-type]
    made.memory.keep([runtime.made(ACME)], ())
    return made


def call(app: Any, path: str, host: str | bytes = "acme.x.example", method: str = "GET", query: bytes = b"", **headers: str) -> Any:
    """(status, headers, body)"""
    sent: list[Any] = []
    more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "path": path, "method": method, "query_string": query,
        "headers": [(b"host", host.encode() if isinstance(host, str) else host), *more],
    }  # fmt: skip

    async def send(message: Any) -> None:
        sent.append(message)

    asynchronous.run(app(scope, None, send))
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


@pytest.mark.parametrize("name", TYPES)
def test_a_document_is_answered_with_all_that_a_cache_needs(app, name):
    """HEAD says the same without a body, and whoever has it already is told so."""
    status, headers, body = call(app, f"/runtime/{name}")
    assert (status, headers["vary"], headers["cache-control"]) == (200, "Host", "public, no-cache")
    assert headers["x-content-type-options"] == "nosniff"
    assert int(headers["content-length"]) == len(body) > 0
    assert call(app, f"/runtime/{name}", method="HEAD") == (200, headers, b"")
    for known in (headers["etag"], f'"x", W/{headers["etag"]}', "*"):
        status, unchanged, nothing = call(app, f"/runtime/{name}", if_none_match=known)
        assert (status, nothing, unchanged["etag"], "content-length" in unchanged) == (304, b"", headers["etag"], False)
    assert call(app, f"/runtime/{name}", if_none_match='"x"')[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "acme.x.example",
        "ACME.X.Example",
        "acme.x.example.",
        "acme.x.example:8443",
        "bücher.example".encode("latin-1"),
        "xn--BCHER-kva.example:80",
    ],
)
def test_a_host_is_found_however_it_is_written(app, host):
    assert json.loads(call(app, "/runtime/tenant", host)[2])["slug"] == "acme"


@pytest.mark.parametrize(
    "host", ["", "x", "127.0.0.1", "[::1]", "acme.x.example:x", "acme.x.example\r\nx: y", "../acme", "a" * 70_000, b"\xff\x00"]
)
def test_a_host_that_is_none_is_nobodys(app, host):
    status, headers, body = call(app, "/runtime/tenant", host)
    assert (status, headers["content-type"], json.loads(body)["code"]) == (404, "application/problem+json", "tenant.unknown")


@pytest.mark.parametrize(
    ("state", "status", "code", "retry"),
    [
        ("pending", 503, "tenant.busy", "30"),
        ("maintenance", 503, "tenant.busy", "30"),
        ("suspended", 403, "tenant.state", None),
        ("offboarding", 403, "tenant.state", None),
    ],
)
def test_each_state_has_its_own_answer_that_says_nothing_else(app, state, status, code, retry):
    app.memory.keep([runtime.made(replace(ACME, state=state))], ())
    found, headers, body = call(app, "/runtime/theme.css")
    assert (found, headers.get("retry-after"), headers["cache-control"]) == (status, retry, "no-store")
    said = json.loads(body)
    assert (said["code"], said["state"], said["status"]) == (code, state, status)
    assert b"acme" not in body.lower()


def test_a_moving_tenant_is_served(app):
    app.memory.keep([runtime.made(replace(ACME, state="moving"))], ())
    assert json.loads(call(app, "/runtime/tenant")[2])["state"] == "moving"


def test_a_host_of_a_deleted_tenant_is_gone_and_not_unknown(app):
    app.memory.keep((), [ACME.id])
    assert call(app, "/runtime/tenant")[0] == 404
    app.memory.quarantined(frozenset({"acme.x.example"}))
    assert call(app, "/runtime/tenant")[0] == 410
    assert call(app, "/runtime/tenant", "ACME.x.example:1")[0] == 410
    app.memory.keep([runtime.made(ACME)], ())
    assert call(app, "/runtime/tenant")[0] == 200


@pytest.mark.parametrize("first", [0, 1])
def test_a_host_that_passes_to_another_is_never_nobodys(app, first):
    """In whatever order the two are brought up to date."""
    other = replace(ACME, id=UUID(int=1), slug="other", hosts=["other.example", "acme.x.example"])
    both = [replace(ACME, hosts=["xn--bcher-kva.example"]), other]
    hosts = app.memory._hosts
    for row in (both[first], both[1 - first]):
        app.memory.keep([runtime.made(row)], ())
    assert {host: kept.id for host, kept in hosts.items()} == {
        b"xn--bcher-kva.example": ACME.id, b"other.example": other.id, b"acme.x.example": other.id,
    }  # fmt: skip


def test_before_everything_is_loaded_nobody_is_unknown(app):
    app.feed.loaded = False
    status, headers, body = call(app, "/runtime/tenant", "later.example")
    assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "2", "platform.unreachable")
    assert call(app, "/runtime/health")[0] == 503


def test_while_the_platform_is_away_answers_say_how_old_they_are(app):
    app.feed.behind = 75.4
    status, headers, _ = call(app, "/runtime/branding.json")
    assert (status, headers["tenantry-stale"]) == (200, "75")
    assert json.loads(call(app, "/runtime/health")[2]) == {"status": "stale", "tenants": 1, "hosts": 2, "behind_seconds": 75.4}


def test_what_is_no_document_and_what_does_not_read(app):
    assert call(app, "/runtime/secrets")[0] == 404
    status, headers, _ = call(app, "/runtime/tenant", method="POST")
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert call(app, "/runtime/tenant", host="acme.x.example", query=b"v=3")[0] == 200


def test_two_hosts_are_nobodys(app):
    """One proxy may look at the first and the next at the second."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    for headers in ([], [(b"host", b"acme.x.example")] * 2):
        scope = {"type": "http", "path": "/runtime/tenant", "method": "GET", "query_string": b"", "headers": headers}
        asynchronous.run(app(scope, None, send))
    assert [message["status"] for message in sent if "status" in message] == [400, 400]


def test_another_host_than_its_own_is_told_to_who_is_allowed():
    """The hook is asked each time; nobody is without one."""
    asked: list[Any] = []

    async def allowed(scope: Any) -> bool:
        asked.append(scope["path"])
        return len(asked) == 1

    app = RuntimeApp(allowed=allowed, feed=Feed)  # type: ignore[arg-type]
    app.memory.keep([runtime.made(ACME)], ())
    assert json.loads(call(app, "/runtime/tenant", "x.example", query=b"host=ACME.x.example")[2])["slug"] == "acme"
    status, headers, body = call(app, "/runtime/tenant", "x.example", query=b"host=acme.x.example")
    assert (status, headers["www-authenticate"], json.loads(body)["code"]) == (401, "Bearer", "key.refused")
    assert asked == ["/runtime/tenant"] * 2
    nobody = RuntimeApp(feed=Feed)  # type: ignore[arg-type]
    assert call(nobody, "/runtime/tenant", query=b"host=acme.x.example")[0] == 401


def test_it_stands_in_front_of_another_application(app):
    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    both = app.in_front_of(behind)
    assert call(both, "/runtime/tenant")[0] == 200
    assert call(both, "/runtimes")[0] == 204
    assert app.answers({"type": "http", "path": "/runtime/x"})
    assert not app.answers({"type": "lifespan"})


HOSTILE = (
    "</style><script>alert(1)</script>", '"};alert(1)//', "red;}body{display:none", "url(https://evil.example/x)", "\u2028\u2029\x00",
    "a\\", "'\"><img src=x onerror=alert(1)>", "#0b5fff;background:url(//evil.example)", "@import 'https://evil.example/x.css';", "a{",
    "/*", "x" * 100_000, "\ud800", 17, None, True, ["a"], {"a": "b"},
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:24])
def test_nothing_hostile_leaves_its_context(app, value):
    """Every key at once, as rows that nobody has checked would have it."""
    name = value if isinstance(value, str) and value.isprintable() else "n"
    made = runtime.made(replace(ACME, name=name, settings=dict.fromkeys(KEYS, value)))
    for document in ("tenant", "branding.json", "manifest.webmanifest"):
        text = made.documents[document]
        json.loads(text)
        assert text.isascii()
        assert not set("<>&'") & set(text), text
    sheet = made.documents["theme.css"]
    check_css(sheet)
    assert "evil" not in sheet
    assert "display" not in sheet
    assert sheet.startswith(":root {\n" + "".join(f"  --color-{name}: {colour};\n" for name, colour in COLOURS.items()))
    assert "alert" not in made.documents["favicon.ico"]
    app.memory.keep([made], ())
    assert call(app, "/runtime/theme.css")[2].decode() == sheet


def test_css_that_passes_is_served_and_css_that_does_not_is_left_out():
    settings = {"theme.css": ".a { color: red }", "theme.primary": "#ABCDEF", "theme.font": "Inter"}
    sheet = Face.of("i", "s", "n", settings).stylesheet()
    assert sheet.endswith('--font-family: "Inter", sans-serif;\n}\n.a { color: red }\n')
    assert "--color-primary: #abcdef;" in sheet
    assert ".a" not in Face.of("i", "s", "n", {**settings, "features.custom_css": False}).stylesheet()
    assert ".a" not in Face.of("i", "s", "n", {**settings, "theme.css": ".a { color: red } @import 'x';"}).stylesheet()


def test_tokens_have_the_format_of_2025_10():
    tokens = json.loads(Face.of("i", "s", "n", {"theme.accent": "#ff8000"}).tokens())
    assert tokens["color"]["$type"] == "color"
    assert tokens["color"]["accent"] == {"$value": {"colorSpace": "srgb", "components": [1.0, 0.502, 0.0], "hex": "#ff8000"}}
    assert tokens["font"]["family"] == {"$type": "fontFamily", "$value": ["system-ui", "sans-serif"]}
