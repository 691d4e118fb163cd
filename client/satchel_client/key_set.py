"""Key sets (RFC 7517 section 5): the public keys of one signer."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from satchel_client.errors import UnknownKey
from satchel_jose.errors import Rejected
from satchel_jose.jwk import PublicKey, read_verification_key
from satchel_jose.strict_json import load_object

MAX_KEYS = 64
MAX_DOCUMENT_BYTES = 256 * 1024


class KeySet:
    """The keys of one signer."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self.keys = tuple(keys)
        self.kids = frozenset(key.kid for key in self.keys)

    @property
    def identity(self) -> frozenset[tuple[str | None, str | None, str]]:
        """The kid, alg and thumbprint of each key. Sets with equal keys have equal identities."""
        return frozenset((key.kid, key.alg, key.thumbprint) for key in self.keys)

    def choose(self, kid: str | None, alg: str) -> PublicKey:
        """Return the one key for a signature with `kid` and `alg`. Keys are never tried one after another.

        Raises:
            UnknownKey: no key has this kid, or there is no kid and no key is for `alg`.
            Rejected: the key with this kid is not for `alg`, or several keys are possible.
        """
        named = [key for key in self.keys if key.kid == kid or kid is None]
        fitting = [key for key in named if key.fits(alg)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise Rejected("no kid, and several keys are for alg")
        if named and kid is not None:
            raise Rejected("alg does not fit the key")
        raise UnknownKey("unknown kid")


def read_jwks(document: bytes | Mapping[str, Any]) -> KeySet:
    """Return the keys of a JWK Set that verify signatures.

    Keys that are malformed, weak, private or of an unknown kind are passed over (RFC 7517 section 5): what other use
    a server has for its set must not stop its tokens.

    Raises:
        Rejected: not a JWK Set, or over 256 KiB or 64 keys.
    """
    if isinstance(document, bytes):
        if len(document) > MAX_DOCUMENT_BYTES:
            raise Rejected("JWK Set is too long")
        document = load_object(document)
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise Rejected("a JWK Set has a list of at most 64 keys")
    return KeySet(_usable(entries))


def _usable(entries: list[object]) -> Iterator[PublicKey]:
    for entry in entries:
        try:
            key = read_verification_key(entry)
        except Rejected:
            continue
        if key is not None:
            yield key
