"""Tags between Pulumi's mapping and AWS's lists, and what an update has to change."""

from collections.abc import Iterable, Mapping

Listed = list[dict[str, str]]


def listed(tags: Mapping[str, str]) -> Listed:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def mapped(tags: Iterable[Mapping[str, str]], defaults: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`tags` and `tagsAll` of a resource that carries these; a provider's default tag is in `tagsAll` alone."""
    everything = {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")}
    return {"tags": {key: value for key, value in everything.items() if defaults.get(key) != value}, "tagsAll": everything}


def removed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The keys that go."""
    return sorted(set(old) - set(new))
