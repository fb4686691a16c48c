"""Two platforms with one prefix in one account: the second is refused before it adopts what is the first one's."""

from __future__ import annotations

import pytest

from tenantry.clients import platform_identity
from tenantry.errors import WorkError
from tenantry.postgres.server import Server

pytestmark = pytest.mark.service


@pytest.fixture
def connection(in_cloud):
    with Server.from_environment().connect() as found:
        found.autocommit = True
        yield found


def another_server(connection):
    """What a server of another platform knows: nothing."""
    connection.execute("DROP TABLE tenantry_ledger.platform")


def test_the_first_one_has_the_names_and_keeps_them(connection):
    platform_identity.require(connection, "tenantry-one", adopting=False)
    platform_identity.require(connection, "tenantry-one", adopting=False)
    platform_identity.require(connection, "tenantry-two", adopting=False)


def test_another_platform_is_refused_until_it_takes_them_over(connection):
    platform_identity.require(connection, "tenantry-three", adopting=False)
    another_server(connection)
    for _ in range(2):
        with pytest.raises(WorkError, match=r"the names tenantry-three-\* in this AWS account are another platform's"):
            platform_identity.require(connection, "tenantry-three", adopting=False)
    platform_identity.require(connection, "tenantry-three", adopting=True)
    platform_identity.require(connection, "tenantry-three", adopting=False)
