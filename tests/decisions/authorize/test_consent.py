"""Consent: when it is asked for, what it says, and what each answer does (OpenID Connect Core section 3.1.2.4)."""

import json
from typing import Any

import pytest

from service.bags.kinds import LoginTicket
from service.config import Client
from service.decisions.decision import Action
from tests.worlds.authorization_requests import ACCOUNTS, PAYMENT, details
from tests.worlds.built_in_pages import Browser, BuiltInPages, Hooked, answered, consent_page, login_page, shown, told
from tests.worlds.identifiers import API, VAULT


def scopes(decision: Any) -> list[str]:
    return [scope for scope, _ in consent_page(decision).scopes]


# --- what the page says


def test_the_page_says_who_wants_what(service: BuiltInPages) -> None:
    browser = Browser(service)
    payment, accounts = PAYMENT, ACCOUNTS
    page = consent_page(
        browser.log_in(browser.ask(scope="email openid read write", authorization_details=details(payment, accounts)))
    )
    assert isinstance(page.client, Client)
    assert (page.client.id, page.user, page.user_code) == ("web", "Alice Liddell", "")
    assert page.scopes == (
        ("email", "See your email address"),
        ("openid", "Know who you are"),
        ("read", "Read your tea leaves"),
        ("write", "write"),
    )
    assert page.details == (("A payment", payment), ("accounts", accounts))


def test_a_scope_is_what_each_of_the_resources_calls_it(service: BuiltInPages) -> None:
    browser = Browser(service)
    page = consent_page(browser.log_in(browser.ask(scope="openid read vault", resource=[VAULT, API])))
    assert page.scopes == (
        ("openid", "Know who you are"),
        ("read", "read; Read your tea leaves"),
        ("vault", "vault"),
    )
    assert consent_page(browser.ask(scope="read", resource=VAULT)).scopes == (("read", "read"),)
    assert consent_page(browser.ask(scope="read")).scopes == (("read", "Read your tea leaves"),)


def test_consent_at_one_resource_is_none_at_another(service: BuiltInPages) -> None:
    browser = Browser(service)
    answered(browser.through(scope="openid read", resource=API))
    answered(browser.ask(scope="openid read", resource=API))
    answered(browser.ask(scope="read"))  # which means the default resource, the same
    assert scopes(browser.ask(scope="read", resource=[API, VAULT])) == ["read"]
    page = browser.ask(scope="read", resource=VAULT)
    assert scopes(page) == ["read"]
    answered(browser.answer(page))
    answered(browser.ask(scope="read", resource=[VAULT, API]))
    answered(browser.ask(scope="openid", resource=VAULT))


def test_whoever_has_no_name_is_called_by_their_id(service: BuiltInPages) -> None:
    browser = Browser(service)
    assert consent_page(browser.log_in(browser.ask(), "bob")).user == "u-2"
    service.told_by(Hooked(sub="u-3", claims={"name": "Carol"}))
    assert consent_page(browser.log_in(browser.ask(prompt="login"))).user == "Carol"


def test_claims_that_are_asked_for_one_by_one_are_said_too(service: BuiltInPages) -> None:
    """Else a client could have an address that nobody has consented to."""
    browser = Browser(service)
    claims = {
        "userinfo": {"email": None, "sub": None, "phone_number": None},
        "id_token": {"acr": None, "locale#de": None},
    }
    page = browser.log_in(browser.ask(claims=json.dumps(claims)))
    assert scopes(page) == ["openid", "read", "email", "profile"]  # not phone, which the client may not ask for
    grant = service.grant(browser.answer(page))
    assert (grant.scope, grant.asked) == ("openid read", (("locale#de",), ("email",)))
    assert "code" in answered(browser.ask(claims=json.dumps(claims)))
    assert "code" in answered(browser.ask(scope="openid email"))


# --- when it is shown


def test_what_was_granted_is_not_asked_for_again(alice: Browser) -> None:
    assert alice.service.grant(alice.ask(scope="read")).scope == "read"
    page = alice.ask(scope="openid read write")
    assert scopes(page) == ["openid", "read", "write"]
    alice.answer(page)
    assert alice.service.grant(alice.ask(scope="write")).scope == "write"
    assert alice.service.grant(alice.ask(scope="openid")).scope == "openid"


def test_not_by_another_client_nor_by_another_person(alice: Browser) -> None:
    consent_page(alice.ask(client_id="other"))
    consent_page(alice.log_in(alice.ask(prompt="login"), "bob"))
    consent_page(alice.log_in(alice.ask(prompt="login"), "alice"))  # a new session remembers nothing


@pytest.mark.parametrize(
    "wish",
    [
        {"prompt": "consent"},
        {"scope": "openid offline_access"},
        {"authorization_details": details(ACCOUNTS)},
    ],
)
def test_some_things_are_asked_each_time(alice: Browser, wish: dict[str, str]) -> None:
    for _ in range(2):
        page = alice.ask(**wish)
        assert "code" in answered(alice.answer(page))


def test_a_client_that_anybody_may_pose_as_is_asked_for_each_time(alice: Browser) -> None:
    for _ in range(2):
        page = alice.ask(client_id="spa", scope="read")
        assert "code" in answered(alice.answer(page))
    assert "code" in answered(alice.answer(alice.ask(client_id="page")))
    assert "code" in answered(alice.ask(client_id="page"))  # only it is reached by https at its host


def test_the_operators_own_clients_need_not_ask(alice: Browser) -> None:
    done = alice.ask(client_id="own", scope="openid offline_access write")
    assert alice.service.grant(done).scope == "openid offline_access write"
    consent_page(alice.ask(client_id="own", prompt="consent"))


# --- the answers


def test_no(alice: Browser) -> None:
    before = alice.session
    page = alice.ask(client_id="other", state="of mine")
    assert told(alice.answer(page, "deny")) == "access_denied"
    replayed = alice.answer(page, "allow")
    assert (replayed.action, replayed.error and replayed.error.reason) == (Action.BAD_REQUEST, "ticket replayed")
    assert alice.session == before
    consent_page(alice.ask(client_id="other"))


def test_somebody_else(alice: Browser) -> None:
    page = alice.ask(client_id="other", login_hint="carol")
    switched = alice.answer(page, "switch")
    assert login_page(switched).username == "carol"
    ticket = alice.service.opened(login_page(switched).ticket, LoginTicket)
    assert (ticket.session, ticket.sub) == ("", "")
    done = alice.answer(alice.log_in(switched, "bob"))
    assert alice.service.grant(done).sub == "u-2"
    assert alice.signed_in.login.sub == "u-2"


@pytest.mark.parametrize("answer", ["", "yes", "ALLOW", "allow "])
def test_other_words(alice: Browser, answer: str) -> None:
    assert shown(alice.answer(alice.ask(client_id="other"), answer))[0] == "invalid_request"


def test_details_are_carried_into_the_token(alice: Browser) -> None:
    wish = details(PAYMENT, ACCOUNTS)
    done = alice.answer(alice.ask(authorization_details=wish))
    answer = alice.service.redeem(done)
    assert answer.json()["authorization_details"] == json.loads(wish)
