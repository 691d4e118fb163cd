"""One behaviour, in every framework."""

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import falcon
import falcon.asgi
import falcon.testing
import flask
import httpx
import pytest
from satchel_client import asgi_protect, wsgi_protect
from satchel_client.certificate import thumbprint
from satchel_client.errors import ClientError
from satchel_client.falcon import AsyncProtect, Protect
from satchel_client.protection import Protection
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.resource_metadata import ResourceMetadata
from satchel_client.verifier import AsyncVerifier, Verifier

from satchel_jose.algorithms import PROOFS
from tests.client.issuer import AUDIENCE, ISSUER, NOW, Issuer, Prover
from tests.client.test_binding import certificate

ORIGIN = "http://api.test"
METADATA = ResourceMetadata(resource=ORIGIN, authorization_servers=(ISSUER,), scopes_supported=("read", "write"))
GIVEN = Issuer()
PROVER = Prover()
Headers = list[tuple[str, str]]


def policy(method: str, path: str) -> Requirement | None:
    if path == "/open":
        return None
    rules = {"/admin": Requirement("admin"), "/gold": Requirement(acr=("gold",), max_age=60)}
    return rules.get(path, NOTHING)


def flask_app(verifier: Verifier, protection: Protection) -> Any:
    app = flask.Flask(__name__)
    app.wsgi_app = wsgi_protect.Protect(app.wsgi_app, verifier, protection)  # type: ignore[method-assign]

    @app.route("/<path:path>", methods=["GET", "POST", "OPTIONS"])
    def show(path: str) -> str:
        token = flask.request.environ[wsgi_protect.TOKEN]
        return token.subject if token else "nobody"

    return app


def asgi_app(verifier: AsyncVerifier, protection: Protection) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        token = scope[asgi_protect.TOKEN]
        body = (token.subject if token else "nobody").encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})

    return asgi_protect.Protect(app, verifier, protection)


class Show:
    """A Falcon resource."""

    def on_get(self, req: Any, resp: Any, **_: str) -> None:
        if req.path == "/responder":
            Requirement("audit").check(req.context.token, NOW)
        resp.text = req.context.token.subject if req.context.token else "nobody"

    on_post = on_get


class ShowAsync:
    async def on_get(self, req: Any, resp: Any, **_: str) -> None:
        Show().on_get(req, resp)

    on_post = on_get


def sink(req: Any, resp: Any, **_: str) -> None:
    resp.text = "a sink"


async def async_sink(req: Any, resp: Any, **_: str) -> None:
    resp.text = "a sink"


def falcon_app(verifier: Verifier, protection: Protection) -> Any:
    protect = Protect(verifier, protection)
    app = falcon.App(middleware=[protect])
    app.add_error_handler(ClientError, protect.handle)
    app.add_route("/{path}", Show())
    app.add_sink(sink, "/deep/")
    return app


def falcon_asgi_app(verifier: AsyncVerifier, protection: Protection) -> Any:
    protect = AsyncProtect(verifier, protection)
    app = falcon.asgi.App(middleware=[protect])
    app.add_error_handler(ClientError, protect.handle)
    app.add_route("/{path}", ShowAsync())
    app.add_sink(async_sink, "/deep/")
    return app


WSGI = {"flask": flask_app, "falcon": falcon_app}
ASGI = {"asgi": asgi_app, "falcon.asgi": falcon_asgi_app}
Ask = Callable[..., httpx.Response]


def asker(kind: str, **protection: Any) -> Ask:
    """Send requests to an application of this kind: (path, headers, method) -> response."""
    protected = Protection(**({"policy": policy, "metadata": METADATA, "origin": ORIGIN} | protection))
    settings: dict[str, Any] = {"jwks": GIVEN.jwks, "clock": lambda: NOW}
    if kind in WSGI:
        app = WSGI[kind](Verifier(ISSUER, AUDIENCE, **settings), protected)

        def ask(path: str, headers: Headers | tuple[()] = (), method: str = "GET") -> httpx.Response:
            with httpx.Client(transport=httpx.WSGITransport(app), base_url=ORIGIN) as client:
                return client.request(method, path, headers=list(headers))

        return ask
    asgi = ASGI[kind](AsyncVerifier(ISSUER, AUDIENCE, **settings), protected)

    async def send(path: str, headers: Headers | tuple[()], method: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(asgi), base_url=ORIGIN) as client:
            return await client.request(method, path, headers=list(headers))

    def ask_async(path: str, headers: Headers | tuple[()] = (), method: str = "GET") -> httpx.Response:
        return asyncio.run(send(path, headers, method))

    return ask_async


