"""The process of our dynamic resource types: what a state may name as a resource's provider."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.dynamic import __main__ as process
from components.resources.store import StoreProvider

OF_OLDER_STATES = {
    "gASVMwAAAAAAAACMGmNvbXBvbmVudHMucmVzb3VyY2VzLnN0b3JllIwNU3RvcmVQcm92aWRlcpSTlCmBlC4=": StoreProvider,
}
"""As a platform of commit 70e36e8 has them."""


class Attack:
    """What os.system is given is done when the pickle is loaded."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


def _with_settings() -> StoreProvider:
    provider = StoreProvider()
    provider.inputs = ()  # type: ignore[misc]
    return provider


@pytest.mark.parametrize("provider", process.PROVIDERS)
def test_each_of_our_providers_is_loaded(provider):
    """As Pulumi's SDK writes it today, by whatever pickle protocol."""
    assert type(process.load(base64.b64decode(serialize_provider(provider())))) is provider
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert type(process.load(pickle.dumps(provider(), protocol))) is provider


@pytest.mark.parametrize(("text", "provider"), OF_OLDER_STATES.items())
def test_states_made_before_go_on_working(text, provider):
    assert type(process.load(base64.b64decode(text))) is provider


def test_every_dynamic_resource_is_served():
    """A type that is missing in the list could be made and never be changed."""
    served = {provider.__module__ for provider in process.PROVIDERS}
    folder = Path(process.__file__).parents[1] / "resources"
    made = {f"components.resources.{file.stem}" for file in folder.glob("*.py") if "super().__init__(" in file.read_text(encoding="utf-8")}
    assert served == made


@pytest.mark.parametrize(
    "make",
    [
        lambda proof: Attack(proof),
        lambda proof: {"provider": Attack(proof)},
        lambda proof: [StoreProvider(), Attack(proof)],
        lambda proof: "text",
        lambda proof: _with_settings(),
        lambda proof: StoreProvider,
        lambda proof: Path("/"),
        lambda proof: pickle.Unpickler,
    ],
)
def test_nothing_else_is_and_nothing_of_it_runs(make, tmp_path):
    """A state that somebody has written to: its pickle neither calls nor imports anything."""
    proof = tmp_path / "proof"
    with pytest.raises(pickle.UnpicklingError, match="not one of Tenantry's"):
        process.load(pickle.dumps(make(proof)))
    assert not proof.exists()


def test_a_pickle_that_imports_is_refused_before_it_imports(tmp_path):
    with pytest.raises(pickle.UnpicklingError, match="not one of Tenantry's"):
        process.load(b"canyio_module_that_is_not_there\nname\n.")
