"""A service for the tests of sessions (codes, refresh tokens, DPoP), with one client of each sort."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from jwcrypto.jwk import JWK

from service.memory import Memory
from tests.worlds.http import Answer, basic, granted
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.satchel import Satchel
from tests.worlds.users import ALICE

RESOURCES = {"jwt": API, "bag": VAULT, "jwe": SEALED}
REDIRECT = "http://127.0.0.1/callback"
RS = basic("rs", "secret")

_DIGEST = sha256(b"secret").hexdigest()
_RECIPIENT = JWK.generate(kty="EC", crv="P-256", kid="sealed-1")
_COMMON = f"""redirect_uris = ["{REDIRECT}"]
scopes = ["read", "write", "vault", "sealed"]
resources = ["{API}", "{VAULT}", "{SEALED}"]
"""
_PUBLIC = 'auth_methods = ["none"]\ngrants = ["authorization_code", "refresh_token"]\n' + _COMMON
_CONFIDENTIAL = f"""secrets = [{{ sha256 = "{_DIGEST}" }}]
auth_methods = ["client_secret_basic", "client_secret_post"]
grants = ["authorization_code", "refresh_token", "client_credentials"]
{_COMMON}"""
_CLIENTS = {
    "web": _CONFIDENTIAL,
    "other": _CONFIDENTIAL,
    "spa": _PUBLIC,
    "tab": _PUBLIC,
    "wallet": _PUBLIC + "dpop_bound_access_tokens = true\n",
    "nonced": _PUBLIC + "dpop_nonce = true\n",
    "once": _CONFIDENTIAL.replace(', "refresh_token"', ""),
    "rs": f'secrets = [{{ sha256 = "{_DIGEST}" }}]\nserves = ["{API}", "{VAULT}", "{SEALED}"]\n',
    "rs-api": f'secrets = [{{ sha256 = "{_DIGEST}" }}]\nserves = ["{API}"]\n',
}
CONFIDENTIAL = ("web", "other", "once", "rs", "rs-api")


def inline(table: dict[str, Any]) -> str:
    """An inline table of TOML."""
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in table.items()) + " }"


def toml(top: str = "", issuer: str = ISSUER) -> str:
    """The configuration; `top` is for what comes before its arrays of tables."""
    resources = f"""
[[resources]]
identifier = "{API}"
scopes = ["read", "write"]
[[resources]]
identifier = "{VAULT}"
scopes = ["vault", "read"]
format = "bag"
[[resources]]
identifier = "{SEALED}"
scopes = ["sealed", "read"]
format = "jwe"
encryption_key = {inline(_RECIPIENT.export_public(as_dict=True))}
"""
    clients = "".join(f'[[clients]]\nid = "{name}"\n{more}' for name, more in _CLIENTS.items())
    return f'issuer = "{issuer}"\ndefault_resource = "{API}"\n{top}\n{resources}{clients}{ALICE}'


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
