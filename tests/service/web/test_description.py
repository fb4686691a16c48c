"""The API keeps to its own description, whatever it is asked (Schemathesis, all checks, a fixed seed)."""

from __future__ import annotations

import subprocess
import sys

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.service.web.conftest import MINE, key
from tests.volume import volume

pytestmark = [pytest.mark.service, pytest.mark.volume]

CALLS = volume(1_500, 10_000)

EXCLUDED = [
    # What a tenant's file may say, and a value of configuration, is more than a JSON Schema can: the platform's own rules refuse the rest.
    positive_data_acceptance,
    # It makes up a cookie beside a key that works, and the key lets it in. Those that do not work: test_api_keys, test_signed_in.
    ignored_auth,
]


FLEET = ("/v1/migrations", "/v1/deletions")
"""What a key has to be without labels for."""

TABLELESS = {"POST /v1/tenants/{slug}/clones"}
"""What looks into the tenant's tables, which the tenant here has none of: there is no such tenant to these calls."""


def begun(app):
    """The application without its beginning and end, which Schemathesis would have at every call."""

    async def answer(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await app(scope, receive, send)

    return answer


def test_no_call_breaks_what_the_description_says(service):
    schema = schemathesis.openapi.from_asgi("/openapi.json", begun(service.client.app))
    operations = [found.ok() for found in schema.get_all_operations()]
    # An event stream of a run that is not over has no end.
    operations = [each for each in operations if not each.path.endswith("/events")]
    assert len(operations) > 10
    everything = key("the whole fleet")
    for operation in operations:
        strategy = operation.as_strategy()

        @seed(20261128)
        @settings(
            max_examples=CALLS // len(operations),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def call(case):
            slug = (case.path_parameters or {}).get("slug", "")
            if len(slug) % 2 and case.operation.label not in TABLELESS:
                case.path_parameters["slug"] = MINE  # else hardly a call would get behind "no such tenant"
            text = everything if case.operation.path.startswith(FLEET) else service.mine
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {text}"}
            case.call_and_validate(excluded_checks=EXCLUDED)

        call()


def test_the_service_loads_neither_the_engine_nor_the_queue():
    code = "import sys; from tenantry.web.app import create; from tenantry import preload; create(); preload.service(); print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    assert "tenantry.operations.provision" in loaded
    assert not loaded & {"pulumi", "pulumi_aws", "pulumi_postgresql", "pulumi_cloudflare", "dbos", "typer"}
