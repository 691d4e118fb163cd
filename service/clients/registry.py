"""The registry: the look-ups that are built once from a configuration and used by every request."""

import json
from collections.abc import Iterator

import msgspec

from satchel_jose.algorithms import SIGNATURES
from service.bags.errors import BadBag
from service.bags.nested import Recipient
from service.bags.sign import RESERVED_CLAIMS
from service.clients.directory import Clients
from service.clients.keys import client_key_problems
from service.config import Config
from service.protocol.audience import Audiences
from service.protocol.entitlement import Entitlements
from service.protocol.trusted_issuer import TrustedIssuer, issuer_problems


def registry_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each claim, key, certificate name and hash in the configuration that cannot be used."""
    for n, resource in enumerate(config.resources):
        for name in RESERVED_CLAIMS.intersection(resource.claims):
            yield f"resources[{n}].claims.{name}", "the service sets this claim itself; remove it"
        try:
            json.dumps(msgspec.msgpack.decode(msgspec.msgpack.encode(resource.claims)), allow_nan=False)
        except (OverflowError, TypeError, ValueError):
            yield f"resources[{n}].claims", "has a value that a token cannot hold (for example a number beyond 64 bits)"
        if resource.format == "jwe" and resource.encryption_key:
            try:
                Recipient.from_jwk(resource.encryption_key)
            except BadBag as fault:
                yield f"resources[{n}].encryption_key", fault.reason
    for n, client in enumerate(config.clients):
        alg = client.request_object_signing_alg
        if alg and alg not in SIGNATURES:
            yield f"clients[{n}].request_object_signing_alg", f"{alg!r} is not a public-key signature algorithm"
    yield from issuer_problems(config)
    yield from client_key_problems(config)


class Registry:
    """The clients, audiences, entitlements, authorization details types and trusted issuers of a configuration.

    Trusted issuers are found by `iss`, authorization details types by `type`.
    """

    __slots__ = ("audiences", "clients", "config", "detail_types", "entitlements", "issuers")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clients = Clients(config)
        self.audiences = Audiences(config)
        self.entitlements = Entitlements(self.audiences, self.clients.find)
        self.detail_types = {kind.type: kind for kind in config.detail_types}
        self.issuers = {issuer.issuer: TrustedIssuer(issuer, config) for issuer in config.issuers}
