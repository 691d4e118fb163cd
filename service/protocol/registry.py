"""The clients and resources of one configuration, ready for use at every request."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from service.bags.errors import BadBag
from service.bags.foreign_keys import ALGORITHMS
from service.bags.nested import Recipient
from service.bags.sign import RESERVED_CLAIMS
from service.config import Client, Config, Resource
from service.protocol.errors import OAuthError
from service.protocol.proofs import Proofs, proof_problems
from service.protocol.remembered import Remembered
from service.protocol.scopes import OPENID_SCOPES, grant_scopes, parse_scope
from service.protocol.trusted_issuer import TrustedIssuer, issuer_problems


def registry_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each claim, key, name and hash in the configuration that cannot be used."""
    for n, resource in enumerate(config.resources):
        for name in RESERVED_CLAIMS.intersection(resource.claims):
            yield f"resources[{n}].claims.{name}", "is for the service alone to set"
        try:
            json.dumps(msgspec.msgpack.decode(msgspec.msgpack.encode(resource.claims)), allow_nan=False)
        except (OverflowError, TypeError, ValueError):
            yield f"resources[{n}].claims", "has a value that a token cannot carry, such as a number beyond 64 bits"
        if resource.format == "jwe" and resource.encryption_key:
            try:
                Recipient.from_jwk(resource.encryption_key)
            except BadBag as fault:
                yield f"resources[{n}].encryption_key", fault.reason
    for n, client in enumerate(config.clients):
        alg = client.request_object_signing_alg
        if alg and (alg not in ALGORITHMS or ALGORITHMS[alg].kind == "secret"):
            yield f"clients[{n}].request_object_signing_alg", f"{alg!r} is not a public-key signature algorithm"
    yield from issuer_problems(config)
    yield from proof_problems(config)


class Audience:
    """One resource server (RFC 8707) with all that its tokens need."""

    __slots__ = (
        "alg",
        "claims",
        "format",
        "identifier",
        "lifetime",
        "personal_scopes",
        "recipient",
        "scopes",
        "titles",
    )

    def __init__(self, resource: Resource, config: Config) -> None:
        self.identifier = resource.identifier
        self.scopes = frozenset(resource.scopes)
        self.titles = resource.titles
        self.personal_scopes = self.scopes | OPENID_SCOPES if config.openid.enabled else self.scopes
        self.format = resource.format
        self.alg = resource.signing_alg or config.keys.signing_algs[0]
        self.lifetime = resource.lifetime or config.lifetimes.access_token
        self.claims = resource.claims
        self.recipient = Recipient.from_jwk(resource.encryption_key) if resource.format == "jwe" else None


class Entitlement(NamedTuple):
    """The audiences and scopes of a token, and the scopes that were asked for."""

    audiences: tuple[Audience, ...]
    scopes: tuple[str, ...]
    requested: tuple[str, ...] | None


class Proved(Protocol):
    """A client, proved by a secret that is good until an instant in seconds since the epoch."""

    @property
    def client(self) -> Client: ...

    @property
    def until(self) -> float: ...


