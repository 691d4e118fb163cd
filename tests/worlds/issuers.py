"""Other issuers as the tests play them, and tokens of ours made to measure."""

import asyncio
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from service.bags.ids import fresh_id
from service.bags.kinds import AccessToken
from service.bags.nested import Recipient
from service.bags.snapshot import Snapshot
from service.memory import REVOKED
from service.protocol.revocation_check import not_before_subject, state_id
from tests.worlds.identifiers import API, BILLING, ISSUER, SEALED, VAULT
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.toml import configuration, tables
from tests.worlds.users import known

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SECRET = sha256(b"s").hexdigest()
INVALID_ASSERTION = "the assertion is wrong, expired, used before, or not for this client; request a new one"


class Issuer:
    """Somebody else who signs JWTs with ES256."""

    def __init__(self, iss: str, kid: str = "k1") -> None:
        self.iss = iss
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwks(self) -> dict[str, Any]:
        """Its public keys."""
        return {"keys": [{**ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": self.kid}]}

    def sign(self, typ: str | None = "JWT", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A JWT with `claims`, over a set that would be good; a claim that is None is left out."""
        good = {"iss": self.iss, "sub": "bob", "aud": ISSUER, "iat": NOW, "exp": NOW + 300, "jti": fresh_id()}
        said = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return jwt.encode(said, self.key, "ES256", {"typ": typ, "kid": self.kid, **(headers or {})})


IDP, PARTNER, STRANGER = (Issuer(f"https://{name}.example") for name in ("idp", "partner", "stranger"))
_RECIPIENT = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
RECIPIENT = {**_RECIPIENT, "kid": "sealed", "use": "enc"}

RESOURCES = configuration(
    issuer=ISSUER,
    default_resource=API,
    resources=[
        {"identifier": API, "scopes": ["read", "write"]},
        {"identifier": BILLING, "scopes": ["read", "bill"], "lifetime": 900},
        {"identifier": VAULT, "scopes": ["vault", "read"], "format": "bag"},
        {"identifier": SEALED, "scopes": ["read"], "format": "jwe", "encryption_key": RECIPIENT},
    ],
    **{"users.known": [known("alice")]},
)


def client(id: str, *grants: str, **more: Any) -> str:
    """The table of a client whose secret is `s`."""
    return tables("clients", {"id": id, "secrets": [{"sha256": SECRET}], "grants": grants, **more})


def issuer(party: Issuer, *uses: str, **more: Any) -> str:
    """The table of an issuer with inline keys."""
    return tables(
        "issuers", {"issuer": party.iss, "uses": uses, "jwks": party.jwks, "scopes": ["read", "vault"], **more}
    )


def exchange(*clients: str, audiences: list[str], **more: Any) -> str:
    """The table of an exchange rule."""
    return tables("exchanges", {"clients": clients, "audiences": audiences, **more})


def mint(satchel: Satchel, format: str = "jwt", **fields: Any) -> str:
    """An access token of ours, for alice by way of the client `app` at the API unless `fields` say otherwise."""
    good = {
        "iss": satchel.config.issuer,
        "jti": f"{fresh_id()}.{fresh_id()}",
        "iat": int(satchel.now),
        "exp": int(satchel.now) + 600,
        "sub": "alice",
        "client_id": "app",
        "aud": (API,),
        "scope": "read write",
    }
    token = AccessToken(**{**good, **fields})
    snapshot = Snapshot(satchel.store.load(), satchel.config.issuer)
    if format == "jwt":
        return snapshot.sign(token, "ES256", satchel.now)
    if format == "bag":
        return snapshot.seal(token, satchel.now)
    return snapshot.sign_and_seal(token, "ES256", Recipient.from_jwk(RECIPIENT), satchel.now)


def read(satchel: Satchel, token: str) -> AccessToken:
    """An access token of ours, opened."""
    return Snapshot(satchel.store.load(), satchel.config.issuer).open(token, (AccessToken,), satchel.now)


def revoke(satchel: Satchel, id: str) -> None:
    """Call back a token or a family."""
    memory = satchel.app.runtime.context.memory
    asyncio.run(memory.put(state_id(id), b"", int(satchel.now) + 9999, REVOKED, use="revocation"))


def forget_subject(satchel: Satchel, sub: str) -> None:
    """Call back all that was issued for a subject until now."""
    memory = satchel.app.runtime.context.memory
    asyncio.run(memory.put(not_before_subject(sub), b"", int(satchel.now) + 9999, int(satchel.now), use="operator"))
