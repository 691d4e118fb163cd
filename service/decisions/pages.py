"""What the pages show: data alone. Each has a template of its name (service/web/templates)."""

from typing import Any, NamedTuple

from service.config import Client


class LoginPage(NamedTuple):
    """Name and password; posts `ticket`, `username`, `password` to <authorize>/login. `fault` is for the person."""

    ticket: str
    client: Client
    username: str = ""
    fault: str = ""


class ConsentPage(NamedTuple):
    """What the client wants; posts `ticket` and `answer` (allow, deny or switch) to <authorize>/consent.

    `scopes` are pairs of a scope and what is said of it; `details` pairs of a type's title and an element of
    authorization_details; `user_code` is shown where a device asks.
    """

    ticket: str
    client: Client
    user: str
    scopes: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, dict[str, Any]], ...] = ()
    user_code: str = ""


class DevicePage(NamedTuple):
    """Where a user code is entered (RFC 8628 section 3.3); posts `user_code` and `check` to <device>."""

    check: str
    user_code: str = ""
    fault: str = ""


class DeviceDonePage(NamedTuple):
    """The end of the device flow: approved or denied."""

    approved: bool
    client: Client


class LogoutPage(NamedTuple):
    """The question whether to log out; posts `ticket` to <logout>/confirm."""

    ticket: str


class SignedOutPage(NamedTuple):
    """Logged out; `unreached` names clients that could not be told."""

    unreached: tuple[str, ...] = ()


class ErrorPage(NamedTuple):
    """An error that nobody but the person can be told: an OAuth code and a sentence.

    `reference` is the request's id in the log.
    """

    error: str
    description: str
    reference: str = ""
