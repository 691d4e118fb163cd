"""A configuration with a resource server for each token format."""

from typing import Any

from jwcrypto.jwk import JWK

from tests.worlds.http import basic
from tests.worlds.identifiers import ISSUER
from tests.worlds.toml import confidential, configuration

FORMATS = ("jwt", "eddsa", "jwe", "bag")
VAULT_KEY = JWK.generate(kty="EC", crv="P-256", kid="vault-1", use="enc")


def identifier(name: str) -> str:
    """The identifier of the resource server of that format."""
    return f"https://{name}.example.com"


def caller(name: str) -> dict[str, str]:
    """The credentials of the resource server of that format."""
    return basic(f"rs-{name}", "secret")


_MORE: dict[str, dict[str, Any]] = {
    "jwt": {},
    "eddsa": {"signing_alg": "EdDSA"},
    "jwe": {"format": "jwe", "encryption_key": VAULT_KEY.export_public(as_dict=True)},
    "bag": {"format": "bag"},
}
_CLAIMS = {"tier": "gold", "nested": {"list": [1, "two"]}}
TOML = configuration(
    issuer=ISSUER,
    default_resource=identifier("jwt"),
    keys={"signing_algs": ["ES256", "EdDSA"]},
    memory={"kind": "none"},
    resources=[
        {"identifier": identifier(name), "scopes": ["read", name], "claims": _CLAIMS, **_MORE[name]} for name in FORMATS
    ],
    clients=[
        *(confidential(f"rs-{name}", serves=[identifier(name)]) for name in FORMATS),
        confidential(
            "m2m",
            grants=["client_credentials"],
            scopes=["read", *FORMATS],
            resources=[identifier(name) for name in FORMATS],
        ),
    ],
)

M2M = basic("m2m", "secret")
CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}
