"""The data of the pages. Each page has a template of the same name (service/web/templates)."""

from typing import Any, NamedTuple

from service.config import Client


class LoginPage(NamedTuple):
    """The login page. It posts `ticket`, `username` and `password` to <authorize>/login; `fault` is shown above."""

    ticket: str
    client: Client
    username: str = ""
    fault: str = ""


class ConsentPage(NamedTuple):
    """The consent page. It posts `ticket` and `answer` (allow, deny or switch) to <authorize>/consent.

    scopes: pairs of a scope and its title.
    details: pairs of a type's title and an element of authorization_details.
    user_code: the user code of a device; empty for any other client.
    """

    ticket: str
    client: Client
    user: str
    scopes: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, dict[str, Any]], ...] = ()
    user_code: str = ""


class DevicePage(NamedTuple):
    """The page on which a user code is entered (RFC 8628 section 3.3). It posts `user_code` and `check` to <device>."""

    check: str
    user_code: str = ""
    fault: str = ""


class DeviceDonePage(NamedTuple):
    """The last page of the device flow: approved or denied."""

    approved: bool
    client: Client


class LogoutPage(NamedTuple):
    """The page that asks whether to log out. It posts `ticket` to <logout>/confirm."""

    ticket: str


class SignedOutPage(NamedTuple):
    """The page after the logout; `unreached` are the names of clients that did not accept a logout token."""

    unreached: tuple[str, ...] = ()


class ErrorPage(NamedTuple):
    """The page of an error that must not be redirected: its OAuth code and description.

    `reference` is the id of the request in the log.
    """

    error: str
    description: str
    reference: str = ""
