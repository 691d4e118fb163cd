"""Claims about users (OpenID Connect Core section 5.1), and which clients may request them."""

from collections.abc import Iterable
from typing import Any

from service.config import Client

SCOPES: dict[str, frozenset[str]] = {
    "profile": frozenset(
        {
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        }
    ),
    "email": frozenset({"email", "email_verified"}),
    "address": frozenset({"address"}),
    "phone": frozenset({"phone_number", "phone_number_verified"}),
}
"""The claims that each scope requests (section 5.4)."""

_SCOPE_OF = {claim: scope for scope, claims in SCOPES.items() for claim in claims}
RESERVED_ID_CLAIMS = frozenset(
    {
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "auth_time", "acr", "amr", "sid"),
        *("at_hash", "c_hash", "s_hash", "cnf", "events", "sub_jwk", "_claim_names", "_claim_sources"),
    }
)
"""Claims about the token or the login. Only the service sets them; claims of a user cannot replace them."""


def of_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return the names of the claims that `scopes` request."""
    return frozenset().union(*(SCOPES.get(scope, ()) for scope in scopes))


def scope_of(name: str) -> str:
    """Return the scope that includes the claim `name`; `profile` for claims that no scope includes."""
    return _SCOPE_OF.get(_bare(name), "profile")


def may_ask(client: Client, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names` that `client` may request with the claims parameter (section 5.5).

    These are the claims of the client's scopes.
    """
    return tuple(name for name in names if _bare(name) not in RESERVED_ID_CLAIMS and scope_of(name) in client.scopes)


def select(known: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the claims with these names from `known`, the claims of a user, in all languages (section 5.2)."""
    wanted = frozenset(names)
    return {
        name: value
        for name, value in known.items()
        if (name in wanted or _bare(name) in wanted) and _bare(name) not in RESERVED_ID_CLAIMS
    }


def _bare(name: str) -> str:
    """Return the name of a claim without its language tag."""
    return name.partition("#")[0]
