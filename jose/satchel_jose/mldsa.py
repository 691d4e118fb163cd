"""ML-DSA (FIPS 204), whose signatures a quantum computer cannot forge (RFC 9964): keys of kty AKP, made of a seed."""

from hashlib import shake_256
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from satchel_jose.algorithm import Algorithm, KeyKind, Octets

_SEED_OCTETS = 32
_DIGEST_OCTETS = 64
"""Octets of the SHAKE256 that stands for "the hash of the algorithm", as ML-DSA itself takes them of a message."""


def supported() -> bool:
    """Tell whether the OpenSSL under `cryptography` has ML-DSA."""
    try:
        mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(_SEED_OCTETS))
    except UnsupportedAlgorithm:
        return False
    return True


def ml_dsa(name: str, private: Any, public: Any, key_octets: int, signature_octets: int, **fits: bool) -> Algorithm:
    """Return the row of a parameter set (FIPS 204 section 4), with the classes and sizes of its keys."""

    def unfit(members: Octets) -> str:
        return "" if len(members["pub"]) == key_octets else "a public key has the wrong length"

    kind = KeyKind(
        name=name,
        fixed={"kty": "AKP", "alg": name},
        public=("pub",),
        private=("priv",),
        load_public=lambda members: public.from_public_bytes(members["pub"]),
        load_private=lambda members: private.from_seed_bytes(members["priv"]),
        dump_public=lambda key: {"pub": key.public_bytes_raw()} if isinstance(key, public) else None,
        unfit=unfit,
    )
    return Algorithm(
        names=(name,),
        kind=kind,
        generate=private.generate,
        sign=lambda key, data: key.sign(data),
        check=lambda key, signature, data: key.verify(signature, data),
        signature_bytes=lambda key: signature_octets,
        digest=lambda data: shake_256(data).digest(_DIGEST_OCTETS),
        **fits,
    )