@pytest.fixture(params=[*WSGI, *ASGI])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ask(kind: str) -> Ask:
    return asker(kind)


def bearer(token: str) -> Headers:
    return [("Authorization", f"Bearer {token}")]


def challenges(response: httpx.Response) -> dict[str, dict[str, str]]:
    """The parameters of each challenge, by scheme."""
    value = response.headers["www-authenticate"]
    found: dict[str, dict[str, str]] = {}
    for scheme, name, quoted in re.findall(r'(?:(Bearer|DPoP)(?: |$|,))|([a-z_]+)="([^"]*)"', value):
        if scheme:
            found[scheme] = {}
        else:
            found[list(found)[-1]][name] = quoted
    return found


def test_a_good_token_reaches_the_application(ask: Ask) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        response = ask("/me", [("Authorization", f"{scheme} {GIVEN.token()}")])
        assert (response.status_code, response.text) == (200, "alice")


def test_no_token_and_a_challenge_without_error(ask: Ask) -> None:
    for headers in ([], [("Authorization", "Basic YTpi")], [("Authorization", "Bearerx y")]):
        response = ask("/me", headers)
        assert response.status_code == 401
        assert challenges(response) == {
            "Bearer": {"resource_metadata": METADATA.url},
            "DPoP": {"resource_metadata": METADATA.url, "algs": " ".join(PROOFS)},
        }
        assert response.json() == {}
        assert response.headers["cache-control"] == "no-store"


def test_where_the_policy_asks_for_none(ask: Ask) -> None:
    assert ask("/open").text == "nobody"
    assert ask("/open", bearer("garbage")).text == "nobody"


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,Bearer b", 'Bearer "x"', "Bearer =x"])
def test_requests_that_hold_no_token(ask: Ask, value: str) -> None:
    response = ask("/me", [("Authorization", value)])
    assert response.status_code == 400
    assert challenges(response)["Bearer"]["error"] == "invalid_request"


@pytest.mark.parametrize("kind", ASGI)
def test_headers_that_only_asgi_can_carry(kind: str) -> None:
    good = GIVEN.token()
    for headers in (bearer(good) + bearer(good), [(b"Authorization", b"Bearer \xff")]):
        assert asker(kind)("/me", headers).status_code == 400


@pytest.mark.parametrize("place", ["/me?access_token={}", "/me?token={}"])
def test_a_token_in_the_query_is_none(ask: Ask, place: str) -> None:
    assert ask(place.format(GIVEN.token())).status_code == 401


def test_bad_tokens_meet_one_answer(ask: Ask) -> None:
    answers = set()
    for token in (
        GIVEN.token(iss="https://evil.example"),
        GIVEN.token(aud="x"),
        "a.b.c",
        "garbage",
        GIVEN.token() + "A",
    ):
        response = ask("/me", bearer(token))
        answers.add((response.status_code, response.text, response.headers["www-authenticate"]))
        assert challenges(response)["Bearer"]["error"] == "invalid_token"
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


def test_a_scope_that_is_missing(ask: Ask) -> None:
    response = ask("/admin", bearer(GIVEN.token()))
    assert response.status_code == 403
    assert challenges(response)["Bearer"] == {
        "error": "insufficient_scope",
        "error_description": "the access token does not have the required scope",
        "scope": "admin",
        "resource_metadata": METADATA.url,
    }
    assert response.json()["scope"] == "admin"
    assert ask("/admin", bearer(GIVEN.token(scope="admin"))).status_code == 200


def test_a_login_that_does_not_reach(ask: Ask) -> None:
    response = ask("/gold", bearer(GIVEN.token(acr="silver", auth_time=NOW)))
    assert response.status_code == 401
    said = challenges(response)["Bearer"]
    assert (said["error"], said["acr_values"], said["max_age"]) == ("insufficient_user_authentication", "gold", "60")
    assert ask("/gold", bearer(GIVEN.token(acr="gold", auth_time=NOW))).status_code == 200


