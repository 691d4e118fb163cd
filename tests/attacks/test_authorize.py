"""Attacks on the authorization endpoint and on pushed requests (attacks 40-47, 51, 52, 71, 72)."""

import asyncio
import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
import pytest

from service.bags.kinds import AuthorizationCode, Login, PushedRequest
from service.decisions.authorize.decide import decide_authorization
from service.decisions.authorize.pushed_request import PREFIX
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.session.session import new_session, session_cookie
from service.protocol.authorization_details import MAX_ELEMENTS
from service.web.cookies import Cookies
from tests.worlds.authorization_requests import (
    LOOPBACK,
    PAYMENT,
    REDIRECT,
    TOML,
    AuthorizationRequests,
    details,
    parameters,
    request_object,
)
from tests.worlds.bags import BAGS
from tests.worlds.client_proofs import OTHER_KEY
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.pkce import S256, VERIFIER
from tests.worlds.watched_memory import watched

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WEB = basic("web", "secret")


@pytest.fixture
def asking(tmp_path: Path) -> AuthorizationRequests:
    """Nobody is asked for consent, so that whoever is logged in has a code at once."""
    implicit = re.sub(r'^(id = "(?:web|other|spa|narrow|lax|two)")$', r'\1\nconsent = "implicit"', TOML, flags=re.M)
    return AuthorizationRequests(tmp_path / "asking", toml=implicit)


def cookie(context: Context, now: float) -> dict[str, str]:
    """The cookie of somebody who is logged in."""
    session = new_session(context, Login("alice", int(now), "", ("pwd",)), now)
    return {"Cookie": f"{Cookies(ISSUER, 900).session}={session_cookie(context, session, now)}"}


def authorize(asking: AuthorizationRequests, logged_in: bool = True, **form: Any) -> Answer:
    """What a browser is answered that is sent to the authorization endpoint."""
    headers = cookie(asking.context, asking.now) if logged_in else {}
    return asking.get("/authorize?" + urlencode(form, doseq=True), headers)


def said(answer: Answer, redirect_uri: str = REDIRECT) -> dict[str, str]:
    """The parameters that `redirect_uri` is sent, beside its own."""
    assert answer.status == 302, answer.body
    location = answer.headers["location"]
    assert location.startswith(redirect_uri + ("&" if "?" in redirect_uri else "?"))
    return dict(parse_qsl(location[len(redirect_uri) + 1 :], strict_parsing=True, keep_blank_values=True))


def page(answer: Answer, status: int = 400) -> str:
    """The page that the person is shown instead of being sent anywhere."""
    assert answer.status == status, answer.body
    assert "location" not in answer.headers
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    text = answer.body.decode()
    assert 'http-equiv="refresh"' not in text.lower()
    return text


def redeemed(asking: AuthorizationRequests, code: str, client: dict[str, str] = WEB, **form: Any) -> Answer:
    given = {"redirect_uri": REDIRECT, "code_verifier": VERIFIER, **form}
    given = {name: value for name, value in given.items() if value is not None}
    return asking.post("/token", {"grant_type": "authorization_code", "code": code, **given}, client)


def test_the_fixture_answers_with_a_code(asking: AuthorizationRequests) -> None:
    answer = said(authorize(asking, **parameters()))
    assert answer.keys() == {"code", "state", "iss"}
    assert redeemed(asking, answer["code"]).status == 200


# 40: another client, redirect_uri or verifier


@pytest.mark.parametrize(
    "changes",
    [
        {"client": basic("other", "secret")},
        {"redirect_uri": REDIRECT + "&x=1"},
        {"redirect_uri": None},
        {"code_verifier": VERIFIER[:-1] + "a"},
        {"code_verifier": None},
    ],
)
def test_40_a_code_of_this_endpoint_is_for_one_client_one_uri_one_verifier(
    asking: AuthorizationRequests, changes: dict[str, Any]
) -> None:
    code = said(authorize(asking, **parameters()))["code"]
    answer = redeemed(asking, code, **changes)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    assert redeemed(asking, code).status == 200


# 41: PKCE downgrade


