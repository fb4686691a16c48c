"""The Cloudflare API as the resource types use it: JSON in, JSON out, bounded retries, errors that say what and what to do."""

import os
import re
import threading
from typing import Any

from local.plugins.framework import Field, Props, ProviderError, retrying

CONFIG = {
    "apiToken": Field(secret=True),
    "apiKey": Field(secret=True),
    "apiUserServiceKey": Field(secret=True),
    "email": Field(),
    "baseUrl": Field(),
    "userAgentOperatorSuffix": Field(),
}
TOKEN = re.compile(r"[A-Za-z0-9_-]{40}")
TRANSIENT = {408, 429, 500, 502, 503, 504}
DUPLICATE = {81053, 81054, 81057, 81058, 1406}


class Client:
    """One account's API. The official client is imported with the first call: a run without changes makes none."""

    def __init__(self, config: Props) -> None:
        self._token = config.get("apiToken") or os.environ.get("CLOUDFLARE_API_TOKEN", "")
        self._url = config.get("baseUrl") or os.environ.get("CLOUDFLARE_BASE_URL") or "https://api.cloudflare.com/client/v4"
        if not TOKEN.fullmatch(self._token):
            raise ProviderError(
                "The Cloudflare API token is missing or is not of 40 letters, digits, - and _.",
                "Set CLOUDFLARE_API_TOKEN, or cloudflare:apiToken as a secret.",
            )
        self._lock = threading.Lock()
        self._api: Any = None

    def call(self, method: str, path: str, what: str, body: Props | None = None) -> Any:
        """The `result` of a call, or None where it answers 404. `what` names the thing in errors. Raises ProviderError."""
        import cloudflare
        import httpx

        def transient(error: BaseException) -> bool:
            if isinstance(error, cloudflare.APIStatusError):
                return error.status_code in TRANSIENT
            return isinstance(error, cloudflare.APIConnectionError)

        api = self._connected()
        given: dict[str, Any] = {} if body is None else {"body": body}
        try:
            response: httpx.Response = retrying(transient, getattr(api, method), path, cast_to=httpx.Response, **given)
        except cloudflare.NotFoundError:
            return None
        except cloudflare.APIStatusError as error:
            raise _explained(error.status_code, error.body, what) from error
        except cloudflare.APIConnectionError as error:
            raise ProviderError(
                f"{what}: the Cloudflare API at {self._url} cannot be reached ({error.__cause__ or error}).",
                "Check the network and CLOUDFLARE_BASE_URL, then run again.",
            ) from error
        return response.json().get("result")

    def remove(self, path: str, what: str) -> None:
        """A DELETE. As the official plugin does, it takes "there is none" for a failure. Raises ProviderError."""
        if self.call("delete", path, what) is None:
            raise ProviderError(f"{what}: failed to make http request: DELETE {path}: 404 Not Found", "Refresh the stack, then run again.")

    def _connected(self) -> Any:
        import cloudflare

        with self._lock:
            if self._api is None:
                # Its own retries would repeat a 409 too, which is an answer and not a fault.
                self._api = cloudflare.Cloudflare(api_token=self._token, base_url=self._url, max_retries=0, timeout=30)
            return self._api


def _explained(status: int, body: Any, what: str) -> ProviderError:
    errors = (body.get("errors") or []) if isinstance(body, dict) else []
    codes = {error.get("code") for error in errors}
    said = "; ".join(f"{error.get('message')} ({error.get('code')})" for error in errors) or f"HTTP {status}"
    if status in (401, 403) or 9106 in codes:
        return ProviderError(
            f"{what}: Cloudflare refused the API token: {said}", "Check CLOUDFLARE_API_TOKEN and what it may do in this zone."
        )
    if codes & DUPLICATE:
        return ProviderError(
            f"{what} exists already: {said}",
            "If it is this stack's own, run again: it is taken over. If not, give this another name, or adopt that with "
            "import_='<zone id>/<id>'.",
        )
    if status in TRANSIENT:
        return ProviderError(f"{what}: Cloudflare kept failing: HTTP {status}: {said}", "Run again when it has recovered.")
    return ProviderError(f"{what}: Cloudflare refused it: {said}")
