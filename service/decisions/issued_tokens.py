"""The tokens that a token request has led to, and the response (RFC 6749 section 5.1)."""

from typing import Any, NamedTuple

import msgspec

from service.bags.kinds import AccessToken, RefreshToken, visible
from service.grants.plan import Plan


class TokenAnswer(msgspec.Struct, omit_defaults=True):
    """A successful response of the token endpoint (RFC 6749 section 5.1); `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    refresh_token: str = ""
    issued_token_type: str = ""
    id_token: str = ""
    authorization_details: list[dict[str, Any]] = []


class Issued(NamedTuple):
    """The issued tokens and their plan; `token` and `refresh` are the contents of the tokens in `answer`."""

    plan: Plan
    answer: TokenAnswer
    token: AccessToken
    refresh: RefreshToken | None

    @property
    def body(self) -> TokenAnswer | dict[str, Any]:
        """The response, with the properties that the client may see."""
        terms = self.plan.terms
        properties = {} if terms is None else visible(terms.properties)
        return {**properties, **msgspec.to_builtins(self.answer)} if properties else self.answer

    def __repr__(self) -> str:
        return "Issued()"
