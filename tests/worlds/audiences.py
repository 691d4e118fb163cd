"""A registry of resource servers whose tokens look the same, or not."""

from pathlib import Path

from service.app import load
from service.clients.registry import Registry
from tests.worlds.identifiers import ISSUER
from tests.worlds.toml import configuration

A, B, C, BAG, ED = (f"https://{name}.example.com" for name in ("a", "b", "c", "bag", "ed"))


def registry(directory: Path, openid: bool = False) -> Registry:
    """What the configuration declares."""
    file = directory / "satchel.toml"
    file.write_text(
        configuration(
            issuer=ISSUER,
            default_resource=A,
            openid={"enabled": openid},
            keys={"signing_algs": ["ES256", "EdDSA"]},
            resources=[
                {"identifier": A, "scopes": ["read"]},
                {"identifier": B, "lifetime": 60},
                {"identifier": C, "claims": {"tier": "gold"}},
                {"identifier": BAG, "format": "bag"},
                {"identifier": ED, "signing_alg": "EdDSA"},
            ],
        )
    )
    return Registry(load(file, {}))
