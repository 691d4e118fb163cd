"""A key pair as a JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2, RFC 9964 §4) that signs and verifies."""

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
    """This key verifies, but its private half has been deleted."""


def _no_private_key(data: bytes) -> bytes:
    raise NoPrivateKey


class KeyPair:
    """Public half, and the private one unless it has been deleted. Something with the same four attributes (`alg`,
    `sign`, `verify`, `has_private`) that asks a token or a key service for its signatures can stand in its place.

    `sign(data) -> signature` raises NoPrivateKey when only the public half is left;
    `verify(signature, data) -> bool` never raises on bytes.
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
            raise ValueError(f"holds a key that is too weak or not of the kind for {alg}")
        exported: dict[str, str] = JWK.from_pyca(private or public).export(as_dict=True)
        exported.pop("kid", None)  # jwcrypto's own
        self.alg = alg
        self.jwk = exported
        self.has_private = private is not None
        self.sign = partial(row.sign, private) if private is not None else _no_private_key
        self.verify = partial(row.verify, public)

    @classmethod
    def generate(cls, alg: str) -> Self:
        """A fresh pair for `alg`, one of SIGNATURES."""
        private = ALGORITHMS[alg].generate()
        return cls(alg, private, private.public_key())

    @classmethod
    def from_jwk(cls, alg: str, jwk: Mapping[str, str]) -> Self:
        """The pair that `jwk` (private or public) spells; raises ValueError, without a word of its content, if it is
        not exactly such a key: unknown `alg`, wrong type or curve, weak, inconsistent halves, members left over."""
        if alg not in SIGNATURES:
            raise ValueError("has an unknown alg")
        try:
            key = JWK(**jwk)
            private = key.get_op_key("sign") if not jwk.keys().isdisjoint(ALGORITHMS[alg].kind.private) else None
            public = key.get_op_key("verify")
        except (JWException, KeyError, NotImplementedError, TypeError, ValueError):
            raise ValueError(f"holds no sound key for {alg}") from None
        pair = cls(alg, private, public)
        # The export is complete and canonical, so this also catches a public half that belongs to another private one.
        if pair.jwk != jwk:
            raise ValueError(f"holds no sound key for {alg}")
        return pair

    def public(self) -> "KeyPair":
        """The same pair with its private half gone."""
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
