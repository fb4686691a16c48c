"""The random driving's own tests: its checks can fail, its sequences are the same each time, its scripts are shell."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import replace

import pytest

from local.home import CLONE
from tenantry import naming
from tenantry.declaration import load
from tenantry.declaration.placement import row
from tenantry.settings import PlatformSettings
from tests import checkout
from tests.driving import choosing, judging, script
from tests.driving.acts import AWAY, Command
from tests.driving.driver import touched
from tests.driving.observing import LogIn, Observed, Role

SETTINGS = PlatformSettings.from_project(CLONE)


@pytest.fixture
def tenants(tmp_path):
    checkout.declared(tmp_path)
    for path, text in choosing.base().files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def seen(tenants):
    """A platform that is as declared."""
    declared = load(tenants)
    rows = {slug: dict(row(it, SETTINGS)) for slug, it in declared.items()}
    own = {slug: it for slug, it in declared.items() if it.isolation != "rls"}
    tables = frozenset({"users", "documents"})
    return Observed(
        roles={
            "cell_main__app": Role(True, 50),
            **{rows[slug]["app_role"]: Role(True, it.limits.connections) for slug, it in own.items()},
            **{naming.tenant_owner(slug): Role(False, -1) for slug in choosing.DEDICATED},
        },
        databases=frozenset(it["database"] for it in rows.values()),
        tables={(it["database"], it["schema"]): tables for it in rows.values()},
        rows=rows,
        hosts={slug: frozenset({naming.host(slug, SETTINGS.domain), *it.domains}) for slug, it in declared.items()},
        configuration={slug: it.configuration() for slug, it in declared.items()},
        marked=frozenset(declared),
        objects={key: md5 for it in declared.values() for key, md5 in judging.objects(it, tenants).items()},
        hostnames=Counter(host for it in declared.values() for host in it.domains),
        records={naming.host(slug, SETTINGS.domain): ("CNAME", SETTINGS.endpoint) for slug in choosing.DEDICATED},
        log_ins=frozenset({LogIn("shared", "t_yew__app", True)}),
    )


def faults(tenants, before, now, takes=()):
    """All that is found: everybody is called applied."""
    declared = load(tenants)
    return [
        *(fault for it in declared.values() for fault in judging.not_as_declared(it, now, SETTINGS, tenants)),
        *judging.left(declared, now, declared, {"old.ash.example": {"ash", "oak"}}),
        *judging.lost(before, now, declared, takes, ()),
        *judging.shut_out(now, takes),
    ]


def without(mapping, *keys):
    return {key: value for key, value in mapping.items() if key not in keys}


def test_what_is_as_declared_has_no_fault(tenants, seen):
    assert faults(tenants, seen, seen) == []


PLANTED = {
    "schema dropped": (
        lambda seen: replace(seen, tables=without(seen.tables, ("cell_main", "t_zinnia"))),
        ["tables of zinnia: None, declared", "the schema cell_main.t_zinnia of zinnia is gone"],
    ),
    "password changed": (
        lambda seen: replace(seen, log_ins=frozenset({LogIn("shared", "t_yew__app", False)})),
        ["t_yew__app does not get in with the password that the stack shared hands out"],
    ),
    "host name deleted at Cloudflare": (
        lambda seen: replace(seen, hostnames=Counter(without(seen.hostnames, "www.oak.example"))),
        ["oak: how often www.oak.example is at Cloudflare: 0, declared 1", "oak's host name www.oak.example is gone at Cloudflare"],
    ),
    "host name left at Cloudflare": (
        lambda seen: replace(seen, hostnames=seen.hostnames + Counter(["old.ash.example"])),
        ["old.ash.example is at Cloudflare, and in no file any more: it was ash, oak's"],
    ),
    "host name there twice": (
        lambda seen: replace(seen, hostnames=seen.hostnames + Counter(["www.oak.example"])),
        ["oak: how often www.oak.example is at Cloudflare: 2, declared 1"],
    ),
    "object another": (
        lambda seen: replace(seen, objects={**seen.objects, "tenants/ash/branding/logo.svg": "other"}),
        ["objects of ash: tenants/ash/branding/logo.svg is 'other', declared"],
    ),
    "object gone": (
        lambda seen: replace(seen, objects=without(seen.objects, "tenants/elm/branding/theme.css")),
        ["objects of elm: tenants/elm/branding/theme.css is None", "elm's object tenants/elm/branding/theme.css is gone"],
    ),
    "row gone": (
        lambda seen: replace(seen, rows=without(seen.rows, "fir"), hosts=seen.hosts),
        ["registry row of fir: "] * 14 + ["the registry's row of fir is gone"],
    ),
    "rows gone": (lambda seen: replace(seen, marked=seen.marked - {"fir"}), ["the rows of fir are gone"]),
    "database gone": (
        lambda seen: replace(seen, databases=seen.databases - {"t_dune"}),
        ["database of dune: False, declared True", "the database t_dune is gone"],
    ),
    "role gone": (
        lambda seen: replace(seen, roles=without(seen.roles, "t_oak__app")),
        ["role t_oak__app: None, declared", "the role t_oak__app of oak is gone"],
    ),
    "record elsewhere": (
        lambda seen: replace(seen, records={**seen.records, "dune.tenantry.example": ("A", "127.0.0.1")}),
        ["DNS record dune.tenantry.example: ('A', '127.0.0.1'), declared"],
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_fault_that_is_planted_is_found(tenants, seen, planted):
    """As many as there are, each in its words."""
    plant, expected = PLANTED[planted]
    found = faults(tenants, seen, plant(seen))
    assert len(found) == len(expected), found
    assert all(part in fault for part, fault in zip(expected, found, strict=True)), found


def test_what_a_command_asked_for_is_no_loss(tenants, seen):
    """A stack that is destroyed loses all but its data; a resource that is to be replaced may be gone for a while."""
    declared = load(tenants)
    now = replace(
        seen,
        rows=without(seen.rows, "dune"),
        hostnames=Counter(without(seen.hostnames, "www.dune.example", "www.oak.example")),
        marked=seen.marked - {"dune"},
    )
    assert list(judging.lost(seen, now, declared, {"dune", "oak-domain-www.oak.example"}, ())) == ["the rows of dune are gone"]


def test_sequences_are_the_same_each_time_and_as_long_as_they_are_to_be():
    numbers = range(300)
    assert [choosing.sequence(number) for number in numbers] == [choosing.sequence(number) for number in numbers]
    lengths = Counter(len(choosing.sequence(number)) for number in numbers)
    assert min(lengths) >= 3
    assert lengths[3] > 10
    assert sum(count for length, count in lengths.items() if length > 8) < 60, "of several steps is the last act only"


def test_the_quick_ones_are_thirty_and_hold_every_kind_of_act():
    """Each kind more than once, each provider away, nine commands killed, and a third of them with a dedicated stack."""
    assert len(set(choosing.QUICK)) == len(choosing.QUICK) == 30
    drawn = [choosing.draw(number) for number in choosing.QUICK]
    kinds = Counter(kind for each in drawn for kind in each.kinds)
    few = {kind.__name__ for kind in (*choosing.EDITS, *choosing.COMMANDS) if kinds[kind.__name__] < 2}
    assert not few
    commands = [act for each in drawn for act in each.acts if isinstance(act, Command)]
    assert {act.away for act in commands if act.away} == {*AWAY}
    assert sum(act.killed_after is not None for act in commands) >= 9
    assert {act.arguments[:2] for act in commands if act.killed_after} == {
        ("pulumi", "up"), ("pulumi", "refresh"), ("tenantry", "up"),
    }  # fmt: skip
    assert sum(bool({*touched(each.acts)} - {choosing.CELL}) for each in drawn) >= 10


def test_what_is_kept_out_has_a_name():
    kinds = {kind.__name__ for kind in (*choosing.EDITS, *choosing.COMMANDS)} | {"kill", "away"}
    assert set(choosing.KEPT_OUT) <= kinds


def test_every_sequence_is_a_script():
    """As bash reads it."""
    for number in range(30):
        text = script.of("A sequence.", choosing.base(), choosing.sequence(number))
        assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False).stderr == ""