class Registry:
    """Looks up clients by id, audiences by identifier and other issuers by `iss`."""

    __slots__ = ("_clients", "_usual", "audiences", "config", "default", "detail_types", "issuers", "proofs", "proved")

    def __init__(self, config: Config) -> None:
        self.config = config
        self._clients = {client.id: client for client in config.clients}
        self._usual: dict[str, Entitlement] = {}
        self.audiences = {resource.identifier: Audience(resource, config) for resource in config.resources}
        self.default = self.audiences.get(config.default_resource)
        self.proofs = Proofs(config)
        self.proved: Remembered[Proved] = Remembered()
        self.detail_types = {kind.type: kind for kind in config.detail_types}
        self.issuers = {issuer.issuer: TrustedIssuer(issuer, config) for issuer in config.issuers}

    def client(self, client_id: str) -> Client | None:
        """Return the client of that id, or None."""
        return self._clients.get(client_id)

    def target(
        self, client: Client, resources: Sequence[str], granted: Sequence[str] | None = None
    ) -> tuple[Audience, ...]:
        """Return the audiences of a request by `client` that names `resources` (RFC 8707 section 2).

        `granted` are those of an earlier grant, beyond which a later request cannot go; a request that names none gets
        them all. Several may share a token only where it would look the same to each.

        Raises:
            OAuthError: invalid_target.
        """
        audiences = self._permitted(client, resources, granted)
        check_shareable(audiences)
        return audiences

    def _permitted(
        self, client: Client, resources: Sequence[str], granted: Sequence[str] | None = None
    ) -> tuple[Audience, ...]:
        if not resources:
            resources = granted or self._defaults(client)
        elif granted and not set(resources) <= set(granted):
            raise OAuthError("invalid_target", "the grant is not for this resource")
        audiences = []
        for identifier in dict.fromkeys(resources):
            audience = self.audiences.get(identifier)
            if audience is None or not self._may_ask(client, audience):
                raise OAuthError("invalid_target", "the client may not ask for this resource")
            audiences.append(audience)
        return tuple(audiences)

    def entitlement(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        """Return what `client` gets in one token when it asks for `resources` and `scope`, and no grant bounds it.

        Raises:
            OAuthError: invalid_scope, invalid_target.
        """
        if resources or scope is not None or self._clients.get(client.id) is not client:
            return self._entitled(client, resources, scope)
        usual = self._usual.get(client.id)  # what most machines ask for, and always the same
        if usual is None:
            usual = self._usual[client.id] = self._entitled(client, resources, scope)
        return usual

    def _entitled(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        audiences = self.target(client, resources)
        return _entitlement(client, audiences, scope, resource_scopes(audiences))

    def consentable(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        """Return what a person may be asked to grant to `client` when it asks for `resources` and `scope`.

        The tokens come later, so the resources need not be able to share one (RFC 8707 section 2.2).

        Raises:
            OAuthError: invalid_scope, invalid_target.
        """
        audiences = self._permitted(client, resources)
        return _entitlement(client, audiences, scope, meaningful_scopes(audiences))

    def _defaults(self, client: Client) -> Sequence[str]:
        if self.default is not None and self._may_ask(client, self.default):
            return (self.default.identifier,)
        if len(client.resources) != 1:
            raise OAuthError("invalid_target", "the request must name a resource")
        return client.resources

    def _may_ask(self, client: Client, audience: Audience) -> bool:
        return audience.identifier in client.resources if client.resources else audience is self.default


def check_shareable(audiences: Sequence[Audience]) -> None:
    """Check that one token would look the same to each of `audiences`.

    Raises:
        OAuthError: invalid_target.
    """
    first = audiences[0]
    for other in audiences[1:]:
        if (other.format, other.alg, other.claims) != (first.format, first.alg, first.claims) or first.recipient:
            raise OAuthError("invalid_target", "these resources cannot share one token")


def resource_scopes(audiences: Sequence[Audience]) -> frozenset[str]:
    """Return the scopes that mean something at any of `audiences`."""
    first = audiences[0].scopes
    return first if len(audiences) == 1 else first.union(*(audience.scopes for audience in audiences))


def meaningful_scopes(audiences: Sequence[Audience]) -> frozenset[str]:
    """Return the scopes that mean something where a person has consented: those of OpenID Connect too, if it is on."""
    first = audiences[0].personal_scopes
    return first if len(audiences) == 1 else first.union(*(audience.scopes for audience in audiences))


def _entitlement(
    client: Client, audiences: tuple[Audience, ...], scope: str | None, meaningful: frozenset[str]
) -> Entitlement:
    requested = None if scope is None else parse_scope(scope)
    defaults = client.scopes if client.default_scopes is None else client.default_scopes
    return Entitlement(audiences, grant_scopes(requested, defaults, client.scopes, meaningful), requested)
