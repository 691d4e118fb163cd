"""The JWK Set of a ring (RFC 7517 §5) and how long it may be cached (RFC 9111 §5.2.2.1)."""

from typing import Any

from keys.key import SigningKey
from keys.policy import Policy
from keys.ring import Ring
from satchel_jose.algorithms import ALGORITHMS


def jwks(ring: Ring, now: float) -> dict[str, Any]:
    """The JWK Set at `now` (seconds since the epoch): standby, active and retired signing keys.

    Raises TypeError rather than show a key that is symmetric or any member that is secret.
    """
    return {"keys": [_shown(key) for key in ring.published(now)]}


def _shown(key: SigningKey) -> dict[str, str]:
    # The types say it already; but this is the one place where a mistake above would publish a secret.
    if not isinstance(key, SigningKey):
        raise TypeError(f"{key!r} is not a signing key: it has no place in a JWKS")
    jwk, kind = key.public_jwk(), ALGORITHMS[key.alg].kind
    if jwk["kty"] == "oct" or not jwk.keys() <= {*kind.fixed, *kind.public, "kid", "alg", "use"}:
        raise TypeError(f"{key!r} would show a secret in the JWKS")
    return jwk


def max_age(ring: Ring, policy: Policy, now: float) -> int:
    """For how many seconds, at least 1, a JWKS fetched at `now` may be cached.

    A copy holds every key of the ring, standbys too, so it is stale only for keys made after it was fetched. The first
    of those signs `publish_ahead` after it was made at the earliest, which is `jwks_max_age` + reload + skew or more:
    by then every copy has been fetched again. Ending a copy's life at the next activation as well costs one fetch more
    a period, and lets no copy span a change of keys: a standby made in place of a revoked one is seen by then too.
    """
    activation = ring.next_activation(now)
    if activation is None:
        return policy.jwks_max_age
    return max(1, min(policy.jwks_max_age, int(activation - now)))
