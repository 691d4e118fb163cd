"""Creation of DPoP proofs (RFC 9449 sections 4.2, 8 and 9)."""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from satchel_client.errors import ClientError
from satchel_client.signing import SigningKey
from satchel_jose.algorithms import PROOFS
from satchel_jose.base64url import encode

MOST_NONCES = 100
"""The most origins whose last nonce is stored."""


class Prover:
    """Creates proofs with one key, and stores the last nonce of each origin."""

    def __init__(self, key: SigningKey, clock: Callable[[], float] = time.time) -> None:
        """Take a key.

        Raises:
            ClientError: a proof with this key would not fit into a header field (ML-DSA-65, ML-DSA-87).
        """
        if key.alg not in PROOFS:
            raise ClientError(f"{key.alg} is not for DPoP: proofs do not fit into a header field of 8 KiB")
        self.thumbprint = key.thumbprint
        """The `jkt` of tokens that are bound to this key (RFC 9449 section 6.1)."""
        self._key = key
        self._clock = clock
        self._header = {"typ": "dpop+jwt", "jwk": key.public_jwk}
        self._nonces: dict[str, str] = {}

    def proof(self, method: str, url: str, access_token: str | None = None, now: float | None = None) -> str:
        """Return a proof for one request. `now` is the time of the server if it is known (seconds since the epoch)."""
        parts = urlsplit(url)
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
            "iat": int(self._clock() if now is None else now),
        }
        if access_token is not None:
            claims["ath"] = encode(hashlib.sha256(access_token.encode()).digest()).decode()
        if nonce := self._nonces.get(_origin(url)):
            claims["nonce"] = nonce
        return self._key.sign(self._header, claims)

    def learn(self, url: str, nonce: str | None) -> bool:
        """Store the nonce of a response (its `DPoP-Nonce`, if any); return whether the nonce is new."""
        origin = _origin(url)
        if not nonce or self._nonces.get(origin) == nonce:
            return False
        kept = {**self._nonces, origin: nonce}  # never changed in place: threads read it, and a fork may come
        self._nonces = dict(list(kept.items())[-MOST_NONCES:])
        return True

    def __repr__(self) -> str:
        return f"Prover(thumbprint={self.thumbprint!r})"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
