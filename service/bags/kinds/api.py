"""Tickets of the decision API: requests for which its caller still has to decide."""

from typing import ClassVar

from service.bags.kinds.bag import Bag
from service.bags.kinds.front import AuthorizationRequest
from service.bags.kinds.tokens import Terms


class TokenTicket(Bag, frozen=True, array_like=True, tag=13):
    """A token request that waits for the caller of the decision API to say who the user is (RFC 6749 section 4.3).

    `scopes` and `resources` are those of the token to be, `requested` what the request named, `cnf` what it proved.
    """

    TYP: ClassVar[str] = "tokenticket+bag"

    client_id: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    requested: tuple[str, ...] | None = None
    memory: str = ""
    cnf: dict[str, str] = {}
    terms: Terms | None = None


class ApiTicket(Bag, frozen=True, array_like=True, tag=14):
    """An authorization request whose login and consent are the decision API's caller's business; good for one answer.

    `pushed` is the jti of the request_uri to be spent with it.
    """

    TYP: ClassVar[str] = "apiticket+bag"

    request: AuthorizationRequest
    memory: str = ""
    pushed: str = ""
