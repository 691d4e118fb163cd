"""A configuration with a resource server for each token format."""

import json
from typing import Any

from jwcrypto.jwk import JWK

from tests.worlds.http import basic

FORMATS = ("jwt", "eddsa", "jwe", "bag")
VAULT_KEY = JWK.generate(kty="EC", crv="P-256", kid="vault-1", use="enc")
_SECRET = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # SHA-256 of "secret"


def identifier(name: str) -> str:
    """The identifier of the resource server of that format."""
    return f"https://{name}.example.com"


def caller(name: str) -> dict[str, str]:
    """The credentials of the resource server of that format."""
    return basic(f"rs-{name}", "secret")


def _inline(table: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in table.items()) + " }"


_RESOURCES = "".join(
    f"""
[[resources]]
identifier = "{identifier(name)}"
scopes = ["read", "{name}"]
claims = {{ tier = "gold", nested = {{ list = [1, "two"] }} }}
{more}

[[clients]]
id = "rs-{name}"
secrets = [{{ sha256 = "{_SECRET}" }}]
serves = ["{identifier(name)}"]
"""
    for name, more in {
        "jwt": "",
        "eddsa": 'signing_alg = "EdDSA"',
        "jwe": f'format = "jwe"\nencryption_key = {_inline(VAULT_KEY.export_public(as_dict=True))}',
        "bag": 'format = "bag"',
    }.items()
)

TOML = f"""
issuer = "https://as.example.com"
default_resource = "{identifier("jwt")}"

[keys]
signing_algs = ["ES256", "EdDSA"]

[memory]
kind = "none"
{_RESOURCES}
[[clients]]
id = "m2m"
secrets = [{{ sha256 = "{_SECRET}" }}]
grants = ["client_credentials"]
scopes = ["read", "jwt", "eddsa", "jwe", "bag"]
resources = ["{identifier("jwt")}", "{identifier("eddsa")}", "{identifier("jwe")}", "{identifier("bag")}"]
"""

M2M = basic("m2m", "secret")
CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}
