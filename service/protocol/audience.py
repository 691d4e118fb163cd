"""Audiences: the resource servers for which tokens are issued (RFC 8707, RFC 9068 section 3)."""

from collections.abc import Sequence

from service.bags.nested import Recipient
from service.config import Client, Config, Resource
from service.protocol.errors import OAuthError
from service.protocol.redirect_uri import with_path
from service.protocol.scopes import OPENID_SCOPES


class Audience:
    """One resource server (RFC 8707), with the format, key, lifetime and claims of its access tokens."""

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
    """All audiences by identifier. `default` is the audience of the setting `default_resource`, or None."""

    __slots__ = ("_by_path", "_scopes", "default")

    def __init__(self, config: Config) -> None:
        super().__init__({resource.identifier: Audience(resource, config) for resource in config.resources})
        self.default = self.get(config.default_resource)
        self._scopes = OPENID_SCOPES.union(*(audience.scopes for audience in self.values()))
        self._by_path = {with_path(identifier): identifier for identifier in self}

    def target(
        self, client: Client, resources: Sequence[str], granted: Sequence[str] | None = None
    ) -> tuple[Audience, ...]:
        """Return the audiences of one token for `client`, from the `resource` parameters (RFC 8707 section 2).

        `granted` are the resources of an earlier grant: the request may narrow them but not add to them. A request
        without `resources` gets all of them.

        Raises:
            OAuthError: invalid_target: the client may not request a resource, or the resources cannot share a token.
        """
        audiences = self.permitted(client, resources, granted)
        check_shareable(audiences)
        return audiences

    def permitted(
        self, client: Client, resources: Sequence[str], granted: Sequence[str] | None = None
    ) -> tuple[Audience, ...]:
        """Return the audiences of a request, as `target` does, even if they cannot share one token.

        Raises:
            OAuthError: invalid_target: the client may not request a resource.
        """
        resources = [self.canonical(identifier) for identifier in resources]
        if not resources:
            resources = granted or self._defaults(client)
        elif granted and not set(resources) <= set(granted):
            raise OAuthError("invalid_target", "the grant does not include this resource")
        audiences = []
        for identifier in dict.fromkeys(resources):
            audience = self.get(identifier)
            if audience is None or not self._may_ask(client, audience):
                raise OAuthError("invalid_target", "the client may not request this resource")
            audiences.append(audience)
        return tuple(audiences)

    def canonical(self, identifier: str) -> str:
        """Return `identifier` as it is configured: an empty path is the same as `/` (RFC 3986 section 6.2.3)."""
        return identifier if identifier in self else self._by_path.get(with_path(identifier), identifier)

    def known(self, scopes: tuple[str, ...]) -> str:
        """Return those of `scopes` that some resource or OpenID Connect has; all of them if none is known."""
        known = [scope for scope in scopes if scope in self._scopes]
        return " ".join(known or scopes)

    def _defaults(self, client: Client) -> Sequence[str]:
        if self.default is not None and self._may_ask(client, self.default):
            return (self.default.identifier,)
        if len(client.resources) != 1:
            raise OAuthError("invalid_target", "resource is missing: the client may request several")
        return client.resources

    def allows(self, client: Client, identifier: str) -> bool:
        """Return whether `client` may request the resource `identifier`."""
        audience = self.get(identifier)
        return audience is not None and self._may_ask(client, audience)

    def _may_ask(self, client: Client, audience: Audience) -> bool:
        return audience.identifier in client.resources if client.resources else audience is self.default


def check_shareable(audiences: Sequence[Audience]) -> None:
    """Check that one token can serve all `audiences`: same format, algorithm and claims, and no encryption.

    Raises:
        OAuthError: invalid_target.
    """
    first = audiences[0]
    for other in audiences[1:]:
        if (other.format, other.alg, other.claims) != (first.format, first.alg, first.claims) or first.recipient:
            raise OAuthError("invalid_target", "these resources need separate tokens: request one at a time")


def resource_scopes(audiences: Sequence[Audience]) -> frozenset[str]:
    """Return the scopes of all `audiences` together."""
    first = audiences[0].scopes
    return first if len(audiences) == 1 else first.union(*(audience.scopes for audience in audiences))


def meaningful_scopes(audiences: Sequence[Audience]) -> frozenset[str]:
    """Return the scopes that a user can grant at `audiences`: theirs, and those of OpenID Connect if it is enabled."""
    first = audiences[0].personal_scopes
    return first if len(audiences) == 1 else first.union(*(audience.scopes for audience in audiences))
