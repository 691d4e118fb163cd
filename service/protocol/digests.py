"""Digests that stand for long values inside codes and refresh tokens, so that these fit into a URL."""

from functools import lru_cache
from hashlib import sha256


@lru_cache
def client_digest(client_id: str) -> bytes:
    """16 bytes that stand for a client id; a second id with the same digest would take 2^128 tries."""
    return sha256(client_id.encode("utf-8")).digest()[:16]


def uri_digest(uri: str) -> bytes:
    """16 bytes that stand for a redirect URI."""
    return sha256(uri.encode("utf-8")).digest()[:16]
