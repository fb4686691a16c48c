"""Loading a folder: defaults and overlay, every problem at its place, and what only several files show."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from tenantry.declaration import DeclarationErrors, Declarations, load, load_one
from tenantry.declaration.keys import FEATURES
from tenantry.errors import InputError
from tenantry.settings import PlatformSettings

from .conftest import PLAIN, SETTINGS

Loaded = Callable[[Mapping[str, str]], Declarations]
Problems = Callable[[Mapping[str, str] | str], list[str]]


def test_a_file_lies_over_its_tier(loaded: Loaded) -> None:
    """Mappings merge key by key, lists are replaced, and what neither says comes from the registry."""
    tenant = loaded({"acme": PLAIN + "limits: {connections: 9}\nfeatures: {sso: true}\n"})["acme"]
    assert (tenant.isolation, tenant.cell, tenant.state) == ("rls", "main", "active")
    assert (tenant.limits.users, tenant.limits.connections, tenant.limits.storage_gb) == (7, 9, 5)
    assert (tenant.features["reports"], tenant.features["sso"], tenant.features["webhooks"]) == (True, True, False)
    assert tenant.branding.app_name == "Acme"


def test_an_e_mail_may_say_only_its_subject(loaded: Loaded) -> None:
    """What a template leaves out is the built-in text of the same e-mail."""
    tenant = loaded({"acme": PLAIN + "email_templates: {welcome: {subject: Hi}}\n"})["acme"]
    subject, body = tenant.email_templates["welcome"].render(
        {"user_name": "Ada", "tenant_name": "Acme", "login_url": "https://acme.tenantry.example"}
    )
    assert subject == "Hi"
    assert "https://acme.tenantry.example" in body
    assert set(tenant.email_templates) > {"welcome", "invitation"}


def test_a_tenant_cannot_be_changed(loaded: Loaded) -> None:
    """Declarations are values."""
    tenant = loaded({"acme": PLAIN})["acme"]
    with pytest.raises(ValidationError):
        tenant.state = "deleted"
    with pytest.raises(ValidationError):
        tenant.limits.users = 3


def test_a_stack_knows_its_tenants(loaded: Loaded) -> None:
    """A cell's stack holds its pooled tenants, a dedicated tenant's itself, and one that is not there none."""
    tenants = loaded(
        {
            "zeta": PLAIN + "isolation: database\n",
            "beta": PLAIN + "cell: eu1\n",
            "acme": PLAIN,
            "corp": PLAIN + "isolation: schema\n",
            "inst": PLAIN + "isolation: instance\n",
        }
    )
    assert [tenant.slug for tenant in tenants.of_stack("shared")] == ["acme", "corp"]
    assert [tenant.slug for tenant in tenants.of_stack("shared-eu1")] == ["beta"]
    assert [tenant.slug for tenant in tenants.of_stack("zeta")] == ["zeta"]
    assert tenants.of_stack("nothing") == ()
    with pytest.raises(InputError) as caught:
        tenants.tenant("acmee")
    assert "'acme'" in caught.value.hint


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("nmae: x\n", "4:1", "unknown key 'nmae' (did you mean 'name'?)"),
        ("slug: acme\n", "4:1", "the file's name is the slug"),
        ("isolation: rsl\n", "4:12", "did you mean 'rls'?"),
        ("state: gone\n", "4:8", "one of: active, archived, deleted, offboarding, suspended"),
        ("cell: EU\n", "4:7", "not a cell's name"),
        ("cell: s3alias\n", "4:7", "not a cell's name"),
        ("features: {report: true}\n", "4:12", "did you mean 'reports'?"),
        ("features: {reports: yes}\n", "4:21", "write true"),
        ("features: {reports: 1}\n", "4:21", "true or false"),
        ("features:\n", "4:10", "must be a mapping of keys to values, not empty"),
        ("limits: {users: 0}\n", "4:17", "at least 1"),
        ("limits: {users: 0x10}\n", "4:17", "whole number"),
        ("limits: {users: true}\n", "4:17", "whole number"),
        ("limits: {users: 1.5}\n", "4:17", "whole number"),
        ("limits: {connections: 501}\n", "4:23", "at most 500"),
        ("domains: portal.acme.example\n", "4:10", "must be a list"),
        ("domains: [a.acme.example, A.acme.example]\n", "4:27", "listed twice"),
        ("labels: {Bad: x}\n", "4:10", "not allowed"),
        ("labels: {good: 3}\n", "4:16", "put it in quotes"),
        ("branding: {app_name: ''}\n", "4:22", "is empty"),
        ('branding: {app_name: "a\\u202Eb"}\n', "4:22", "U+202E"),
        ("email_templates: {welcom: {subject: x}}\n", "4:19", "did you mean 'welcome'?"),
        ("email_templates: {welcome: {subject: '{{ usr_name }}'}}\n", "4:38", "did you mean 'user_name'?"),
        ("email_templates: {welcome: {sub: x}}\n", "4:29", "did you mean 'subject'?"),
        ("theme: {primry: '#fff'}\n", "4:9", "did you mean 'primary'?"),
    ],
)
def test_one_problem_at_its_place(problems: Problems, lines: str, place: str, words: str) -> None:
    """A problem stands where the key or value stands, with the nearest valid one."""
    (found,) = problems(lines)
    assert found.startswith(f"acme.yaml:{place}: ")
    assert words in found


def test_every_problem_of_every_file_at_once(problems: Problems) -> None:
    """A broken value, a missing key, an unknown tier, bad YAML and a clash of two files are told in one go, sorted."""
    found = problems(
        {
            "acme": "tier: startr\nadmin: {name: Ada, email: nobody}\ndomains: [x.acme.example, tenantry.example]\n",
            "beta": "name: [\n",
            "corp": PLAIN + "domains: [x.acme.example]\ntheme: {primary: blue, font: 'a;b', css: '@import \"x\"'}\n",
        }
    )
    assert [line.split(": ")[0] for line in found] == [
        "acme.yaml:1:1",
        "acme.yaml:1:7",
        "acme.yaml:2:27",
        "acme.yaml:3:27",
        "beta.yaml:2:1",
        "corp.yaml:4:11",
        "corp.yaml:5:18",
        "corp.yaml:5:30",
        "corp.yaml:5:42",
    ]


def test_a_missing_key_is_told_at_the_mapping_it_belongs_to(problems: Problems) -> None:
    """There is no place of its own for what is not there."""
    assert problems({"acme": "name: A\ntier: starter\nadmin:\n  name: Ada\n"}) == ["acme.yaml:3:1: admin.email is missing"]


def test_a_tier_s_problem_is_told_once_in_its_own_file(problems: Problems, folder: Path) -> None:
    """Not once per tenant of that tier; and a tier cannot name or move its tenants."""
    (folder / "defaults" / "starter.yaml").write_text("isolation: rsl\ncell: eu1\n")
    found = problems({"acme": PLAIN, "beta": PLAIN})
    assert len(found) == 2
    assert found[0].startswith("defaults/starter.yaml:1:12: ")
    assert found[1].startswith("defaults/starter.yaml:2:1: a tier cannot say 'cell'")


def test_a_tier_nobody_uses_is_checked_too(problems: Problems, folder: Path) -> None:
    """The first tenant of a tier should not be the one to find out."""
    (folder / "defaults" / "spare.yaml").write_text("isolation: nothing\n")
    (found,) = problems({"acme": PLAIN})
    assert found.startswith("defaults/spare.yaml:1:12: ")


def test_messages_are_safe_to_print(problems: Problems) -> None:
    """No control character of a file reaches a terminal, whether from a key, a value, a tag or a file's name."""
    files = {
        "acme": PLAIN + 'features: {"a\\eb": 1}\nlabels: {"\\e": 3}\n"\\e[31m": 1\ncell: "\\e"\nstate: "\\e"\nlegal: {terms: "\\e"}\n',
        "beta": PLAIN + "cell: !%1b[31m x\n",
        "x\x1b[31m": PLAIN,
    }
    found = problems(files)
    assert len(found) >= 8
    assert all(line.isprintable() for line in found)


