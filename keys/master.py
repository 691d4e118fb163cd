"""Key files wrapped at rest under a master key: compact JWE, A256KW and A256GCM (RFC 7516 §3.1, RFC 7518 §4.4)."""

# mypy: allow-untyped-calls
import base64
import json
from pathlib import Path

from jwcrypto.common import JWException, base64url_encode
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from keys.files import KeyStoreError, read_secret

_HEADER = {"alg": "A256KW", "enc": "A256GCM", "typ": "satchel-key"}
_SIZE = 32


def read_master_key(path: Path) -> bytes:
    """The 32 bytes in `path`, raw or as hexadecimal or base64url text; raises KeyStoreError.

    The file is checked like a key file; its own directory bounds where it may link to.
    """
    content = read_secret(path, path.absolute().parent)
    if len(content) == _SIZE:
        return content
    text = content.strip()
    try:
        key = bytes.fromhex(text.decode("ascii")) if len(text) == 2 * _SIZE else _base64url(text)
    except ValueError:
        key = b""
    if len(key) != _SIZE:
        raise KeyStoreError(path, f"is not a master key: {_SIZE} bytes, raw or in hexadecimal or base64url")
    return key


def _base64url(text: bytes) -> bytes:
    return base64.b64decode(text.rstrip(b"=") + b"=", altchars=b"-_", validate=True)


def wrap(document: bytes, master_key: bytes) -> bytes:
    """`document` as a JWE that opens under `master_key` alone."""
    jwe = JWE(document, protected=json.dumps(_HEADER))
    jwe.add_recipient(_jwk(master_key))
    serialized: str = jwe.serialize(compact=True)
    return serialized.encode()


def unwrap(wrapped: bytes, master_key: bytes) -> bytes:
    """The document in `wrapped`; raises ValueError if `master_key` did not wrap it just so."""
    try:
        jwe = JWE(algs=["A256KW", "A256GCM"])
        jwe.deserialize(wrapped.decode("ascii"), _jwk(master_key))
        if jwe.jose_header != _HEADER:
            raise ValueError
    except (JWException, ValueError):
        raise ValueError("does not open under the master key") from None
    document: bytes = jwe.payload
    return document


def _jwk(master_key: bytes) -> JWK:
    return JWK(kty="oct", k=base64url_encode(master_key))
