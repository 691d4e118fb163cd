"""Verification of DPoP proofs (RFC 9449 sections 4.3 and 7), each of which is accepted once."""

import hashlib
import re
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from satchel_client.jose import parse, verify
from satchel_jose.algorithms import PROOFS
from satchel_jose.base64url import encode
from satchel_jose.errors import Rejected
from satchel_jose.strict_json import load_object

MAX_PROOF_CHARS = 8192
MAX_AGE = 60
"""Seconds for which a proof is accepted, in addition to the leeway."""
_TYPES: frozenset[str | None] = frozenset({"dpop+jwt"})
_MAX_JTI_CHARS = 256
_VISIBLE = re.compile(r"[!-~]+")
_PORTS = {"https": 443, "http": 80}


class Proof(NamedTuple):
    """A valid proof: the thumbprint of its key, its one-time id, and the end of that id's storage (seconds)."""

    jkt: str
    id: bytes
    until: float


def check_proof(headers: Sequence[str], method: str, url: str, token: str, now: float, leeway: float) -> Proof:
    """Check the DPoP headers of a request of `method` to `url` with the access token `token`, at `now`.

    Raises:
        Rejected: there is not exactly one header, or its proof is not valid for this request.
    """
    if len(headers) != 1 or len(headers[0]) > MAX_PROOF_CHARS or not headers[0].isascii():
        raise Rejected("there is no DPoP proof, more than one, or it is too long")
    unverified = parse(headers[0].encode(), _TYPES)
    key = unverified.header.key
    if key is None:
        raise Rejected("the proof has no public key")
    if unverified.header.alg not in PROOFS:
        raise Rejected("alg is not allowed for proofs")
    claims = load_object(verify(unverified, key))
    htu, jti, iat = claims.get("htu"), claims.get("jti"), claims.get("iat", "")
    if claims.get("htm") != method:
        raise Rejected("htm is not the method of the request")
    if not isinstance(htu, str) or _target(htu) != _target(url):
        raise Rejected("htu is not the URL of the request")
    if claims.get("ath") != encode(hashlib.sha256(token.encode()).digest()).decode():
        raise Rejected("ath is not the hash of the access token")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI_CHARS:
        raise Rejected("jti is missing or too long")
    if isinstance(iat, bool) or not isinstance(iat, int | float) or not now - MAX_AGE - leeway <= iat <= now + leeway:
        raise Rejected("iat is missing, too old or in the future")
    seen = hashlib.sha256(f"{key.thumbprint} {jti}".encode()).digest()
    return Proof(key.thumbprint, seen, iat + MAX_AGE + leeway)


class ReplayWindow:
    """The replay protection of one process: at most `capacity` ids.

    Several processes need a shared store, so that together they accept a proof once: any object with this `spend`.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self._seen: dict[bytes, float] = {}
        self._sweep_at = 0.0
        self._lock = Lock()

    def spend(self, id: bytes, until: float, now: float) -> bool | None:
        """Return whether `id` is new; None if there is no room to store it until `until`."""
        with self._lock:
            if now >= self._sweep_at:
                self._seen = {known: end for known, end in self._seen.items() if now < end}
                self._sweep_at = now + MAX_AGE
            if id in self._seen:
                return False
            if len(self._seen) >= self.capacity:
                return None
            self._seen[id] = until
            return True


def _target(url: str) -> tuple[str, str, int | None, bytes]:
    """Return the compared parts of a URL: scheme, host, port and path, without query and fragment.

    Paths are compared decoded, because WSGI servers give applications only the decoded path.
    """
    try:
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        raise Rejected("htu is not a URL") from None
    # urlsplit silently drops some white space
    if not parts.hostname or parts.username is not None or _VISIBLE.fullmatch(url) is None:
        raise Rejected("htu is not a URL")
    return parts.scheme, parts.hostname, port, unquote_to_bytes(parts.path or "/")
