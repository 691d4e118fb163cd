"""RFC 7517, RFC 7518 §6, RFC 8037 §2: other people's public keys, read strictly."""

from typing import Any

import msgspec
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from service.bags.base64url import decode
from service.bags.errors import BadBag

MAX_KID_CHARS = 256
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_EC_OCTETS = {"P-256": 32, "P-384": 48, "P-521": 66}
_OKP_OCTETS = {"Ed25519": 32, "X25519": 32}


class PublicKey(msgspec.Struct, frozen=True):
    """One public key: `kind` is "RSA" or the name of its curve, `handle` the `cryptography` object."""

    kind: str
    kid: str | None
    alg: str | None
    use: str | None
    key_ops: frozenset[str] | None
    thumbprint: str
    handle: Any

    def serves(self, use: str, *operations: str) -> bool:
        """Whether `use` and `key_ops`, where the key has them, allow one of these operations."""
        return self.use in (None, use) and (self.key_ops is None or not self.key_ops.isdisjoint(operations))


def read_public_jwk(jwk: object) -> PublicKey | None:
    """A public key from its JWK; None if its kty or crv is not one that we use.

    Raises BadBag if it is malformed, weak, off its curve, or carries private members. Only one spelling of a key is
    taken, so that one key has one RFC 7638 thumbprint.
    """
    if not isinstance(jwk, dict):
        raise BadBag("a key is not an object")
    if not _PRIVATE.isdisjoint(jwk):
        raise BadBag("private or symmetric key material")
    kind, material = _material(jwk)
    if material is None:
        return None
    try:
        imported: Any = JWK(**material)  # type: ignore[no-untyped-call]
        return PublicKey(
            kind=kind,
            kid=None if "kid" not in jwk else check_kid(jwk["kid"]),
            alg=_optional_text(jwk, "alg"),
            use=_optional_text(jwk, "use"),
            key_ops=_key_ops(jwk),
            thumbprint=imported.thumbprint(),
            handle=imported.get_op_key("verify"),
        )
    except (JWException, ValueError, TypeError):
        raise BadBag("not a valid public key") from None


def check_kid(kid: object) -> str:
    """The key id itself; raises BadBag unless it is 1 to 256 printable characters."""
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS or not kid.isprintable():
        raise BadBag("kid is not a short printable string")
    return kid


def _material(jwk: dict[str, Any]) -> tuple[str, dict[str, str] | None]:
    kty = _text(jwk, "kty")
    if kty == "RSA":
        _check_rsa(_octets(jwk, "n"), _octets(jwk, "e"))
        return "RSA", {"kty": kty, "n": jwk["n"], "e": jwk["e"]}
    octets = {"EC": _EC_OCTETS, "OKP": _OKP_OCTETS}.get(kty)
    if octets is None:
        return kty, None
    crv = _text(jwk, "crv")
    if crv not in octets:
        return crv, None
    names = ("x", "y") if kty == "EC" else ("x",)
    for name in names:
        if len(_octets(jwk, name)) != octets[crv]:
            raise BadBag("a coordinate has the wrong length")
    return crv, {"kty": kty, "crv": crv} | {name: jwk[name] for name in names}


def _check_rsa(n: bytes, e: bytes) -> None:
    if n[:1] == b"\0" or e[:1] == b"\0":
        raise BadBag("an RSA number has leading zeros")
    modulus, exponent = int.from_bytes(n), int.from_bytes(e)
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0:
        raise BadBag("RSA modulus is too short, too long or even")
    # The upper bound keeps a verification cheap: its cost grows with the exponent.
    if not 65537 <= exponent < 2**32 or exponent % 2 == 0:
        raise BadBag("RSA exponent is too small, too large or even")


def _octets(jwk: dict[str, Any], name: str) -> bytes:
    try:
        return decode(_text(jwk, name).encode("ascii"))
    except UnicodeEncodeError:
        raise BadBag("not base64url") from None


def _text(jwk: dict[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise BadBag("a key lacks a member, or it is not a string")
    return value


def _optional_text(jwk: dict[str, Any], name: str) -> str | None:
    return _text(jwk, name) if name in jwk else None


def _key_ops(jwk: dict[str, Any]) -> frozenset[str] | None:
    if "key_ops" not in jwk:
        return None
    operations = jwk["key_ops"]
    if not isinstance(operations, list) or not all(isinstance(operation, str) for operation in operations):
        raise BadBag("key_ops is not a list of strings")
    if len(set(operations)) != len(operations):
        raise BadBag("key_ops has duplicates")
    return frozenset(operations)
