"""An issuer made by hand: jwcrypto signs, and an httpx transport stands for its network."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from jwt.algorithms import get_default_algorithms

ISSUER = "https://as.example.com"
AUDIENCE = "https://api.example.com"
NOW = 1_800_000_000.0
_KINDS: dict[str, dict[str, Any]] = {
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "ES512": {"kty": "EC", "crv": "P-521"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
    "RS256": {"kty": "RSA", "size": 2048},
    "PS256": {"kty": "RSA", "size": 2048},
}
_SIGNATURES: dict[str, Any] = get_default_algorithms()


def new_key(kid: str | None, alg: str = "ES256", **members: Any) -> JWK:
    """A private signing key."""
    named = {} if kid is None else {"kid": kid}
    return JWK.generate(**_KINDS[alg], alg=alg, use="sig", **named, **members)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(key: JWK, header: dict[str, Any], payload: bytes | dict[str, Any]) -> str:
    """A compact JWS with exactly this header, by the key's own algorithm whatever the header says."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signing_input = f"{b64(json.dumps(header).encode())}.{b64(body)}"
    signature = _SIGNATURES[key["alg"]].sign(signing_input.encode(), key.get_op_key("sign"))
    return f"{signing_input}.{b64(signature)}"


def seal(inner: str, recipient: JWK, **header: Any) -> str:
    """A compact JWE of a JWT."""
    alg = "RSA-OAEP-256" if recipient["kty"] == "RSA" else "ECDH-ES+A256KW"
    full = {"alg": alg, "enc": "A256GCM", "cty": "JWT", "kid": recipient["kid"], **header}
    jwe = JWE(inner.encode(), json.dumps(full), recipient=recipient, algs=[full["alg"], full["enc"]])
    return jwe.serialize(compact=True)


def claims(now: float = NOW, **changes: Any) -> dict[str, Any]:
    """The claims of a good token; None removes one."""
    usual = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "client_id": "123456789",
        "exp": int(now) + 600,
        "iat": int(now),
        "jti": uuid4().hex,
        "scope": "read write",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


class Prover:
    """A client's DPoP key."""

    def __init__(self, alg: str = "ES256") -> None:
        self.alg = alg
        self.key = new_key(None, alg)
        self.jwk = {name: value for name, value in self.key.export_public(as_dict=True).items() if name in _PUBLIC}
        self.jkt = self.key.thumbprint()

    def proof(self, method: str, url: str, token: str, now: float = NOW, **changes: Any) -> str:
        """A proof; changes to claims, or with `header` to its header. None removes a member."""
        header = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk} | changes.pop("header", {})
        ath = b64(hashlib.sha256(token.encode()).digest())
        usual = {"htm": method, "htu": url, "iat": int(now), "jti": uuid4().hex, "ath": ath}
        body = {name: value for name, value in (usual | changes).items() if value is not None}
        return sign(self.key, {name: value for name, value in header.items() if value is not None}, body)


_PUBLIC = {"kty", "crv", "x", "y", "n", "e"}


class Issuer:
    """Signs tokens, serves its documents, and counts what is asked."""

    def __init__(self, *keys: JWK) -> None:
        self.keys = list(keys) or [new_key("one")]
        self.now = NOW
        self.cache_control: str | None = "public, max-age=3600"
        self.age: str | None = None
        self.documents: list[str] = []
        """Served in place of the JWK Set, one after the other."""
        self.down = False
        self.delay = 0.0
        self.asked: list[str] = []
        self.introspection: Callable[[str], dict[str, Any]] = lambda token: {"active": False}

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.export_public(as_dict=True) for key in self.keys]}

    def token(self, key: JWK | None = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A good token; header members and claims may be changed, None removes one."""
        key = key or self.keys[0]
        full = {"typ": "at+jwt", "alg": key["alg"], "kid": key.get("kid")} | (header or {})
        full = {name: value for name, value in full.items() if value is not None}
        return sign(key, full, claims(self.now, **changes))

    def count(self, path: str) -> int:
        """How often a path has been asked for."""
        return self.asked.count(path)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        match request.url.path:
            case "/.well-known/oauth-authorization-server":
                return httpx.Response(
                    200,
                    json={
                        "issuer": ISSUER,
                        "jwks_uri": f"{ISSUER}/jwks",
                        "introspection_endpoint": f"{ISSUER}/introspect",
                    },
                )
            case "/jwks":
                headers = {"cache-control": self.cache_control, "age": self.age}
                document = self.documents.pop(0) if self.documents else json.dumps(self.jwks)
                return httpx.Response(200, text=document, headers={k: v for k, v in headers.items() if v is not None})
            case "/introspect":
                form = httpx.QueryParams(request.content.decode())
                return httpx.Response(200, json=self.introspection(form["token"]))
        return httpx.Response(404)

    def client(self) -> httpx.Client:
        """A client whose only server this is."""

        def handle(request: httpx.Request) -> httpx.Response:
            time.sleep(self.delay)
            return self._answer(request)

        return httpx.Client(transport=httpx.MockTransport(handle))

    def async_client(self) -> httpx.AsyncClient:
        """The same for an event loop."""

        async def handle(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(self.delay)
            return self._answer(request)

        return httpx.AsyncClient(transport=httpx.MockTransport(handle))
