"""oauth4webapi from npm, unchanged, on node: the flows are in oauth4webapi/flows.mjs."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK

from service.decisions.token.code import mint_code
from tests.interop.npm import npm_directory
from tests.worlds.client_proofs import EC_KEY, client_toml, public_jwk
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.identifiers import API
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import REDIRECT, toml

pytestmark = [pytest.mark.slow, pytest.mark.external("node", "npm")]

FLOWS = Path(__file__).parent / "oauth4webapi" / "flows.mjs"
NAMES = re.findall(r"^  async (\w+)\(", FLOWS.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the flows find the package."""
    return npm_directory(tmp_path_factory.mktemp("oauth4webapi"), "oauth4webapi@3.8.8", FLOWS)


def test_every_flow(module: Path, tmp_path: Path) -> None:
    signer = client_toml(
        "signer",
        "private_key_jwt",
        jwks={"keys": [public_jwk(EC_KEY)]},
        grants=["client_credentials"],
        scopes=["read"],
        resources=[API],
    )
    with Running(tmp_path, toml("", "http://127.0.0.1:{port}") + signer) as server:
        context = context_of(server)

        def code(client: str) -> str:
            members: dict[str, Any] = {"redirect_uri": REDIRECT, "challenge": CHALLENGE}
            return mint_code(context, time.time(), client_id=client, sub="alice", scopes=("read",), **members)

        needed = {
            "issuer": server.url,
            "audience": API,
            "redirect": REDIRECT,
            "verifier": VERIFIER,
            "codes": {client: code(client) for client in ("web", "spa", "nonced")},
            "jwk": JWK.from_pyca(EC_KEY).export(as_dict=True),
        }
        done = subprocess.run(
            ["node", "flows.mjs"], cwd=module, input=json.dumps(needed), capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == NAMES
    assert len(NAMES) == 10
