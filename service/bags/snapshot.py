"""The snapshot that a request uses: key ring, header table and cache of opened tokens, replaced as a whole.

Headers of this service's bags and tokens are matched, not parsed. The service writes one fixed protected header for
each pair of kind and key, so opening needs only a table from the exact header segment to that pair. A header with
another algorithm, key id or critical extension is not in the table. The cache of opened access tokens belongs to the
same object as the ring, so no cached result outlives its key.
"""

from collections.abc import Callable, Container
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import msgspec

from keys import InvalidWrap, Key, Ring, SealingKey, SigningKey
from satchel_jose.base64url import encode
from service.bags.errors import BadBag, ExpiredBag
from service.bags.kinds import KINDS, AccessToken, Bag
from service.bags.nested import Recipient, open_own_nested, seal_nested
from service.bags.seal import seal, unseal
from service.bags.sign import access_claims, access_token, sign, verify

B = TypeVar("B", bound=Bag)

MAX_CHARS = 8192
"""The longest token that is read, in characters."""

AT_JWT = "at+jwt"
ID_TOKEN = "JWT"
"""ID tokens (OpenID Connect Core section 2). The service reads them as id_token_hint only."""
INTROSPECTION_JWT = "token-introspection+jwt"
USERINFO_JWT = "userinfo+jwt"
LOGOUT_JWT = "logout+jwt"
_FOR_OTHERS = (INTROSPECTION_JWT, USERINFO_JWT, LOGOUT_JWT)
"""JWTs that the service signs but never reads (RFC 9701, OpenID Connect Core 5.3.2, Back-Channel Logout 2.4)."""
_encode = msgspec.msgpack.Encoder().encode
_decode_claims = msgspec.json.Decoder(dict[str, Any]).decode
_REMEMBERED = 4096
_NEVER = 1 << 62


class _Sealed(NamedTuple):
    kind: type[Bag]
    key: SealingKey
    decode: Callable[[bytes], Bag]


