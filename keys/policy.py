"""How keys live: the `[keys]` table of the configuration, and the invariants that it must keep."""

from typing import Annotated

import msgspec
from msgspec import Meta

from satchel_jose.algorithms import SIGNATURES

_DAY = 86_400
_TEN_YEARS = 3_650 * _DAY


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lives of keys. Every time is in whole seconds."""

    signing_algs: Annotated[tuple[str, ...], Meta(description="algorithms that have a signing key each")] = ("ES256",)
    period: Annotated[int, Meta(description="how long a key signs or seals")] = 90 * _DAY
    publish_ahead: Annotated[int, Meta(description="how long a signing key is in the JWKS before it signs")] = 2 * _DAY
    jwks_max_age: Annotated[int, Meta(description="the longest that a fetched JWKS may be cached")] = 3_600
    reload: Annotated[int, Meta(description="within how long every node has noticed a change of the directory")] = 5
    skew: Annotated[int, Meta(description="how far the clocks of two nodes may be apart")] = 60
    sig_life: Annotated[int, Meta(description="the longest life of anything that a signing key protects")] = _DAY
    bag_life: Annotated[int, Meta(description="the longest life of anything that a bag key protects")] = 31 * _DAY
    master_key_file: Annotated[
        str, Meta(description="a file with the 32-byte key that wraps key files at rest; empty: they are plain")
    ] = ""
    directory: Annotated[
        str, Meta(description="where the key files are; empty: `keys` in the state directory (SATCHEL_STATE)")
    ] = ""

    def life(self, purpose: str) -> int:
        """The longest life, in seconds, of what a key of `purpose` protects."""
        return {"sig": self.sig_life, "bag": self.bag_life}[purpose]

    def with_signing_alg(self, alg: str) -> "Policy":
        """This policy with a signing key of `alg` too."""
        algs = self.signing_algs
        return self if alg in algs else msgspec.structs.replace(self, signing_algs=(*algs, alg))

    def problems(self) -> list[tuple[str, str]]:
        """Every broken invariant as (path, message); empty when the policy is sound."""
        found = []
        if not self.signing_algs:
            found.append(("keys.signing_algs", "must name at least one algorithm"))
        for at, alg in enumerate(self.signing_algs):
            if alg not in SIGNATURES:
                found.append((f"keys.signing_algs[{at}]", f"is unknown; known are {', '.join(SIGNATURES)}"))
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
