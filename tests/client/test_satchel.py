"""The verifier against Satchel: every format of its tokens, DPoP, introspection, and keys that come and go."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from satchel_client.client_auth import ClientSecretBasic
from satchel_client.errors import InvalidToken
from satchel_client.introspection import Introspection
from satchel_client.jwe import read_own_keys
from satchel_client.presented import Presented
from satchel_client.requirement import Requirement
from satchel_client.verifier import Verifier

from tests.client.issuer import Prover
from tests.worlds.demo import CXF, MACHINES, ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.identifiers import ISSUER
from tests.worlds.token_formats import NAMES, TokenFormats, recipient_keys, resource

API, VAULT = "https://api.example.com", "https://vault.example.com"


@pytest.fixture(scope="module")
def every_format(tmp_path_factory: pytest.TempPathFactory) -> TokenFormats:
    return TokenFormats(tmp_path_factory.mktemp("every-format"))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"bag"}))
def test_every_format_that_is_checked_offline(every_format: TokenFormats, name: str) -> None:
    verifier = Verifier(
        ISSUER,
        resource(name),
        jwks=every_format.get("/jwks").body,
        own_keys=read_own_keys(key.export(as_dict=True) for key in recipient_keys().values()),
        clock=lambda: every_format.now,
    )
    token = every_format.issue(name)
    assert verifier.verify(token, Requirement("read write")).client_id == "app"
    others = Verifier(ISSUER, API, jwks=every_format.get("/jwks").body, clock=lambda: every_format.now)
    with pytest.raises(InvalidToken):
        others.verify(token)


@pytest.mark.slow
def test_discovery_against_a_running_server(running: Running) -> None:
    with Verifier(running.url, API) as verifier:
        assert verifier.verify(running.token(scope="read"), Requirement("read")).subject == "123456789"
        with pytest.raises(InvalidToken):
            verifier.verify(running.token(scope="vault", resource=VAULT))


@pytest.mark.slow
def test_sealed_tokens_are_asked_about(running: Running) -> None:
    introspection = Introspection(ClientSecretBasic("vault", "vault-secret"))
    with Verifier(running.url, VAULT, introspection=introspection) as verifier:
        sealed = running.token(scope="vault", resource=VAULT)
        assert verifier.verify(sealed, Requirement("vault")).client_id == "123456789"
        with pytest.raises(InvalidToken):
            verifier.verify(sealed[:-1] + ("A" if sealed[-1] != "A" else "B"))
        revoked = running.token(scope="vault", resource=VAULT)
        assert running.post("/revoke", {"token": revoked}, CXF).status == 200
        with pytest.raises(InvalidToken):
            verifier.verify(revoked)


@pytest.mark.slow
def test_bound_tokens(running: Running) -> None:
    prover, url = Prover(), f"{API}/rooms"
    at_the_server = prover.proof("POST", f"{running.url}/token", "", time.time(), ath=None)
    answer = running.post("/token", {"grant_type": "client_credentials"}, {**CXF, "DPoP": at_the_server})
    assert answer.json()["token_type"] == "DPoP"
    token = answer.json()["access_token"]
    with Verifier(running.url, API) as verifier:
        presented = Presented(token, "dpop", (prover.proof("GET", url, token, time.time()),), "GET", url)
        assert verifier.verify(presented).jkt == prover.jkt
        for refused in (presented, Presented(token), presented._replace(url=f"{API}/other")):
            with pytest.raises(InvalidToken):
                verifier.verify(refused)


LIVES = """
[keys]
period = 6
publish_ahead = 5
jwks_max_age = 1
reload = 1
skew = 1
sig_life = 8
bag_life = 2678400

[lifetimes]
access_token = 8
id_token = 8

[memory]
"""


@pytest.fixture
def restless(tmp_path: Path) -> Iterator[Running]:
    """A Satchel with a new signing key every six seconds."""
    with Running(tmp_path, MACHINES.replace("[memory]", LIVES, 1)) as server:
        yield server


@pytest.mark.slow
def test_keys_change_while_eight_processes_verify_and_no_valid_token_is_refused(restless: Running) -> None:
    command = [sys.executable, "-m", "tests.client.verifying", restless.url, "15"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "client")])
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(8)
    ]
    try:
        while any(process.poll() is None for process in processes):
            restless.keys("rotate")
            time.sleep(0.5)
        results: list[dict[str, Any]] = []
        for process in processes:
            output, errors = process.communicate()
            assert process.returncode == 0, errors
            results.append(json.loads(output))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [result["refused"] for result in results] == [[]] * 8
    assert all(result["verified"] > 100 for result in results), results
    assert len({kid for result in results for kid in result["kids"]}) >= 3, results


@pytest.mark.slow
def test_a_key_that_is_revoked_is_gone_with_the_next_set(running: Running) -> None:
    """What the key has signed is believed no longer than the JWKS may be cached."""
    uptime = 0.0
    with Verifier(running.url, API, monotonic=lambda: uptime) as verifier:
        token = running.token()
        assert verifier.verify(token).subject == "123456789"
        (active,) = (key for key in json.loads(running.keys("show", "--json"))["keys"] if _signs(key))
        running.keys("revoke", active["kid"])
        time.sleep(6)  # in five seconds every worker has noticed
        uptime += 90_000
        with pytest.raises(InvalidToken):
            verifier.verify(token)
        assert verifier.verify(running.token()).subject == "123456789"


def _signs(key: dict[str, Any]) -> bool:
    return key["purpose"] == "sig" and key["state"] == "active" and key["alg"] == "ES256"
