"""openid-client from npm, unchanged, on node: the flows are in openid_client/flows.mjs, the person is here."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from jwcrypto.jwk import JWK

from tests.interop.npm import npm_directory
from tests.interop.signer import KEY, SIGNER
from tests.worlds.demo import DEMO
from tests.worlds.gunicorn import Running
from tests.worlds.person import Person

pytestmark = [pytest.mark.slow, pytest.mark.external("node", "npm")]

FLOWS = Path(__file__).parent / "openid_client" / "flows.mjs"
NAMES = re.findall(r"^  async (\w+)\(", FLOWS.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the flows find the package."""
    return npm_directory(tmp_path_factory.mktemp("openid-client"), "openid-client@6.8.9", FLOWS)


def test_every_flow(module: Path, tmp_path: Path) -> None:
    done = []
    with Running(tmp_path, DEMO + SIGNER) as server, Person(server.url) as alice:
        flows = subprocess.Popen(
            ["node", "flows.mjs"],
            cwd=module,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert flows.stdin is not None
        assert flows.stdout is not None
        with flows:

            def tell(message: object) -> None:
                flows.stdin.write(json.dumps(message) + "\n")
                flows.stdin.flush()

            tell({"issuer": server.url, "jwk": JWK.from_pyca(KEY).export(as_dict=True)})
            for line in flows.stdout:
                if not line.startswith("{"):
                    raise AssertionError(line + flows.stdout.read())
                message = json.loads(line)
                if "authorize" in message:
                    url = alice.authorize(message["authorize"])
                    posted = alice.posted() if 'method="post"' in alice.page.lower() else None
                    tell({"url": url, "page": alice.page, "posted": posted})
                else:
                    done.append(message["done"])
    assert done == NAMES
    assert len(NAMES) == 14
