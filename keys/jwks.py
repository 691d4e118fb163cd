"""The JWK Set of a ring (RFC 7517 section 5), and how long it may be cached (RFC 9111 section 5.2.2.1)."""

from typing import Any

from keys.key import SigningKey
from keys.policy import Policy
from keys.ring import NoActiveKey, Ring
from satchel_jose.algorithms import ALGORITHMS


def jwks(ring: Ring, now: float) -> dict[str, Any]:
    """Return the JWK Set at `now` (seconds since the epoch): active signing keys first, then standby and retired ones.

    Some verifiers take the first key of an algorithm.

    Raises TypeError if a key is symmetric or has a private member.
    """
    return {"keys": [_shown(key) for key in sorted(ring.published(now), key=lambda key: not _signs(key, ring, now))]}


def _signs(key: SigningKey, ring: Ring, now: float) -> bool:
    try:
        return ring.signer(key.alg, now).kid == key.kid
    except NoActiveKey:
        return False


def _shown(key: SigningKey) -> dict[str, str]:
    # The types rule this out. It is checked again because a mistake elsewhere would publish a secret here.
    if not isinstance(key, SigningKey):
        raise TypeError(f"{key!r} is not a signing key and must not be in the JWKS")
    jwk, kind = key.public_jwk(), ALGORITHMS[key.alg].kind
    if jwk["kty"] == "oct" or not jwk.keys() <= {*kind.fixed, *kind.public, "kid", "alg", "use"}:
        raise TypeError(f"{key!r} would publish a secret in the JWKS")
    return jwk


def max_age(ring: Ring, policy: Policy, now: float) -> int:
    """Return for how many seconds (at least 1) a JWKS that is fetched at `now` may be cached.

    A cached copy lacks only keys that were created after it was fetched. Such a key signs `publish_ahead` seconds later
    at the earliest, which is at least `jwks_max_age` + reload + skew; every copy has been fetched again by then. Copies
    also end at the next activation, which costs one more fetch per period: then no copy is used across a change of
    keys, and verifiers also get a standby key that replaces a revoked one.
    """
    activation = ring.next_activation(now)
    if activation is None:
        return policy.jwks_max_age
    return max(1, min(policy.jwks_max_age, int(activation - now)))
