"""Sequences of acts, drawn from a fixed seed: each is the same whenever and wherever it is drawn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

from tests.driving.acts import AWAY, Act, Command, Edit, EndHold, WrongBackend

SEED = 17
POOLED = ("ash", "elm", "fir", "oak", "yew", "zinnia")
DEDICATED = ("dune", "dust")
CELL = "shared"

QUICK = (
    27, 31, 72, 107, 112, 129, 149, 188, 192, 199, 201, 210, 219, 231, 239, 243, 256, 287, 289, 292,
    52, 75, 88, 154, 245, 296,
    32, 70, 73, 230,
)  # fmt: skip
"""Those of `make test`: of 300 the ones that cost least and still hold every kind of act more than once. Those that touch the cell alone,
those that touch `dune` too, then `dust`: what one leaves in a dedicated stack the next has to bring to rest."""

KEPT_OUT: Mapping[str, str] = {}
"""Acts that are not drawn as long as what they show is not mended: kind → reason."""


def _tenant(slug: str, isolation: str, domains: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {
        "name": slug.title(),
        "tier": "enterprise" if isolation == "database" else "starter",
        "isolation": isolation,
        "admin": {"name": "Ada Byron", "email": f"ada@{slug}.example"},
        "branding": {"app_name": slug.title()},
        "domains": list(domains),
        **fields,
    }


def _picture(slug: str) -> dict[str, str]:
    return {"app_name": slug.title(), "logo": f"assets/{slug}/logo.svg"}


BASE: Mapping[str, dict[str, Any]] = {
    "ash": _tenant("ash", "rls", ("www.ash.example",), branding=_picture("ash"), theme={"primary": "#0b5fff"}),
    "elm": _tenant("elm", "rls"),
    "fir": _tenant("fir", "rls", ("www.fir.example", "app.fir.example"), features={"reports": True}),
    "oak": _tenant("oak", "schema", ("www.oak.example",), legal={"terms": "https://oak.example/terms"}),
    "yew": _tenant("yew", "schema", branding=_picture("yew"), labels={"region": "dach"}),
    "zinnia": _tenant("zinnia", "schema"),
    "dune": _tenant("dune", "database", ("www.dune.example",), branding=_picture("dune")),
    "dust": _tenant("dust", "database"),
}


def stack_of(slug: str) -> str:
    return slug if slug in DEDICATED else CELL


def logo(colour: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="{colour}"/></svg>\n'


def declared(slug: str, fields: Mapping[str, Any]) -> dict[str, str | None]:
    """The tenant's files."""
    files: dict[str, str | None] = {f"{slug}.yaml": yaml.safe_dump(dict(fields), sort_keys=False)}
    if "logo" in fields["branding"]:
        files[f"assets/{slug}/logo.svg"] = logo("#123456")
    return files


def base() -> Edit:
    """The files that each sequence begins with."""
    return Edit("the tenants as at the beginning", {path: text for slug, it in BASE.items() for path, text in declared(slug, it).items()})


@dataclass
class Drawn:
    """A sequence as far as it is drawn, and the declarations as its edits leave them."""

    number: int
    random: Random
    tenants: dict[str, dict[str, Any]] = field(default_factory=lambda: {slug: copy.deepcopy(it) for slug, it in BASE.items()})
    acts: list[Act] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # One dedicated stack in each sequence: what is not touched need not be looked at in the end.
        self.dedicated = self.random.choice(DEDICATED)
        self.tenants = {slug: it for slug, it in self.tenants.items() if slug not in DEDICATED or slug == self.dedicated}

    def write(self, what: str, *slugs: str) -> None:
        self.acts.append(Edit(what, {f"{slug}.yaml": yaml.safe_dump(self.tenants[slug], sort_keys=False) for slug in slugs}))

    def slug(self) -> str:
        return self.random.choice(list(self.tenants))

    def stack(self) -> str:
        return self.random.choices((CELL, self.dedicated), (3, 1))[0]

    def resource(self) -> tuple[str, str]:
        """A stack, and the logical name of a resource in it."""
        slug = self.slug()
        it = self.tenants[slug]
        names = ["record", "config", "storage-theme", "storage-manifest", *(f"domain-{host}" for host in it["domains"])]
        if it["isolation"] != "rls":
            names += ["db-app", "db-tables", "db-schema"]
        if "logo" in it["branding"]:
            names.append("storage-logo")
        return stack_of(slug), f"{slug}-{self.random.choice(names)}"

    def unlucky(self, *arguments: str, takes: frozenset[str] = frozenset()) -> None:
        """The command, sometimes killed, sometimes while something does not answer."""
        fate = self.random.random()
        kill = self.random.choice((1, 1, 2, 3, 5, 8))
        away = self.random.choice(list(AWAY))
        if fate < 0.2 and "kill" not in KEPT_OUT:
            self.acts.append(Command(arguments, killed_after=kill, takes=takes))
            if arguments[0] == "pulumi" and self.random.random() < 0.5:
                self.acts.append(Command(("pulumi", "cancel", "-s", arguments[arguments.index("-s") + 1], "--yes")))
        elif fate < 0.3 and "away" not in KEPT_OUT:
            self.acts.append(Command(arguments, away=away, takes=takes))
        else:
            self.acts.append(Command(arguments, takes=takes))


