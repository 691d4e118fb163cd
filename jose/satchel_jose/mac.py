"""HMAC with SHA-2 (RFC 7518 section 3.2): a secret that both sides hold, at least as long as the hash."""

import hmac
import secrets
from hashlib import new

from cryptography.exceptions import InvalidSignature

from satchel_jose.algorithm import Algorithm, KeyKind, Octets

OCT = "oct"
"""The name of the kind of each secret, whatever its length."""


def _check(secret: bytes, signature: bytes, data: bytes, digest: str) -> None:
    if not hmac.compare_digest(hmac.digest(secret, data, digest), signature):
        raise InvalidSignature


def hmac_sha2(name: str, digest: str, octets: int) -> Algorithm:
    """Return the row of HMAC with a hash of `octets` that hashlib calls `digest`."""

    def unfit(members: Octets) -> str:
        return "" if len(members["k"]) >= octets else f"secret is too short: {name} needs {octets} bytes"

    kind = KeyKind(
        name=OCT,
        fixed={"kty": "oct"},
        public=(),
        private=("k",),
        load_public=lambda members: members["k"],
        load_private=lambda members: members["k"],
        dump_public=lambda key: None,
        unfit=unfit,
    )
    return Algorithm(
        names=(name,),
        kind=kind,
        generate=lambda: secrets.token_bytes(octets),
        sign=lambda secret, data: hmac.digest(secret, data, digest),
        check=lambda secret, signature, data: _check(secret, signature, data, digest),
        signature_bytes=lambda secret: octets,
        digest=lambda data: new(digest, data).digest(),
        in_proofs=False,
    )
