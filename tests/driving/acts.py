"""What is done to a platform: an edit of files, or a command that is typed. Each can be written down as lines of a shell script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

PROGRESS = r"(^|: | )(create|change|delete|replace|adopt|creating|updating|deleting|replacing|importing)( |$)"
"""A line of `tenantry up` or `pulumi up` that tells of a change. A run is killed after so many."""

AWAY: Mapping[str, Mapping[str, str]] = {
    "Cloudflare": {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:9/client/v4"},
    "AWS": {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    "PostgreSQL": {"PGPORT": "9"},
}
"""Nobody listens there."""


@dataclass(frozen=True)
class Edit:
    """Files of the tenants folder: path → its new text, None: it goes."""

    what: str
    files: Mapping[str, str | None]

    def script(self) -> list[str]:
        lines = [f"# {self.what}"]
        for path, text in self.files.items():
            name = f'"$TENANTRY_TENANTS"/{shlex.quote(path)}'
            if text is None:
                lines.append(f"rm -f {name}")
            else:
                lines += [f"mkdir -p $(dirname {name}); cat > {name} <<'END'", text.removesuffix("\n"), "END"]
        return lines


@dataclass(frozen=True)
class Command:
    """`pulumi …` or `tenantry …`. An argument `urn:STACK:NAME` stands for the URN of that resource in the stack's state."""

    arguments: tuple[str, ...]
    away: str | None = None
    """One of ``AWAY``: it does not answer while the command runs."""
    killed_after: int | None = None
    """So many lines of progress; it, the engine and every plugin."""
    takes: frozenset[str] = field(default=frozenset())
    """Stacks whose things, other than data, the command was told to remove; logical names of resources that it was told to replace."""
    deletes: str | None = None
    """The tenant that the command was told to delete."""

    @property
    def stack(self) -> str | None:
        """The one that it is about; None: all, or that of the tenant that it names."""
        for option in ("-s", "--stack"):
            if option in self.arguments:
                return self.arguments[self.arguments.index(option) + 1]
        return None

    def script(self) -> list[str]:
        words = [_word(argument) for argument in self.arguments]
        away = [f"{name}={shlex.quote(value)}" for name, value in (AWAY[self.away] if self.away else {}).items()]
        if self.killed_after is not None:
            words = [f"killed_after {self.killed_after}", *words]
        if away:
            words = ["env", *away, *words] if self.killed_after is None else ["(", "export", *away, ";", *words, ")"]
        return [" ".join(words)]


@dataclass(frozen=True)
class WrongBackend:
    """A stack made and run in an empty backend, by mistake."""

    stack: str

    def script(self) -> list[str]:
        return [
            "(",
            '  export PULUMI_BACKEND_URL="file://$(mktemp -d)"',
            f"  (cd $(mktemp -d) && printf 'name: tenantry\\nruntime: python\\n' > Pulumi.yaml && env -u PULUMI_OPTION_CONFIG_FILE"
            f" pulumi stack init {self.stack})",
            f"  pulumi up -s {self.stack} --yes --skip-preview",
            f"  pulumi up -s {self.stack} --yes --skip-preview",
            ")",
        ]


@dataclass(frozen=True)
class EndHold:
    """The days of an off-boarded tenant's hold have gone by."""

    slug: str

    def script(self) -> list[str]:
        statement = f"UPDATE control.holds SET until = now() WHERE tenant = (SELECT id FROM control.tenants WHERE slug = '{self.slug}')"
        return [f'psql -X -q -d tenantry -c "{statement}"']


Act = Edit | Command | WrongBackend | EndHold


def _word(argument: str) -> str:
    match = re.fullmatch(r"urn:([^:]+):([^:]+)", argument)
    return f'"$(urn {match[1]} {match[2]})"' if match else shlex.quote(argument)
