"""A service for the tests of sessions (codes, refresh tokens, DPoP), with one client of each sort."""

import asyncio
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWSCore

from service.app import create_context, key_store, load
from service.bags.ids import fresh_id
from service.decisions.context import Context
from service.memory import Memory, MemoryFull, MemoryStatus, MemoryUnavailable, open_memory
from tests.satchel import Answer, Running, Satchel, basic

ISSUER = "https://as.example.com"
API, VAULT, SEALED = "https://api.example.com", "https://vault.example.com", "https://sealed.example.com"
RESOURCES = {"jwt": API, "bag": VAULT, "jwe": SEALED}
REDIRECT = "http://127.0.0.1/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = sha256(VERIFIER.encode()).digest()
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
    return f'issuer = "{issuer}"\ndefault_resource = "{API}"\n{top}\n{resources}{clients}'


class Holder:
    """Somebody who holds a DPoP key (RFC 9449)."""

    def __init__(self, **parameters: Any) -> None:
        self.key = JWK.generate(**parameters or {"kty": "EC", "crv": "P-256"})
        self.jkt = str(self.key.thumbprint())

    def proof(
        self,
        now: float,
        url: str = ISSUER + "/token",
        alg: str = "ES256",
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A proof for a POST to `url`; a claim that is given as None is left out."""
        public = self.key.export_public(as_dict=True) if self.key.has_public else {}
        protected = {"typ": "dpop+jwt", "alg": alg, "jwk": public, **(header or {})}
        said = {"jti": fresh_id(), "htm": "POST", "htu": url, "iat": int(now), **claims}
        payload = json.dumps({name: value for name, value in said.items() if value is not None})
        signed = JWSCore(alg, self.key, json.dumps(protected), payload, [alg]).sign()
        return f"{signed['protected']}.{signed['payload'].decode()}.{signed['signature']}"


class Sessions(Satchel):
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


def granted(answer: Answer) -> dict[str, Any]:
    """The tokens in an answer."""
    assert answer.status == 200, answer.body
    return dict(answer.json())


def refused(answer: Answer, error: str = "invalid_grant", status: int = 400) -> None:
    """Check that `answer` is this refusal, and holds no token."""
    assert (answer.status, answer.json()["error"]) == (status, error), answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() <= {"error", "error_description"}


class Watched:
    """A memory that writes down what it is asked, and fails as it is told."""

    def __init__(self, inner: Memory) -> None:
        self.inner = inner
        self.name = inner.name
        self.asked: list[tuple[str, Any]] = []
        self.down = False
        self.full: set[str] = set()
        self.forgot_until = 0

    def _ask(self, verb: str, about: Any) -> None:
        self.asked.append((verb, about))
        if self.down:
            raise MemoryUnavailable("out of order", retry_after=7)

    @property
    def verbs(self) -> list[str]:
        """What was asked for, by verb; puts with their class of use."""
        return [verb if verb != "put" else f"put {about[3]}" for verb, about in self.asked]

    @property
    def identity(self) -> str:
        if self.down:
            raise MemoryUnavailable("out of order", retry_after=7)
        return self.inner.identity

    def since(self, ids: Sequence[str] = ()) -> int:
        return max(self.forgot_until, self.inner.since(ids))

    async def put(self, id: str, value: bytes, until: int, *, use: str = "") -> bytes:
        self._ask("put", (id, value, until, use))
        if use in self.full:
            raise MemoryFull(use, retry_after=11)
        return await self.inner.put(id, value, until, use=use)

    async def get_many(self, ids: Sequence[str]) -> list[bytes | None]:
        self._ask("get", list(ids))
        return await self.inner.get_many(ids)

    async def put_and_get(
        self, id: str, value: bytes, until: int, ids: Sequence[str], *, use: str = ""
    ) -> tuple[bytes, list[bytes | None]]:
        self._ask("get", list(ids))
        self._ask("put", (id, value, until, use))
        if use in self.full:
            raise MemoryFull(use, retry_after=11)
        return await self.inner.put_and_get(id, value, until, ids, use=use)

    async def raise_to(self, id: str, instant: int, until: int) -> int:
        self._ask("raise", (id, instant, until))
        return await self.inner.raise_to(id, instant, until)

    async def ready(self) -> MemoryStatus:
        self._ask("ready", None)
        return await self.inner.ready()

    async def close(self) -> None:
        await self.inner.close()


def watched(sessions: Satchel) -> Watched:
    """Put a watched memory in the place of the service's own."""
    memory = Watched(sessions.context.memory)
    sessions.app.runtime.context = sessions.context._replace(memory=memory)
    return memory


def context_of(server: Running) -> Context:
    """A context that can mint codes for a running server."""
    config = load(server.config, server.environ)
    memory = open_memory(config.memory)

    async def identity() -> str:
        try:
            return (await memory.ready()).identity
        finally:
            await memory.close()

    memory_known: Any = SimpleNamespace(identity=asyncio.run(identity()))
    return create_context(config, key_store(config), memory_known)
