"""Signing and sealing keys with four instants: created ≤ activates ≤ retires ≤ expires, in seconds since the epoch."""

import hmac
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from keys.pair import KeyPair
from satchel_jose.base64url import decode, encode
from satchel_jose.errors import Rejected

State = Literal["standby", "active", "retired", "expired"]

SEALING_ALG = "A256KW"
_LAST_SECOND = 253_402_300_799  # of the year 9999
_KID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


class InvalidWrap(Exception):
    """A wrapped content key cannot be unwrapped with this key."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Key(ABC):
    """A key. Its state depends on the clock alone, so nodes need no coordination."""

    purpose: ClassVar[str]

    kid: str
    alg: str
    created: int
    activates: int
    retires: int
    expires: int

    def __post_init__(self) -> None:
        if not _KID.fullmatch(self.kid):
            raise ValueError("has a kid that is not 1 to 64 letters, digits, - and _")
        if not 0 <= self.created <= self.activates <= self.retires <= self.expires <= _LAST_SECOND:
            raise ValueError("does not keep created <= activates <= retires <= expires")

    def state(self, now: float) -> State:
        """Return the state of the key at `now`, in seconds since the epoch."""
        if now < self.activates:
            return "standby"
        if now < self.retires:
            return "active"
        return "retired" if now < self.expires else "expired"

    @property
    def usable(self) -> bool:
        """Whether the key can still sign or seal, regardless of its instants."""
        return True

    @abstractmethod
    def secret_jwk(self) -> dict[str, str]:
        """Return the JWK for the key file. It is secret (RFC 7517 section 9.2)."""

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.kid} {self.alg} created={self.created} activates={self.activates}"
            f" retires={self.retires} expires={self.expires}>"
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SigningKey(Key):
    """A key that signs tokens. Verifiers get its public half from the JWKS."""

    purpose: ClassVar[str] = "sig"
    pair: KeyPair

    def __post_init__(self) -> None:
        Key.__post_init__(self)
        if self.pair.alg != self.alg:
            raise ValueError("has a key that is not for its alg")

    @classmethod
    def generate(cls, *, alg: str, **instants: int | str) -> Self:
        return cls(alg=alg, pair=KeyPair.generate(alg), **instants)  # type: ignore[arg-type]

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, str], *, alg: str, **instants: int | str) -> Self:
        return cls(alg=alg, pair=KeyPair.from_jwk(alg, jwk), **instants)  # type: ignore[arg-type]

    def sign(self, data: bytes) -> bytes:
        """Return the JWS signature of `data` (RFC 7515 section 5.1); raises NoPrivateKey without a private half."""
        return self.pair.sign(data)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Return whether `signature` is the signature of `data` under this key. Malformed signatures are False."""
        return self.pair.verify(signature, data)

    @property
    def can_sign(self) -> bool:
        return self.pair.has_private

    @property
    def usable(self) -> bool:
        return self.pair.has_private

    def public_jwk(self) -> dict[str, str]:
        """Return the public JWK (RFC 7517 section 4), with `kid`, `alg` and `use`."""
        return {**self.pair.public_jwk(), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def secret_jwk(self) -> dict[str, str]:
        return self.pair.jwk


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SealingKey(Key):
    """A key that wraps the content keys of bags (RFC 7518 section 4.4). It is symmetric, so it is never published."""

    purpose: ClassVar[str] = "bag"
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        Key.__post_init__(self)
        if self.alg != SEALING_ALG or len(self.secret) != 32:
            raise ValueError(f"holds no key for {SEALING_ALG}")

    @classmethod
    def generate(cls, *, alg: str, **instants: int | str) -> Self:
        return cls(alg=alg, secret=secrets.token_bytes(32), **instants)  # type: ignore[arg-type]

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, str], *, alg: str, **instants: int | str) -> Self:
        try:
            secret = decode(jwk["k"].encode("ascii"))
        except (KeyError, UnicodeEncodeError, Rejected):
            raise ValueError(f"holds no key for {SEALING_ALG}") from None
        key = cls(alg=alg, secret=secret, **instants)  # type: ignore[arg-type]
        if key.secret_jwk() != jwk:
            raise ValueError(f"holds no key for {SEALING_ALG}")
        return key

    def wrap(self, cek: bytes) -> bytes:
        """Return `cek` (at least 16 bytes, a multiple of 8) wrapped with this key (RFC 3394), 8 bytes longer."""
        return aes_key_wrap(self.secret, cek)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the content key in `wrapped`; raises InvalidWrap if this key did not wrap it."""
        try:
            return aes_key_unwrap(self.secret, wrapped)
        except InvalidUnwrap:
            raise InvalidWrap from None

    def mac(self, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 of `data` (RFC 2104) under a subkey: 32 bytes."""
        return hmac.digest(hmac.digest(self.secret, b"mac", "sha256"), data, "sha256")

    def secret_jwk(self) -> dict[str, str]:
        return {"kty": "oct", "k": encode(self.secret).decode()}


# The class of the keys of each purpose.
KINDS: dict[str, type[SigningKey] | type[SealingKey]] = {kind.purpose: kind for kind in (SigningKey, SealingKey)}
