"""Ids: an object's own in the state, `<zone id>/<object id>` where a program imports it."""

from local.plugins.framework import Props, ProviderError


def zone_and_id(given: str, state: Props) -> tuple[str, str]:
    """The zone's and the object's id. Raises ProviderError where an import names no zone."""
    zone, separator, identifier = given.partition("/")
    if separator:
        return zone, identifier
    if not state.get("zoneId"):
        raise ProviderError(f"{given!r} is no import id.", "Give '<zone id>/<id>'.")
    return state["zoneId"], given
