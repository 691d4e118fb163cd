"""What clients of the tests prove themselves with: assertions made by PyJWT, certificates made by cryptography."""

from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwcrypto.jwk import JWK

from tests.worlds.identifiers import API, ISSUER
from tests.worlds.satchel import NOW
from tests.worlds.toml import configuration, tables

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HMAC_SECRET = "hmac-secret-of-at-least-thirty-two-bytes-and-so-long-that-sha512-takes-it"

EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, Any] = {"ES256": EC_KEY, "RS256": RSA_KEY, "PS256": RSA_KEY, "EdDSA": ED_KEY}
KIDS = {"ES256": "ec", "RS256": "rsa", "PS256": "rsa", "EdDSA": "ed"}


def public_jwk(key: Any, **more: str) -> dict[str, Any]:
    """The public half of a key, as a JWK."""
    return {**JWK.from_pyca(key.public_key()).export_public(as_dict=True), **more}


JWKS = {"keys": [public_jwk(EC_KEY, kid="ec"), public_jwk(RSA_KEY, kid="rsa"), public_jwk(ED_KEY, kid="ed")]}


def client_toml(client_id: str, *methods: str, **settings: Any) -> str:
    """A client that may have tokens of its own."""
    return tables("clients", {"id": client_id, "auth_methods": methods, "grants": ["client_credentials"], **settings})


HEAD = configuration(issuer=ISSUER, default_resource=API, resources=[{"identifier": API, "scopes": ["read"]}])


def claims(client_id: str, **changes: Any) -> dict[str, Any]:
    """The claims of a good assertion, with changes; None takes a claim away."""
    whole = {"iss": client_id, "sub": client_id, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": uuid4().hex}
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def assertion(
    client_id: str, alg: str = "ES256", *, key: Any = None, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A signed client assertion; `header` adds to the header or, with None, takes away."""
    hmac = alg.startswith("HS")
    whole = {"kid": None if hmac else KIDS[alg], **(header or {})}
    kept = {name: value for name, value in whole.items() if value is not None}
    if key is None:
        key = HMAC_SECRET if hmac else KEYS[alg]
    return jwt.encode(claims(client_id, **changes), key, alg, kept, sort_headers=False)


def form(token: str, **more: str) -> dict[str, str]:
    """A token request with a client assertion."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": token,
        **more,
    }
