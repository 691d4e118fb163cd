"""A service for the tests of OpenID Connect, with one client of each sort."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
from jwcrypto.jwk import JWK

from service.bags.ids import fresh_id
from service.bags.kinds import SID_CHARS, Browser, Grant, Login, Session, SessionClient
from service.config import Config
from service.decisions.browser_request import BrowserRequest
from service.decisions.decision import Decision
from service.decisions.session.logout import decide_logout, decide_logout_confirmed
from service.decisions.token.code import code_for
from service.memory import Memory
from service.protocol.digests import client_digest
from service.protocol.ports import User
from service.protocol.subject import session_id
from tests.worlds.http import Answer, basic, granted
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.satchel import Satchel
from tests.worlds.toml import confidential, configuration, user

RS = basic("rs", "secret")
SALT = "a salt of thirty-two characters!"
SCOPES = "openid profile email address phone offline_access"
AFTER = "https://web.example.com/bye"

CLAIMS = {
    "name": "Alice Liddell",
    "name#ja": "アリス",
    "birthdate": "1852-05-04",
    "email": "alice@example.com",
    "email_verified": True,
    "address": {"country": "GB", "locality": "Oxford"},
    "phone_number": "+44 1865 000000",
    "groups": ["tea party"],
    "iss": "https://evil.example.com",
    "nonce": "of her own",
    "sub": "somebody else",
}

RECIPIENTS = {
    "rsa": JWK.generate(kty="RSA", size=2048, kid="rsa-1", use="enc"),
    "p256": JWK.generate(kty="EC", crv="P-256", kid="p256-1", use="enc"),
    "x25519": JWK.generate(kty="OKP", crv="X25519", kid="x25519-1", use="enc"),
}
_ALGS = ("ES256", "EdDSA", "PS256", "ES384")
_SEALED_KEY = JWK.generate(kty="EC", crv="P-256", kid="sealed-1")


def _client(name: str, host: str = "", **more: Any) -> dict[str, Any]:
    usual = {
        "name": f"The {name}",
        "grants": ["authorization_code", "refresh_token", "client_credentials"],
        "redirect_uris": [f"https://{host or name}.example.com/callback"],
        "scopes": [*SCOPES.split(), "read", "vault", "sealed"],
        "resources": [API, VAULT, SEALED],
    }
    return confidential(name, **usual | more)


def _clients() -> list[dict[str, Any]]:
    after = [AFTER, f"{AFTER}?from=web"]
    quiet = [scope for scope in SCOPES.split() if scope not in ("profile", "email")]
    shared: dict[str, Any] = {"host": "shared", "subject_type": "pairwise"}
    for_recipients = [
        _client(f"for-{name}", jwks={"keys": [key.export_public(as_dict=True)]}, id_token_encrypted_response=True)
        for name, key in RECIPIENTS.items()
    ]
    return [
        confidential("rs", serves=[API, VAULT, SEALED]),
        confidential(
            "gateway",
            grants=["urn:ietf:params:oauth:grant-type:token-exchange"],
            resources=[VAULT],
            serves=[API],
        ),
        _client("web", post_logout_redirect_uris=after, backchannel_logout_uri="https://web.example.com/logged-out"),
        _client("other", backchannel_logout_uri="https://other.example.com/logged-out"),
        _client("quiet", scopes=[*quiet, "read", "email", "vault", "sealed"]),
        _client("signed", userinfo_signed_response_alg="ES256"),
        *(_client(alg.lower(), id_token_signed_response_alg=alg) for alg in _ALGS),
        *for_recipients,
        _client("pair-a", post_logout_redirect_uris=after, **shared),
        _client("pair-b", backchannel_logout_uri="https://b.example.com/out", **shared),
        _client("pair-c", sector_identifier="elsewhere.example.com", **shared),
    ]


def toml(top: str = "", users: bool = True) -> str:
    """The configuration; `top` is for what comes before its arrays of tables."""
    claims = {name: value for name, value in CLAIMS.items() if isinstance(value, str | bool | list | dict)}
    resources: list[dict[str, Any]] = [
        {"identifier": API, "scopes": ["read"], "claims": {"tier": "gold"}},
        {"identifier": VAULT, "scopes": ["vault"], "format": "bag"},
        {"identifier": SEALED, "scopes": ["sealed"], "format": "jwe"},
    ]
    resources[-1]["encryption_key"] = _SEALED_KEY.export_public(as_dict=True)
    return configuration(
        top,
        issuer=ISSUER,
        default_resource=API,
        openid={"enabled": True, "pairwise_salt": SALT},
        keys={"signing_algs": _ALGS},
        resources=resources,
        clients=_clients(),
        exchanges=[{"clients": ["gateway"], "audiences": [VAULT], "scopes": ["vault"]}],
        **{"users.known": [user("alice", claims=claims), user("mallory")] if users else []},
    )


class OnlyLoginTells:
    """Users of whom nothing is known but at their login, as with a login application."""

    async def authenticate(self, username: str, password: str) -> User | None:
        return None

    def may_exist(self, sub: str) -> bool:
        return True

    async def claims(self, sub: str) -> dict[str, Any] | None:
        return None


class OpenId(Satchel):
    """The service in this process; `told` is what clients were told on the back channel, `deaf` who does not listen."""

    def __init__(self, directory: Path, top: str = "", memory: Memory | None = None, users: bool = True) -> None:
        super().__init__(directory, toml(top, users), memory)
        self.told: list[tuple[str, dict[str, str]]] = []
        self.deaf: set[str] = set()
        ports = self.context.ports._replace(notify=self._notify)
        if not users:
            ports = ports._replace(users=OnlyLoginTells())
        self.app.runtime.context = self.context._replace(ports=ports)

    async def _notify(self, url: str, form: dict[str, str]) -> bool:
        await asyncio.sleep(0)
        self.told.append((url, form))
        return url not in self.deaf

    @property
    def settings(self) -> Config:
        return self.context.registry.config

    def grant(self, client: str = "web", **members: Any) -> Grant:
        """What alice has granted to `client`."""
        usual = {"family": fresh_id(), "client": client_digest(client), "sub": "alice", "scope": "openid read"}
        known = {"memory": self.context.memory.identity, "auth_time": int(self.now) - 5, "amr": ("pwd",)}
        return Grant(**{**usual, **known, **members})

    def redeem(
        self, client: str = "web", nonce: str = "", dpop: str | None = None, form: Any = None, **of: Any
    ) -> Answer:
        """The answer to a code for a grant with these members."""
        code = code_for(self.context, self.now, self.grant(client, **of), redirect_uri=None, nonce=nonce)
        return self.send(client, {"grant_type": "authorization_code", "code": code, **(form or {})}, dpop)

    def send(self, client: str, form: dict[str, Any], dpop: str | None = None) -> Answer:
        """POST to /token."""
        return self.post("/token", form, {**basic(client, "secret"), **({} if dpop is None else {"DPoP": dpop})})

    def tokens(self, client: str = "web", **of: Any) -> dict[str, Any]:
        """The tokens for a grant."""
        return granted(self.redeem(client, **of))

    def key(self, token: str) -> Any:
        """The published key that signed `token`."""
        return jwt.PyJWKSet.from_dict(self.get("/jwks").json())[jwt.get_unverified_header(token)["kid"]]

    def claims(self, id_token: str, client: str = "web") -> dict[str, Any]:
        """What an ID token says, as PyJWT verifies it by /jwks."""
        header = jwt.get_unverified_header(id_token)
        assert header["typ"] == "JWT"
        options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "iat"]}
        return dict(
            jwt.decode(id_token, self.key(id_token), [header["alg"]], audience=client, issuer=ISSUER, options=options)
        )

    def userinfo(self, token: str, scheme: str = "Bearer", method: str = "GET", **headers: str) -> Answer:
        """What /userinfo answers."""
        return self.request(method, "/userinfo", headers={"Authorization": f"{scheme} {token}", **headers})

    def seen(self, token: str) -> dict[str, Any]:
        """What introspection tells the resource server."""
        return dict(self.introspect(token, RS).json())

    # --- browsers

    def session(self, *served: str, sub: str = "alice", **members: Any) -> tuple[Session, str]:
        """A session that has served these clients, and its cookie."""
        login = Login(sub, int(self.now) - 5)
        clients = tuple(SessionClient(client_digest(client), "openid") for client in served)
        times = {"iat": int(self.now), "exp": int(self.now) + 3600}
        usual = {"sid": fresh_id()[:SID_CHARS], "login": login, "clients": clients}
        session = Session(**{"iss": ISSUER, "jti": fresh_id(), **times, **usual, **members})
        return session, self.context.snapshot.seal(session, self.now)

    def id_token(self, session: Session, client: str = "web") -> str:
        """The ID token that `client` got in `session`."""
        registered = self.context.registry.clients.find(client)
        assert registered is not None
        family = session_id(session.sid, registered, self.settings) + fresh_id()[:SID_CHARS]
        return str(self.tokens(client, family=family, sub=session.login.sub)["id_token"])

    def browser(self) -> str:
        """The cookie of a browser."""
        bag = Browser(ISSUER, fresh_id(), int(self.now), int(self.now) + 3600)
        return self.context.snapshot.seal(bag, self.now)

    def logout(self, session: str = "", browser: str = "", **parameters: str) -> Decision:
        """The decision on a logout."""
        browser_request = BrowserRequest(urlencode(parameters).encode(), session, browser)
        return asyncio.run(decide_logout(self.context, browser_request, self.now))

    def confirm(self, ticket: str, session: str = "", browser: str = "") -> Decision:
        """The decision on the answer to its page."""
        browser_request = BrowserRequest(urlencode({"ticket": ticket}).encode(), session, browser)
        return asyncio.run(decide_logout_confirmed(self.context, browser_request, self.now))
