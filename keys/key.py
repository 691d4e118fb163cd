"""Keys with four instants: created ≤ activates ≤ retires ≤ expires, in seconds since the epoch (wrapping: RFC 3394)."""

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
    """A wrapped content key does not open under this key."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Key(ABC):
    """What every key has. Its state is a function of the clock alone, so equal nodes agree without talking."""

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
            raise ValueError("breaks created <= activates <= retires <= expires")

    def state(self, now: float) -> State:
        """The key's state at `now`, in seconds since the epoch."""
        if now < self.activates:
            return "standby"
        if now < self.retires:
            return "active"
        return "retired" if now < self.expires else "expired"

    @property
    def usable(self) -> bool:
        """Whether it can still make something new, its times aside."""
        return True

    @abstractmethod
    def secret_jwk(self) -> dict[str, str]:
        """The JWK as it is kept at rest: secret (RFC 7517 §9.2)."""

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.kid} {self.alg} created={self.created} activates={self.activates}"
            f" retires={self.retires} expires={self.expires}>"
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SigningKey(Key):
    """Signs tokens that others verify against the JWKS."""

    purpose: ClassVar[str] = "sig"
    pair: KeyPair

    def __post_init__(self) -> None:
        Key.__post_init__(self)
        if self.pair.alg != self.alg:
            raise ValueError("has key material of another alg")

    @classmethod
    def generate(cls, *, alg: str, **instants: int | str) -> Self:
        return cls(alg=alg, pair=KeyPair.generate(alg), **instants)  # type: ignore[arg-type]

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, str], *, alg: str, **instants: int | str) -> Self:
        return cls(alg=alg, pair=KeyPair.from_jwk(alg, jwk), **instants)  # type: ignore[arg-type]

    def sign(self, data: bytes) -> bytes:
        """The JWS signature octets over `data` (RFC 7515 §5.1); raises NoPrivateKey if the private half is gone."""
        return self.pair.sign(data)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over `data`; never raises, whatever the octets."""
        return self.pair.verify(signature, data)

    @property
    def can_sign(self) -> bool:
        return self.pair.has_private

    @property
    def usable(self) -> bool:
        return self.pair.has_private

    def public_jwk(self) -> dict[str, str]:
        """The JWK for others (RFC 7517 §4), with `kid`, `alg` and `use`."""
        return {**self.pair.public_jwk(), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def secret_jwk(self) -> dict[str, str]:
        return self.pair.jwk


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SealingKey(Key):
    """Wraps the content keys of bags (RFC 7518 §4.4). It is symmetric, so it has no public half to show."""

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
        """`cek` (16, 24 or 32 bytes and more, a multiple of 8) under this key, 8 bytes longer."""
        return aes_key_wrap(self.secret, cek)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The content key in `wrapped`; raises InvalidWrap for anything that this key did not wrap."""
        try:
            return aes_key_unwrap(self.secret, wrapped)
        except InvalidUnwrap:
            raise InvalidWrap from None

    def mac(self, data: bytes) -> bytes:
        """Return 32 bytes that only a holder of this key can tell for `data` (RFC 2104, SHA-256, a subkey)."""
        return hmac.digest(hmac.digest(self.secret, b"mac", "sha256"), data, "sha256")

    def secret_jwk(self) -> dict[str, str]:
        return {"kty": "oct", "k": encode(self.secret).decode()}


# The chains that can be: algorithms by purpose, and the class that serves each purpose.
KINDS: dict[str, type[SigningKey] | type[SealingKey]] = {kind.purpose: kind for kind in (SigningKey, SealingKey)}
