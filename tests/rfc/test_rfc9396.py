"""RFC 9396: rich authorization requests, from the authorization request to the token and what is said of it."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from service.bags.kinds import Login
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.decide import decide_authorization
from service.decisions.browser_request import BrowserRequest
from service.decisions.pages import ConsentPage
from service.decisions.session.session import new_session, session_cookie
from tests.worlds.authorization_requests import ACCOUNTS, PAYMENT, REDIRECT, AuthorizationRequests, details, parameters
from tests.worlds.http import Answer, basic
from tests.worlds.pkce import VERIFIER

WEB = basic("web", "secret")


@pytest.fixture
def asking(tmp_path: Path) -> AuthorizationRequests:
    return AuthorizationRequests(tmp_path / "asking")


def consented(asking: AuthorizationRequests, **changes: Any) -> str:
    """The code of somebody who has said yes to what the consent page shows."""
    context, now = asking.context, asking.now
    session = session_cookie(context, new_session(context, Login("alice", int(now)), now), now)
    query = urlencode(parameters(scope="read offline_access", **changes)).encode()
    asked = asyncio.run(decide_authorization(context, BrowserRequest(query, session), now))
    page = asked.answer
    assert isinstance(page, ConsentPage)
    assert page.details == (("A payment", PAYMENT), ("accounts", ACCOUNTS))
    form = urlencode({"ticket": page.ticket, "answer": "allow"}).encode()
    allowed = asyncio.run(
        decide_consent(context, BrowserRequest(form, asked.session or session, asked.browser or ""), now)
    )
    return parse_qs(urlsplit(allowed.answer).query)["code"][0]


def token(asking: AuthorizationRequests, **form: Any) -> Answer:
    return asking.post("/token", form, WEB)


def redeem(asking: AuthorizationRequests, code: str, **more: Any) -> Answer:
    known = {"redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return token(asking, grant_type="authorization_code", code=code, **known, **more)


def in_token(answer: Answer) -> Any:
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    return claims.get("authorization_details")


def test_7_what_was_granted_is_in_the_answer_and_9_1_in_the_token(asking: AuthorizationRequests) -> None:
    answer = redeem(asking, consented(asking, authorization_details=details(PAYMENT, ACCOUNTS)))
    assert answer.status == 200
    assert answer.json()["authorization_details"] == [PAYMENT, ACCOUNTS] == in_token(answer)


def test_6_a_token_request_may_name_some_of_it(asking: AuthorizationRequests) -> None:
    code = consented(asking, authorization_details=details(PAYMENT, ACCOUNTS))
    answer = redeem(asking, code, authorization_details=details(ACCOUNTS))
    assert answer.json()["authorization_details"] == [ACCOUNTS] == in_token(answer)
    refreshed = token(asking, grant_type="refresh_token", refresh_token=answer.json()["refresh_token"])
    assert refreshed.json()["authorization_details"] == [PAYMENT, ACCOUNTS] == in_token(refreshed)
    narrowed = token(
        asking,
        grant_type="refresh_token",
        refresh_token=refreshed.json()["refresh_token"],
        authorization_details=details(PAYMENT),
    )
    assert narrowed.json()["authorization_details"] == [PAYMENT] == in_token(narrowed)


def test_6_and_nothing_else(asking: AuthorizationRequests) -> None:
    code = consented(asking, authorization_details=details(PAYMENT, ACCOUNTS))
    for text in (details({**ACCOUNTS, "actions": ["write"]}), details({"type": "medical"}), "{}", "["):
        answer = redeem(asking, code, authorization_details=text)
        assert (answer.status, answer.json()["error"]) == (400, "invalid_authorization_details")
    assert redeem(asking, code).status == 200


def test_6_and_nothing_of_a_type_that_was_withdrawn(asking: AuthorizationRequests) -> None:
    answer = redeem(asking, consented(asking, authorization_details=details(PAYMENT, ACCOUNTS)))
    refresh = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
    asking.reconfigure(('types = ["payment", "accounts"]', 'types = ["accounts"]'))
    assert token(asking, **refresh).json()["authorization_details"] == [ACCOUNTS]
    named = token(asking, **refresh, authorization_details=details(PAYMENT))
    assert named.json()["error"] == "invalid_authorization_details"
