"""GitHub's workflows run what somebody has looked at, with no more rights than they need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).resolve().parents[2] / ".github" / "workflows").iterdir())
PINNED = re.compile(r"\s*(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_pinned(file: Path) -> None:
    """Each by the digest of a commit, which cannot be moved as a tag can, with the version beside it for whoever renews it."""
    named = [line for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert named
    assert [line for line in named if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_job_keeps_no_credentials(file: Path) -> None:
    """The token is not left in the checkout, where every test could read it, and may do nothing but read."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert "permissions" not in job
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)
