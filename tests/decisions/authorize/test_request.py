"""Authorization requests: what is read out of one, and whom an error is told (RFC 6749 section 4.1.2.1)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationCode, AuthorizationRequest, Grant
from service.bags.snapshot import ID_TOKEN
from service.decisions.authorize.parameters import PROMPTS
from service.decisions.authorize.request import _USUAL_CODE, RefusedToClient, RefusedToPerson, _code_chars
from service.protocol.limits import MAX_URL
from tests.worlds.authorization_requests import (
    ACCOUNTS,
    LOOPBACK,
    PAYMENT,
    REDIRECT,
    TOML,
    AuthorizationRequests,
    details,
    parameters,
)
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.pkce import CHALLENGE, S256
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> AuthorizationRequests:
    return AuthorizationRequests(tmp_path_factory.mktemp("asking"))


def test_a_request_of_few_words(asking: AuthorizationRequests) -> None:
    client, request, pushed = asking.read(**parameters())
    assert (client.id, pushed) == ("web", "")
    assert request == AuthorizationRequest(
        client_id="web",
        redirect_uri=REDIRECT,
        scope="openid read",
        state="xyz",
        challenge=CHALLENGE,
        resources=(API,),
    )


def test_a_request_of_many_words(asking: AuthorizationRequests) -> None:
    claims = {"userinfo": {"email": {"essential": True}}, "id_token": {"acr": {"values": ["silver"]}, "name": None}}
    request = asking.ask(
        response_mode="form_post",
        scope="read openid vault",
        resource=[VAULT, API],
        nonce="n-0S6",
        dpop_jkt=THUMBPRINT,
        prompt="login consent",
        max_age="0",
        login_hint="ada@example.com",
        acr_values="gold  silver",
        claims=json.dumps(claims),
        authorization_details=details(PAYMENT, ACCOUNTS),
        ui_locales="de-CH en",
        unknown="passed over",
    )
    assert msgspec.structs.asdict(request) == {
        "client_id": "web",
        "redirect_uri": REDIRECT,
        "scope": "read openid vault",
        "state": "xyz",
        "response_mode": "form_post",
        "named": True,
        "challenge": CHALLENGE,
        "nonce": "n-0S6",
        "resources": (VAULT, API),
        "dpop_jkt": THUMBPRINT,
        "prompt": ("login", "consent"),
        "max_age": 0,
        "login_hint": "ada@example.com",
        "acr_values": ("gold", "silver"),
        "claims": claims,
        "authorization_details": [PAYMENT, ACCOUNTS],
        "ui_locales": "de-CH en",
        "hint_sub": "",
        "resource_named": True,
    }


def test_a_request_without_scope_has_the_defaults_that_mean_something(asking: AuthorizationRequests) -> None:
    assert asking.ask(scope=None).scope == "read write openid profile email offline_access"
    assert asking.ask(scope=None, resource=VAULT).scope == "read vault openid profile email offline_access"


def test_the_only_redirect_uri_need_not_be_named(asking: AuthorizationRequests) -> None:
    request = asking.ask(redirect_uri=None, scope="read")
    assert (request.redirect_uri, request.named) == (REDIRECT, False)
    assert asking.unproved(**parameters(client_id="two", redirect_uri=None)) == (
        "invalid_request",
        "redirect_uri is missing",
    )


def test_openid_connect_has_it_named(asking: AuthorizationRequests) -> None:
    assert asking.refused(**parameters(redirect_uri=None)) == (
        "invalid_request",
        "redirect_uri is missing; the scope openid requires it",
    )


def test_a_public_client_on_some_port(asking: AuthorizationRequests) -> None:
    uri = LOOPBACK.replace("127.0.0.1", "127.0.0.1:51001")
    assert asking.ask(client_id="spa", redirect_uri=uri).redirect_uri == uri


@pytest.mark.parametrize("state", ["", "a b+c&d=e%20", "<script>", "ä→🜁", "'\"\\"])
def test_state_is_carried_as_it_is(asking: AuthorizationRequests, state: str) -> None:
    assert asking.ask(state=state).state == state
    with pytest.raises(RefusedToClient) as caught:
        asking.ask(state=state, response_type="token")
    assert caught.value.reply.state == state


UNPROVED: dict[str, dict[str, Any]] = {
    "no client": {"client_id": None},
    "an unknown client": {"client_id": "nobody"},
    "a client in capitals": {"client_id": "WEB"},
    "a redirect_uri that is not registered": {"redirect_uri": "https://evil.example.com/"},
    "another client's redirect_uri": {"redirect_uri": LOOPBACK},
    "a request_uri of somebody else's": {"request_uri": "https://app.example.com/request.jwt"},
    "a request_uri that is none of ours": {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
    "two requests in one": {"request": "e30.e30.e30", "request_uri": "urn:ietf:params:oauth:request_uri:x"},
    "a request object that is none": {"request": "e30.e30.e30"},
    "a client without keys and a request object": {"client_id": "other", "request": "e30.e30.e30"},
}


@pytest.mark.parametrize("changes", UNPROVED.values(), ids=UNPROVED)
def test_what_only_the_person_is_told(asking: AuthorizationRequests, changes: dict[str, Any]) -> None:
    code, description = asking.unproved(**parameters(**changes))
    assert code in ("invalid_request", "invalid_request_uri", "invalid_request_object", "request_not_supported")
    assert description


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "no response_type": ("invalid_request", {"response_type": None}),
    "the implicit flow": ("unsupported_response_type", {"response_type": "token"}),
    "the hybrid flow": ("unsupported_response_type", {"response_type": "code id_token"}),
    "a response_type in capitals": ("unsupported_response_type", {"response_type": "CODE"}),
    "a response_mode of nobody's": ("invalid_request", {"response_mode": "query.jwt"}),
    "no PKCE": ("invalid_request", {"code_challenge": None, "code_challenge_method": None}),
    "a nonce in the place of PKCE": (
        "invalid_request",
        {"code_challenge": None, "code_challenge_method": None, "nonce": "n"},
    ),
    "a method alone": ("invalid_request", {"client_id": "lax", "code_challenge": None}),
    "plain": ("invalid_request", {"code_challenge_method": "plain"}),
    "plain by omission": ("invalid_request", {"code_challenge_method": None}),
    "a challenge that is too short": ("invalid_request", {"code_challenge": S256[:-1]}),
    "a challenge with padding": ("invalid_request", {"code_challenge": S256 + "="}),
    "a client of another grant": ("unauthorized_client", {"client_id": "machine"}),
    "a scope that means nothing": ("invalid_scope", {"scope": "vault"}),
    "a scope with quotes": ("invalid_scope", {"scope": 'openid "read"'}),
    "a resource of nobody's": ("invalid_target", {"resource": "https://nobody.example.com"}),
    "a resource that is not for the client": ("invalid_target", {"resource": [API, SEALED]}),
    "a prompt of nobody's": ("invalid_request", {"prompt": "create"}),
    "a prompt that contradicts itself": ("invalid_request", {"prompt": "none login"}),
    "a max_age before now": ("invalid_request", {"max_age": "-1"}),
    "a max_age of words": ("invalid_request", {"max_age": "1e3"}),
    "a max_age of digits from elsewhere": ("invalid_request", {"max_age": "٣"}),
    "claims that are none": ("invalid_request", {"claims": "[]"}),
    "details of nobody's": ("invalid_authorization_details", {"authorization_details": details({"type": "x"})}),
    "details that are not the client's": (
        "invalid_authorization_details",
        {"authorization_details": details({"type": "medical"})},
    ),
    "details without a member": (
        "invalid_authorization_details",
        {"authorization_details": details({"type": "payment"})},
    ),
    "a thumbprint that is none": ("invalid_request", {"dpop_jkt": THUMBPRINT[:-1]}),
    "an id_token_hint that is none": ("invalid_request", {"id_token_hint": "e30.e30.e30"}),
    "a client that must push": ("invalid_request", {"client_id": "pusher"}),
    "a client that must sign": ("invalid_request", {"client_id": "signer"}),
    "more than fits into a bag": ("invalid_request", {"login_hint": "a" * 4000}),
}


@pytest.mark.parametrize(("code", "changes"), REFUSED.values(), ids=REFUSED)
def test_what_the_client_is_told(asking: AuthorizationRequests, code: str, changes: dict[str, Any]) -> None:
    told, description = asking.refused(**parameters(**changes))
    assert (told, bool(description)) == (code, True)


def test_the_answer_goes_the_way_that_the_request_names(asking: AuthorizationRequests) -> None:
    with pytest.raises(RefusedToClient) as caught:
        asking.ask(response_mode="form_post", scope="vault")
    assert caught.value.reply == (REDIRECT, "form_post", "xyz")
    with pytest.raises(RefusedToClient) as caught:
        asking.ask(response_mode="query.jwt")
    assert caught.value.reply == (REDIRECT, "query", "xyz")


def test_scopes_that_nobody_has_are_passed_over(asking: AuthorizationRequests) -> None:
    """OpenID Connect Core section 3.1.2.1; runs of spaces separate."""
    assert asking.ask(scope=" openid  no_such_scope ").scope == "openid"


def test_pkce_is_for_a_confidential_client_to_leave_out_where_configured(asking: AuthorizationRequests) -> None:
    without = {"code_challenge": None, "code_challenge_method": None}
    assert asking.ask(client_id="lax", **without).challenge == b""
    assert asking.ask(client_id="lax").challenge == CHALLENGE
    spa = {"client_id": "spa", "redirect_uri": LOOPBACK}
    assert asking.refused(**parameters(**spa, **without)) == (
        "invalid_request",
        "code_challenge is missing; the client must use PKCE with S256",
    )


@pytest.mark.parametrize("prompt", PROMPTS)
def test_each_prompt(asking: AuthorizationRequests, prompt: str) -> None:
    assert asking.ask(prompt=prompt).prompt == (prompt,)


def test_claims_are_for_openid_connect(asking: AuthorizationRequests) -> None:
    assert asking.ask(scope="read", claims='{"userinfo":{"email":null}}').claims == {}


def test_without_openid_connect_its_scopes_mean_nothing(tmp_path: Path) -> None:
    asking = AuthorizationRequests(tmp_path / "plain", toml=TOML.replace("enabled = true", "enabled = false"))
    request = asking.ask(scope="openid read", claims="[]")
    assert (request.scope, request.claims) == ("read", {})


def test_a_url_that_would_be_too_long_is_refused_on_a_page(asking: AuthorizationRequests) -> None:
    def longest(**changes: Any) -> int:
        """The longest state that is taken."""
        low, high = 0, 3000
        while high - low > 1:
            middle = (low + high) // 2
            try:
                asking.ask(state="s" * middle, **changes)
                low = middle
            except RefusedToPerson:
                high = middle
        return low

    usual = longest()
    assert len(f"{REDIRECT}&code={'c' * 700}&state={'s' * usual}&iss=https%3A%2F%2Fas.example.com") == MAX_URL
    code, description = asking.unproved(**parameters(state="s" * (usual + 1)))
    assert code == "invalid_request"
    assert description.startswith("the response URL would have 2001 characters, more than 2000: shorten redirect_uri")
    assert asking.ask(state="s" * (usual + 1), response_mode="form_post").state == "s" * (usual + 1)
    assert longest(authorization_details=details(PAYMENT)) < usual
    assert longest(nonce="n" * 300) < usual
    assert asking.unproved(**parameters(state="→" * (usual // 9 + 1)))[0] == "invalid_request"


def test_a_code_is_never_longer_than_was_reckoned_with(asking: AuthorizationRequests) -> None:
    for changes in (
        {},
        {"scope": None, "nonce": "n" * 200},
        {"authorization_details": details(*[PAYMENT] * 5)},
        {"claims": json.dumps({"userinfo": {f"claim{n}": None for n in range(40)}})},
    ):
        assert chars(asking, asking.ask(**changes)) <= reckoned(asking.ask(**changes))


def chars(asking: AuthorizationRequests, request: AuthorizationRequest) -> int:
    """The length of the code that answers `request`, with all that may be in it beside."""
    grant = Grant(
        family=fresh_id(),
        client=bytes(16),
        sub="9f2d1a6e-5b7c-4e0a-8d3f-1c2b3a4d5e6f",
        scope=request.scope,
        resources=request.resources,
        memory=asking.context.memory.identity,
        auth_time=NOW,
        acr="urn:mace:incommon:iap:silver",
        amr=("pwd", "otp"),
        cnf={"jkt": THUMBPRINT},
        authorization_details=request.authorization_details,
        asked=tuple(tuple(request.claims.get(name, ())) for name in ("id_token", "userinfo")),
    )
    code = AuthorizationCode(
        asking.context.snapshot.issuer, fresh_id(), NOW, NOW + 60, grant, bytes(16), bytes(32), request.nonce
    )
    return len(asking.context.snapshot.seal(code, NOW))


def reckoned(request: AuthorizationRequest) -> int:
    """What the judgement reckons with."""
    return max(_USUAL_CODE, _code_chars(request))


def test_nothing_is_asked_of_the_memory(tmp_path: Path) -> None:
    asking = AuthorizationRequests(tmp_path / "quiet")
    memory = watched(asking)
    asking.ask(authorization_details=details(PAYMENT))
    assert memory.asked == []


def hint(asking: AuthorizationRequests, **changes: Any) -> str:
    """An ID token of ours that has expired."""
    claims = {"iss": ISSUER, "sub": "alice", "aud": "web", "exp": NOW - 1, "iat": NOW - 600, **changes}
    return asking.context.snapshot.sign_claims(ID_TOKEN, json.dumps(claims).encode(), "RS256", NOW)


def test_an_id_token_says_who_may_log_in(asking: AuthorizationRequests) -> None:
    assert asking.ask(id_token_hint=hint(asking)).hint_sub == "alice"
    assert asking.ask(id_token_hint=hint(asking, aud=["web", "other"])).hint_sub == "alice"


@pytest.mark.parametrize("changes", [{"aud": "other"}, {"aud": ["other"]}, {"iss": "https://evil.example.com"}])
def test_an_id_token_of_somebody_elses_says_nothing(asking: AuthorizationRequests, changes: dict[str, Any]) -> None:
    refused = asking.refused(**parameters(id_token_hint=hint(asking, **changes)))
    assert refused == ("invalid_request", "id_token_hint must be an ID token that was issued to the client")
