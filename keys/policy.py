"""How keys live: the `[keys]` table of the configuration, and the invariants that it must keep."""

import msgspec

from keys.key import SIGNING_ALGS

_DAY = 86_400
_TEN_YEARS = 3_650 * _DAY


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lives of keys. Every time is in whole seconds.

    signing_algs: the algorithms that have a signing key each.
    period: how long a key signs or seals.
    publish_ahead: how long a signing key is in the JWKS before it signs.
    jwks_max_age: the longest that a fetched JWKS may be cached.
    reload: within how long every node has noticed a change of the directory.
    skew: how far the clocks of two nodes may be apart.
    sig_life, bag_life: the longest life of anything that a signing or a sealing key protects.
    master_key_file: a file with the 32-byte key that wraps key files at rest; empty: they are plain.
    directory: where the key files are; empty: `keys` in the state directory.
    """

    signing_algs: tuple[str, ...] = ("ES256",)
    period: int = 90 * _DAY
    publish_ahead: int = 2 * _DAY
    jwks_max_age: int = 3_600
    reload: int = 5
    skew: int = 60
    sig_life: int = _DAY
    bag_life: int = 31 * _DAY
    master_key_file: str = ""
    directory: str = ""

    def life(self, purpose: str) -> int:
        """The longest life, in seconds, of what a key of `purpose` protects."""
        return {"sig": self.sig_life, "bag": self.bag_life}[purpose]

    def problems(self) -> list[tuple[str, str]]:
        """Every broken invariant as (path, message); empty when the policy is sound."""
        found = []
        if not self.signing_algs:
            found.append(("keys.signing_algs", "must name at least one algorithm"))
        for at, alg in enumerate(self.signing_algs):
            if alg not in SIGNING_ALGS:
                found.append((f"keys.signing_algs[{at}]", f"is unknown; known are {', '.join(SIGNING_ALGS)}"))
            elif alg in self.signing_algs[:at]:
                found.append((f"keys.signing_algs[{at}]", f"names {alg} twice"))
        for name in ("period", "publish_ahead", "jwks_max_age", "reload", "skew", "sig_life", "bag_life"):
            seconds = getattr(self, name)
            least = 0 if name == "skew" else 1
            if not least <= seconds <= _TEN_YEARS:
                found.append((f"keys.{name}", f"must be between {least} and {_TEN_YEARS} seconds, not {seconds}"))
        needed = self.jwks_max_age + self.reload + self.skew
        if self.publish_ahead < needed:
            found.append(
                (
                    "keys.publish_ahead",
                    f"must be at least jwks_max_age + reload + skew ({needed} seconds), not {self.publish_ahead}: "
                    "else tokens are signed by keys that some have not seen",
                )
            )
        if self.period <= self.publish_ahead:
            found.append(("keys.period", f"must be longer than publish_ahead ({self.publish_ahead} seconds)"))
        return found
