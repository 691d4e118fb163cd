"""Request objects by value (RFC 9101): what is believed of one, and that nothing beside it is."""

from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from service.bags.foreign_keys import import_jwks
from service.bags.kinds import AuthorizationRequest
from service.protocol.ports import KeysUnavailable
from tests.worlds.authorization_requests import (
    PAYMENT,
    REDIRECT,
    TOML,
    AuthorizationRequests,
    parameters,
    request_object,
)
from tests.worlds.client_proofs import ED_KEY, HMAC_SECRET, JWKS, OTHER_KEY, RSA_KEY
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.satchel import NOW

LIFE = 3600
SKEW = 60


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> AuthorizationRequests:
    return AuthorizationRequests(tmp_path_factory.mktemp("asking"))


def ask(
    asking: AuthorizationRequests, text: str | None = None, client: str = "web", **claims: Any
) -> AuthorizationRequest:
    text = request_object(**claims) if text is None else text
    return asking.read(client_id=client, request=text)[1]


def refused(asking: AuthorizationRequests, text: str, client: str = "web") -> None:
    told = asking.unproved(client_id=client, request=text)
    assert told == (
        "invalid_request_object",
        "the request object is not valid; check its signature, typ, iss, aud, exp and client_id",
    )


def test_it_says_what_the_parameters_would(asking: AuthorizationRequests) -> None:
    assert ask(asking) == asking.ask()


def test_members_may_be_json(asking: AuthorizationRequests) -> None:
    claims = {"userinfo": {"email": None}, "id_token": {"acr": {"essential": True}}}
    request = ask(asking, max_age=30, claims=claims, authorization_details=[PAYMENT], resource=[API, VAULT], nonce=None)
    assert (request.max_age, request.claims, request.authorization_details) == (30, claims, [PAYMENT])
    assert request.resources == (API, VAULT)
    assert ask(asking, resource=VAULT, scope="vault").resources == (VAULT,)


@pytest.mark.parametrize(
    ("alg", "key", "kid"), [("RS256", RSA_KEY, "rsa"), ("PS256", RSA_KEY, "rsa"), ("EdDSA", ED_KEY, "ed")]
)
def test_any_algorithm_that_the_keys_can_have(asking: AuthorizationRequests, alg: str, key: Any, kid: str) -> None:
    assert ask(asking, request_object(alg, key, {"kid": kid})) == asking.ask()


@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "JWT", None])
def test_its_types(asking: AuthorizationRequests, typ: str | None) -> None:
    assert ask(asking, request_object(header={"typ": typ})) == asking.ask()


def test_nothing_beside_it_is_read(asking: AuthorizationRequests) -> None:
    beside = parameters(redirect_uri="https://evil.example.com", scope="admin", state="other", response_type="token")
    _, request, _ = asking.read(**beside, request=request_object(state=None), nonce="n", max_age="1", prompt="none")
    assert request == asking.ask(state=None)


def test_an_error_in_it_is_told_to_the_client_that_has_signed_it(asking: AuthorizationRequests) -> None:
    told = asking.refused(client_id="web", request=request_object(scope="admin"), redirect_uri=REDIRECT)
    assert told[0] == "invalid_scope"


def test_an_error_in_its_redirect_uri_is_told_to_nobody_else(asking: AuthorizationRequests) -> None:
    evil = request_object(redirect_uri="https://evil.example.com")
    assert asking.unproved(client_id="web", request=evil, redirect_uri=REDIRECT)[0] == "invalid_request"


def test_a_client_that_must_sign(asking: AuthorizationRequests) -> None:
    signed = request_object(iss="signer", client_id="signer")
    assert ask(asking, signed, "signer") == msgspec.structs.replace(asking.ask(), client_id="signer")


def test_a_client_of_one_algorithm(asking: AuthorizationRequests) -> None:
    whose = {"iss": "es256", "client_id": "es256"}
    assert ask(asking, request_object(**whose), "es256").client_id == "es256"
    refused(asking, request_object("RS256", RSA_KEY, {"kid": "rsa"}, **whose), "es256")


