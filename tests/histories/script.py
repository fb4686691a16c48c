"""A history as a shell script that does the same to a platform of its own."""

from __future__ import annotations

from collections.abc import Iterable

BEFORE = r"""#!/bin/bash
# %(title)s
# Run it in a clone in which `make engine` was run; it makes a platform of its own, which `tenantry local reset` ends.
PATH="$PWD/.venv/bin:$PATH"; export PYTHONPATH="$PWD" TENANTRY_LOCAL_HOME=$(mktemp -d) W=$(mktemp -d); chmod 711 "$TENANTRY_LOCAL_HOME"
tenantry local up || exit; eval "$(tenantry local env)"
export GIT_CONFIG_GLOBAL=/dev/null; for who in AUTHOR COMMITTER; do export GIT_${who}_NAME=Ada GIT_${who}_EMAIL=ada@histories.example; done
at() { local clone=$1; shift; TENANTRY_ACTOR=$clone TENANTRY_TENANTS="$W/$clone/tenants" "$@"; }
have() {  # a clone gets that commit and no later one
  commit=$(git -C "$W/origin" rev-parse "$2"); git -C "$W/$1" fetch -q origin $commit
  git -C "$W/$1" checkout -q -f --detach $commit; git -C "$W/$1" clean -q -fd
}
killed_at() {  # "before|after MODULE:FUNCTION" CALL tenantry …
  setsid python -c 'import sys; from tests.killing import lay; lay(sys.argv[1], int(sys.argv[2])); sys.argv[1:4] = []
from tenantry.cli import main; main()' "$@"
}
git init -q --bare -b main "$W/origin"; git -C "$W/origin" config uploadpack.allowAnySHA1InWant true
git clone -q "file://$W/origin" "$W/author"; git -C "$W/author" checkout -q -b main
mkdir "$W/author/tenants"; cp -r tenants/defaults "$W/author/tenants"
%(files)s
git -C "$W/author" add -A; git -C "$W/author" commit -q -m 'The tenants as at the beginning'; git -C "$W/author" push -q origin main
for clone in %(clones)s; do git clone -q "file://$W/origin" "$W/$clone"; git -C "$W/$clone" checkout -q --detach; done
at pipeline tenantry up --all || exit
set -x
"""


def of(title: str, start: Iterable[str], clones: Iterable[str], lines: Iterable[str]) -> str:
    """``start`` writes the first commit's files; ``lines`` are what was done then."""
    return BEFORE % {"title": title, "files": "\n".join(start), "clones": " ".join(clones)} + "\n".join(lines) + "\n"
