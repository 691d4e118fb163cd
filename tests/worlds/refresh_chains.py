"""A service for the tests of sessions (codes, refresh tokens, DPoP), with one client of each sort."""

from pathlib import Path
from typing import Any

from jwcrypto.jwk import JWK

from service.memory import Memory
from tests.worlds.http import Answer, basic, granted
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.satchel import Satchel
from tests.worlds.toml import confidential, configuration, public
from tests.worlds.users import known

RESOURCES = {"jwt": API, "bag": VAULT, "jwe": SEALED}
REDIRECT = "http://127.0.0.1/callback"
RS = basic("rs", "secret")

_RECIPIENT = JWK.generate(kty="EC", crv="P-256", kid="sealed-1")
_COMMON = {
    "redirect_uris": [REDIRECT],
    "scopes": ["read", "write", "vault", "sealed"],
    "resources": [API, VAULT, SEALED],
}
_PUBLIC = {"grants": ["authorization_code", "refresh_token"], **_COMMON}
_CONFIDENTIAL = {
    "auth_methods": ["client_secret_basic", "client_secret_post"],
    "grants": ["authorization_code", "refresh_token", "client_credentials"],
    **_COMMON,
}
_CLIENTS = [
    confidential("web", **_CONFIDENTIAL),
    confidential("other", **_CONFIDENTIAL),
    public("spa", **_PUBLIC),
    public("tab", **_PUBLIC),
    public("wallet", **_PUBLIC, dpop_bound_access_tokens=True),
    public("nonced", **_PUBLIC, dpop_nonce=True),
    confidential("once", **_CONFIDENTIAL | {"grants": ["authorization_code", "client_credentials"]}),
    confidential("rs", serves=[API, VAULT, SEALED]),
    confidential("rs-api", serves=[API]),
]
CONFIDENTIAL = ("web", "other", "once", "rs", "rs-api")


def toml(top: str = "", issuer: str = ISSUER) -> str:
    """The configuration; `top` is for what comes before its arrays of tables."""
    return configuration(
        top,
        issuer=issuer,
        default_resource=API,
        resources=[
            {"identifier": API, "scopes": ["read", "write"]},
            {"identifier": VAULT, "scopes": ["vault", "read"], "format": "bag"},
            {
                "identifier": SEALED,
                "scopes": ["sealed", "read"],
                "format": "jwe",
                "encryption_key": _RECIPIENT.export_public(as_dict=True),
            },
        ],
        clients=_CLIENTS,
        **{"users.known": [known("alice"), known("bob")]},
    )


class RefreshChains(Satchel):
    """The service in this process."""

    def __init__(self, directory: Path, top: str = "", memory: Memory | None = None) -> None:
        super().__init__(directory, toml(top), memory)

    def code(self, client: str = "web", **members: Any) -> str:
        """A code that alice has consented to."""
        usual = {"client_id": client, "scopes": ("read", "write", "vault", "sealed")}
        challenge = {} if client in CONFIDENTIAL else {"challenge": CHALLENGE}
        return super().code(**{**usual, **challenge, **members})

    def send(self, path: str, client: str, form: dict[str, Any], dpop: str | None = None) -> Answer:
        """POST as `client`."""
        headers = {} if dpop is None else {"DPoP": dpop}
        if client in CONFIDENTIAL:
            return self.post(path, form, {**headers, **basic(client, "secret")})
        return self.post(path, {**form, "client_id": client}, headers)

    def redeem(self, code: str, client: str = "web", dpop: str | None = None, **form: Any) -> Answer:
        """Present a code, a public client with the verifier that goes with `code`."""
        if client not in CONFIDENTIAL:
            form = {"code_verifier": VERIFIER, **form}
        form = {name: value for name, value in form.items() if value is not None}
        return self.send("/token", client, {"grant_type": "authorization_code", "code": code, **form}, dpop)

    def refresh(self, token: str, client: str = "web", dpop: str | None = None, **form: Any) -> Answer:
        """Present a refresh token."""
        return self.send("/token", client, {"grant_type": "refresh_token", "refresh_token": token, **form}, dpop)

    def begin(self, client: str = "web", dpop: str | None = None, **form: Any) -> dict[str, Any]:
        """The tokens of a new session."""
        return granted(self.redeem(self.code(client), client, dpop, **form))

    def revoke(self, token: str, client: str = "web", **form: Any) -> Answer:
        """Revoke a token."""
        return self.send("/revoke", client, {"token": token, **form})

    def seen(self, token: str) -> dict[str, Any]:
        """What introspection tells the resource server."""
        answer = self.introspect(token, RS)
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def active(self, token: str) -> bool:
        """Whether introspection says that the token is active."""
        return bool(self.seen(token)["active"])

    @property
    def reason(self) -> str:
        """Why the last request was refused, from the log."""
        return str([line for line in self.log if "endpoint" in line][-1].get("reason", ""))
