"""docs/clients.md: its configuration loads, and its clients get tokens the way the page says."""

import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK

from service.app import load
from tests.worlds.certificates import certificate, escaped_pem
from tests.worlds.client_proofs import EC_KEY, public_jwk
from tests.worlds.demo import ROOT
from tests.worlds.dpop import Holder
from tests.worlds.gunicorn import Running
from tests.worlds.http import Answer, basic
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.toml import value
from tests.worlds.users import ALICE

PAGE = (ROOT / "docs" / "clients.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TOML = "".join(text for language, text in BLOCKS if language == "toml")
ASSERTION, AUTHLIB, JOSERFC = (text for language, text in BLOCKS if language == "python")
CURLS = [shlex.split(line) for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
HEAD = """
issuer = "https://auth.example.com"
default_resource = "https://api.example.com"

[[resources]]
identifier = "https://api.example.com"
scopes = ["read"]
"""
SEALED = """
[[resources]]
identifier = "https://sealed.example.com"
scopes = ["read"]
format = "jwe"
encryption_key = """


def page(issuer: str = "https://auth.example.com") -> str:
    """The page's configuration, with a key of ours in the place of its published example."""
    text = re.sub(r"^jwks = .*$", f"jwks = {value({'keys': [public_jwk(EC_KEY)]})}", TOML, flags=re.MULTILINE)
    return HEAD.replace("https://auth.example.com", issuer) + text + ALICE


@pytest.fixture
def satchel(tmp_path: Path) -> Satchel:
    return Satchel(tmp_path, page())


def namespace(text: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    exec(compile(text, "docs/clients.md", "exec"), made)
    return made


def granted(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return dict(answer.json())


def test_the_configuration_of_the_page_loads_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(HEAD + TOML)
    assert len(load(file, {}).clients) == PAGE.count("[[clients]]\n")


def curl(satchel: Satchel, words: list[str], token: str = "") -> Answer:
    """What a curl line sends."""
    options = dict.fromkeys(("-u", "--cert", "--key"), "")
    data = []
    for option, word in zip(words[1:-1:2], words[2:-1:2], strict=True):
        if option == "-d":
            data.append(word.replace("$TOKEN", token))
        else:
            options[option] = word
    client, _, secret = options["-u"].partition(":")
    headers = basic(client, secret) if client else {}
    if options["--cert"]:
        headers["X-SSL-Client-Cert"] = escaped_pem(certificate())
    return satchel.post(words[-1].removeprefix("https://auth.example.com"), "&".join(data), headers)


def test_the_curl_lines(satchel: Satchel) -> None:
    tokens = [granted(curl(satchel, words))["access_token"] for words in CURLS if words[-1].endswith("/token")]
    assert len(tokens) == 3
    (introspect,) = [words for words in CURLS if words[-1].endswith("/introspect")]
    told = [granted(curl(satchel, introspect, token)) for token in tokens]
    assert [(each["active"], each["client_id"]) for each in told] == [
        (True, "reports"),
        (True, "reports"),
        (True, "service"),
    ]
    assert "x5t#S256" in told[2]["cnf"]


def test_the_secret_that_a_person_chose(satchel: Satchel) -> None:
    granted(satchel.post("/token", "grant_type=client_credentials", basic("legacy", "wonderland")))


def test_the_assertion(satchel: Satchel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    example = namespace(ASSERTION)
    for _ in range(2):
        granted(satchel.post("/token", example["token_request"]("signer", EC_KEY)))
    form = example["token_request"]("hmac", EC_KEY)
    secret = re.findall(r'hmac_secret = "(.*)"', TOML)[0]
    granted(satchel.post("/token", {**form, "client_assertion": example["assertion"]("hmac", secret, "HS256")}))
    example["assertion"].__globals__["ISSUER"] += "/token"
    assert satchel.post("/token", example["token_request"]("signer", EC_KEY)).status == 401


@pytest.mark.slow
def test_authlib(tmp_path: Path) -> None:
    with Running(tmp_path, page("http://127.0.0.1:{port}"), workers=1) as server:
        example = namespace(AUTHLIB.replace("https://auth.example.com", server.url))
        key = ECKey.import_key(EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with OAuth2Session(
            "signer", key, token_endpoint=server.url + "/token", token_endpoint_auth_method="private_key_jwt"
        ) as session:
            assert example["fetch"](session)["token_type"] == "Bearer"
            assert example["fetch"](session)["token_type"] == "Bearer"


def redeem(satchel: Satchel, client: str, **headers: str) -> Answer:
    code = satchel.code(client_id=client, scopes=("read",), challenge=CHALLENGE)
    form = {"grant_type": "authorization_code", "client_id": client, "code": code, "code_verifier": VERIFIER}
    return satchel.post("/token", form, headers)


def test_a_page_in_a_browser(satchel: Satchel) -> None:
    answer = redeem(satchel, "page", Origin="https://app.example.com")
    assert granted(answer)["refresh_token"]
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


def test_a_wallet_and_its_nonce(satchel: Satchel) -> None:
    holder, url = Holder(), "https://auth.example.com/token"
    first = redeem(satchel, "wallet", DPoP=holder.proof(NOW, url))
    assert (first.status, first.json()["error"]) == (400, "use_dpop_nonce")
    proof = holder.proof(NOW, url, nonce=first.headers["dpop-nonce"])
    assert granted(redeem(satchel, "wallet", DPoP=proof))["token_type"] == "DPoP"


def test_joserfc_opens_what_is_sealed_to_a_resource_server(tmp_path: Path) -> None:
    key = JWK.from_pyca(ec.generate_private_key(ec.SECP256R1()))
    sealed = SEALED + value({**key.export_public(as_dict=True), "kid": "rs-1"}) + "\n"
    client = 'resources = ["https://sealed.example.com"]\n'
    text = page().replace('id = "reports"\n', f'id = "reports"\n{client}')
    satchel = Satchel(tmp_path, text + sealed)
    token = granted(satchel.post("/token", "grant_type=client_credentials", basic("reports", "secret")))["access_token"]
    private = ECKey.import_key({**key.export(as_dict=True), "kid": "rs-1"})
    assert namespace(JOSERFC)["inner"](token, private).count(".") == 2
