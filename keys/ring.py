"""The key ring: all keys of a node, immutable, with fast look-ups of the signing key, the sealing key, and by kid."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from keys.key import SEALING_ALG, Key, SealingKey, SigningKey


class NoActiveKey(Exception):
    """No key with this purpose and algorithm is active now."""

    def __init__(self, purpose: str, alg: str) -> None:
        super().__init__(f"no active {purpose} key for {alg}")
        self.purpose = purpose
        self.alg = alg


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Ring:
    """All keys of a node. Rings with the same keys are equal, whatever the order of the keys.

    A chain (the keys of one purpose and algorithm) is searched from its newest key. At most one standby precedes the
    active key, so a look-up takes two steps. All times are in seconds since the epoch.
    """

    keys: tuple[Key, ...]
    _signers: dict[str, tuple[SigningKey, ...]] = field(compare=False)
    _sealers: tuple[SealingKey, ...] = field(compare=False)
    _by_kid: dict[str, Key] = field(compare=False)

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        """Take the keys; raises ValueError if two keys have the same kid."""
        newest_first = sorted(keys, key=lambda key: (key.activates, key.created, key.kid), reverse=True)
        by_kid = {key.kid: key for key in newest_first}
        if len(by_kid) != len(newest_first):
            raise ValueError("two keys of the ring have the same kid")
        signers: dict[str, tuple[SigningKey, ...]] = {}
        for key in newest_first:
            if isinstance(key, SigningKey):
                signers[key.alg] = (*signers.get(key.alg, ()), key)
        sealers = tuple(key for key in newest_first if isinstance(key, SealingKey))
        for name, value in (
            ("keys", tuple(newest_first)),
            ("_signers", signers),
            ("_sealers", sealers),
            ("_by_kid", by_kid),
        ):
            object.__setattr__(self, name, value)

    def signer(self, alg: str, now: float) -> SigningKey:
        """Return the key that signs with `alg` at `now`; raises NoActiveKey."""
        for key in self._signers.get(alg, ()):
            if key.activates <= now < key.retires and key.can_sign:
                return key
        raise NoActiveKey("sig", alg)

    def sealer(self, now: float) -> SealingKey:
        """Return the key that seals bags at `now`; raises NoActiveKey."""
        for key in self._sealers:
            if key.activates <= now < key.retires:
                return key
        raise NoActiveKey("bag", SEALING_ALG)

    def published(self, now: float) -> tuple[SigningKey, ...]:
        """Return the signing keys of the JWKS, newest first: each from `created` until `expires`."""
        return tuple(key for key in self.keys if isinstance(key, SigningKey) and key.created <= now < key.expires)

    def by_kid(self, kid: str) -> Key | None:
        return self._by_kid.get(kid)

    def without_standby(self, algs: Iterable[str], now: float) -> list[str]:
        """The algorithms among `algs` for which no key is published that could take over."""
        return [
            alg
            for alg in algs
            if not any(key.created <= now < key.activates and key.can_sign for key in self._signers.get(alg, ()))
        ]

    def next_activation(self, now: float) -> int | None:
        """Return the first instant after `now` at which a key becomes active; None if there is none."""
        return min((key.activates for key in self.keys if key.activates > now), default=None)

    def __repr__(self) -> str:
        return f"Ring({', '.join(map(repr, self.keys))})"