def test_a_bound_token_and_its_proof(ask: Ask) -> None:
    token = GIVEN.token(cnf={"jkt": PROVER.jkt})

    def proven(method: str, url: str, path: str) -> httpx.Response:
        headers = [("Authorization", f"DPoP {token}"), ("DPoP", PROVER.proof(method, url, token))]
        return ask(path, headers, method=method)

    assert proven("GET", f"{ORIGIN}/me", "/me").text == "alice"
    assert proven("GET", f"{ORIGIN}/me", "/me?x=1").text == "alice"
    assert proven("GET", f"{ORIGIN}/a%20b%7Ec", "/a%20b~c").text == "alice"
    assert proven("POST", f"{ORIGIN}/me", "/me").text == "alice"
    response = proven("GET", "http://evil.test/me", "/me")
    assert response.status_code == 401
    assert challenges(response).keys() == {"DPoP"}
    assert challenges(response)["DPoP"]["error"] == "invalid_dpop_proof"
    assert ask("/me", bearer(token)).status_code == 401
    used = PROVER.proof("GET", f"{ORIGIN}/me", token)
    statuses = [ask("/me", [("Authorization", f"DPoP {token}"), ("DPoP", used)]).status_code for _ in range(2)]
    assert statuses == [200, 401]


def test_a_path_beyond_ascii() -> None:
    token = GIVEN.token(cnf={"jkt": PROVER.jkt})
    proof = PROVER.proof("GET", f"{ORIGIN}/app/caf%C3%A9", token)
    headers = {"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": proof}
    where = {"SCRIPT_NAME": "/app", "PATH_INFO": "/café".encode().decode("latin-1"), "REQUEST_METHOD": "GET"}
    started: list[str] = []
    app = wsgi_protect.Protect(
        lambda environ, start: start("200 OK", []) or [],  # type: ignore[func-returns-value]
        Verifier(ISSUER, AUDIENCE, jwks=GIVEN.jwks, clock=lambda: NOW),
        Protection(origin=ORIGIN),
    )
    app({**headers, **where}, lambda status, *_: started.append(status))  # type: ignore[arg-type,func-returns-value]
    assert started == ["200 OK"]


def test_the_host_header_does_not_say_where_a_proof_belongs(ask: Ask) -> None:
    token = GIVEN.token(cnf={"jkt": PROVER.jkt})
    stolen = PROVER.proof("GET", "http://evil.test/me", token)
    response = ask("/me", [("Authorization", f"DPoP {token}"), ("DPoP", stolen), ("Host", "evil.test")])
    assert response.status_code == 401


def test_without_an_origin_no_bound_token_is_taken(kind: str) -> None:
    ask = asker(kind, origin="")
    token = GIVEN.token(cnf={"jkt": PROVER.jkt})
    for url in ("/me", f"{ORIGIN}/me", ""):
        response = ask("/me", [("Authorization", f"DPoP {token}"), ("DPoP", PROVER.proof("GET", url, token))])
        assert response.status_code == 401
    assert challenges(ask("/me")).keys() == {"Bearer"}


def test_two_proofs(ask: Ask) -> None:
    token = GIVEN.token(cnf={"jkt": PROVER.jkt})
    proofs = [("DPoP", PROVER.proof("GET", f"{ORIGIN}/me", token)) for _ in range(2)]
    both = [("DPoP", ",".join(proof for _, proof in proofs))]
    assert ask("/me", [("Authorization", f"DPoP {token}"), *both]).status_code == 401
    for kind in ASGI:
        assert asker(kind)("/me", [("Authorization", f"DPoP {token}"), *proofs]).status_code == 401


def test_a_certificate_from_a_proxy(kind: str) -> None:
    mine, other = certificate(), certificate()
    token = GIVEN.token(cnf={"x5t#S256": thumbprint(mine)})

    def header(der: bytes) -> tuple[str, str]:
        return "Client-Cert", f":{base64.b64encode(der).decode()}:"

    trusting, wary = asker(kind, certificate_header="Client-Cert"), asker(kind)
    assert trusting("/me", [*bearer(token), header(mine)]).status_code == 200
    assert trusting("/me", [*bearer(token), header(other)]).status_code == 401
    assert trusting("/me", bearer(token)).status_code == 401
    assert trusting("/me", [*bearer(token), ("Client-Cert", "junk")]).status_code == 400
    assert wary("/me", [*bearer(token), header(mine)]).status_code == 401
    if kind in ASGI:
        assert trusting("/me", [*bearer(token), header(mine), header(mine)]).status_code == 400


def test_when_nothing_can_be_said_it_is_no_fault_of_the_token(kind: str) -> None:
    away = Issuer()
    away.down = True
    protected = Protection(policy, metadata=METADATA)
    if kind in WSGI:
        app = WSGI[kind](Verifier(ISSUER, AUDIENCE, client=away.client()), protected)
        with httpx.Client(transport=httpx.WSGITransport(app), base_url=ORIGIN) as client:
            response = client.get("/me", headers=bearer(GIVEN.token()))
    else:
        response = asyncio.run(
            _ask_async(ASGI[kind](AsyncVerifier(ISSUER, AUDIENCE, client=away.async_client()), protected))
        )
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "www-authenticate" not in response.headers


