"""What a token request has led to (RFC 6749 section 5.1), for every rendering of it."""

from typing import Any, NamedTuple

import msgspec

from service.bags.kinds import AccessToken, RefreshToken, visible
from service.grants.plan import Plan


class TokenAnswer(msgspec.Struct, omit_defaults=True):
    """A successful answer of the token endpoint (RFC 6749 section 5.1); `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    refresh_token: str = ""
    issued_token_type: str = ""
    id_token: str = ""
    authorization_details: list[dict[str, Any]] = []


class Issued(NamedTuple):
    """What was issued and by which plan; `token` and `refresh` are what the texts in `answer` hold."""

    plan: Plan
    answer: TokenAnswer
    token: AccessToken
    refresh: RefreshToken | None

    @property
    def body(self) -> TokenAnswer | dict[str, Any]:
        """The answer, with the properties that the client may see."""
        terms = self.plan.terms
        shown = {} if terms is None else visible(terms.properties)
        return {**shown, **msgspec.to_builtins(self.answer)} if shown else self.answer

    def __repr__(self) -> str:
        return "Issued()"
