"""Sign-ins that failed are written down, whoever tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tenantry.control import failed_sign_ins, users
from tenantry.control.database import transaction
from tenantry.control.sessions import Person, Place, Way
from tenantry.errors import InputError
from tenantry.escape import escaped
from tenantry.operations import attempts, callers

MOST: Final = 100
"""Lines of one tenant in the time that tries are counted in; one more has all the others."""
LONGEST: Final = 80


class Trying:
    """Somebody who tries to sign in. ``person``, ``typed``: who he is, or says he is, as far as it is known by then."""

    def __init__(self, place: Place, way: Way) -> None:
        self.place, self.way = place, way
        self.person: Person | None = None
        self.typed = ""

    def failed(self) -> None:
        """Writes it down. Users by their id, as everywhere in the log; of what a stranger typed, what looks like an address."""
        if self.person is not None:
            who = callers.named(self.person)
        elif "@" in self.typed.strip("@"):
            who = repr(escaped(self.typed[:LONGEST]))
        else:
            who = "nobody known"  # people type passwords where names belong
        with transaction() as connection:
            home = users.at(connection, self.place.host)
        with transaction() as connection:
            tenant = home.tenant if home is not None else None
            network = attempts.network(self.place.address)[:45]
            failed_sign_ins.note(connection, tenant, self.way, who, network, within=attempts.WITHIN, most=MOST)


@contextmanager
def noted(place: Place, way: Way) -> Iterator[Trying]:
    """What is raised in it as ``InputError`` is a sign-in that failed. One that was not even tried (``TooMany``) is none: its limit bounds
    this, too."""
    trying = Trying(place, way)
    try:
        yield trying
    except InputError:
        trying.failed()
        raise
