"""The columns of the table: what a key kind is, and what a signature algorithm is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature

Octets = Mapping[str, bytes]
"""Members of a JWK (RFC 7517) by name, base64url decoded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyKind:
    """A kind of key: all keys of one kind serve the same algorithms.

    Keys themselves are objects of `cryptography`, or bytes where the kind is symmetric.
    """

    name: str
    """"RSA", "oct", a curve or a parameter set."""
    fixed: Mapping[str, str]
    """The JWK members that say that a key is of this kind; `kty` is one."""
    public: tuple[str, ...]
    """The JWK members of the public key, none if the kind is symmetric; RFC 7638 hashes `fixed` and these."""
    private: tuple[str, ...]
    """The JWK members that are secret."""
    load_public: Callable[[Octets], Any]
    """Make the public key of its public members; raises ValueError, or UnsupportedAlgorithm of `cryptography`."""
    load_private: Callable[[Octets], Any]
    """Make the private key of all members; raises ValueError or KeyError, or UnsupportedAlgorithm of `cryptography`."""
    dump_public: Callable[[Any], Octets | None]
    """Return the public members of a public key; None if it is of another kind."""
    unfit: Callable[[Octets], str]
    """Say what makes a key of these members unfit: its size, or a second spelling of it; empty if nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Algorithm:
    """A row of the table: one algorithm of JWS (RFC 7515 section 10.5)."""

    names: tuple[str, ...]
    """Its values of `alg`, the usual one first."""
    kind: KeyKind
    generate: Callable[[], Any]
    """Make a fresh private key."""
    sign: Callable[[Any, bytes], bytes]
    """(private key, signing input) -> the signature octets."""
    check: Callable[[Any, bytes, bytes], None]
    """What `verify` does once the size is right: (public key, signature, signing input); raises InvalidSignature."""
    signature_bytes: Callable[[Any], int]
    """(public key) -> the size of each of its signatures."""
    digest: Callable[[bytes], bytes]
    """The hash of `at_hash` and `c_hash` (OpenID Connect Core section 3.1.3.6)."""
    in_proofs: bool = True
    """Whether a DPoP proof (RFC 9449), with its key in its header, fits into an HTTP header field of 8 KiB."""
    in_jwe: bool = True
    """Whether an access token that is signed so and then encrypted (RFC 7519 section 5.2) fits into such a field."""

    @property
    def symmetric(self) -> bool:
        """Whether the key that verifies is the secret that signs."""
        return not self.kind.public

    def verify(self, public: Any, signature: bytes, data: bytes) -> bool:
        """Tell whether `signature` is the key's over `data`; octets of any other size are refused before arithmetic."""
        if len(signature) != self.signature_bytes(public):
            return False
        try:
            self.check(public, signature, data)
        except InvalidSignature:
            return False
        return True