UNACCEPTABLE: dict[str, dict[str, Any]] = {
    "another client's": {"iss": "other"},
    "of nobody": {"iss": None},
    "for another client": {"client_id": "other"},
    "for no client": {"client_id": None},
    "for another server": {"aud": "https://other.example.com"},
    "for a server whose name begins as ours": {"aud": ISSUER + ".evil.example"},
    "for our authorization endpoint": {"aud": ISSUER + "/authorize"},
    "for us and another": {"aud": [ISSUER, "https://other.example.com"]},
    "for nobody": {"aud": None},
    "expired": {"exp": NOW - SKEW},
    "without an end": {"exp": None},
    "living too long": {"exp": NOW + LIFE + 1},
    "living too long from now": {"iat": None, "exp": NOW + LIFE + SKEW + 1},
    "of tomorrow": {"iat": NOW + SKEW + 1},
    "not yet good": {"nbf": NOW + SKEW + 1},
    "good as a client assertion": {"sub": "web"},
    "with a request inside": {"request": "e30.e30.e30"},
    "with a request_uri inside": {"request_uri": "https://app.example.com/r"},
    "with a line break": {"state": "a\r\nSet-Cookie: x"},
    "with a NUL": {"login_hint": "a\x00"},
    "with a control character in a resource": {"resource": [API + "\n"]},
}


@pytest.mark.parametrize("claims", UNACCEPTABLE.values(), ids=UNACCEPTABLE)
def test_what_is_not_acceptable(asking: AuthorizationRequests, claims: dict[str, Any]) -> None:
    refused(asking, request_object(**claims))


FORGED = {
    "by another key": lambda: request_object(key=OTHER_KEY),
    "by an unknown key": lambda: request_object(header={"kid": "unknown"}),
    "by nobody": lambda: jwt.encode(parameters(iss="web", aud=ISSUER, exp=NOW + 60), "", "none"),
    "by a secret": lambda: request_object("HS256", HMAC_SECRET),
    "as an access token": lambda: request_object(header={"typ": "at+jwt"}),
    "as a client assertion": lambda: request_object(header={"typ": "client-authentication+jwt"}),
    "with its type spelt out": lambda: request_object(header={"typ": "application/oauth-authz-req+jwt"}),
    "with keys from elsewhere": lambda: request_object(header={"jku": "https://evil.example.com/jwks"}),
    "with crit": lambda: request_object(header={"crit": ["exp"]}),
    "cut short": lambda: request_object()[:-4],
    "not at all": lambda: "x",
    "five times": lambda: "a.b.c.d.e",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_what_is_not_signed_as_it_should_be(asking: AuthorizationRequests, forge: Any) -> None:
    refused(asking, forge())


def test_a_client_without_keys(asking: AuthorizationRequests) -> None:
    told = asking.unproved(client_id="other", request=request_object(iss="other", client_id="other"))
    assert told == ("request_not_supported", "the client has no registered keys (jwks, jwks_uri) to sign requests")


class Remote:
    """Keys at a URL, or none."""

    def __init__(self, keys: Any) -> None:
        self.keys_there = keys
        self.asked: list[tuple[str, str | None]] = []

    async def keys(self, uri: str, kid: str | None) -> Any:
        self.asked.append((uri, kid))
        if self.keys_there is None:
            raise KeysUnavailable("out of order")
        return self.keys_there


def test_keys_that_are_elsewhere(tmp_path: Path) -> None:
    uri = "https://app.example.com/jwks"
    asking = AuthorizationRequests(
        tmp_path / "remote", toml=TOML.replace('id = "other"\n', f'id = "other"\njwks_uri = "{uri}"\n')
    )
    text = request_object(iss="other", client_id="other")
    for keys, code in ((import_jwks(JWKS), ""), (None, "temporarily_unavailable")):
        remote = Remote(keys)
        asking.app.runtime.context = asking.context._replace(ports=asking.context.ports._replace(remote_keys=remote))
        if code:
            assert asking.unproved(client_id="other", request=text)[0] == code
        else:
            assert ask(asking, text, "other").client_id == "other"
        assert remote.asked == [(uri, "ec")]