def _bare(*arguments: str) -> tuple[str, ...]:
    return ("pulumi", *arguments, "--yes", "--skip-preview")


def add(drawn: Drawn) -> None:
    slug = f"new{drawn.number}{'abcdefgh'[len(drawn.added)]}"
    hosts = (f"www.{slug}.example",) if drawn.random.random() < 0.5 else ()
    drawn.tenants[slug] = _tenant(slug, drawn.random.choice(("rls", "schema")), hosts)
    drawn.added.append(slug)
    drawn.write(f"a new tenant {slug}", slug)


def field_changes(drawn: Drawn) -> None:
    slug, random = drawn.slug(), drawn.random
    it, mark = drawn.tenants[slug], f"{drawn.number}-{len(drawn.acts)}"
    changes: dict[str, Callable[[], object]] = {
        "name": lambda: it.update(name=f"{slug.title()} {mark}"),
        "app_name": lambda: it["branding"].update(app_name=f"App {mark}"),
        "colour": lambda: it.update(theme={"primary": f"#{random.randrange(1 << 24):06x}"}),
        "features": lambda: it.update(features={"reports": random.random() < 0.5, "sso": random.random() < 0.5}),
        "limits": lambda: it.update(limits={"users": random.randint(1, 300), "connections": random.randint(3, 9)}),
        "admin": lambda: it.update(admin={"name": "Bo Berg", "email": f"bo{random.randint(1, 9)}@{slug}.example"}),
        "labels": lambda: it.update(labels={"mark": mark}),
        "legal": lambda: it.update(legal={"privacy": f"https://{slug}.example/{mark}"}),
    }
    what = random.choice(list(changes))
    changes[what]()
    drawn.write(f"{what} of {slug}", slug)


def picture(drawn: Drawn) -> None:
    slug = drawn.slug()
    branding = drawn.tenants[slug]["branding"]
    if "logo" in branding and drawn.random.random() < 0.5:
        del branding["logo"]
        drawn.write(f"no logo of {slug}", slug)
        return
    branding["logo"] = f"assets/{slug}/logo.svg"
    drawn.write(f"a logo of {slug}", slug)
    edit = drawn.acts[-1]
    assert isinstance(edit, Edit)
    drawn.acts[-1] = Edit(edit.what, {**edit.files, branding["logo"]: logo(f"#{drawn.random.randrange(1 << 24):06x}")})


def host_name(drawn: Drawn) -> None:
    slug = drawn.slug()
    domains = drawn.tenants[slug]["domains"]
    if domains and drawn.random.random() < 0.5:
        host = domains.pop(drawn.random.randrange(len(domains)))
        drawn.write(f"{host} no more {slug}'s", slug)
    else:
        domains.append(f"w{drawn.number}n{len(drawn.acts)}.{slug}.example")
        drawn.write(f"{domains[-1]} for {slug}", slug)


def state(drawn: Drawn) -> None:
    slug = drawn.slug()
    it = drawn.tenants[slug]
    it["state"] = "active" if it.get("state") == "suspended" else "suspended"
    drawn.write(f"{slug} {it['state']}", slug)


def hand_over(drawn: Drawn) -> None:
    """A host name goes from one tenant to another, of its stack or of another one."""
    owners = [slug for slug, it in drawn.tenants.items() if it["domains"]]
    if not owners:
        return host_name(drawn)
    giver = drawn.random.choice(owners)
    taker = drawn.random.choice([slug for slug in drawn.tenants if slug != giver])
    host = drawn.tenants[giver]["domains"].pop()
    drawn.tenants[taker]["domains"].append(host)
    return drawn.write(f"{host} from {giver} to {taker}", giver, taker)


def exchange(drawn: Drawn) -> None:
    owners = [slug for slug, it in drawn.tenants.items() if it["domains"]]
    if len(owners) < 2:
        return host_name(drawn)
    one, other = drawn.random.sample(owners, 2)
    hosts = [drawn.tenants[slug]["domains"] for slug in (one, other)]
    drawn.tenants[other]["domains"], drawn.tenants[one]["domains"] = hosts
    return drawn.write(f"{one} and {other} exchange their host names", one, other)


