"""Logout (OpenID Connect RP-Initiated Logout, Back-Channel Logout): who is asked, who is told, and where it leads."""

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from service.decisions.browser_request import BrowserRequest
from service.decisions.decision import Action, Decision
from service.decisions.pages import LogoutPage, SignedOutPage
from service.decisions.session.logout import decide_logout
from service.decisions.session.session import open_session
from service.protocol.revocation_check import state_id
from tests.worlds.identifiers import ISSUER
from tests.worlds.openid import AFTER, OpenId
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> OpenId:
    return OpenId(tmp_path_factory.mktemp("logout"))


@pytest.fixture
def openid(service: OpenId) -> Iterator[OpenId]:
    context = service.context
    service.told.clear()
    service.deaf.clear()
    yield service
    service.now, service.app.runtime.context = float(NOW), context


def alive(openid: OpenId, cookie: str) -> bool:
    """Whether the session of a cookie still counts."""
    return asyncio.run(open_session(openid.context, BrowserRequest(b"", cookie), openid.now)) is not None


def sent_on(decision: Decision, url: str = AFTER) -> None:
    assert (decision.action, decision.answer, decision.error) == (Action.LOCATION, url, None)


def asked(decision: Decision) -> str:
    assert decision.action is Action.INTERACTION
    assert isinstance(decision.answer, LogoutPage)
    return decision.answer.ticket


def refused(decision: Decision, description: str) -> None:
    assert decision.action is Action.BAD_REQUEST
    assert decision.error is not None
    assert (decision.error.code, decision.error.description) == ("invalid_request", description)
    assert decision.session is None


# --- without a question


@pytest.mark.parametrize("client", ["web", "pair-a"])
def test_a_hint_that_fits_and_a_registered_uri(openid: OpenId, client: str) -> None:
    session, cookie = openid.session(client)
    decision = openid.logout(cookie, id_token_hint=openid.id_token(session, client), post_logout_redirect_uri=AFTER)
    sent_on(decision)
    assert (decision.session, decision.client_id) == ("", client)
    assert not alive(openid, cookie)


def test_an_expired_hint_will_do(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    openid.now += 1800
    sent_on(openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER))


def test_a_hint_of_an_earlier_session_of_the_same_person(openid: OpenId) -> None:
    earlier, _ = openid.session("web")
    _, cookie = openid.session("web")
    decision = openid.logout(cookie, id_token_hint=openid.id_token(earlier), post_logout_redirect_uri=AFTER)
    assert isinstance(decision.answer, LogoutPage)  # it may have been stolen long ago: the person is asked
    assert alive(openid, cookie)


@pytest.mark.parametrize("state", ["s", "a b&c=d#é%20", "x" * 1900])
@pytest.mark.parametrize("uri", [AFTER, AFTER + "?from=web"])
def test_the_state_comes_back_as_it_was(openid: OpenId, state: str, uri: str) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=uri, state=state)
    query = parse_qs(urlsplit(decision.answer).query)
    assert decision.answer.startswith(uri)
    assert query.pop("state") == [state]
    assert query == ({"from": ["web"]} if "?" in uri else {})


def test_a_state_that_is_too_long(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="x" * 2000)
    refused(decision, "shorten state: the URL would have more than 2000 characters")
    assert alive(openid, cookie)


def test_without_a_cookie_the_session_of_the_hint_ends(openid: OpenId) -> None:
    """A form that the client's page has posted comes without it."""
    session, cookie = openid.session("web")
    decision = openid.logout(id_token_hint=openid.id_token(session), post_logout_redirect_uri=AFTER)
    sent_on(decision)
    assert decision.session is None
    assert not alive(openid, cookie)


def test_without_a_cookie_a_pseudonym_does_not_tell_which_session(openid: OpenId) -> None:
    session, cookie = openid.session("pair-b")
    hint, browser = openid.id_token(session, "pair-a"), openid.browser()
    ticket = asked(openid.logout(browser=browser, id_token_hint=hint, post_logout_redirect_uri=AFTER))
    assert alive(openid, cookie)
    sent_on(openid.confirm(ticket, cookie, browser))  # our own page's form brings it
    assert not alive(openid, cookie)
    assert [url for url, _ in openid.told] == ["https://b.example.com/out"]


