"""The states of tests are encrypted with a key in the local cloud's AWS, as in production.

The engine makes a passphrase's key anew in every process, a million rounds of it: that was up to a quarter of the processor time of tests
that run it. Tests that begin with nothing keep the passphrase.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.home import Home


def encrypt_states(home: Home, environment: Mapping[str, str]) -> None:
    """Makes the key, and has all stacks of the home use it that are made from now on."""
    key = _client(environment).create_key()["KeyMetadata"]["KeyId"]
    # The address is part of it: where a test takes AWS away from the program, the engine still reads its state.
    provider = f"awskms://{key}?region={environment['AWS_REGION']}&endpoint={environment['AWS_ENDPOINT_URL']}&awssdk=v2"
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch)
        (project / "Pulumi.yaml").write_text("name: scratch\nruntime: python\n")
        kept = {name: value for name, value in environment.items() if name != "PULUMI_OPTION_CONFIG_FILE"}
        subprocess.run(
            ["pulumi", "stack", "init", "scratch", "--non-interactive", "--secrets-provider", provider],
            cwd=project,
            env={**kept, "PULUMI_BACKEND_URL": project.as_uri()},
            check=True,
            capture_output=True,
        )
        home.stack_config.write_bytes((project / "Pulumi.scratch.yaml").read_bytes())


def data_key(encrypted: str, environment: Mapping[str, str]) -> AESGCM:
    """The key of a state's secrets, from ``encryptedkey`` in it."""
    return AESGCM(_client(environment).decrypt(CiphertextBlob=base64.b64decode(encrypted))["Plaintext"])


def _client(environment: Mapping[str, str]) -> Any:
    return boto3.client(
        "kms",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