def test_file_names(problems: Problems, folder: Path) -> None:
    """A file that would not be read, or could not be a tenant, is a problem and not a silence; what is for people and editors is none."""
    for name in ("late.yml", "Acme.yaml", "nova.YML", "uniform.YAML", "nova.json", "nova", "notes.txt", "eu/elbe.yaml", "eu/x/nova.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PLAIN)
    for name in ("assets/nova.yaml", "assets/acme/nova.YML", "defaults/gold.yml", "defaults/gold/plated.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PLAIN)
    for name in (".acme.yaml.swp", "README.md", "schema.json", "eu/README.md", "eu/.keep", "assets/acme/logo.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("for people, or an editor's")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "link.yaml").symlink_to(__file__)
    found = problems({"www": PLAIN, "shared-eu1": PLAIN})
    assert [line.split(":")[0] for line in found] == [
        "Acme.yaml",
        "assets/acme/nova.YML",
        "assets/nova.yaml",
        "defaults/gold.yml",
        "defaults/gold/plated.yaml",
        "eu/elbe.yaml",
        "eu/x/nova.yaml",
        "late.yml",
        "link.yaml",
        "notes.txt",
        "nova",
        "nova.YML",
        "nova.json",
        "pipe.yaml",
        "shared-eu1.yaml",
        "uniform.YAML",
        "www.yaml",
    ]


def test_null_takes_away_what_the_tier_gives(loaded: Loaded, folder: Path) -> None:
    """A label, a text, a toggle: as if nobody had written it."""
    (folder / "defaults" / "starter.yaml").write_text(
        "isolation: schema\nlabels: {region: eu, ring: canary}\ntheme: {css: 'a{color:red}', font: Inter}\nfeatures: {reports: true}\n"
    )
    taken = loaded({"acme": PLAIN + "labels: {region: null}\ntheme: {css: null}\nfeatures: {reports: null}\nisolation: null\n"})["acme"]
    plain = loaded({"acme": PLAIN})["acme"]
    assert (plain.labels, taken.labels) == ({"region": "eu", "ring": "canary"}, {"ring": "canary"})
    assert (plain.theme.css, taken.theme.css, taken.theme.font) == ("a{color:red}", "", "Inter")
    assert (plain.features["reports"], taken.features["reports"]) == (True, FEATURES["reports"].default)
    assert plain.isolation == "schema"


def test_null_where_the_tier_gives_nothing_is_told(problems: Problems) -> None:
    """Nothing would be taken away: somebody meant something else."""
    assert problems({"acme": PLAIN + "labels: {region: null}\n"}) != []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"acme1": PLAIN, "acmel": PLAIN}, "looks like the tenant"),
        ({"acme": PLAIN, "acrne": PLAIN}, "looks like the tenant"),
        ({"rnain": PLAIN}, "looks like 'main'"),
        ({"acme": PLAIN + "domains: [a.x.example]\n", "beta": PLAIN + "domains: [A.X.Example]\n"}, "already claimed by the tenant 'acme'"),
        ({"acme": PLAIN + "domains: [al.x.example]\n", "beta": PLAIN + "domains: [a1.x.example]\n"}, "looks like 'al.x.example'"),
        ({"acme": PLAIN + "domains: [tenantry.example]\n"}, "the platform's own domain"),
        ({"acme": PLAIN + "domains: [beta.tenantry.example]\n"}, "the platform's own domain"),
    ],
)
def test_what_two_files_or_the_platform_claim(problems: Problems, files: dict[str, str], words: str) -> None:
    """Slugs and host names are unique, and so is how they look."""
    (found,) = problems(files)
    assert words in found