def test_when_the_session_was_over_already(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    openid.now += 3601
    decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    sent_on(decision)
    assert decision.session == ""
    assert openid.told == []


# --- with one


@pytest.mark.parametrize(
    "extra", [{}, {"client_id": "web"}, {"state": "s"}, {"logout_hint": "alice", "ui_locales": "en"}]
)
def test_a_mere_link_asks(openid: OpenId, extra: dict[str, str]) -> None:
    _, cookie = openid.session("web")
    browser = openid.browser()
    decision = openid.logout(cookie, browser, **extra)
    ticket = asked(decision)
    assert decision.session is None
    assert alive(openid, cookie)
    done = openid.confirm(ticket, cookie, browser)
    assert (done.action, done.answer, done.session) == (Action.INTERACTION, SignedOutPage(()), "")
    assert not alive(openid, cookie)


def test_a_client_that_is_only_named_has_its_uri_after_the_yes(openid: OpenId) -> None:
    _, cookie = openid.session("web")
    browser = openid.browser()
    ticket = asked(openid.logout(cookie, browser, client_id="web", post_logout_redirect_uri=AFTER, state="s"))
    sent_on(openid.confirm(ticket, cookie, browser), AFTER + "?state=s")


def test_a_new_browser_gets_its_cookie(openid: OpenId) -> None:
    decision = openid.logout()
    ticket = asked(decision)
    assert decision.browser
    done = openid.confirm(ticket, "", decision.browser)
    assert (done.action, done.answer, done.session) == (Action.INTERACTION, SignedOutPage(()), None)


def test_twice_is_no_harm(openid: OpenId) -> None:
    _, cookie = openid.session("web")
    browser = openid.browser()
    ticket = asked(openid.logout(cookie, browser))
    openid.confirm(ticket, cookie, browser)
    assert openid.confirm(ticket, "", browser).answer == SignedOutPage(())
    assert len(openid.told) == 1


# --- who is told


def test_every_client_of_the_session_is_told(openid: OpenId) -> None:
    session, cookie = openid.session("web", "other", "quiet", "pair-b", "pair-a")
    openid.logout(cookie, id_token_hint=openid.id_token(session), post_logout_redirect_uri=AFTER)
    told = {url: form["logout_token"] for url, form in openid.told}
    assert told.keys() == {
        "https://web.example.com/logged-out",
        "https://other.example.com/logged-out",
        "https://b.example.com/out",
    }
    for client, url in (("web", "https://web.example.com/logged-out"), ("pair-b", "https://b.example.com/out")):
        assert jwt.get_unverified_header(told[url])["typ"] == "logout+jwt"
        options = {"verify_iat": False, "verify_exp": False}
        claims = jwt.decode(
            told[url], openid.key(told[url]), ["RS256"], audience=client, issuer=ISSUER, options=options
        )
        id_token = openid.claims(openid.id_token(session, client), client)
        assert claims.pop("jti")
        assert claims == {
            "iss": ISSUER,
            "aud": client,
            "iat": NOW,
            "exp": NOW + 120,
            "sub": id_token["sub"],
            "sid": id_token["sid"],
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
    web, pair = (openid.id_token(session, client) for client in ("web", "pair-b"))
    assert openid.claims(web)["sid"] == session.sid != openid.claims(pair, "pair-b")["sid"]


def test_whoever_cannot_be_told_is_named(openid: OpenId) -> None:
    _, cookie = openid.session("web", "other")
    browser = openid.browser()
    openid.deaf.add("https://other.example.com/logged-out")
    ticket = asked(openid.logout(cookie, browser))
    assert openid.confirm(ticket, cookie, browser).answer == SignedOutPage(("The other",))
    assert len(openid.told) == 2


def test_a_client_that_is_registered_no_more(openid: OpenId) -> None:
    session, cookie = openid.session("gone", "web")
    openid.logout(cookie, id_token_hint=openid.id_token(session), post_logout_redirect_uri=AFTER)
    assert len(openid.told) == 1


# --- what is refused


def test_a_uri_that_is_not_the_clients(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    for uri in (
        AFTER + "/",
        AFTER.upper(),
        "https://evil.example.com/",
        AFTER + "#",
        "//evil.example.com",
        "javascript:1",
    ):
        decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=uri)
        refused(decision, "post_logout_redirect_uri is not registered for the client")
        named = openid.logout(cookie, client_id="web", post_logout_redirect_uri=uri)
        refused(named, "post_logout_redirect_uri is not registered for the client")
    assert alive(openid, cookie)


def test_a_uri_without_a_client_is_not_followed(openid: OpenId) -> None:
    _, cookie = openid.session("web")
    browser = openid.browser()
    ticket = asked(openid.logout(cookie, browser, post_logout_redirect_uri=AFTER, id_token_hint="garbage"))
    assert openid.confirm(ticket, cookie, browser).answer == SignedOutPage(())


def test_clients_that_are_two_or_none(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    decision = openid.logout(cookie, id_token_hint=hint, client_id="other", post_logout_redirect_uri=AFTER)
    refused(decision, "client_id must be the client of the id_token_hint")
    refused(openid.logout(cookie, client_id="nobody"), "client_id is unknown")
    assert alive(openid, cookie)


def test_a_ticket_of_another_browser_or_kind_or_time(openid: OpenId) -> None:
    _, cookie = openid.session("web")
    browser = openid.browser()
    ticket = asked(openid.logout(cookie, browser))
    for other in ("", openid.browser(), cookie):
        answer = openid.confirm(ticket, cookie, other)
        assert (answer.action, answer.session) == (Action.BAD_REQUEST, None)
    for text in (cookie, browser, "x", ticket + "A"):
        refused(openid.confirm(text, cookie, browser), "this page has expired; log out again")
    openid.now += 901
    refused(openid.confirm(ticket, cookie, browser), "this page has expired; log out again")
    assert alive(openid, cookie)


def test_a_page_for_a_session_that_another_has_followed(openid: OpenId) -> None:
    _, first = openid.session("web")
    _, second = openid.session("web", sub="mallory")
    browser = openid.browser()
    ticket = asked(openid.logout(first, browser))
    refused(openid.confirm(ticket, second, browser), "somebody has logged in since this page was shown; log out again")
    assert alive(openid, second)


# --- the memory


def test_what_the_memory_keeps(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    memory = watched(openid)
    openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert memory.verbs == ["get", "put revocation"]
    assert memory.asked[1][1][:3] == (state_id(session.sid), b"", session.exp + 60)


def test_a_memory_that_cannot_be_asked(openid: OpenId) -> None:
    session, cookie = openid.session("web")
    hint = openid.id_token(session)
    memory = watched(openid)
    memory.down = True
    decision = openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert decision.action is Action.TEMPORARILY_UNAVAILABLE
    memory.down, memory.full = False, {"revocation"}
    assert openid.logout(cookie, id_token_hint=hint, post_logout_redirect_uri=AFTER).session is None
    assert openid.told == []
    assert alive(openid, cookie)


def test_clients_are_told_though_the_person_hangs_up(openid: OpenId) -> None:
    session, cookie = openid.session("web", "other")
    hint, told = openid.id_token(session), []

    async def slow(url: str, form: dict[str, str]) -> bool:
        await asyncio.sleep(0.2)
        told.append(url)
        return True

    openid.app.runtime.context = context = openid.context._replace(ports=openid.context.ports._replace(notify=slow))
    query = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": AFTER}).encode()

    async def hang_up() -> None:
        logout = asyncio.create_task(
            decide_logout(context, BrowserRequest(query, cookie, openid.browser()), openid.now)
        )
        await asyncio.sleep(0.05)
        logout.cancel()
        with pytest.raises(asyncio.CancelledError):
            await logout
        assert told == []
        await asyncio.sleep(0.4)

    asyncio.run(hang_up())
    assert told


def test_109_a_uri_that_was_withdrawn_while_the_page_asked(openid: OpenId) -> None:
    """The session ends all the same; the browser stays here."""
    _, cookie = openid.session("web")
    browser = openid.browser()
    asking = openid.logout(cookie, browser, client_id="web", post_logout_redirect_uri=AFTER)
    ticket = asked(asking)
    openid.reconfigure((AFTER, "https://elsewhere.example.com/bye"))
    decision = openid.confirm(ticket, cookie, browser)
    assert decision.action is Action.INTERACTION
    assert decision.session == ""
