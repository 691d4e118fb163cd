"""One service that issues tokens of several algorithms and every format, and what is needed to look into them."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jwcrypto import jwk

from service.bags.kinds import AccessToken
from service.bags.snapshot import Snapshot
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import ISSUER
from tests.worlds.satchel import Satchel
from tests.worlds.toml import configuration

ALGS = ("ES256", "EdDSA", "RS256", "PS256", "ES384")
SECRETS = {"app": "secret-of-the-app-0123456789abcdef", "rs": "secret-of-the-rs-fedcba9876543210", "other": "0" * 32}
APP, RS, OTHER = (basic(name, secret) for name, secret in SECRETS.items())


@cache
def recipient_keys() -> dict[str, jwk.JWK]:
    """The private keys of the resource servers that have tokens sealed to them."""
    return {
        "p256": jwk.JWK.generate(kty="EC", crv="P-256", kid="rs-p256"),
        "x25519": jwk.JWK.generate(kty="OKP", crv="X25519", kid="rs-x25519"),
        "rsa": jwk.JWK.generate(kty="RSA", size=2048, kid="rs-rsa"),
    }


RECIPIENTS = ("p256", "x25519", "rsa")
NAMES = (*(alg.lower() for alg in ALGS), *RECIPIENTS, "bag")
"""One resource each: by the algorithm of its signed tokens, by the key that they are sealed to, or `bag`."""


def resource(name: str) -> str:
    return f"https://{name}.example.com"


def toml() -> str:
    """The configuration."""
    identifiers = [resource(name) for name in NAMES]
    resources = []
    for name in NAMES:
        settings: dict[str, Any] = {"identifier": resource(name), "scopes": ["read", "write"]}
        if name in RECIPIENTS:
            settings |= {"format": "jwe", "encryption_key": recipient_keys()[name].export_public(as_dict=True)}
        elif name == "bag":
            settings |= {"format": "bag", "claims": {"tenant": "t-1"}}
        else:
            settings["signing_alg"] = next(alg for alg in ALGS if alg.lower() == name)
        resources.append(settings)
    more: dict[str, dict[str, Any]] = {
        "app": {"grants": ["client_credentials"], "scopes": ["read", "write"], "resources": identifiers},
        "rs": {"serves": identifiers},
    }
    digests = {name: sha256(secret.encode()).hexdigest() for name, secret in SECRETS.items()}
    return configuration(
        issuer=ISSUER,
        default_resource=resource("es256"),
        memory={"kind": "none"},
        keys={"signing_algs": ALGS},
        resources=resources,
        clients=[{"id": name, "secrets": [{"sha256": digests[name]}], **more.get(name, {})} for name in SECRETS],
    )


class TokenFormats(Satchel):
    """The service, with the snapshot that it opens tokens with."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, toml())
        self.ring = self.store.load()
        self.snapshot = Snapshot(self.ring, ISSUER)
        self.garbage = self.introspect("garbage", RS)

    def issue(self, name: str) -> str:
        """A token for the resource `name`, fresh from /token."""
        answer = self.post("/token", {"grant_type": "client_credentials", "resource": resource(name)}, APP)
        assert answer.status == 200, answer.body
        return str(answer.json()["access_token"])

    def shown(self, token: str) -> Answer:
        """The introspection by the resource server that serves them all."""
        return self.introspect(token, RS)

    def opened(self, token: str) -> AccessToken:
        return self.snapshot.open(token, (AccessToken,), self.now)
