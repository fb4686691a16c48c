"""A sequence as a shell script that does the same to a platform of its own."""

from __future__ import annotations

from collections.abc import Iterable

from tests.driving.acts import PROGRESS, Act, Edit

BEFORE = r"""#!/bin/bash
# %(title)s
# Run it in a clone in which `make engine` was run; it makes a platform of its own, which `tenantry local reset` ends.
PATH="$PWD/.venv/bin:$PATH"; export TENANTRY_LOCAL_HOME=$(mktemp -d); chmod 711 "$TENANTRY_LOCAL_HOME"
tenantry local up || exit; eval "$(tenantry local env)"
export TENANTRY_TENANTS="$TENANTRY_LOCAL_HOME/tenants"; git init -q "$TENANTRY_TENANTS"
git -C "$TENANTRY_TENANTS" -c user.name=a -c user.email=a@b.example commit -q --allow-empty -m begin
ln -s "$PWD/tenants/defaults" "$TENANTRY_TENANTS"
urn() { pulumi stack export -s "$1" | grep -o "urn:pulumi:[^\"]*::$2\"" | head -1 | tr -d '"'; }
killed_after() {
  n=$1; shift; log=$(mktemp); setsid "$@" > "$log" 2>&1 & p=$!
  while kill -0 $p 2>/dev/null; do
    [ "$(grep -cE '%(progress)s' "$log")" -ge "$n" ] && kill -9 -- -$p; sleep 0.02
  done; wait $p; cat "$log"
}
set -x
"""


def of(title: str, start: Edit, acts: Iterable[Act], *, typed: Iterable[str] = ()) -> str:
    """``start``: the files with which the platform was at rest; ``typed``: what was typed after the acts to bring it to rest."""
    lines = [BEFORE % {"title": title, "progress": PROGRESS}, *start.script(), "tenantry up --all || exit"]
    for act in acts:
        lines += ["", *act.script()]
    lines += [
        "",
        "# to bring it to rest",
        "tenantry doctor",
        *(typed or ("tenantry up --all",)),
        "tenantry preview --all",
        "tenantry doctor",
    ]
    return "\n".join(lines) + "\n"