def test_the_endpoint_s_own_name_is_reserved(folder: Path) -> None:
    """Whatever the platform calls its endpoint, no tenant can have that host name."""
    (folder / "lb-one.yaml").write_text(PLAIN)
    with pytest.raises(DeclarationErrors, match="the platform's endpoint"):
        load(folder, PlatformSettings.from_mapping({**SETTINGS, "tenantry:endpoint": "lb-one.tenantry.example"}))


def test_a_deleted_tenant_gives_its_domains_up(loaded: Loaded) -> None:
    """Somebody else may claim what a deleted tenant had."""
    line = "domains: [a.x.example]\n"
    assert loaded({"acme": PLAIN + line + "state: deleted\n", "beta": PLAIN + line})["beta"].domains == ("a.x.example",)


def test_configuration_rows(loaded: Loaded) -> None:
    """Every row has a key of the registry and a JSON value; what has no value has no row."""
    from tenantry.declaration.keys import CONFIGURATION_KEYS, USER_DEFAULTS

    rows = loaded({"acme": PLAIN + 'theme: {primary: "#ABC"}\nlegal: {terms: "https://a.example/t"}\n'})["acme"].configuration()
    assert rows.keys() <= CONFIGURATION_KEYS.keys()
    users = {f"user_defaults.{key}" for key in USER_DEFAULTS}
    assert CONFIGURATION_KEYS.keys() - rows.keys() == {
        "branding.logo",
        "branding.favicon",
        "legal.privacy",
        "sign_in.email_domains",
        "sign_in.issuer",
        "sign_in.client_id",
        *users,
    }
    assert rows["theme.primary"] == "#aabbcc"
    assert rows["limits.users"] == 7
    assert rows["features.reports"] is True
    assert rows["legal.terms"] == "https://a.example/t"


