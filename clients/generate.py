"""Writes the Python client of the service from its description: `make client`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from tenantry.web.app import create

PACKAGE: Final = Path(__file__).parent / "python" / "tenantry_client"
MADE: Final = PACKAGE.parent / "made_from.json"
PROBLEM: Final = "application/problem+json"
ANSWERED: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
CONFIGURATION: Final = """\
project_name_override: tenantry-client
package_name_override: tenantry_client
literal_enums: true
post_hooks:
  - ruff check . --isolated --fix-only --extend-select=I
  - ruff format . --isolated --line-length 140
"""


def description() -> dict[str, Any]:
    """The service's own, in which all problems of a call are one answer: else the client has a good deal more code."""
    described: dict[str, Any] = create().openapi()
    for calls in described["paths"].values():
        for call in calls.values():
            answers = call["responses"]
            for status in [status for status, answer in answers.items() if PROBLEM in answer.get("content", {})]:
                answers["default"] = {"description": "A problem", "content": ANSWERED}
                del answers[status]
    return described


def generate() -> None:
    """Writes the package, and beside it what it was made from."""
    with tempfile.TemporaryDirectory() as folder:
        source, configuration = Path(folder, "openapi.json"), Path(folder, "configuration.yaml")
        source.write_text(json.dumps(description()))
        configuration.write_text(CONFIGURATION)
        command = ["openapi-python-client", "generate", "--path", source, "--config", configuration, "--meta", "none", "--overwrite"]
        done = subprocess.run([*command, "--output-path", PACKAGE], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "WARNING" in done.stdout + done.stderr:
        raise SystemExit(done.stdout + done.stderr)
    MADE.write_text(json.dumps(digests(), indent=2) + "\n")


def digests() -> dict[str, str]:
    """SHA-256 of the description as it is now, and of the package's files."""
    files = sorted(path for path in PACKAGE.rglob("*.py"))
    content = b"".join(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes() for path in files)
    described = json.dumps(description(), sort_keys=True).encode()
    return {"description": hashlib.sha256(described).hexdigest(), "files": hashlib.sha256(content).hexdigest()}


if __name__ == "__main__":
    generate()
