"""docs/declaration.md: the reference of every key, written from the models so that it cannot be out of date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tenantry import naming
from tenantry.declaration.assets import COMMON_FOLDER, MAX_PIXELS
from tenantry.declaration.assets import MAX_BYTES as ASSET_BYTES
from tenantry.declaration.capacity import CELL_CAPACITY
from tenantry.declaration.css import AT_RULES
from tenantry.declaration.css import MAX_DEPTH as CSS_DEPTH
from tenantry.declaration.explain import inner_type
from tenantry.declaration.keys import COMMON_PLACEHOLDERS, CONFIGURATION_KEYS, FEATURES, LIMITS, TEMPLATES
from tenantry.declaration.model import ISOLATIONS, STATES, TenantDeclaration
from tenantry.declaration.overlay import REQUIRED
from tenantry.declaration.values import winner
from tenantry.declaration.yaml_source import MAX_BYTES, MAX_DEPTH

_INTRODUCTION = """\
# Declaring a tenant

<!-- Written by `tenantry schema --markdown`; edit the models, not this file. -->

A tenant is one file, `tenants/<slug>.yaml`; the file's name is the slug. `tenantry new SLUG --tier TIER` writes one,
`tenantry validate` checks all of them, `tenantry render SLUG` shows what a file amounts to with its tier,
`tenantry render --diff main` what a branch does to every tenant since it left main ([in a pull request](#in-a-pull-request)).

The file is laid over its tier's defaults (`tenants/defaults/<tier>.yaml`): mappings merge key by key, everything else, lists too, is
replaced. `null` takes away what the tier gives (`labels: {region: null}`, `theme: {css: null}`): the key is as if nobody had written it.
Every problem is reported at once, as `tenants/acme.yaml:7:12: what (what to write instead)`.

Every file in `tenants/` is a declaration, a tier's defaults, an asset, the editors' `schema.json` or a page for people (`.md`); any other
is refused, because it would not be read.
"""


_RULES = f"""\
## Rules for content

- **Host names** are public names of the tenant's own: no wildcard, address, port, public suffix (`co.uk`), nothing under the
  platform's domain. Unicode is allowed in one script per label, unless it looks like an ASCII name; two tenants cannot claim
  the same or a look-alike name.
- **CSS** may use {", ".join(f"`@{name}`" for name in sorted(AT_RULES))},
  and in `url()` only base64 PNG, GIF, JPEG or WebP data. No `@import`, `expression()`, `behavior`, `-moz-binding`, `</`;
  brackets, strings and comments are closed, at most {CSS_DEPTH} brackets in each other.
- **Pictures** are below `tenants/assets/<slug>/` (the platform's own below `assets/{COMMON_FOLDER}/`), at most {ASSET_BYTES // 1024} KiB
  and {MAX_PIXELS} pixels wide and high, and what their name says. SVG: no script, event attribute, link out, document type, embedded
  page or picture; style may name parts of the picture alone. What is published is written anew ([branding.md](branding.md)).
- **Links** begin with `https://`, without user name or port.
- **YAML**: at most {MAX_BYTES // 1024} KiB and {MAX_DEPTH} levels; UTF-8; one document. No duplicate keys, anchors, aliases, merge keys,
  tags or directives. Only `true` and `false` are booleans (`no` is text); numbers are decimal; dates are text.
"""


_PULL_REQUEST = f"""\
## In a pull request

`tenantry validate --base origin/main` tells what a run would refuse of the branch's changes since it left main, from the files and git
alone: no platform has to be reached. It needs the history up to there (in GitHub's `actions/checkout`: `fetch-depth: 0`).

| in the branch | |
| --- | --- |
| a file that was removed or renamed; a migration that was removed or edited | error, with the way back |
| another `isolation` or `cell`, also through a tier; `state: deleted` or `archived` | error, with the command that does it |
| another `state:` to and from `active`, `suspended`, `offboarding` | notice: merged, it does what the command of that name does |
| the removed file of a tenant that is `offboarding`; more than {CELL_CAPACITY} pooled tenants in a cell | warning |
| a file that git does not have (not added, or ignored) | warning; error where `CI` is set |

Where a platform can be asked (`PGHOST` and the like), it is: then it is known which tenants there are, whose names are in quarantine, what
was moved already, and what a command has done that the file does not know. Where it cannot, that is said; a pull request that brings the
line of a finished `tenantry move` is valid only where it can.

Errors give exit 2, warnings and notices 0. `--json` lists them with file, line, column, severity, message and hint; `--format github`
writes them as annotations, and so does every `tenantry validate` in a GitHub workflow that asks for nothing else.

`tenantry render --diff REF` shows the same difference key by key: against the commit where the branch and REF part. `A...B` and `A..B`
compare two commits as git does. A declaration of the past that today's rules refuse counts as changed.
"""


def render() -> str:
    """The whole page as Markdown."""
    parts = [
        _INTRODUCTION,
        "## Slug\n\n"
        f"{naming.SLUG_RULE[0].upper()}{naming.SLUG_RULE[1:]}. Not `shared`, `shared-…`, nor a name of the platform's:\n"
        f"{', '.join(f'`{slug}`' for slug in sorted(naming.RESERVED_SLUGS))}.\n"
        "A slug that looks like one of these or like another tenant's (`acme1`, `acmel`) is refused.\n",
        "## Keys\n\n" + _table(("key", "what", "default"), _keys()),
        f"Isolation: {_words(ISOLATIONS)}. State: {_words(STATES)}.\n",
        "## Features\n\n"
        + _table(
            ("key", "what", "default", "changed by"),
            ((f"`features.{f.key}`", f.meaning, _json(f.default), _editor(f.editor)) for f in FEATURES.values()),
        ),
        "## Limits\n\n"
        + _table(
            ("key", "what", "default", "from", "to"),
            ((f"`limits.{x.key}`", x.meaning, str(x.default), f"{x.minimum:,}", f"{x.maximum:,}") for x in LIMITS.values()),
        ),
        "## E-mails\n\nText with `{{ placeholder }}`; nothing else of a template language. "
        "A subject or body that is left out is the built-in one.\n\n"
        + _table(
            ("key", "when", "placeholders of its own"),
            ((f"`{t.key}`", t.meaning, _words(t.placeholders) or "none") for t in TEMPLATES.values()),
        )
        + "\nIn every e-mail:\n\n"
        + _table(("placeholder", "is"), ((f"`{{{{ {name} }}}}`", meaning) for name, meaning in COMMON_PLACEHOLDERS.items())),
        _RULES,
        _PULL_REQUEST,
        "## Configuration rows\n\nWhat `tenant_configurations` holds for a tenant; a key without a value has no row. What `tenantry\n"
        "config` does with them, and what wins where a value set at runtime and the file differ: [configuration.md](configuration.md).\n\n"
        + configuration_table(),
    ]
    return "\n".join(parts)


_WINS = {"runtime": "the value set at runtime", "newer": "the newer", "declaration": "the file: not changed at runtime"}


def configuration_table() -> str:
    """Every configuration key, as a Markdown table."""
    return _table(
        ("key", "type", "range", "changed by", "wins"),
        ((f"`{k.key}`", k.type, _range(k.minimum, k.maximum), _editor(k.editor), _WINS[winner(k)]) for k in CONFIGURATION_KEYS.values()),
    )


def _keys() -> Iterator[tuple[str, str, str]]:
    for name, field in TenantDeclaration.model_fields.items():
        if name == "slug":
            continue
        model = inner_type(field.annotation)
        nested = isinstance(model, type) and issubclass(model, BaseModel)
        yield f"`{name}`", field.description or "", "**required**" if name in REQUIRED else "" if nested else _default(name, field)
        if nested:
            for key, below in model.model_fields.items():
                yield f"`{name}.{key}`", below.description or "", "**required**" if name == "admin" else _default(key, below)


def _default(name: str, field: Any) -> str:
    if name == "app_name":
        return "the tenant's name"
    if name == "isolation":
        return "the tier's"
    value = field.get_default(call_default_factory=False)
    return "" if value in (None, "", (), PydanticUndefined) else _json(value)


def _json(value: Any) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _editor(editor: str) -> str:
    return "platform" if editor == "platform" else "tenant administrators"


def _range(minimum: int | None, maximum: int | None) -> str:
    return "" if minimum is None and maximum is None else f"{minimum:,} to {maximum:,}"


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
