"""The payloads of ``svg.txt`` and ``css.txt``: one a line, with marks for what must not be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.browser.running import Site

BREAK: Final = "⏎"
HEADING: Final = "## "


def payloads(site: Site, kind: str) -> dict[str, str]:
    """The payloads of a kind (``svg``, ``css``) by a name of their own, which stands in the address that each asks for."""
    lines = Path(__file__).with_name(f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if not line or line.startswith(HEADING):
            continue
        name = f"{kind}{len(found) + 1}"
        leak = site.leak(name)
        text = line.replace(BREAK, "\n").replace("{JS}", f"fetch(`{leak}`)").replace("{U}", leak)
        found[name] = picture(text) if kind == "svg" else text
    return found


def picture(text: str) -> str:
    """A whole picture, where the text is only what stands inside."""
    if text.startswith(("<svg xmlns", "<?", "<!DOCTYPE", "<html")):
        return text
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100" width="100" height="100">'
        f"{text}</svg>"
    )
