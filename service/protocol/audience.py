"""Audiences: the resource servers that tokens are issued for (RFC 8707, RFC 9068 section 3)."""

from collections.abc import Sequence

from service.bags.nested import Recipient
from service.config import Client, Config, Resource
from service.protocol.errors import OAuthError
from service.protocol.scopes import OPENID_SCOPES


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


class Audiences(dict[str, Audience]):
    """All audiences by identifier, and the one that is meant where a request names none (`default_resource`)."""

    __slots__ = ("default",)

    def __init__(self, config: Config) -> None:
        super().__init__({resource.identifier: Audience(resource, config) for resource in config.resources})
        self.default = self.get(config.default_resource)

    def target(
        self, client: Client, resources: Sequence[str], granted: Sequence[str] | None = None
    ) -> tuple[Audience, ...]:
        """Return the audiences of a request by `client` that names `resources` (RFC 8707 section 2).

        `granted` are those of an earlier grant, beyond which a later request cannot go; a request that names none gets
        them all. Several may share a token only where it would look the same to each.

        Raises:
            OAuthError: invalid_target.
        """
        audiences = self.permitted(client, resources, granted)
        check_shareable(audiences)
        return audiences

    def permitted(
        self, client: Client, resources: Sequence[str], granted: Sequence[str] | None = None
    ) -> tuple[Audience, ...]:
        """Return the audiences of a request by `client` that names `resources`, whether or not they can share a token.

        Raises:
            OAuthError: invalid_target.
        """
        if not resources:
            resources = granted or self._defaults(client)
        elif granted and not set(resources) <= set(granted):
            raise OAuthError("invalid_target", "the grant is not for this resource")
        audiences = []
        for identifier in dict.fromkeys(resources):
            audience = self.get(identifier)
            if audience is None or not self._may_ask(client, audience):
                raise OAuthError("invalid_target", "the client may not ask for this resource")
            audiences.append(audience)
        return tuple(audiences)

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
