"""Client authentication at the token endpoint (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2).

Each method adds its credentials to the form or the headers. A client certificate is configured in the httpx client.
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote_plus

from satchel_client.errors import ClientError
from satchel_client.signing import SecretSigner, Signer, SigningKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60


class ClientAuth(Protocol):
    """A method of client authentication, with its credentials."""

    @property
    def client_id(self) -> str:
        """The client id."""

    def apply(self, form: dict[str, str], headers: dict[str, str], audience: str, now: float) -> None:
        """Add the credentials to `form` or `headers`.

        `audience` is the issuer of the server. `now` is the time of the server, in seconds since the epoch.
        """


@dataclass(frozen=True)
class NoSecret:
    """`none`: a public client."""

    client_id: str

    def apply(self, form: dict[str, str], headers: dict[str, str], audience: str, now: float) -> None:
        """Add the client id."""
        form["client_id"] = self.client_id


@dataclass(frozen=True)
class TLSClientAuth(NoSecret):
    """`tls_client_auth` and `self_signed_tls_client_auth`: the certificate is that of the httpx client."""


@dataclass(frozen=True)
class ClientSecretBasic:
    """`client_secret_basic`."""

    client_id: str
    client_secret: str = field(repr=False)

    def apply(self, form: dict[str, str], headers: dict[str, str], audience: str, now: float) -> None:
        """Send id and secret, each form-encoded, as HTTP Basic credentials."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()


@dataclass(frozen=True)
class ClientSecretPost:
    """`client_secret_post`."""

    client_id: str
    client_secret: str = field(repr=False)

    def apply(self, form: dict[str, str], headers: dict[str, str], audience: str, now: float) -> None:
        """Send id and secret in the form."""
        form |= {"client_id": self.client_id, "client_secret": self.client_secret}


@dataclass(frozen=True)
class JWTAssertion:
    """`private_key_jwt` with a SigningKey, `client_secret_jwt` with a SecretSigner."""

    client_id: str
    signer: Signer = field(repr=False)

    def apply(self, form: dict[str, str], headers: dict[str, str], audience: str, now: float) -> None:
        """Add a new assertion with a lifetime of 60 seconds."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        assertion = self.signer.sign({"typ": "JWT"}, claims)
        form |= {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }


def client_secret_jwt(client_id: str, client_secret: str, alg: str = "HS256") -> JWTAssertion:
    """Return the method `client_secret_jwt`.

    Raises:
        ClientError: the secret is shorter than the hash of `alg` (HS256: 32 bytes), or `alg` is unknown.
    """
    return JWTAssertion(client_id, SecretSigner(client_secret, alg))


def private_key_jwt(client_id: str, key: SigningKey) -> JWTAssertion:
    """Return the method `private_key_jwt`."""
    return JWTAssertion(client_id, key)


METHODS: dict[str, tuple[Callable[..., ClientAuth], str | None]] = {
    "none": (NoSecret, None),
    "tls_client_auth": (TLSClientAuth, None),
    "self_signed_tls_client_auth": (TLSClientAuth, None),
    "client_secret_basic": (ClientSecretBasic, "secret"),
    "client_secret_post": (ClientSecretPost, "secret"),
    "client_secret_jwt": (client_secret_jwt, "secret"),
    "private_key_jwt": (private_key_jwt, "key"),
}
"""Each method by its registered name, with the credential that it needs besides the client id."""


def client_auth(method: str, client_id: str, *, secret: str | None = None, key: SigningKey | None = None) -> ClientAuth:
    """Return the method with this registered name.

    Raises:
        ClientError: the name is unknown, or the secret or key is missing.
    """
    if method not in METHODS:
        raise ClientError(f"unknown client authentication method {method!r}; known are {', '.join(METHODS)}")
    make, need = METHODS[method]
    proof: Any = {"secret": secret, "key": key, None: True}[need]
    if not proof:
        raise ClientError(f"{method} needs a {need}")
    return make(client_id) if need is None else make(client_id, proof)
