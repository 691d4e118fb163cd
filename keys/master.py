"""Encryption of key files under a master key: compact JWE with A256KW and A256GCM (RFC 7516 section 3.1)."""

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
    """Return the 32 bytes in the file `path`, which are raw or hexadecimal or base64url text; raises KeyStoreError.

    The permissions of the file are checked as for key files. A symbolic link must stay within its directory.
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
        raise KeyStoreError(path, f"is not a master key; it must have {_SIZE} bytes: raw, hexadecimal or base64url")
    return key


def _base64url(text: bytes) -> bytes:
    return base64.b64decode(text.rstrip(b"=") + b"=", altchars=b"-_", validate=True)


def wrap(document: bytes, master_key: bytes) -> bytes:
    """Return `document` as a JWE under `master_key`."""
    jwe = JWE(document, protected=json.dumps(_HEADER))
    jwe.add_recipient(_jwk(master_key))
    serialized: str = jwe.serialize(compact=True)
    return serialized.encode()


def unwrap(wrapped: bytes, master_key: bytes) -> bytes:
    """Return the document in `wrapped`; raises ValueError if `wrap` did not make it with `master_key`."""
    try:
        jwe = JWE(algs=["A256KW", "A256GCM"])
        jwe.deserialize(wrapped.decode("ascii"), _jwk(master_key))
        if jwe.jose_header != _HEADER:
            raise ValueError
    except (JWException, ValueError):
        raise ValueError("cannot be decrypted with the master key") from None
    document: bytes = jwe.payload
    return document


def _jwk(master_key: bytes) -> JWK:
    return JWK(kty="oct", k=base64url_encode(master_key))
