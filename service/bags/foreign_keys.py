"""The keys that verify signatures of other parties (RFC 7517 section 5, RFC 7518 section 3.2)."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import structlog

from satchel_jose.algorithms import ALGORITHMS, MACS
from satchel_jose.jwk import PublicKey
from satchel_jose.mac import OCT
from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.bags.jwk import read_verification_key

MAX_KEYS = 64
MAX_DOCUMENT_BYTES = 256 * 1024

log = structlog.get_logger("satchel")


class HmacKey(msgspec.Struct, frozen=True):
    """A shared secret (bytes) for HMAC. It is never read from a JWK Set, so a public key cannot become a secret.

    Raises BadBag if it is shorter than 32 bytes.
    """

    handle: bytes
    kid: str | None = None
    alg: str | None = None

    kind = OCT

    def __post_init__(self) -> None:
        if not any(map(self.fits, MACS)):
            raise BadBag("secret is too short")

    def fits(self, alg: str) -> bool:
        """Return whether this secret may be used with `alg`: it is at least as long as the hash."""
        row = ALGORITHMS.get(alg)
        return (
            row is not None
            and row.kind.name == OCT
            and self.alg in (None, alg)
            and not row.kind.unfit({"k": self.handle})
        )

    def __repr__(self) -> str:
        return f"HmacKey(kid={self.kid!r})"


class KeySet:
    """The keys of one signer, found by exact kid. Raises BadBag for more than 64 keys or a kid that is used twice."""

    def __init__(self, keys: Iterable[PublicKey | HmacKey]) -> None:
        self._keys = tuple(keys)
        self._by_kid = {key.kid: key for key in self._keys if key.kid is not None}
        if len(self._keys) > MAX_KEYS:
            raise BadBag("too many keys")
        if len(self._by_kid) != sum(key.kid is not None for key in self._keys):
            raise BadBag("two keys have the same kid")

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, kid: object) -> bool:
        return kid in self._by_kid

    def holds(self, thumbprint: str) -> bool:
        """Return whether one of the keys is the public key with this thumbprint (RFC 7638)."""
        return any(isinstance(key, PublicKey) and key.thumbprint == thumbprint for key in self._keys)

    def choose(self, kid: str | None, alg: str) -> PublicKey | HmacKey:
        """Return the one key for a signature with `kid` and `alg`; raises BadBag if there is none or more than one."""
        if kid is not None:
            key = self._by_kid.get(kid)
            if key is None:
                raise BadBag("unknown kid")
            if not key.fits(alg):
                raise BadBag("alg does not fit the key")
            return key
        fitting = [key for key in self._keys if key.fits(alg)]
        if len(fitting) != 1:
            raise BadBag("no kid, and not exactly one key that fits alg")
        return fitting[0]


def import_jwks(document: bytes | dict[str, Any], *, origin: str = "") -> KeySet:
    """Return the keys of a JWK Set (RFC 7517 section 5) that verify signatures; keys of unknown kinds are ignored.

    A set that was fetched has an `origin`, for the log. In that one, a key that is malformed, weak or private is passed
    over too, and so are keys with one kid. What stands in our own configuration is refused as a whole.

    Raises BadBag for a set over 256 KiB or 64 keys; without an `origin`, for any malformed, weak or private key; with
    one, if faults have left no key.
    """
    if isinstance(document, bytes):
        if len(document) > MAX_DOCUMENT_BYTES:
            raise BadBag("JWK Set is too long")
        document = load_object(document)
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise BadBag("a JWK Set has a list of at most 64 keys")
    if not origin:
        return KeySet(key for key in map(read_verification_key, entries) if key is not None)
    return _sound_keys(entries, origin)


def _sound_keys(entries: list[Any], origin: str) -> KeySet:
    keys, faults = list[PublicKey](), 0
    for jwk in entries:
        try:
            key = read_verification_key(jwk)
        except BadBag as fault:
            kid = jwk.get("kid") if isinstance(jwk, dict) else None
            log.warning("key passed over", origin=origin, kid=str(kid)[:64], reason=fault.reason)
            faults += 1
        else:
            keys += [] if key is None else [key]
    named = Counter(key.kid for key in keys if key.kid is not None)
    for kid in (kid for kid, times in named.items() if times > 1):
        log.warning("key passed over", origin=origin, kid=kid, reason="two keys have the same kid")
        faults += 1
    sound = [key for key in keys if named[key.kid or ""] < 2]
    if faults and not sound:
        raise BadBag("no key of the JWK Set can be used")
    return KeySet(sound)
