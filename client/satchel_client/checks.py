"""The verification of access tokens (RFC 9068 section 4, RFC 7662, RFC 8705 section 3, RFC 9449 section 7)."""

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from satchel_client.access_token import REQUIRED, AccessToken, Expired, check_times, read_access_token
from satchel_client.cache import Cache
from satchel_client.certificate import thumbprint
from satchel_client.dpop import Proof, check_proof
from satchel_client.errors import InvalidToken, Undecided, UnknownKey
from satchel_client.flights import Flight
from satchel_client.http import is_private
from satchel_client.introspection import Introspection
from satchel_client.jose import Header, parse, verify
from satchel_client.jwe import OwnKeys
from satchel_client.jwks import GivenKeys, Jwks, Snapshot, locate
from satchel_client.key_set import KeySet, read_jwks
from satchel_client.presented import MAX_TOKEN_CHARS, Presented
from satchel_client.requirement import Requirement
from satchel_client.steps import Steps, UseOnce
from satchel_jose.algorithms import SIGNATURES
from satchel_jose.errors import Rejected
from satchel_jose.jwk import PublicKey

_PROFILE: frozenset[str | None] = frozenset({"at+jwt"})
_BEFORE_THE_PROFILE: frozenset[str | None] = frozenset({"at+jwt", "jwt", None})
_KEYS = "keys"


