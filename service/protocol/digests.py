"""Digests that replace long values inside codes and refresh tokens, so that codes fit into a URL."""

from functools import lru_cache
from hashlib import sha256


@lru_cache
def client_digest(client_id: str) -> bytes:
    """Return a 16-byte digest of a client id. Finding another id with the same digest takes 2^128 attempts."""
    return sha256(client_id.encode("utf-8")).digest()[:16]


def uri_digest(uri: str) -> bytes:
    """Return a 16-byte digest of a redirect URI."""
    return sha256(uri.encode("utf-8")).digest()[:16]
