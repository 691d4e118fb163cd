"""Claims about people (OpenID Connect Core section 5.1), and who may have them."""

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
"""The claims that each scope asks for (section 5.4)."""

_SCOPE_OF = {claim: scope for scope, claims in SCOPES.items() for claim in claims}
RESERVED_ID_CLAIMS = frozenset(
    {
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "auth_time", "acr", "amr", "sid"),
        *("at_hash", "c_hash", "s_hash", "cnf", "events", "sub_jwk", "_claim_names", "_claim_sources"),
    }
)
"""What the service alone says of a token or a login, whatever is known of the person."""


def of_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return the names of the claims that `scopes` ask for."""
    return frozenset().union(*(SCOPES.get(scope, ()) for scope in scopes))


def scope_of(name: str) -> str:
    """Return the scope that asks for the claim `name` too; of a claim that none asks for, `profile`."""
    return _SCOPE_OF.get(_bare(name), "profile")


def may_ask(client: Client, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names` that `client` may ask for one by one (section 5.5): the claims of its scopes."""
    return tuple(name for name in names if _bare(name) not in RESERVED_ID_CLAIMS and scope_of(name) in client.scopes)


def select(known: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return what is `known` of a person by these names, in every language that it is known in (section 5.2)."""
    wanted = frozenset(names)
    return {
        name: value
        for name, value in known.items()
        if (name in wanted or _bare(name) in wanted) and _bare(name) not in RESERVED_ID_CLAIMS
    }


def _bare(name: str) -> str:
    """Return the name of a claim without its language tag."""
    return name.partition("#")[0]