@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, None),
        (S256, "plain"),
        (S256, None),
        (S256, "s256"),
        (S256, "S512"),
        (S256, ""),
        (None, "S256"),
        ("", "S256"),
        (VERIFIER + "x", "S256"),
        (S256[:-1], "S256"),
        (S256 + "=", "S256"),
        (S256[:-1] + "N", "S256"),
        (S256[:-1] + "%", "S256"),
        ("x" * 128, "S256"),
    ],
)
@pytest.mark.parametrize("client", ["web", "spa"])
def test_41_pkce_cannot_be_left_out_or_weakened(
    asking: AuthorizationRequests, client: str, challenge: str | None, method: str | None
) -> None:
    uri = LOOPBACK if client == "spa" else REDIRECT
    form = parameters(client_id=client, redirect_uri=uri, code_challenge=challenge, code_challenge_method=method)
    told = said(authorize(asking, **form, nonce="n"), uri)
    assert (told["error"], "code" in told) == ("invalid_request", False)


def test_41_a_verifier_for_a_code_without_challenge_is_refused(asking: AuthorizationRequests) -> None:
    without = {"client_id": "lax", "code_challenge": None, "code_challenge_method": None}
    code = said(authorize(asking, **parameters(**without)))["code"]
    answer = redeemed(asking, code, basic("lax", "secret"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    assert redeemed(asking, code, basic("lax", "secret"), code_verifier=None).status == 200


# 42 and 43: redirect URIs

HOST = "https://app.example.com"
NEARLY = [
    "https://APP.example.com/back?tenant=1",
    "HTTPS://app.example.com/back?tenant=1",
    "http://app.example.com/back?tenant=1",
    HOST + ":443/back?tenant=1",
    HOST + ":8443/back?tenant=1",
    HOST + "/back",
    HOST + "/back/?tenant=1",
    HOST + "/Back?tenant=1",
    HOST + "/back?tenant=1&",
    HOST + "/back?tenant=1&code=x",
    HOST + "/back?tenant=2",
    HOST + "/back?tenant=1#",
    HOST + "/back?tenant=1#fragment",
    HOST + "/%62ack?tenant=1",
    HOST + "/x/%2e%2e/back?tenant=1",
    HOST + "/x/../back?tenant=1",
    HOST + "//back?tenant=1",
    HOST + "/back;x?tenant=1",
    HOST + "./back?tenant=1",
    "https://user@app.example.com/back?tenant=1",
    "https://app.example.com@evil.example.com/back?tenant=1",
    "https://app.example.com.evil.example.com/back?tenant=1",
    "https://evil.example.com/?" + HOST + "/back?tenant=1",
    "https://evil.example.com\\@app.example.com/back?tenant=1",
    "//app.example.com/back?tenant=1",
    "/back?tenant=1",
    " " + REDIRECT,
    REDIRECT + " ",
    REDIRECT + "é",
    "https://app.example.com/b\u0430ck?tenant=1",
    "*",
    "",
]


@pytest.mark.parametrize("uri", NEARLY)
def test_42_a_redirect_uri_is_compared_character_by_character(asking: AuthorizationRequests, uri: str) -> None:
    form = {**parameters(client_id="two"), "redirect_uri": uri}
    assert "redirect_uri" in page(authorize(asking, **form))


@pytest.mark.parametrize("uri", [REDIRECT + "\r\n", REDIRECT + "\x00", "\t" + REDIRECT])
def test_42_control_characters_are_refused_before_anything_is_compared(asking: AuthorizationRequests, uri: str) -> None:
    page(authorize(asking, **parameters(redirect_uri=uri)))


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", "http://[::1]:4000/callback"]
)
def test_43_any_port_of_loopback(asking: AuthorizationRequests, uri: str) -> None:
    assert "code" in said(authorize(asking, **parameters(client_id="spa", redirect_uri=uri)), uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1:4000/callback",
        "http://127.0.0.1:4000/callback/",
        "http://127.0.0.1:4000/Callback",
        "http://127.0.0.1:4000/callback?x=1",
        "http://127.0.0.1:4000",
        "http://127.0.0.1:4000@evil.example.com/callback",
        "http://127.0.0.1:4000.evil.example.com/callback",
        "http://user@127.0.0.1:4000/callback",
        "http://127.0.0.2:4000/callback",
        "http://127.1:4000/callback",
        "http://2130706433:4000/callback",
        "http://0x7f.0.0.1:4000/callback",
        "http://localhost:4000/callback",
        "http://[0:0:0:0:0:0:0:1]:4000/callback",
        "http://[::ffff:127.0.0.1]:4000/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:04000/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1: 4000/callback",
        "http://127.0.0.1:٤٠٠٠/callback",
    ],
)
def test_43_only_the_port_may_differ_on_loopback(asking: AuthorizationRequests, uri: str) -> None:
    page(authorize(asking, **parameters(client_id="spa", redirect_uri=uri)))


# 44: parameters twice, in the query and in the body


