"""The `[keys]` table of the configuration: algorithms and lifetimes of keys, and the rules between them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from satchel_jose.algorithms import SIGNATURES

_DAY = 86_400
_TEN_YEARS = 3_650 * _DAY


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signing algorithms and key rotation (docs/keys.md). All times are in seconds."""

    signing_algs: Annotated[
        tuple[str, ...], Meta(description="signature algorithms; the service keeps a signing key for each")
    ] = ("ES256",)
    period: Annotated[
        int, Meta(description="time for which a key signs or encrypts before the next key takes over")
    ] = 90 * _DAY
    publish_ahead: Annotated[
        int, Meta(description="time for which a signing key is published in the JWKS before it signs")
    ] = 2 * _DAY
    jwks_max_age: Annotated[int, Meta(description="`max-age` of the JWKS: how long verifiers may cache it")] = 3_600
    reload: Annotated[int, Meta(description="time within which every node loads a change of the key directory")] = 5
    skew: Annotated[int, Meta(description="largest difference between the clocks of two nodes")] = 60
    sig_life: Annotated[
        int,
        Meta(description="longest allowed lifetime of signed tokens: a key stays published this long after it signs"),
    ] = _DAY
    bag_life: Annotated[
        int, Meta(description="longest allowed lifetime of bags: a key is kept this long after it encrypts")
    ] = 31 * _DAY
    master_key_file: Annotated[
        str,
        Meta(description="file with the 32-byte key that encrypts the key files; empty: key files are not encrypted"),
    ] = ""
    directory: Annotated[
        str, Meta(description="directory of the key files; empty: `keys` in the state directory (SATCHEL_STATE)")
    ] = ""

    def life(self, purpose: str) -> int:
        """Return the longest lifetime, in seconds, of tokens or bags under a key of `purpose` ("sig" or "bag")."""
        return {"sig": self.sig_life, "bag": self.bag_life}[purpose]

    def with_signing_alg(self, alg: str) -> "Policy":
        """Return this policy with `alg` among its signing algorithms."""
        algs = self.signing_algs
        return self if alg in algs else msgspec.structs.replace(self, signing_algs=(*algs, alg))

    def problems(self) -> list[tuple[str, str]]:
        """Return every broken rule as (path, message); the list is empty if the policy is valid."""
        found = []
        if not self.signing_algs:
            found.append(("keys.signing_algs", "must name at least one algorithm"))
        for at, alg in enumerate(self.signing_algs):
            if alg not in SIGNATURES:
                found.append((f"keys.signing_algs[{at}]", f"is not supported; choose from {', '.join(SIGNATURES)}"))
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
                    "otherwise a key signs before every verifier has it",
                )
            )
        if self.period <= self.publish_ahead:
            found.append(("keys.period", f"must be longer than publish_ahead ({self.publish_ahead} seconds)"))
        return found
