"""Grants, with which tokens are requested (RFC 6749 sections 4.4 and 6, RFC 7523, RFC 8693)."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from satchel_client.errors import TokenUnavailable

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

Text = str | Callable[[], str]
"""A token or an assertion, or a function that returns a new one at each call."""


class Grant(Protocol):
    """A grant. Equal grants share a cached token."""

    def form(self) -> dict[str, str]:
        """Return the parameters of the token request, without `scope` and `resource`."""

    def turn(self) -> AbstractContextManager[object]:
        """Return a context manager that is entered during a token request."""

    def keep(self, refresh_token: str | None) -> None:
        """Store the refresh token of a response."""

    def __hash__(self) -> int: ...


class _Stateless:
    def turn(self) -> AbstractContextManager[object]:
        """Allow any number of requests at a time."""
        return nullcontext()

    def keep(self, refresh_token: str | None) -> None:
        """Ignore the refresh token, which this grant does not need."""


@dataclass(frozen=True)
class ClientCredentials(_Stateless):
    """A token for the client itself (RFC 6749 section 4.4)."""

    parameters: tuple[tuple[str, str], ...] = ()
    """Further parameters, such as the `audience` that some servers require."""

    def form(self) -> dict[str, str]:
        """Return the parameters."""
        return {**dict(self.parameters), "grant_type": "client_credentials"}


@dataclass(frozen=True)
class TokenExchange(_Stateless):
    """Exchange of a token for another token (RFC 8693)."""

    subject_token: Text = field(repr=False)
    subject_token_type: str = ACCESS_TOKEN
    actor_token: Text | None = field(default=None, repr=False)
    actor_token_type: str = ACCESS_TOKEN
    audience: str | None = None
    requested_token_type: str | None = None

    def form(self) -> dict[str, str]:
        """Return the parameters."""
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": _text(self.subject_token),
            "subject_token_type": self.subject_token_type,
        }
        if self.actor_token is not None:
            form |= {"actor_token": _text(self.actor_token), "actor_token_type": self.actor_token_type}
        more = {"audience": self.audience, "requested_token_type": self.requested_token_type}
        return form | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class JWTBearer(_Stateless):
    """An assertion of an issuer that the server trusts (RFC 7523 section 2.1)."""

    assertion: Text = field(repr=False)

    def form(self) -> dict[str, str]:
        """Return the parameters."""
        return {"grant_type": JWT_BEARER, "assertion": _text(self.assertion)}


class RefreshToken:
    """A refresh token (RFC 6749 section 6). It is replaced when a response has a new one.

    It belongs to one process. After a fork, a second use of the token would look like theft, so the child refuses it.
    """

    def __init__(self, refresh_token: str, on_rotation: Callable[[str], None] | None = None) -> None:
        """Start with `refresh_token`. `on_rotation` is called with each new refresh token, so that it can be stored."""
        self._token = refresh_token
        self._on_rotation = on_rotation
        self._process = os.getpid()
        self._lock = threading.Lock()

    def form(self) -> dict[str, str]:
        """Return the parameters."""
        return {"grant_type": "refresh_token", "refresh_token": self._token}

    def turn(self) -> AbstractContextManager[object]:
        """Allow one request at a time, because each request uses up the refresh token.

        Raises:
            TokenUnavailable: this process is a fork of the process that created the grant.
        """
        if os.getpid() != self._process:
            raise TokenUnavailable("a refresh token belongs to one process: create RefreshToken after the fork")
        return self._lock

    def keep(self, refresh_token: str | None) -> None:
        """Replace the token."""
        if refresh_token and refresh_token != self._token:
            self._token = refresh_token
            if self._on_rotation is not None:
                self._on_rotation(refresh_token)

    def __repr__(self) -> str:
        return "RefreshToken()"


def _text(source: Text) -> str:
    return source if isinstance(source, str) else source()
