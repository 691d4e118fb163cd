"""Ed25519 (RFC 8037 section 3.1, RFC 9864 section 2.2), and the kind of X25519 keys, which sign nothing."""

from collections.abc import Callable
from hashlib import sha512
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from satchel_jose.algorithm import Algorithm, KeyKind, Octets

_OCTETS = 32
_P = 2**255 - 19
_COORDINATE = 2**255 - 1  # the bit above it is the sign of the other coordinate, or has no meaning
_LOW_ORDER_Y = frozenset(
    {
        0,
        1,
        _P - 1,
        int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16),
        int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16),
    }
)
"""y of the eight Ed25519 points of low order: such a key has signed anything (RFC 8032 section 8.9)."""
_LOW_ORDER_U = frozenset(
    {
        0,
        1,
        _P - 1,
        int("00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0", 16),
        int("57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5f", 16),
    }
)
"""u of the Curve25519 points of low order: everybody would share the same secret with them (RFC 7748 section 6.1)."""


def _okp(name: str, private: Any, public: Any, small: frozenset[int]) -> KeyKind:
    return KeyKind(
        name=name,
        fixed={"kty": "OKP", "crv": name},
        public=("x",),
        private=("d",),
        load_public=lambda members: public.from_public_bytes(members["x"]),
        load_private=lambda members: private.from_private_bytes(members["d"]),
        dump_public=lambda key: {"x": key.public_bytes_raw()} if isinstance(key, public) else None,
        unfit=_unfit(small),
    )


def _unfit(small: frozenset[int]) -> Callable[[Octets], str]:
    """Return what makes a key unfit, given the coordinates that points of low order have."""

    def unfit(members: Octets) -> str:
        if len(members["x"]) != _OCTETS:
            return "a coordinate has the wrong length"
        coordinate = int.from_bytes(members["x"], "little") & _COORDINATE
        if coordinate >= _P:
            return "a coordinate is written in a second way"
        return "a point of low order" if coordinate in small else ""

    return unfit


ED25519 = _okp("Ed25519", ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey, _LOW_ORDER_Y)
X25519 = _okp("X25519", x25519.X25519PrivateKey, x25519.X25519PublicKey, _LOW_ORDER_U)


def eddsa(*names: str) -> Algorithm:
    """Return the row of EdDSA with Ed25519."""
    return Algorithm(
        names=names,
        kind=ED25519,
        generate=ed25519.Ed25519PrivateKey.generate,
        sign=lambda private, data: private.sign(data),
        check=lambda public, signature, data: public.verify(signature, data),
        signature_bytes=lambda public: 64,
        digest=lambda data: sha512(data).digest(),
    )
