"""Key rotation as functions from a ring to a ring (NIST SP 800-57 part 1 section 5.3).

The keys of one purpose and algorithm form a chain: at its `activates`, each key takes over from the key before. After
`rotate` or `revoke`, every chain of the policy has one active key and a published standby. So verifiers can fetch every
key for `publish_ahead` seconds before it signs. A standby that takes over within `publish_ahead` gets a standby of its
own at once, so that an emergency always finds a published key. In three cases a key signs without that time:

- An empty chain: a new installation, or an algorithm that was added to the policy. If verifiers do not fetch the JWKS
  again for an unknown kid, add the algorithm `publish_ahead` before a resource uses it.
- A chain in which all keys have retired, because `rotate` did not run.
- A revocation: the standby takes over, however long it has been published.

In these cases `activates` is set back by `skew`, so that nodes whose clocks are behind have an active key too.
"""

import base64
import datetime
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace

from keys.key import KINDS, SEALING_ALG, Key, SigningKey
from keys.policy import Policy
from keys.ring import Ring

__all__ = ["Generate", "Policy", "UnknownKid", "revoke", "rotate"]

# generate(purpose, alg=, kid=, created=, activates=, retires=, expires=) returns a new key.
Generate = Callable[..., Key]


class UnknownKid(KeyError):
    """The ring has no key with this kid."""

    def __str__(self) -> str:
        return f"no key has the kid {self.args[0]!r}"


def generate_key(purpose: str, **fields: str | int) -> Key:
    return KINDS[purpose].generate(**fields)  # type: ignore[arg-type]


def rotate(ring: Ring, policy: Policy, now: int, force: bool = False, generate: Generate = generate_key) -> Ring:
    """Return the ring as it should be at `now` (seconds since the epoch); an equal ring if nothing is due.

    This adds missing keys, deletes the private halves of retired keys, and removes expired keys. With `force`, each
    standby activates as soon as it has been published for `publish_ahead`; a repetition before that changes nothing.
    A chain whose algorithm is no longer in the policy gets no new keys and ends with its active key.
    """
    chains: dict[tuple[str, str], list[Key]] = {("sig", alg): [] for alg in policy.signing_algs}
    chains["bag", SEALING_ALG] = []
    wanted = frozenset(chains)
    for key in reversed(ring.keys):
        chains.setdefault((key.purpose, key.alg), []).append(key)
    make = _Maker(policy, now, generate, {key.kid for key in ring.keys})
    turned: list[Key] = []
    for chain, keys in chains.items():
        ahead = [key for key in keys if key.activates > now]
        past = [key for key in keys if key.activates <= now]
        line = _advance(chain, past, ahead, make, force) if chain in wanted else past
        turned += _settle(line, policy, now)
    return Ring(turned)


def revoke(ring: Ring, kid: str, policy: Policy, now: int, generate: Generate = generate_key) -> Ring:
    """Return the ring without the key `kid`; raises UnknownKid. If the key was active, its standby takes over at once.

    Tokens and bags under the removed key can no longer be verified or opened.
    """
    if ring.by_kid(kid) is None:
        raise UnknownKid(kid)
    return rotate(Ring(key for key in ring.keys if key.kid != kid), policy, now, generate=generate)


class _Maker:
    """Creates the new keys of one rotation."""

    def __init__(self, policy: Policy, now: int, generate: Generate, kids: set[str]) -> None:
        self.policy = policy
        self.now = now
        self._generate = generate
        self._kids = kids

    def __call__(self, chain: tuple[str, str], created: int, activates: int) -> Key:
        purpose, alg = chain
        retires = activates + self.policy.period
        expires = retires + self.policy.life(purpose) + self.policy.reload + self.policy.skew
        return self._generate(
            purpose, alg=alg, kid=self._kid(), created=created, activates=activates, retires=retires, expires=expires
        )

    def _kid(self) -> str:
        day = datetime.datetime.fromtimestamp(self.now, datetime.UTC).strftime("%y%m%d")
        while True:
            kid = f"{day}-{base64.b32encode(secrets.token_bytes(5))[:6].decode().lower()}"
            if kid not in self._kids:
                self._kids.add(kid)
                return kid


def _advance(chain: tuple[str, str], past: list[Key], ahead: list[Key], make: _Maker, force: bool) -> list[Key]:
    """Return the chain with an active key and a standby."""
    policy, now = make.policy, make.now
    earliest = now + policy.publish_ahead
    if not any(key.retires > now and key.usable for key in past):
        since = now - policy.skew
        if ahead:
            standby = ahead.pop(0)
            standby = replace(standby, created=min(standby.created, now))
            past = [*past, _moved(standby, max(standby.created, since), policy)]
        else:
            past = [*past, make(chain, since, since)]
    elif force:
        standby = ahead.pop(0) if ahead else make(chain, now, earliest)
        standby = _moved(standby, max(now, standby.created + policy.publish_ahead), policy)
        ahead.insert(0, standby)
    # A key that takes over before the next one could be published is no standby for an emergency after that.
    while not any(key.activates > now + policy.publish_ahead for key in ahead):
        newest = max([*past, *ahead], key=lambda key: key.activates)
        ahead.append(make(chain, now, max(newest.retires, earliest)))
    return [*past, *ahead]


def _moved(key: Key, activates: int, policy: Policy) -> Key:
    """Return `key` with its `activates` moved to `activates`, if that is earlier."""
    if activates >= key.activates:
        return key
    return _ending(replace(key, activates=activates), activates + policy.period, policy)


def _ending(key: Key, retires: int, policy: Policy) -> Key:
    """Return `key` with its `retires` moved to `retires`.

    The time from `retires` to `expires` stays the same, or grows if the lifetimes of the policy have grown.
    """
    kept = max(key.expires - key.retires, policy.life(key.purpose) + policy.reload + policy.skew)
    return replace(key, retires=retires, expires=retires + kept)


def _settle(line: Iterable[Key], policy: Policy, now: int) -> list[Key]:
    """End each key's active time where the next begins, delete private halves of retired keys, remove expired keys."""
    settled: list[Key] = []
    takes_over: int | None = None
    for key in sorted(line, key=lambda key: key.activates, reverse=True):
        if key.retires > now:
            turned = _ending(key, key.retires if takes_over is None else takes_over, policy)
            takes_over = key.activates if key.usable else takes_over
        else:
            turned = key
        # A node may still sign for reload + skew, until it has loaded the change or while its clock is behind.
        if isinstance(turned, SigningKey) and turned.can_sign and now >= turned.retires + policy.skew + policy.reload:
            turned = replace(turned, pair=turned.pair.public())
        if now < turned.expires:
            settled.append(turned)
    return settled