async def _ask_async(app: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        return await client.get("/me", headers=bearer(GIVEN.token()))


def test_the_metadata_of_the_resource(ask: Ask) -> None:
    response = ask("/.well-known/oauth-protected-resource")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json() == {
        "resource": ORIGIN,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["read", "write"],
        "bearer_methods_supported": ["header"],
    }
    head = ask("/.well-known/oauth-protected-resource", method="HEAD")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
        ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
        ("https://a.example:8443/v1/x", "https://a.example:8443/.well-known/oauth-protected-resource/v1/x"),
    ],
)
def test_where_the_metadata_is(resource: str, url: str) -> None:
    assert ResourceMetadata(resource=resource).url == url


@pytest.mark.parametrize(
    "resource", ["", "api", "urn:x", "https://a.example?x", "https://a.example#x", "ftp://a.example"]
)
def test_a_resource_without_metadata(resource: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        ResourceMetadata(resource=resource)


@pytest.mark.parametrize("origin", ["api.example.com", "https://a.example/", "https://a.example/x", "ftp://a.example"])
def test_what_is_no_origin(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Protection(origin=origin)


@pytest.mark.parametrize("kind", ["falcon", "falcon.asgi"])
def test_a_falcon_responder_may_ask_for_more(kind: str) -> None:
    ask = asker(kind)
    response = ask("/responder", bearer(GIVEN.token()))
    assert response.status_code == 403
    assert challenges(response)["Bearer"]["scope"] == "audit"
    assert ask("/responder", bearer(GIVEN.token(scope="audit"))).text == "alice"


@pytest.mark.parametrize("kind", ["falcon", "falcon.asgi"])
def test_falcon_sinks_are_protected_too(kind: str) -> None:
    ask = asker(kind)
    assert ask("/deep/sink").status_code == 401
    assert ask("/deep/sink", bearer(GIVEN.token())).text == "a sink"
    assert ask("/no/such/route").status_code == 401


def test_a_websocket_handshake() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope[asgi_protect.TOKEN])

    verifier = AsyncVerifier(ISSUER, AUDIENCE, jwks=GIVEN.jwks, clock=lambda: NOW)
    protect = asgi_protect.Protect(app, verifier)
    sent: list[Any] = []

    async def connect(headers: list[tuple[bytes, bytes]]) -> None:
        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(event: Any) -> None:
            sent.append(event)

        await protect({"type": "websocket", "path": "/live", "headers": headers}, receive, send)

    asyncio.run(connect([]))
    assert (sent, seen) == ([{"type": "websocket.close", "code": 1008}], [])
    asyncio.run(connect([(b"authorization", f"Bearer {GIVEN.token()}".encode())]))
    assert [token.subject for token in seen] == ["alice"]


def test_a_falcon_websocket_handshake() -> None:
    class Live:
        async def on_websocket(self, req: Any, ws: Any) -> None:
            await ws.accept()
            await ws.send_text(req.context.token.subject)
            with contextlib.suppress(falcon.WebSocketDisconnected):
                await ws.receive_text()

    protect = AsyncProtect(AsyncVerifier(ISSUER, AUDIENCE, jwks=GIVEN.jwks, clock=lambda: NOW))
    app = falcon.asgi.App(middleware=[protect])
    app.add_route("/live", Live())

    async def connect() -> None:
        async with falcon.testing.ASGIConductor(app) as conductor:
            async with conductor.simulate_ws("/live", headers=dict(bearer(GIVEN.token()))) as ws:
                assert await ws.receive_text() == "alice"
            with pytest.raises(falcon.WebSocketDisconnected) as refused:
                async with conductor.simulate_ws("/live"):
                    pass
            assert refused.value.code == 3401

    asyncio.run(connect())


def test_the_verifier_ends_with_the_application() -> None:
    closed: list[bool] = []

    class Watched(AsyncVerifier):
        async def aclose(self) -> None:
            closed.append(True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"

    async def nothing(*_: Any) -> Any:
        return {}

    protect = asgi_protect.Protect(app, Watched(ISSUER, AUDIENCE, jwks=GIVEN.jwks))
    asyncio.run(protect({"type": "lifespan"}, nothing, nothing))
    assert closed == [True]


def test_the_log_says_why_and_holds_no_token(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    token = GIVEN.token(aud="https://other.example.com")
    with caplog.at_level("INFO", "satchel_client"):
        ask("/me", bearer(token))
    assert "aud is another audience" in caplog.text
    assert token[-20:] not in caplog.text
    assert json.dumps(token) not in caplog.text
