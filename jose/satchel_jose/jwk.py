"""JSON Web Keys, read strictly (RFC 7517, RFC 7518 section 6, RFC 8037 section 2, RFC 9964 section 4, RFC 7638)."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from satchel_jose.algorithm import KeyKind
from satchel_jose.algorithms import ALGORITHMS, KINDS, ROWS
from satchel_jose.base64url import decode, encode
from satchel_jose.errors import Rejected

MAX_KID_CHARS = 256

_SECRET = frozenset({"oth"}.union(*(row.kind.private for row in ROWS)))
"""Members that no public key has: those of each kind, and those of RSA keys with more than two primes."""


class PublicKey(msgspec.Struct, frozen=True):
    """One public key: `kind` is the name of its kind, `handle` the object of `cryptography`."""

    kind: str
    kid: str | None
    alg: str | None
    use: str | None
    key_ops: frozenset[str] | None
    thumbprint: str
    """SHA-256 (RFC 7638), base64url, 43 characters."""
    handle: Any

    def fits(self, alg: str) -> bool:
        """Tell whether a signature with `alg` can be this key's; two names of one algorithm are the same."""
        row = ALGORITHMS.get(alg)
        return row is not None and row.kind.name == self.kind and (self.alg is None or ALGORITHMS.get(self.alg) is row)

    def serves(self, use: str, *operations: str) -> bool:
        """Tell whether `use` and `key_ops`, where the key has them, allow one of these operations."""
        return self.use in (None, use) and (self.key_ops is None or not self.key_ops.isdisjoint(operations))


Load = Callable[[KeyKind, dict[str, str]], tuple[Any, str]]
"""(kind, its members) -> the object of `cryptography` and the thumbprint; raises ValueError."""


def _load(kind: KeyKind, members: dict[str, str]) -> tuple[Any, str]:
    return kind.load_public({name: _octets(members, name) for name in kind.public}), thumbprint(members)


def read_public_jwk(jwk: object, load: Load = _load) -> PublicKey | None:
    """Return a public key from its JWK; None if it is of no kind of KINDS. `load` makes the key of its members.

    Only one spelling of a key is taken, so one key has one thumbprint.

    Raises:
        Rejected: it is malformed, weak, off its curve, or has secret members.
    """
    if not isinstance(jwk, dict):
        raise Rejected("a key is not an object")
    if not _SECRET.isdisjoint(jwk):
        raise Rejected("private or symmetric key material")
    found = public_members(jwk)
    if found is None:
        return None
    kind, members = found
    try:
        handle, digest = load(kind, members)
    except (ValueError, UnsupportedAlgorithm):
        raise Rejected("not a valid public key") from None
    return PublicKey(
        kind=kind.name,
        kid=check_kid(jwk["kid"]) if "kid" in jwk else None,
        alg=_text(jwk, "alg") if "alg" in jwk else None,
        use=_text(jwk, "use") if "use" in jwk else None,
        key_ops=_key_ops(jwk["key_ops"]) if "key_ops" in jwk else None,
        thumbprint=digest,
        handle=handle,
    )


def read_verification_key(jwk: object, load: Load = _load) -> PublicKey | None:
    """Return a public key that verifies signatures; None if it is for another use, or for no algorithm of the table.

    Raises:
        Rejected: as `read_public_jwk`; or the key's alg contradicts its kind.
    """
    key = read_public_jwk(jwk, load)
    if key is None or not key.serves("sig", "verify"):
        return None
    if key.alg is None:
        return key if any(key.fits(alg) for alg in ALGORITHMS) else None
    if key.alg not in ALGORITHMS:
        return None
    if not key.fits(key.alg):
        raise Rejected("the key's alg contradicts its kind")
    return key


def public_members(jwk: Mapping[str, Any]) -> tuple[KeyKind, dict[str, str]] | None:
    """Return the kind of a JWK and the members that are its public key; None if it is of no kind of KINDS.

    Raises:
        Rejected: one of them is missing, spelled in another way than `encode` spells it, or makes the key unfit.
    """
    kty = _text(jwk, "kty")
    for kind in KINDS:
        if kind.fixed["kty"] == kty and all(_text(jwk, name) == value for name, value in kind.fixed.items()):
            if reason := kind.unfit({name: _octets(jwk, name) for name in kind.public}):
                raise Rejected(reason)
            return kind, {**kind.fixed, **{name: jwk[name] for name in kind.public}}
    return None


def read_private_jwk(jwk: Mapping[str, Any]) -> Any:
    """Return the private key (an object of `cryptography`) in a JWK.

    Raises:
        Rejected: it holds no sound pair of a kind of KINDS. Nothing of the key is quoted.
    """
    found = public_members(jwk)
    if found is None:
        raise Rejected("a key of an unknown kind")
    kind, members = found
    names = (*kind.public, *(name for name in kind.private if name in jwk))
    try:
        private = kind.load_private({name: _octets(jwk, name) for name in names})
    except (ValueError, KeyError, UnsupportedAlgorithm):
        raise Rejected("not a valid private key") from None
    if write_public_jwk(private.public_key()) != members:
        raise Rejected("the public members are another key's")
    return private


def write_public_jwk(public: Any) -> dict[str, str]:
    """Return the required members of the JWK of a public key (an object of `cryptography`).

    Raises:
        Rejected: it is of no kind of KINDS, or unfit.
    """
    for kind in KINDS:
        octets = kind.dump_public(public)
        if octets is not None:
            if reason := kind.unfit(octets):
                raise Rejected(reason)
            return {**kind.fixed, **{name: encode(value).decode() for name, value in octets.items()}}
    raise Rejected("a key of an unknown kind")


def thumbprint(members: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint (RFC 7638) of a public key's required members: base64url, 43 characters."""
    canonical = msgspec.json.encode(dict(sorted(members.items())))
    return encode(hashlib.sha256(canonical).digest()).decode()


def check_kid(kid: object) -> str:
    """Return the key id itself.

    Raises:
        Rejected: it is not 1 to 256 printable characters.
    """
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS or not kid.isprintable():
        raise Rejected("kid is not a short printable string")
    return kid


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    try:
        return decode(_text(jwk, name).encode("ascii"))
    except UnicodeEncodeError:
        raise Rejected("not base64url") from None


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise Rejected("a key lacks a member, or it is not a string")
    return value


def _key_ops(operations: object) -> frozenset[str]:
    if not isinstance(operations, list) or not all(isinstance(operation, str) for operation in operations):
        raise Rejected("key_ops is not a list of strings")
    if len(set(operations)) != len(operations):
        raise Rejected("key_ops has duplicates")
    return frozenset(operations)