def take_back(drawn: Drawn) -> None:
    """A tenant's file comes and goes again, and a run between the two leaves it out."""
    slug = f"not{drawn.number}n{len(drawn.acts)}"
    files = declared(slug, _tenant(slug, drawn.random.choice(("rls", "schema"))))
    stack, name = CELL, f"{drawn.random.choice(POOLED)}-config"
    drawn.acts += [
        Edit(f"a new tenant {slug}", files),
        Command((*_bare("up", "-s", stack), "--target", f"urn:{stack}:{name}")),
        Edit(f"{slug} taken back", dict.fromkeys(files)),
    ]


def bare_up(drawn: Drawn) -> None:
    drawn.unlucky(*_bare("up", "-s", drawn.stack()))


def target(drawn: Drawn) -> None:
    stack, name = drawn.resource()
    more = ("--target-dependents",) if drawn.random.random() < 0.4 else ()
    drawn.unlucky(*_bare("up", "-s", stack), "--target", f"urn:{stack}:{name}", *more)


def exclude(drawn: Drawn) -> None:
    stack, name = drawn.resource()
    more = ("--exclude-dependents",) if drawn.random.random() < 0.4 else ()
    drawn.unlucky(*_bare("up", "-s", stack), "--exclude", f"urn:{stack}:{name}", *more)


def replace(drawn: Drawn) -> None:
    stack, name = drawn.resource()
    drawn.unlucky(*_bare("up", "-s", stack), "--replace", f"urn:{stack}:{name}", takes=frozenset({name}))


def taint(drawn: Drawn) -> None:
    stack, name = drawn.resource()
    drawn.acts.append(Command(("pulumi", "state", "taint", f"urn:{stack}:{name}", "-s", stack, "--yes"), takes=frozenset({name})))
    drawn.unlucky(*_bare("up", "-s", stack))


def state_delete(drawn: Drawn) -> None:
    stack, name = drawn.resource()
    force = ("--force",) if drawn.random.random() < 0.5 else ()
    drawn.acts.append(Command(("pulumi", "state", "delete", f"urn:{stack}:{name}", "-s", stack, "--yes", *force)))


def refresh(drawn: Drawn) -> None:
    drawn.unlucky(*_bare("refresh", "-s", drawn.stack()))


def refresh_program(drawn: Drawn) -> None:
    drawn.unlucky(*_bare("refresh", "-s", drawn.stack()), "--run-program")


def destroy(drawn: Drawn) -> None:
    stack = drawn.stack()
    drawn.unlucky(*_bare("destroy", "-s", stack), "--exclude-protected", takes=frozenset({stack}))


def up(drawn: Drawn) -> None:
    what = ("--stack", drawn.stack()) if drawn.random.random() < 0.8 else ("--all",)
    drawn.unlucky("tenantry", "up", *what, *(("--refresh",) if drawn.random.random() < 0.15 else ()))


def provision(drawn: Drawn) -> None:
    drawn.acts.append(Command(("tenantry", "provision", drawn.slug())))


def delete(drawn: Drawn) -> None:
    """The proper way: off-boarded, held, deleted after its final backup. Only of a tenant that the sequence itself has added."""
    if not drawn.added:
        return add(drawn)
    slug = drawn.added.pop()
    drawn.tenants.pop(slug)
    drawn.acts += [
        Command(("tenantry", "up", "--stack", CELL)),
        Command(("tenantry", "offboard", slug)),
        EndHold(slug),
        Command(("tenantry", "offboard", slug, "--delete", "--yes-delete", slug), deletes=slug),
    ]
    return None


def wrong_backend(drawn: Drawn) -> None:
    drawn.acts.append(WrongBackend(drawn.stack()))


EDITS: Mapping[Callable[[Drawn], None], int] = {
    add: 2, field_changes: 5, picture: 2, host_name: 3, state: 2, hand_over: 2, exchange: 1, take_back: 1,
}  # fmt: skip
COMMANDS: Mapping[Callable[[Drawn], None], int] = {
    bare_up: 6, target: 3, exclude: 3, replace: 2, taint: 2, state_delete: 2, refresh: 2, refresh_program: 2, destroy: 1, up: 3,
    provision: 2, delete: 1, wrong_backend: 1,
}  # fmt: skip


def sequence(number: int) -> list[Act]:
    return draw(number).acts


def draw(number: int) -> Drawn:
    """3 to 8 acts, an edit first; of the two kinds about as many."""
    random = Random(f"{SEED}/{number}")  # noqa: S311  the same ones each time
    drawn = Drawn(number, random)
    length = random.randint(3, 8)
    kinds = EDITS
    while len(drawn.acts) < length:
        open_ = {kind: weight for kind, weight in kinds.items() if kind.__name__ not in KEPT_OUT}
        kind = random.choices(list(open_), list(open_.values()))[0]
        kind(drawn)
        drawn.kinds.append(kind.__name__)
        kinds = random.choice((EDITS, COMMANDS))
    return drawn
