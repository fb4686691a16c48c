"""Many ask at once for different tenants, of a service of two processes: each is accepted, or told to wait and accepted then."""

from __future__ import annotations

import pytest

from benchmarks import service as bench
from tenantry import naming
from tenantry.control.database import transaction
from tests import asynchronous
from tests.service.web.conftest import key

pytestmark = pytest.mark.service

TENANTS = 30


@pytest.fixture
def slugs(service):
    made = [f"crowd-{number:02d}" for number in range(TENANTS)]
    for slug in made:
        (service.tenants / f"{slug}.yaml").write_text("name: X\ntier: starter\nstate: active\nadmin: {name: A, email: a@x.example}\n")
    yield made
    with transaction() as connection:
        connection.execute("DELETE FROM runs WHERE tenant_id = ANY(%s)", [[naming.tenant_id(slug) for slug in made]])
    for slug in made:
        (service.tenants / f"{slug}.yaml").unlink()


def test_of_many_at_once_none_is_lost_and_none_is_doubled(service, slugs):
    with bench.serving(2) as port:
        asked = asynchronous.run(bench.crowd(port, key("the crowd"), slugs))
    assert [each.slug for each in asked if each.run is None] == []
    assert {status for each in asked for status in each.statuses} <= {202, 409, 429, 503}
    assert len({each.run for each in asked}) == bench.runs_of(slugs) == TENANTS
