"""The page that a link leads to: it takes what stands behind the link's ``#``, which no browser sends to a server, and signs in with it."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

SCRIPT: Final = """
const said = document.querySelector("p");
document.querySelector("button").addEventListener("click", async (event) => {
  const link = location.hash.slice(1);
  event.target.disabled = true;
  history.replaceState(null, "", location.pathname);
  try {
    const answer = await fetch("/v1/session", {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({link}),
    });
    const body = await answer.json();
    said.textContent = answer.ok ? `You are signed in as ${body.email}.` : `${body.detail}. ${body.hint || ""}`;
    event.target.remove();
  } catch {
    said.textContent = "The service does not answer. The link was not used: open it again.";
  }
});
"""
STYLE: Final = "body{font:16px/1.5 sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}"
PAGE: Final = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in</title><style>{STYLE}</style></head>
<body><main><h1>Sign in</h1><p role="status">This link works once.</p><button>Sign in</button></main><script>{SCRIPT}</script></body>
</html>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_digest(SCRIPT)}; style-src {_digest(STYLE)}; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False, tags=["sign-in"])


@router.get("/sign-in")
async def sign_in() -> HTMLResponse:
    """The page. Whoever opens a link has to press a button: what looks at links in mails presses none."""
    return HTMLResponse(PAGE, headers=HEADERS)
