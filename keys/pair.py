"""Key pairs that sign and verify, read from and written to JWKs (RFC 7517, RFC 7518 section 6, RFC 8037, RFC 9964)."""

# mypy: allow-untyped-calls
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from satchel_jose.algorithms import ALGORITHMS, SIGNATURES

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]


class NoPrivateKey(Exception):
    """The key cannot sign, because its private half has been deleted."""


def _no_private_key(data: bytes) -> bytes:
    raise NoPrivateKey


class KeyPair:
    """A public key, with its private key unless that has been deleted.

    `sign(data)` returns the signature; it raises NoPrivateKey if the private key has been deleted.
    `verify(signature, data)` returns a bool and never raises. An object with the same attributes (`alg`, `sign`,
    `verify`, `has_private`) can take the place of a pair, for example to sign with a hardware token or a key service.
    """

    __slots__ = ("alg", "has_private", "jwk", "sign", "verify")

    alg: str
    has_private: bool
    jwk: dict[str, str]
    sign: Sign
    verify: Verify

    def __init__(self, alg: str, private: Any, public: Any) -> None:
        row = ALGORITHMS[alg]
        octets = row.kind.dump_public(public)
        if octets is None or row.kind.unfit(octets):
            raise ValueError(f"has a key that is too weak or of the wrong kind for {alg}")
        exported: dict[str, str] = JWK.from_pyca(private or public).export(as_dict=True)
        exported.pop("kid", None)  # jwcrypto adds a kid
        self.alg = alg
        self.jwk = exported
        self.has_private = private is not None
        self.sign = partial(row.sign, private) if private is not None else _no_private_key
        self.verify = partial(row.verify, public)

    @classmethod
    def generate(cls, alg: str) -> Self:
        """Return a new pair for `alg`, one of SIGNATURES."""
        private = ALGORITHMS[alg].generate()
        return cls(alg, private, private.public_key())

    @classmethod
    def from_jwk(cls, alg: str, jwk: Mapping[str, str]) -> Self:
        """Return the pair of `jwk`, which is private or public.

        Raises ValueError if `alg` is unknown, the type or curve is wrong, the key is weak, its halves do not belong
        together, or it has other members. The message contains nothing of the key.
        """
        if alg not in SIGNATURES:
            raise ValueError("has an unknown alg")
        try:
            key = JWK(**jwk)
            private = key.get_op_key("sign") if not jwk.keys().isdisjoint(ALGORITHMS[alg].kind.private) else None
            public = key.get_op_key("verify")
        except (JWException, KeyError, NotImplementedError, TypeError, ValueError):
            raise ValueError(f"has no valid key for {alg}") from None
        pair = cls(alg, private, public)
        # The export is complete and canonical, so this also detects a public half of another private key.
        if pair.jwk != jwk:
            raise ValueError(f"has no valid key for {alg}")
        return pair

    def public(self) -> "KeyPair":
        """Return the same pair without its private half."""
        return KeyPair.from_jwk(self.alg, self.public_jwk())

    def public_jwk(self) -> dict[str, str]:
        kind = ALGORITHMS[self.alg].kind
        return {name: self.jwk[name] for name in (*kind.fixed, *kind.public)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyPair) and self.alg == other.alg and self.jwk == other.jwk

    def __hash__(self) -> int:
        return hash((self.alg, self.has_private, *self.public_jwk().values()))

    def __repr__(self) -> str:
        return f"<KeyPair {self.alg}{'' if self.has_private else ', public half only'}>"
