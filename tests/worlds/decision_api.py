"""A service whose decision API the tests call, with one client of each sort."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from satchel_jose.base64url import encode
from tests.worlds.client_proofs import JWKS
from tests.worlds.http import Answer
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.issuers import IDP, PARTNER
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.satchel import Satchel
from tests.worlds.toml import confidential, configuration, public, settings, tables, user

KEY, SECRET, BEARER = "10001", "api secret", "api bearer"
CALLBACK = "https://web.example.com/callback"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def digest(text: str) -> str:
    """SHA-256 in hexadecimal."""
    return sha256(text.encode()).hexdigest()


_CLIENT = {
    "auth_methods": ["client_secret_basic", "client_secret_post"],
    "redirect_uris": [CALLBACK],
    "scopes": ["read", "write", "vault", "openid", "profile", "email", "offline_access"],
    "default_scopes": ["read"],
    "resources": [API, VAULT],
    "authorization_details_types": ["payment"],
}
_USUAL = ("authorization_code", "client_credentials", "password", "refresh_token")
_CLIENTS = [
    confidential("web", name="The web", number=4711, grants=[*_USUAL, EXCHANGE, JWT_BEARER, DEVICE_CODE], **_CLIENT),
    confidential("815", number=815, grants=["client_credentials"], **_CLIENT),
    confidential(
        "nameless",
        grants=["client_credentials", "authorization_code", "refresh_token"],
        require_pkce=False,
        subject_type="pairwise",
        userinfo_signed_response_alg="ES256",
        **_CLIENT,
    ),
    public("wallet", grants=["password", "refresh_token", EXCHANGE], dpop_bound_access_tokens=True, scopes=["read"]),
    {
        "id": "machine",
        "grants": ["client_credentials"],
        "auth_methods": ["self_signed_tls_client_auth"],
        "tls_client_certificate_bound_access_tokens": True,
        "jwks": JWKS,
        "scopes": ["read"],
    },
    confidential("rs", serves=[API, VAULT]),
]


def toml(api: str, text: str) -> str:
    """The configuration; `api` is more settings of that table, `text` more tables."""
    tokens = {"enabled": True, "tokens": [digest("another"), digest(BEARER)]}
    keys = {"key": KEY, "sha256": digest(SECRET)}, {"key": "10002", "sha256": digest("other secret")}
    return configuration(
        f"{text}\n[api]\n{settings(tokens)}{api}\n{tables('api.keys', *keys)}",
        issuer=ISSUER,
        default_resource=API,
        openid={"enabled": True, "pairwise_salt": "a salt of thirty-two characters!"},
        resources=[
            {"identifier": API, "scopes": ["read", "write"], "titles": {"read": "Read your tea leaves"}},
            {"identifier": VAULT, "scopes": ["vault", "read"], "format": "bag"},
        ],
        detail_types=[{"type": "payment", "members": ["amount", "actions"]}],
        **{"users.known": [user("alice", claims={"name": "Alice", "email": "alice@example.com"})]},
        issuers=[{"issuer": IDP.iss, "uses": ["jwt_bearer", "token_exchange"], "scopes": ["read"], "jwks": IDP.jwks}],
        clients=_CLIENTS,
    )


UNKNOWN = PARTNER
"""An issuer that is not configured."""


class DecisionApi(Satchel):
    """The service in this process."""

    def __init__(self, directory: Path, api: str = "", top: str = "", authorities: str = "") -> None:
        proxies = '[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "rfc9440"\n'
        proxies += f"authorities = '''\n{authorities}'''\n" if authorities else ""
        super().__init__(directory, toml(api, f"{top}\n{proxies}"))

    def raw(
        self,
        name: str,
        body: bytes,
        method: str = "POST",
        authorization: str | None = None,
        kind: str = "application/json",
        **headers: str,
    ) -> Answer:
        """What a call is answered, over HTTP."""
        pair = b64encode(f"{KEY}:{SECRET}".encode()).decode()
        sent = {"Authorization": f"Basic {pair}" if authorization is None else authorization, "Content-Type": kind}
        return self.request(method, f"/api/{name}", body, {**sent, **headers})

    def call(self, name: str, **message: Any) -> dict[str, Any]:
        """The answer to a call that is well made."""
        answer = self.raw(name, json.dumps(message).encode())
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def fault(self, name: str, **message: Any) -> str:
        """What is told of a call that is not well made."""
        answer = self.raw(name, json.dumps(message).encode())
        assert answer.status == 400, answer.body
        said = answer.json()
        assert set(said) == {"resultCode", "resultMessage"}
        assert said["resultMessage"].startswith(f"[{said['resultCode']}] ")
        return str(said["resultMessage"])

    def ask(self, form: dict[str, Any], client: str = "web", **message: Any) -> dict[str, Any]:
        """The answer of /auth/token to a request with Basic."""
        who = {"clientId": client, "clientSecret": "secret"} if client != "wallet" else {}
        form = {**form, "client_id": client} if client == "wallet" else form
        return self.call("auth/token", parameters=urlencode(form, doseq=True), **who, **message)

    def begin(self, client: str = "web", **changes: Any) -> dict[str, Any]:
        """The answer of /auth/authorization."""
        asked = {
            "client_id": client,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid offline_access read",
            "state": "s",
            "nonce": "n",
            "code_challenge": encode(CHALLENGE).decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        said = {name: value for name, value in asked.items() if value is not None}
        return self.call("auth/authorization", parameters=urlencode(said))

    def code(self, client: str = "web", issue: dict[str, Any] | None = None, **changes: Any) -> str:  # type: ignore[override]
        """A code that alice has consented to."""
        ticket = self.begin(client, **changes)["ticket"]
        issued = self.call("auth/authorization/issue", ticket=ticket, subject="alice", **(issue or {}))
        assert issued["action"] == "LOCATION", issued
        assert query_of(issued)["code"] == issued["authorizationCode"]
        return str(issued["authorizationCode"])

    def redeem(self, code: str, client: str = "web", **message: Any) -> dict[str, Any]:
        """The answer of /auth/token to a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.ask(form, client, **message)

    def tokens(self, client: str = "web", **changes: Any) -> dict[str, Any]:
        """The tokens that alice has consented to."""
        got = self.redeem(self.code(client, **changes), client)
        assert got["action"] == "OK", got
        return got

    def seen(self, token: str) -> dict[str, Any]:
        """What the standard introspection endpoint tells a resource server."""
        pair = b64encode(b"rs:secret").decode()
        return dict(self.introspect(token, {"Authorization": f"Basic {pair}"}).json())


def query_of(response: dict[str, Any]) -> dict[str, str]:
    """The parameters of the URL that a browser is sent to."""
    assert response["responseContent"].startswith(CALLBACK), response
    return dict(parse_qsl(urlsplit(response["responseContent"]).query))


def content(response: dict[str, Any]) -> dict[str, Any]:
    """What the client is to be answered."""
    return dict(json.loads(response["responseContent"]))
