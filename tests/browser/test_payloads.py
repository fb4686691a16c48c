"""Pictures and style sheets in a real browser: what is accepted loads nothing and runs nothing, however it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pydantic_core import PydanticCustomError

from tenantry.declaration import svg
from tenantry.declaration.css import check_css
from tests.browser import running
from tests.browser.payloads import payloads
from tests.browser.running import Page, Site

SVG, HTML, CSS = "image/svg+xml", "text/html; charset=utf-8", "text/css"
PAGE = """<!doctype html><html><head>{head}</head><body class="a" id="b" data-x="{leak}"><div class="b"><p>text</p></div>
<ul><li>one</li></ul><a href="{leak}">link</a><input value="secret" placeholder="x"><textarea>x</textarea>
<svg width="9" height="9"><rect width="9" height="9"/><path d="M0 0h9v9z"/></svg><dialog open>x</dialog></body></html>"""


@pytest.fixture
def site():
    with running.site() as found:
        yield found


def accepted(texts: Mapping[str, str], check: Callable[[str], str]) -> dict[str, str]:
    """What becomes of those that are not refused."""
    found = {}
    for name, text in texts.items():
        try:
            found[name] = check(text)
        except PydanticCustomError:
            continue
    return found


def pictures(site: Site, texts: Mapping[str, str]) -> list[str]:
    """Pages that show each picture directly, inside HTML, inside HTML in quirks mode, by a script, and as a picture."""
    pages = {}
    for name, text in texts.items():
        site.pages[f"/{name}.svg"] = Page(SVG, text.encode())
        pages[f"/{name}.html"] = f"<!doctype html><body>{text}</body>"
        pages[f"/{name}.quirks"] = f"<body><p>{text}<script>onload=()=>document.body.append(document.body.cloneNode(true))</script></body>"
        pages[f"/{name}.inner"] = (
            f"<!doctype html><body><script>fetch('/{name}.svg').then(a=>a.text()).then(t=>document.body.innerHTML=t)</script></body>"
        )
        pages[f"/{name}.img"] = f"<!doctype html><body style='background:url(/{name}.svg)'><img src='/{name}.svg'></body>"
    site.pages |= {path: Page(HTML, text.encode()) for path, text in pages.items()}
    return [*(f"/{name}.svg" for name in texts), *pages]


def sheets(site: Site, texts: Mapping[str, str]) -> list[str]:
    """Pages that have each style sheet as a file and in an element."""
    pages = {}
    for name, text in texts.items():
        site.pages[f"/{name}.css"] = Page(CSS, text.encode())
        leak = site.leak(f"{name}-page")
        pages[f"/{name}.linked"] = PAGE.format(head=f'<link rel="stylesheet" href="/{name}.css">', leak=leak)
        pages[f"/{name}.styled"] = PAGE.format(head=f"<style>{text}</style>", leak=leak)
    site.pages |= {path: Page(HTML, text.encode()) for path, text in pages.items()}
    return list(pages)


def published(text: str) -> str:
    return svg.rewritten(text.encode(), "picture.svg").decode()


@pytest.mark.parametrize(
    ("kind", "check", "pages", "written", "published_at_least"),
    [("svg", published, pictures, 150, 25), ("css", check_css, sheets, 180, 20)],
    ids=["pictures: opened directly, inside HTML, and as a picture", "style sheets: as a file and in an element"],
)
def test_nothing_that_is_accepted_loads_or_runs(site: Site, kind, check, pages, written, published_at_least) -> None:
    """Of over 150 payloads, whatever is published asks for nothing."""
    texts = payloads(site, kind)
    shown = accepted(texts, check)
    assert len(texts) >= written
    assert len(shown) >= published_at_least
    running.visit(site, pages(site, shown))
    assert site.leaks() == set()
    assert {f"/{name}.{kind}" for name in shown} <= set(site.asked)


def test_the_browser_would_have_told(site: Site) -> None:
    """The same payloads as they came in load and run: the silence above is not the browser's."""
    pages = [*pictures(site, payloads(site, "svg")), *sheets(site, payloads(site, "css"))]
    running.visit(site, [page for page in pages if page.endswith((".svg", ".html", ".styled"))])
    found = {kind: sum(name.startswith(kind) for name in site.leaks()) for kind in ("svg", "css")}
    assert found["svg"] >= 60
    assert found["css"] >= 60