class Checks:
    """What both verifiers do, without input and output. The arguments are those of the verifiers."""

    def __init__(
        self,
        issuer: str,
        audience: str | Collection[str],
        jwks: bytes | Mapping[str, Any] | None = None,
        jwks_uri: str = "",
        algorithms: Collection[str] = SIGNATURES,
        rfc9068: bool = True,
        own_keys: OwnKeys | None = None,
        introspection: Introspection | None = None,
        leeway: float = 30,
        cache_capacity: int = 10_000,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.audience = frozenset([audience] if isinstance(audience, str) else audience)
        if not issuer or not self.audience or not all(self.audience):
            raise ValueError("issuer and audience must not be empty")
        if unknown := set(algorithms).difference(SIGNATURES):
            raise ValueError(f"unknown algorithms: {', '.join(sorted(unknown))}")
        self._algorithms = frozenset(algorithms)
        self._types = _PROFILE if rfc9068 else _BEFORE_THE_PROFILE
        self._required = REQUIRED if rfc9068 else frozenset({"iss", "aud", "exp"})
        self._own_keys = own_keys
        self._introspection = introspection
        self._leeway = leeway
        self._clock = clock
        self._told = Cache(cache_capacity)
        self._jwks = (
            Jwks(partial(locate, issuer, jwks_uri, insecure), monotonic, cache_capacity)
            if jwks is None
            else GivenKeys(_read(jwks), cache_capacity)
        )
        if jwks is None and not insecure and not is_private(jwks_uri or issuer):
            raise ValueError("the keys must be fetched from an https URL (or pass insecure=True)")

    def check(self, presented: Presented, requirement: Requirement) -> Steps[AccessToken]:
        """Verify the token of a request. `Verifier.verify` documents the errors."""
        now = self._clock()
        try:
            text = _octets(presented.token)
            digest = hashlib.sha256(text).digest()
            token = self._remembered(digest, now)
            if token is None:
                token = yield from self._examine(text, digest)
            self._check_certificate(token, presented)
        except Expired as fault:
            raise InvalidToken("invalid_token", "the access token has expired", fault.reason) from fault
        except Rejected as fault:
            raise InvalidToken("invalid_token", "the access token is not valid", fault.reason) from fault
        proof = self._check_possession(token, presented, now)
        requirement.check(token, now)
        if proof is not None:
            first = yield UseOnce(proof.id, proof.until, now)
            if first is None:
                raise Undecided("the replay store cannot tell whether the DPoP proof is new")
            if not first:
                raise InvalidToken("invalid_dpop_proof", "the DPoP proof was used before")
        return token

    def _remembered(self, digest: bytes, now: float) -> AccessToken | None:
        """Return the cached token with this digest, if it may be used without fetching keys or asking the server."""
        snapshot = None if self._jwks.due else self._jwks.usable()
        found = None if snapshot is None else snapshot.verified.get(digest, now)
        return found or self._told.get(digest, now)

    def _examine(self, text: bytes, digest: bytes) -> Steps[AccessToken]:
        dots = text.count(b".")
        if dots == 2:
            return (yield from self._verify(text, digest))
        if dots == 4 and self._own_keys is not None:
            inner = self._own_keys.open(text)
            if inner is not None:
                return (yield from self._verify(inner, digest))
        if self._introspection is None:
            raise Rejected("not a signed token, and no introspection is configured")
        return (yield from self._ask(self._introspection, text, digest))

    def _verify(self, jws: bytes, digest: bytes) -> Steps[AccessToken]:
        unverified = parse(jws, self._types)
        if unverified.header.alg not in self._algorithms or unverified.header.key is not None:
            raise Rejected("alg is not allowed, or the header has a key")
        begun = self._jwks.begun
        if self._jwks.due:
            yield Flight(_KEYS, self._jwks.refresh, wait=not self._jwks.fresh)
        snapshot, key = yield from self._signer(unverified.header, begun)
        checked = read_access_token(verify(unverified, key), self._required)
        if checked.issuer != self.issuer:
            raise Rejected("iss is another issuer")
        self._check_audience(checked)
        check_times(checked, self._clock(), self._leeway)
        snapshot.verified.keep(digest, checked, checked.expires + self._leeway)
        return checked

    def _signer(self, header: Header, begun: int) -> Steps[tuple[Snapshot, PublicKey]]:
        flights = 2  # a fetch that is running already may have started before the key was published
        while True:
            snapshot = self._current()
            try:
                return snapshot, snapshot.keys.choose(header.kid, header.alg)
            except UnknownKey:
                if not flights:
                    if self._jwks.failure is None:
                        raise
                    raise Undecided("the key is unknown, and the JWK Set cannot be fetched") from self._jwks.failure
            flights -= 1
            yield Flight(_KEYS, partial(self._jwks.find, begun))

    def _current(self) -> Snapshot:
        snapshot = self._jwks.usable()
        if snapshot is None:
            raise Undecided("the JWK Set cannot be fetched") from self._jwks.failure
        return snapshot

    def _ask(self, introspection: Introspection, text: bytes, digest: bytes) -> Steps[AccessToken]:
        told = yield Flight(digest, partial(introspection.ask, self.issuer, text.decode(), self._clock()))
        if told is None:
            raise Rejected("not active")
        checked = read_access_token(told, frozenset({"aud"}))
        if checked.issuer not in ("", self.issuer):  # optional here, because the response comes from the issuer
            raise Rejected("iss is another issuer")
        self._check_audience(checked)
        now = self._clock()
        check_times(checked, now, self._leeway)
        self._told.keep(digest, checked, min(checked.expires, now + introspection.life))
        return checked

    def _check_audience(self, token: AccessToken) -> None:
        if self.audience.isdisjoint(token.audience):
            raise Rejected("aud is another audience")

    def _check_certificate(self, token: AccessToken, presented: Presented) -> None:
        if token.x5t is not None and (presented.certificate is None or thumbprint(presented.certificate) != token.x5t):
            raise Rejected("the token is bound to another certificate")

    def _check_possession(self, token: AccessToken, presented: Presented, now: float) -> Proof | None:
        """Check that a DPoP-bound token has a proof, and other tokens have none (RFC 9449 sections 7.1 and 7.2)."""
        if (token.jkt is not None) is not (presented.scheme == "dpop"):
            raise InvalidToken("invalid_token", "use the scheme DPoP for DPoP-bound tokens, and Bearer for all others")
        if token.jkt is None:
            return None
        try:
            proof = check_proof(presented.proofs, presented.method, presented.url, presented.token, now, self._leeway)
            if proof.jkt != token.jkt:
                raise Rejected("the proof is made with another key than the token's")
        except Rejected as fault:
            raise InvalidToken("invalid_dpop_proof", "the DPoP proof is not valid", fault.reason) from fault
        return proof


def _octets(token: str) -> bytes:
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise Rejected("token is too long, or not ASCII")
    return token.encode()


def _read(jwks: bytes | Mapping[str, Any]) -> KeySet:
    try:
        return read_jwks(jwks)
    except Rejected as fault:
        raise ValueError(f"the keys cannot be used: {fault.reason}") from None
