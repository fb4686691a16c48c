"""The platform's settings: read from the project's file, checked, with the key in every error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tenantry.errors import InputError
from tenantry.settings import KEYS, PlatformSettings, project_root, tenants_dir

from .conftest import SETTINGS


def test_a_project_s_settings(tmp_path: Path) -> None:
    """Plain values, `default` and `value` are read."""
    (tmp_path / "Pulumi.yaml").write_text(
        "name: tenantry\nruntime: python\nconfig:\n"
        "  domain: {description: x, default: a.example}\n  tenantry:zoneId: {value: '" + "1" * 32 + "'}\n"
        "  endpoint: edge.a.example\n  bucketPrefix: {default: a-dev}\n  accountId: '123456789012'\n  aws:region: {value: eu-central-1}\n"
    )
    settings = PlatformSettings.from_project(tmp_path)
    assert (settings.domain, settings.zone_id, settings.endpoint) == ("a.example", "1" * 32, "edge.a.example")
    assert (settings.bucket_prefix, settings.region) == ("a-dev", "eu-central-1")
    assert PlatformSettings.from_project(tmp_path / "Pulumi.yaml") == settings


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (
            {"tenantry:holdDays": "1"},
            "the setting tenantry:holdDays is '1' for the stack acme and '30' in Pulumi.yaml",
            "rm tenantry:holdDays --stack acme",
        ),
        ({"aws:region": "us-east-1"}, "the setting aws:region is 'us-east-1' for the stack acme", "rm aws:region --stack acme"),
        ({"tenantry:domian": "x.example"}, "there is no setting tenantry:domian", "did you mean tenantry:domain?"),
        ({"tenantry:zzz": "x"}, "there is no setting tenantry:zzz", "pulumi config rm tenantry:zzz --stack acme"),
    ],
)
def test_a_stack_cannot_say_something_else(given: dict[str, str], message: str, hint: str) -> None:
    """Commands read Pulumi.yaml: what only the program knew would hold for half of the work. Every key is checked so."""
    root = Path(__file__).parents[3]
    settings = PlatformSettings.from_project(root)
    same: dict[str, Any] = {key: getattr(settings, name) for name, key in KEYS.items()}
    assert PlatformSettings.of_stack("acme", root, {**same, "tenantry:protect": True, "other:key": "x", "aws:profile": "y"}) == settings
    with pytest.raises(InputError) as caught:
        PlatformSettings.of_stack("acme", root, {**same, **given})
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("key", sorted(KEYS.values()))
def test_no_key_may_differ(key: str) -> None:
    """Whatever it is."""
    with pytest.raises(InputError, match=f"the setting {key} is 'else'"):
        PlatformSettings.of_stack("acme", Path(__file__).parents[3], {key: "else"})


def test_the_repository_s_own_settings() -> None:
    """Pulumi.yaml is complete and right."""
    assert PlatformSettings.from_project(Path(__file__).parents[3]).domain == "tenantry.example"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tenantry:domain", "Tenantry.example"),
        ("tenantry:domain", "tenantry"),
        ("tenantry:domain", "bücher.example"),
        ("tenantry:domain", "a" * 250 + ".example"),
        ("tenantry:zoneId", "xyz"),
        ("tenantry:endpoint", "https://edge.tenantry.example"),
        ("tenantry:bucketPrefix", "a" * 21),
        ("tenantry:bucketPrefix", "a--b"),
        ("tenantry:bucketPrefix", "sthree-a"),
        ("tenantry:bucketPrefix", "Tenantry"),
        ("aws:region", "Frankfurt"),
        ("tenantry:domain", None),
    ],
)
def test_a_wrong_setting_names_its_key(key: str, value: str | None) -> None:
    """Missing or wrong, the error says which key and what it should be."""
    with pytest.raises(InputError) as caught:
        PlatformSettings.from_mapping({**SETTINGS, key: value})
    assert key in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("text", [None, "config: [", "config: 3", "just text"])
def test_a_project_file_that_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    """Missing or broken, it is the user's input that is wrong."""
    if text is not None:
        (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(InputError):
        PlatformSettings.from_project(tmp_path / "Pulumi.yaml")


def test_where_the_project_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upward from the working directory; the package's own project otherwise; TENANTRY_TENANTS names another folder."""
    (tmp_path / "Pulumi.yaml").write_text("name: other\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.delenv("TENANTRY_TENANTS", raising=False)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert project_root() == tmp_path
    assert tenants_dir() == tmp_path / "tenants"
    monkeypatch.chdir("/")
    assert project_root() == Path(__file__).parents[3]
    monkeypatch.setenv("TENANTRY_TENANTS", str(tmp_path / "elsewhere"))
    assert tenants_dir() == tmp_path / "elsewhere"