def test_one_tenant_by_itself(folder: Path) -> None:
    """The other files are not read; a slug nobody declares is answered with the nearest."""
    (folder / "acme.yaml").write_text(PLAIN)
    (folder / "broken.yaml").write_text("[")
    assert load_one(folder, "acme").name == "Acme"
    with pytest.raises(DeclarationErrors):
        load_one(folder, "broken")
    with pytest.raises(InputError) as caught:
        load_one(folder, "acne")
    assert "'acme'" in caught.value.hint


def test_the_repository_s_samples_are_valid_and_cover_every_model(settings: PlatformSettings) -> None:
    """They show each isolation model, each tier, custom and IDN domains, own CSS and e-mails, a suspended tenant, a second cell."""
    directory = Path(__file__).parents[3] / "tenants"
    tenants = load(directory, settings).values()
    assert {tenant.isolation for tenant in tenants} == {"rls", "schema", "database", "instance"}
    assert {tenant.tier for tenant in tenants} == {file.stem for file in (directory / "defaults").iterdir()}
    assert {tenant.cell for tenant in tenants} == {"main", "eu1"}
    assert any("xn--" in host for tenant in tenants for host in tenant.domains)
    assert any(tenant.state == "suspended" for tenant in tenants)
    assert any(tenant.theme.css for tenant in tenants)


def test_a_file_that_raises_what_nobody_foresaw_is_one_problem(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that a library chokes on is its tenant's: the other files are told of all the same."""
    from tenantry.declaration import files

    def choking(directory: Path, slug: str, use: str, asset: str) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(files, "check_asset", choking)
    found = problems({"acme": PLAIN + "branding: {logo: assets/acme/logo.svg}\n", "birch": PLAIN + "colour: red\n"})
    assert len(found) == 2
    assert "cannot be checked: RecursionError: maximum recursion depth exceeded" in found[0]
    assert "unknown key 'colour'" in found[1]
