"""What the engine leaves beside the project while a local cloud is in use is nothing to be committed."""

from __future__ import annotations

import subprocess

from local import stack_config


def git(clone, *arguments):
    return subprocess.run(["git", *arguments], cwd=clone, capture_output=True, text=True, check=True).stdout


def test_strays_are_left_alone_and_what_is_committed_is_not(tmp_path):
    """Once, in the clone and in a worktree of it; and nothing where there is no git."""
    stack_config._exclude_strays(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / "Pulumi.prod.yaml").write_text("a: 1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")
    git(tmp_path, "worktree", "add", "-q", "beside")
    for clone in (tmp_path, tmp_path / "beside"):
        for _ in range(2):
            stack_config._exclude_strays(clone)
        (clone / "Pulumi.acme.yaml").write_text("encryptionsalt: v1\n")
        (clone / "Pulumi.prod.yaml").write_text("a: 2\n")
        assert "acme" not in git(clone, "status", "--short", "--untracked-files=all")
        assert "M Pulumi.prod.yaml" in git(clone, "status", "--short")
    assert (tmp_path / ".git" / "info" / "exclude").read_text().count(stack_config.STRAYS) == 1