@pytest.mark.parametrize("name", sorted(parameters()))
def test_44_a_parameter_twice(asking: AuthorizationRequests, name: str) -> None:
    form = parameters()
    page(authorize(asking, **{**form, name: [form[name], form[name]]}))
    answer = asking.post("/authorize", {**form, name: [form[name], "other"]}, cookie(asking.context, asking.now))
    page(answer)
    pushed = asking.post("/par", {**form, name: [form[name], "other"]}, WEB)
    assert (pushed.status, pushed.json()["error"]) == (400, "invalid_request")


def test_44_parameters_in_the_query_and_in_the_body(asking: AuthorizationRequests) -> None:
    for query, body in (("state=evil", parameters(state=None)), (urlencode(parameters()), {}), ("a", parameters())):
        page(asking.post("/authorize?" + query, body, cookie(asking.context, asking.now)))
        assert asking.post("/par?" + query, body, WEB).status == 400


def test_44_a_body_that_is_no_form(asking: AuthorizationRequests) -> None:
    headers = {"Content-Type": "application/json", **cookie(asking.context, asking.now)}
    page(asking.request("POST", "/authorize", msgspec.json.encode(parameters()), headers))


# 45: an unregistered redirect is never followed

FAULTS: dict[str, dict[str, Any]] = {
    "a good request": {},
    "a wrong response_type": {"response_type": "token"},
    "a wrong scope": {"scope": "admin"},
    "no PKCE": {"code_challenge": None},
    "a form_post": {"response_mode": "form_post"},
    "prompt=none": {"prompt": "none"},
    "an unknown client": {"client_id": "nobody"},
    "no client": {"client_id": None},
    "a broken request object": {"request": "e30.e30.e30"},
    "a foreign request_uri": {"request_uri": "https://evil.example.com/request"},
    "a request_uri of nobody's": {"request_uri": PREFIX + "e30.e30.e30.e30.e30"},
}


@pytest.mark.parametrize("changes", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("logged_in", [True, False])
@pytest.mark.parametrize("uri", ["https://evil.example.com/", "javascript:alert(1)", LOOPBACK])
def test_45_nothing_is_redirected_to_where_nothing_is_registered(
    asking: AuthorizationRequests, changes: dict[str, Any], logged_in: bool, uri: str
) -> None:
    text = page(authorize(asking, logged_in, **parameters(**{"redirect_uri": uri, **changes})))
    assert uri not in html.unescape(text)


# 46: iss, so that no answer is taken for another server's


@pytest.mark.parametrize(
    "changes",
    [{}, {"state": None}, {"response_type": "token"}, {"scope": "admin"}, {"prompt": "none", "max_age": "0"}],
)
def test_46_every_answer_names_its_issuer(asking: AuthorizationRequests, changes: dict[str, Any]) -> None:
    told = said(authorize(asking, **parameters(**changes)))
    assert told["iss"] == ISSUER
    assert told.get("state") == parameters(**changes).get("state")
    assert ("code" in told) != ("error" in told)


def test_46_the_issuer_is_not_what_the_request_says(asking: AuthorizationRequests) -> None:
    headers = {**cookie(asking.context, asking.now), "Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"}
    answer = asking.get("/authorize?" + urlencode({**parameters(), "iss": "https://evil.example.com"}), headers)
    assert said(answer)["iss"] == ISSUER


# 47: reflection

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "a&code=stolen&iss=x",
    "%0d%0aX: y",
    "ä→🜁",
    "x#y?z",
]


@pytest.mark.parametrize("state", HOSTILE)
@pytest.mark.parametrize("scope", ["read", "admin"])
def test_47_state_is_echoed_exactly_and_nothing_grows_out_of_it(
    asking: AuthorizationRequests, state: str, scope: str
) -> None:
    answer = authorize(asking, **parameters(state=state, scope=scope))
    assert said(answer)["state"] == state
    assert answer.headers["location"].isascii()
    assert answer.headers.keys().isdisjoint({"x"})
    posted = authorize(asking, **parameters(state=state, scope=scope, response_mode="form_post"))
    assert posted.status == 200
    assert f'value="{state}"' in posted.body.decode() or state in html.unescape(posted.body.decode())
    assert "<script>alert" not in posted.body.decode()
    assert "<img" not in posted.body.decode()


