"""Trusted issuers: other services whose JWTs are accepted (RFC 7523 section 3, RFC 8693 section 2.1)."""

from collections.abc import Iterator
from urllib.parse import quote

from satchel_jose.algorithms import SIGNATURES
from service.bags.errors import BadBag
from service.bags.foreign_keys import import_jwks
from service.config import Config, Issuer

_FRAGMENT = "!$&'()*+,;=:@/?"
"""Characters that a fragment may contain unescaped, besides those that `quote` never escapes (RFC 3986 section 3.5)."""


def issuer_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each issuer whose keys or algorithms cannot be used."""
    for n, issuer in enumerate(config.issuers):
        for m, alg in enumerate(issuer.algs):
            if alg not in SIGNATURES:
                yield f"issuers[{n}].algs[{m}]", f"{alg!r} is not a public-key signature algorithm"
        if issuer.jwks:
            try:
                if not import_jwks(issuer.jwks):
                    yield f"issuers[{n}].jwks", "has no key that verifies signatures"
            except BadBag as fault:
                yield f"issuers[{n}].jwks", fault.reason


class TrustedIssuer:
    """A trusted issuer, prepared for use in requests. `keys` is None if the keys are fetched from `jwks_uri`."""

    __slots__ = ("algs", "audience", "keys", "scopes", "settings")

    def __init__(self, issuer: Issuer, config: Config) -> None:
        self.settings = issuer
        self.keys = import_jwks(issuer.jwks) if issuer.jwks else None
        self.algs = frozenset(issuer.algs)
        self.scopes = frozenset(issuer.scopes)
        self.audience = issuer.audience or config.issuer

    def subject(self, sub: str) -> str:
        """Return the `sub` that tokens of this service use for the issuer's subject `sub`.

        Two issuers may use the same `sub` for different people. Therefore the `sub` includes the issuer, unless the
        issuer is configured to name users of this service (`subjects = "ours"`).
        """
        return sub if self.settings.subjects == "ours" else qualified(self.settings.issuer, sub)


def qualified(iss: str, sub: str) -> str:
    """Return a URI that is unique for the pair: `iss` contains no `#`, and `#` in `sub` is escaped."""
    return f"{iss}#{quote(sub, safe=_FRAGMENT)}"
