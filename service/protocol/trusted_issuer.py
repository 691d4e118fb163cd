"""Somebody else whose JWTs are believed (RFC 7523 section 3, RFC 8693 section 2.1), ready for use at every request."""

from collections.abc import Iterator
from urllib.parse import quote

from service.bags.errors import BadBag
from service.bags.foreign_keys import ALGORITHMS, import_jwks
from service.config import Config, Issuer

_FRAGMENT = "!$&'()*+,;=:@/?"
"""What a fragment may hold as it is, beside what `quote` always leaves (RFC 3986 section 3.5)."""


def issuer_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each issuer whose keys or algorithms cannot be used."""
    for n, issuer in enumerate(config.issuers):
        for m, alg in enumerate(issuer.algs):
            if alg not in ALGORITHMS or ALGORITHMS[alg].kind == "secret":
                yield f"issuers[{n}].algs[{m}]", f"{alg!r} is not a public-key signature algorithm"
        if issuer.jwks:
            try:
                if not import_jwks(issuer.jwks):
                    yield f"issuers[{n}].jwks", "has no key that verifies signatures"
            except BadBag as fault:
                yield f"issuers[{n}].jwks", fault.reason


class TrustedIssuer:
    """One such issuer; `keys` is None where they must be fetched."""

    __slots__ = ("algs", "audience", "keys", "scopes", "settings")

    def __init__(self, issuer: Issuer, config: Config) -> None:
        self.settings = issuer
        self.keys = import_jwks(issuer.jwks) if issuer.jwks else None
        self.algs = frozenset(issuer.algs)
        self.scopes = frozenset(issuer.scopes)
        self.audience = issuer.audience or config.issuer

    def subject(self, sub: str) -> str:
        """Return what our tokens call its subject `sub`.

        Two issuers may use one `sub` for two people, and one of them may be ours: only an issuer that is configured as
        the authority on our own users speaks of them; everybody else's subjects carry their issuer.
        """
        return sub if self.settings.subjects == "ours" else qualified(self.settings.issuer, sub)


def qualified(iss: str, sub: str) -> str:
    """Return a URI that stands for the pair, and for no other: `iss` has no `#`, and in `sub` it is escaped."""
    return f"{iss}#{quote(sub, safe=_FRAGMENT)}"