@pytest.mark.parametrize("state", ["a\r\nSet-Cookie: x=y", "a\x00b", "\x1b[31m"])
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_47_control_characters_are_refused(asking: AuthorizationRequests, state: str, mode: str) -> None:
    page(authorize(asking, **parameters(state=state, response_mode=mode)))


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "request", "request_uri"])
def test_47_an_error_page_echoes_nothing_of_the_request(asking: AuthorizationRequests, name: str, hostile: str) -> None:
    text = page(authorize(asking, **parameters(**{name: hostile})))
    assert hostile not in text
    assert hostile not in html.unescape(text)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["response_type", "scope", "prompt", "max_age", "claims", "authorization_details"])
def test_47_an_error_that_is_redirected_echoes_nothing_but_state(
    asking: AuthorizationRequests, name: str, hostile: str
) -> None:
    told = said(authorize(asking, **parameters(**{name: hostile})))
    assert told.keys() == {"error", "error_description", "state", "iss"}
    assert all(part not in told["error_description"] for part in ("<", "alert", "stolen", "%0d", "ä"))


# 51: scopes


@pytest.mark.parametrize(
    "scope",
    ['read "x"', "read\\", "re\x7fad", "réad", " ".join(f"s{n}" for n in range(10_000))],
)
def test_51_a_scope_that_is_none(asking: AuthorizationRequests, scope: str) -> None:
    answer = asking.post("/authorize", parameters(scope=scope), cookie(asking.context, asking.now))
    assert answer.status in (303, 400, 413)
    assert "code=" not in answer.headers.get("location", "")
    pushed = asking.post("/par", parameters(scope=scope), WEB)
    assert pushed.status in (400, 413)


def test_51_a_scope_beyond_the_clients(asking: AuthorizationRequests) -> None:
    assert said(authorize(asking, **parameters(client_id="narrow", scope="read openid")))["error"] == "invalid_scope"
    assert "code" in said(authorize(asking, **parameters(client_id="narrow", scope="read")))


# 52: resources and authorization details


@pytest.mark.parametrize(
    "resource",
    [
        "https://nobody.example.com",
        "https://sealed.example.com",
        API + "//",
        API.upper(),
        API + "#x",
        [API, "*"],
        "x" * 3000,
    ],
)
def test_52_a_resource_that_is_not_the_clients(asking: AuthorizationRequests, resource: Any) -> None:
    assert said(authorize(asking, **parameters(resource=resource)))["error"] == "invalid_target"
    answer = asking.post("/par", parameters(resource=resource), WEB)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_target")


def test_52_a_code_gives_no_more_resources_than_were_asked_for(asking: AuthorizationRequests) -> None:
    code = said(authorize(asking, **parameters()))["code"]
    answer = redeemed(asking, code, resource="https://vault.example.com")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_target")


def test_52_a_token_has_no_more_details_than_were_granted(asking: AuthorizationRequests) -> None:
    code = said(authorize(asking, **parameters(authorization_details=details(PAYMENT), scope="read offline_access")))[
        "code"
    ]
    dearer = {**PAYMENT, "amount": {"value": "999.00", "currency": "EUR"}}
    answer = redeemed(asking, code, authorization_details=details(dearer))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_authorization_details")
    tokens = redeemed(asking, code).json()
    assert tokens["authorization_details"] == [PAYMENT]
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = asking.post("/token", {**form, "authorization_details": details(PAYMENT, PAYMENT, dearer)}, WEB)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_authorization_details")
    assert asking.post("/token", form, WEB).json()["authorization_details"] == [PAYMENT]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 15_000,
        "[" + "{}," * 5000 + "{}]",
        details(*[PAYMENT] * (MAX_ELEMENTS + 1)),
        '[{"type":"payment","type":"accounts"}]',
    ],
)
def test_52_details_made_to_be_costly(asking: AuthorizationRequests, text: str) -> None:
    answer = asking.post("/par", parameters(authorization_details=text), WEB)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_authorization_details")


# 72: pushed requests


def pushed(asking: AuthorizationRequests, **changes: Any) -> str:
    answer = asking.post("/par", parameters(**changes), WEB)
    assert answer.status == 201, answer.body
    return str(answer.json()["request_uri"])


def test_72_a_pushed_request_is_answered_once(asking: AuthorizationRequests) -> None:
    request_uri = pushed(asking)
    assert "code" in said(authorize(asking, client_id="web", request_uri=request_uri))
    page(authorize(asking, client_id="web", request_uri=request_uri))


def test_72_of_many_answers_at_once_one_has_a_code(asking: AuthorizationRequests) -> None:
    query = urlencode({"client_id": "web", "request_uri": pushed(asking)}).encode()
    value = cookie(asking.context, asking.now)["Cookie"].partition("=")[2]

    async def race() -> list[Any]:
        visits = (decide_authorization(asking.context, BrowserRequest(query, value), asking.now) for _ in range(20))
        return list(await asyncio.gather(*visits))

    answers = [str(decision.answer) for decision in asyncio.run(race())]
    assert sum("code=" in answer for answer in answers) == 1