class Snapshot:
    """Seals, signs and opens with one key ring, for one issuer. `now` is always in seconds since the epoch."""

    __slots__ = ("_headers", "_id_tokens", "_opened", "_sealed", "_signed", "issuer", "ring", "skew")

    def __init__(self, ring: Ring, issuer: str, skew: int = 60) -> None:
        self.ring = ring
        self.issuer = issuer
        self.skew = skew
        self._headers: dict[tuple[str, str], bytes] = {}
        self._sealed: dict[bytes, _Sealed] = {}
        self._signed: dict[bytes, SigningKey] = {}
        self._id_tokens: dict[bytes, SigningKey] = {}
        self._opened: dict[bytes, tuple[AccessToken, int]] = {}
        for key in ring.keys:
            if isinstance(key, SigningKey):
                for header in self._shapes(key, AT_JWT, {"alg": key.alg}):
                    self._signed[header] = key
                for header in self._shapes(key, ID_TOKEN, {"alg": key.alg}):
                    self._id_tokens[header] = key
                for typ in _FOR_OTHERS:
                    self._shapes(key, typ, {"alg": key.alg})
            elif isinstance(key, SealingKey):
                for kind in KINDS:
                    for header in self._shapes(key, kind.TYP, {"alg": key.alg, "enc": "A256GCM"}):
                        self._sealed[header] = _Sealed(kind, key, msgspec.msgpack.Decoder(kind).decode)

    def _shapes(self, key: Key, typ: str, algorithms: dict[str, str]) -> tuple[bytes, ...]:
        """Return the header segments that are accepted for (typ, key). New bags and tokens get the first.

        A new shape is appended one release before it moves to the front, so equal nodes can be upgraded one by one.
        """
        shapes = (encode(msgspec.json.encode({**algorithms, "kid": key.kid, "typ": typ})),)
        taken = self._sealed.keys() | self._signed.keys() | self._id_tokens.keys()
        if (typ, key.kid) in self._headers or not taken.isdisjoint(shapes):
            raise ValueError(f"two meanings of one header: {typ} under key {key.kid}")
        self._headers[typ, key.kid] = shapes[0]
        return shapes

    def seal(self, bag: Bag, now: float) -> str:
        """Return `bag` as a compact JWE under the active bag key.

        Raises:
            NoActiveKey: the ring has none.
        """
        key = self.ring.sealer(now)
        return seal(self._headers[bag.TYP, key.kid], key, _encode(bag)).decode("ascii")

    def sign(self, token: AccessToken, alg: str, now: float) -> str:
        """Return `token` as a JWT (RFC 9068) under the active key of `alg`.

        Raises:
            NoActiveKey: the ring has none for `alg`.
        """
        return self.sign_claims(AT_JWT, access_claims(token), alg, now)

    def sign_claims(self, typ: str, claims: bytes, alg: str, now: float) -> str:
        """Return a JWT of the kind `typ` with the JSON `claims`, under the active key of `alg`.

        Raises:
            NoActiveKey: the ring has none for `alg`.
        """
        key = self.ring.signer(alg, now)
        return sign(self._headers[typ, key.kid], key, claims).decode("ascii")

    def sign_and_seal(self, token: AccessToken, alg: str, recipient: Recipient, now: float) -> str:
        """Return `token` as a JWT inside a JWE that `recipient` and this service can open (RFC 7519 section 5.2)."""
        return seal_nested(self.sign(token, alg, now).encode("ascii"), recipient, self.ring.sealer(now))

    def open(self, token: str, kinds: Container[type[B]], now: float) -> B:
        """Return the bag in `token` if it has one of `kinds`, comes from this issuer, is authentic and has not expired.

        Raises:
            ExpiredBag: the bag has expired, and is valid otherwise.
            BadBag: anything else; the reason is for the log.
        """
        if len(token) > MAX_CHARS:
            raise BadBag("too long")
        try:
            text = token.encode("ascii")
        except UnicodeEncodeError:
            raise BadBag("not ASCII") from None
        digest = b""
        if AccessToken in kinds:
            digest = sha256(text).digest()
            known = self._opened.get(digest)
            if known is not None and known[0].iat - self.skew <= now < known[1]:
                return known[0]  # type: ignore[return-value]
        header, _, rest = text.partition(b".")
        sealed = self._sealed.get(header)
        if sealed is not None:
            if sealed.kind not in kinds:
                raise BadBag(f"{sealed.kind.__name__} does not belong here")
            bag, key_expires = _open_sealed(sealed, header, rest, now), sealed.key.expires
        elif AccessToken in kinds:
            bag, key_expires = self._open_signed(text, now)
        else:
            raise BadBag("unknown header")
        if bag.iss != self.issuer:
            raise BadBag("issuer")
        if bag.iat > now + self.skew:
            # A node whose clock was ahead issued it, and what was remembered of it may be forgotten when it is due.
            raise BadBag("issued in the future")
        if now >= bag.exp:
            raise ExpiredBag(bag)
        if isinstance(bag, AccessToken):
            if len(self._opened) >= _REMEMBERED:
                del self._opened[next(iter(self._opened))]
            self._opened[digest] = bag, min(bag.exp, key_expires)
        return bag  # type: ignore[return-value]

    def open_id_token(self, text: str, now: float) -> dict[str, Any]:
        """Return the claims of an ID token of this service, also of an expired one, as long as its key exists.

        Raises:
            BadBag: anything else; the reason is for the log.
        """
        if len(text) > MAX_CHARS or not text.isascii():
            raise BadBag("too long, or not ASCII")
        header, _, rest = text.encode("ascii").partition(b".")
        key = self._id_tokens.get(header)
        if key is None or now >= key.expires:
            raise BadBag("unknown header, or its key is gone")
        claims = _decode_claims(verify(header, key, rest))
        if claims.get("iss") != self.issuer:
            raise BadBag("issuer")
        return claims

    def _open_signed(self, text: bytes, now: float) -> tuple[AccessToken, int]:
        """Return the access token in a JWT of this service, nested or not, and the instant at which its key expires."""
        header, _, rest = text.partition(b".")
        key, until = self._signed.get(header), _NEVER
        if key is None:
            wrapping: list[SealingKey] = []
            inner = open_own_nested(text, lambda kid, wrapped: self._unwrap(kid, wrapped, now, wrapping))
            until = wrapping[0].expires
            header, _, rest = inner.partition(b".")
            key = self._signed.get(header)
        if key is None:
            raise BadBag("unknown header")
        if now >= key.expires:
            raise BadBag("key expired")
        return access_token(verify(header, key, rest)), min(key.expires, until)

    def _unwrap(self, kid: str, wrapped: bytes, now: float, used: list[SealingKey]) -> bytes:
        key = self.ring.by_kid(kid)
        if not isinstance(key, SealingKey) or now >= key.expires:
            raise BadBag("unknown key")
        used.append(key)
        try:
            return key.unwrap(wrapped)
        except InvalidWrap:
            raise BadBag("not authentic") from None


def _open_sealed(sealed: _Sealed, header: bytes, rest: bytes, now: float) -> Bag:
    if now >= sealed.key.expires:
        raise BadBag("key expired")
    try:
        return sealed.decode(unseal(header, sealed.key, rest))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadBag("payload") from None
