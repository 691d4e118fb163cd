"""Ed25519 (RFC 8037 section 3.1, RFC 9864 section 2.2), and the kind of X25519 keys, which sign nothing."""

from hashlib import sha512
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from satchel_jose.algorithm import Algorithm, KeyKind, Octets

_OCTETS = 32


def _okp(name: str, private: Any, public: Any) -> KeyKind:
    return KeyKind(
        name=name,
        fixed={"kty": "OKP", "crv": name},
        public=("x",),
        private=("d",),
        load_public=lambda members: public.from_public_bytes(members["x"]),
        load_private=lambda members: private.from_private_bytes(members["d"]),
        dump_public=lambda key: {"x": key.public_bytes_raw()} if isinstance(key, public) else None,
        unfit=_unfit,
    )


def _unfit(members: Octets) -> str:
    return "" if len(members["x"]) == _OCTETS else "a coordinate has the wrong length"


ED25519 = _okp("Ed25519", ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)
X25519 = _okp("X25519", x25519.X25519PrivateKey, x25519.X25519PublicKey)


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