def test_72_nothing_of_the_query_is_merged_with_what_was_pushed(asking: AuthorizationRequests) -> None:
    request_uri = pushed(asking, scope="read")
    beside = parameters(scope="admin", state="evil", redirect_uri="https://evil.example.com", code_challenge="x" * 43)
    told = said(authorize(asking, **beside, request_uri=request_uri, nonce="n", prompt="login", resource="x"))
    assert told["state"] == "xyz"
    code = asking.context.snapshot.open(told["code"], (AuthorizationCode,), asking.now)
    assert (code.nonce, code.grant.scope) == ("", "read")


def test_72_a_pushed_request_of_another_client(asking: AuthorizationRequests) -> None:
    page(authorize(asking, client_id="other", request_uri=pushed(asking)))
    page(authorize(asking, client_id="web", request_uri=pushed(asking), request=request_object()))


@pytest.mark.parametrize(
    "request_uri",
    [
        "http://127.0.0.1:{port}/request.jwt",
        "https://app.example.com/request.jwt#hash",
        "file:///etc/passwd",
        "urn:example:x",
        PREFIX,
        PREFIX.upper() + "x",
    ],
)
def test_72_a_request_uri_is_never_fetched(asking: AuthorizationRequests, request_uri: str) -> None:
    fetched: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fetched.append("connection")
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            uri = request_uri.replace("{port}", str(server.sockets[0].getsockname()[1]))
            assert (await asyncio.to_thread(asking.unproved, client_id="web", request_uri=uri))[
                0
            ] == "invalid_request_uri"
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert fetched == []


def test_72_a_pushed_request_that_was_altered(asking: AuthorizationRequests) -> None:
    request_uri = pushed(asking)
    for altered in (request_uri[:-1], request_uri[:-2] + "AA", request_uri + ".", request_uri.replace(".", ".A", 1)):
        page(authorize(asking, client_id="web", request_uri=altered))
    bag = asking.context.snapshot.open(request_uri.removeprefix(PREFIX), (PushedRequest,), asking.now)
    foreign = asking.context.snapshot.seal(msgspec.structs.replace(bag, iss="https://other.example.com"), asking.now)
    page(authorize(asking, client_id="web", request_uri=PREFIX + foreign))
    code = said(authorize(asking, **parameters()))["code"]
    page(authorize(asking, client_id="web", request_uri=PREFIX + code))


def test_31_no_other_bag_is_a_pushed_request(asking: AuthorizationRequests) -> None:
    snapshot, now = asking.context.snapshot, int(asking.now)
    kept = {"iss": ISSUER, "iat": now, "exp": now + 60}
    for sample in BAGS:
        text = snapshot.seal(msgspec.structs.replace(sample, **kept), now)
        page(authorize(asking, client_id="web", request_uri=PREFIX + text))
        page(authorize(asking, client_id="web", request=text))
    page(authorize(asking, client_id="web", request=pushed(asking).removeprefix(PREFIX)))


def test_72_a_request_object_of_somebody_else(asking: AuthorizationRequests) -> None:
    page(authorize(asking, client_id="web", request=request_object(key=OTHER_KEY)))
    page(authorize(asking, client_id="other", request=request_object()))
    page(authorize(asking, client_id="web", request=request_object(client_id="other")))
    answer = asking.post("/par", {"request": request_object(key=OTHER_KEY)}, WEB)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request_object")


def test_72_a_request_object_is_no_client_assertion_nor_the_other_way_round(asking: AuthorizationRequests) -> None:
    assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_assertion_type": assertion_type, "client_assertion": request_object(header={"typ": "JWT"})}
    assert asking.post("/par", {**parameters(client_id=None), **form}).status == 401
    page(authorize(asking, client_id="web", request=request_object(sub="web", header={"typ": "JWT"})))


def test_72_nothing_is_burnt_by_a_request_that_is_refused(asking: AuthorizationRequests) -> None:
    memory = watched(asking)
    request_uri = pushed(asking)
    page(authorize(asking, client_id="other", request_uri=request_uri))
    page(authorize(asking, client_id="web", request_uri=quote(request_uri)))
    assert [verb for verb in memory.verbs if verb.startswith("put")] == []
    assert "code" in said(authorize(asking, client_id="web", request_uri=request_uri))
