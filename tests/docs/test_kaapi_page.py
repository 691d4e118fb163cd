"""docs/kaapi.md: each flow is served by gunicorn as the page has it, and gone through by Authlib's sessions."""

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from jwt import PyJWKClient

from service.config.check_grants import DEVICE_CODE
from tests.worlds.demo import ROOT
from tests.worlds.gunicorn import Running
from tests.worlds.http import Answer, basic
from tests.worlds.person import Person

PAGE = (ROOT / "docs" / "kaapi.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FLOWS = [(BLOCKS[n][1], BLOCKS[n + 1][1]) for n in range(0, len(BLOCKS), 2)]
CODE, CREDENTIALS, DEVICE = range(3)
KAAPI = (43, 31, 33)
"""Lines of the three examples in kaapi's "Token Issuance with tokenRoute" (NOTES_doc_auth4.md), without blank ones."""
CALLBACK = "http://127.0.0.1:5173/callback"


def serve(directory: Path, flow: int) -> Running:
    """The service of a flow, as the page has it."""
    toml, python = FLOWS[flow]
    name = re.match(r"# (flows/\w+\.py)\n", python)
    assert name is not None
    path = directory / "code" / name[1]
    path.parent.mkdir(parents=True)
    path.write_text(python)
    server = Running(directory, toml, workers=1)
    server.environ["PYTHONPATH"] = str(directory / "code")
    return server


def verified(server: Running, token: str, audience: str) -> dict[str, Any]:
    key = PyJWKClient(server.url + "/jwks").get_signing_key_from_jwt(token)
    said: dict[str, Any] = jwt.decode(token, key, audience=audience, issuer=server.url)
    return said


@pytest.mark.parametrize("flow", [CODE, CREDENTIALS, DEVICE])
def test_each_flow_has_fewer_lines_than_its_original(flow: int) -> None:
    assert [language for language, _ in BLOCKS] == ["toml", "python"] * 3
    assert sum(bool(line.strip()) for text in FLOWS[flow] for line in text.splitlines()) < KAAPI[flow]


@pytest.mark.slow
def test_authorization_code(tmp_path: Path) -> None:
    with serve(tmp_path, CODE) as server:
        for client_id, method in [("web", "client_secret_basic"), ("spa", "none")]:
            client: Any = OAuth2Session(
                client_id,
                "secret" if client_id == "web" else None,
                token_endpoint_auth_method=method,
                redirect_uri=CALLBACK,
                scope="openid email read" + (" offline_access" if client_id == "web" else ""),
                code_challenge_method="S256",
            )
            verifier = generate_token(48)
            url, state = client.create_authorization_url(server.url + "/authorize", code_verifier=verifier)
            with Person(server.url) as alice:
                back = alice.authorize(url)
            redeem = {"authorization_response": back, "state": state, "code_verifier": verifier}
            answer = client.fetch_token(server.url + "/token", **redeem)
            access = verified(server, answer["access_token"], "https://api.example.com")
            assert (access["sub"], access["client_id"], access["team"]) == ("u-alice", client_id, "red")
            assert access["exp"] - access["iat"] == answer["expires_in"] == 3600
            said = verified(server, answer["id_token"], client_id)
            assert (said["sub"], said["email"]) == ("u-alice", "alice@example.com")
            assert ("refresh_token" in answer) == (client_id == "web")
            with pytest.raises(OAuthError, match="invalid_grant"):
                client.fetch_token(server.url + "/token", **redeem)
            url, state = client.create_authorization_url(server.url + "/authorize", code_verifier=verifier)
            with Person(server.url, name="mallory") as mallory:
                back = mallory.authorize(url)
            with pytest.raises(OAuthError, match="the account is closed"):
                client.fetch_token(
                    server.url + "/token", authorization_response=back, state=state, code_verifier=verifier
                )


@pytest.mark.slow
def test_client_credentials(tmp_path: Path) -> None:
    with serve(tmp_path, CREDENTIALS) as server:
        client: Any = OAuth2Session("job", "secret", token_endpoint_auth_method="client_secret_basic", scope="write")
        answer = client.fetch_token(server.url + "/token", grant_type="client_credentials")
        said = verified(server, answer["access_token"], "https://api.example.com")
        assert (said["sub"], said["scope"], said["cost_center"]) == ("job", "write", "4711")
        nothing = server.post("/token", {"grant_type": "client_credentials"}, basic("job", "secret"))
        assert (nothing.status, nothing.json()["error"]) == (400, "invalid_request")
        assert server.post("/token", {"grant_type": "client_credentials"}, basic("job", "x")).status == 401


@pytest.mark.slow
def test_device(tmp_path: Path) -> None:
    with serve(tmp_path, DEVICE) as server:
        device = server.post("/device_authorization", {"client_id": "tv"}).json()

        def poll(**more: str) -> Answer:
            form = {"grant_type": DEVICE_CODE, "client_id": "tv", "device_code": device["device_code"], **more}
            return server.request("POST", "/token", urlencode(form).encode())

        def wait_for(error: str) -> Answer:
            """Poll at most once a second until the answer is not `error`."""
            deadline = time.monotonic() + 30
            while (answer := poll()).json().get("error") == error:
                assert time.monotonic() < deadline
                time.sleep(1)
            return answer

        assert poll(serial="stolen").json()["error_description"] == "this device was stolen"
        assert wait_for("slow_down").json()["error"] == "authorization_pending"
        with Person(server.url) as alice:
            alice.authorize(device["verification_uri_complete"])
        answer = wait_for("slow_down")
        assert answer.status == 200, answer.body
        said = verified(server, answer.json()["access_token"], "https://api.example.com")
        assert (said["sub"], said["client_id"]) == ("u-alice", "tv")
