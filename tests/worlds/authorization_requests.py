"""A service for the tests of authorization requests, with one client of each sort."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.decisions.authorize.push import decide_push
from service.decisions.authorize.request import RefusedToClient, RefusedToPerson, read_request
from service.decisions.decision import Decision
from service.decisions.form_request import FormRequest
from service.memory import Memory
from service.protocol.form import parse
from tests.worlds.client_proofs import EC_KEY, JWKS
from tests.worlds.http import basic, form_bytes
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.pkce import S256
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.toml import confidential, configuration, public
from tests.worlds.users import known

REDIRECT = "https://app.example.com/back?tenant=1"
LOOPBACK = "http://127.0.0.1/callback"
PAYMENT = {"type": "payment", "amount": {"value": "9.00", "currency": "EUR"}, "creditor": "Ada"}
ACCOUNTS = {"type": "accounts", "actions": ["list", "read"], "locations": [API]}
LONG = "l" * 900

_COMMON = {
    "grants": ["authorization_code", "refresh_token"],
    "scopes": ["read", "write", "vault", "openid", "profile", "email", "offline_access"],
    "resources": [API, VAULT],
    "authorization_details_types": ["payment", "accounts"],
}
_WEB = {**_COMMON, "redirect_uris": [REDIRECT]}
_CLIENTS = [
    confidential("web", **_WEB, jwks=JWKS),
    confidential("other", **_WEB),
    confidential("two", **_COMMON, redirect_uris=[REDIRECT, "https://app.example.com/two"]),
    confidential("lax", **_WEB, require_pkce=False),
    confidential("pusher", **_WEB, require_pushed_authorization_requests=True),
    confidential("signer", **_WEB, jwks=JWKS, require_signed_request_object=True),
    confidential("es256", **_WEB, jwks=JWKS, request_object_signing_alg="ES256"),
    confidential("machine", **_WEB | {"grants": ["client_credentials"]}),
    confidential("nonced", **_WEB, dpop_nonce=True),
    confidential(LONG, **_WEB),
    public("spa", **_COMMON, redirect_uris=[LOOPBACK, "http://[::1]/callback"]),
    confidential("narrow", grants=["authorization_code"], scopes=["read"], redirect_uris=[REDIRECT]),
]
_DETAIL_TYPES = [
    {
        "type": "payment",
        "title": "A payment",
        "members": ["amount", "creditor", "note"],
        "required": ["amount", "creditor"],
    },
    {"type": "accounts", "members": ["actions", "locations", "identifier"]},
    {"type": "medical"},
]


def toml(titles: dict[str, str] | None = None, **openid: Any) -> str:
    """The configuration; `titles` are those of the API's scopes, `openid` more settings of that table."""
    return configuration(
        issuer=ISSUER,
        default_resource=API,
        openid={"enabled": True, **openid},
        resources=[
            {"identifier": API, "titles": titles, "scopes": ["read", "write"]},
            {"identifier": VAULT, "scopes": ["vault", "read"], "format": "bag"},
            {"identifier": SEALED, "scopes": ["read"]},
        ],
        detail_types=_DETAIL_TYPES,
        **{"users.known": [known("alice")]},
        clients=_CLIENTS,
    )


TOML = toml()

Asked = tuple[Client, AuthorizationRequest, str]


def parameters(**changes: Any) -> dict[str, Any]:
    """The parameters of a good request, with changes; None takes one away."""
    good = {
        "client_id": "web",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid read",
        "state": "xyz",
        "code_challenge": S256,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def request_object(alg: str = "ES256", key: Any = EC_KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A request object of the client `web`, or another as `iss` and `client_id`, with changes to its claims."""
    claims = parameters(**{"iss": "web", "aud": ISSUER, "iat": NOW, "exp": NOW + 300, "jti": "j", **changes})
    return jwt.encode(claims, key, alg, {"kid": "ec", "typ": "oauth-authz-req+jwt", **(header or {})})


class AuthorizationRequests(Satchel):
    """The service in this process; what is asked goes to the decisions."""

    def __init__(self, directory: Path, memory: Memory | None = None, toml: str = TOML) -> None:
        super().__init__(directory, toml, memory)

    def read(self, **form: Any) -> Asked:
        """What /authorize makes of these parameters and no others."""
        return asyncio.run(read_request(self.context, parse(form_bytes(form)), self.now))

    def ask(self, **changes: Any) -> AuthorizationRequest:
        """The request in the parameters of a good one, with changes."""
        return self.read(**parameters(**changes))[1]

    def unproved(self, **form: Any) -> tuple[str, str]:
        """Code and description of the error that a person is told."""
        with pytest.raises(RefusedToPerson) as caught:
            self.read(**form)
        return caught.value.error.code, caught.value.error.description

    def refused(self, **form: Any) -> tuple[str, str]:
        """Code and description of the error that the client is told."""
        with pytest.raises(RefusedToClient) as caught:
            self.read(**form)
        assert caught.value.reply.redirect_uri == form.get("redirect_uri", REDIRECT)
        return caught.value.error.code, caught.value.error.description

    def pushed(self, client: str = "web", dpop: str | None = None, **form: Any) -> Decision:
        """The decision on a pushed request."""
        if client == "spa":
            authorization, form = None, {"client_id": "spa", **form}
        else:
            authorization = basic(client, "secret")["Authorization"]
        return asyncio.run(decide_push(self.context, FormRequest(form_bytes(form), authorization, dpop), self.now))

    def push(self, client: str = "web", dpop: str | None = None, **changes: Any) -> str:
        """The request_uri of a good request, with changes."""
        decision = self.pushed(client, dpop, **parameters(**{"client_id": None, **changes}))
        assert decision.error is None, (decision.error, decision.error.description)
        return str(decision.answer["request_uri"])


def details(*elements: Any) -> str:
    """The parameter authorization_details."""
    return json.dumps(elements)
