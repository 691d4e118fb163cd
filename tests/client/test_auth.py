"""Tokens for httpx and requests: sent, renewed once where they are refused, and kept from where they do not belong."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import httpx
import jwt
import pytest
import requests
from satchel_client.client_auth import ClientSecretBasic
from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.httpx_auth import TokenAuth
from satchel_client.proof import Prover
from satchel_client.requests_auth import TokenAuth as RequestsAuth
from satchel_client.signing import SigningKey
from satchel_client.token_source import TokenSource

from tests.client.authority import Asked, Authority, Reply, grant, refuse

INVALID = (401, {"WWW-Authenticate": 'Bearer realm="x", error="invalid_token"'}, b"")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


class Place(Authority):
    """A token server that is a resource server too; `api` answers for everything but tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.api: Callable[[Asked], Reply] = lambda _: (200, {}, b"done")
        self.clock = Clock()
        self.source = TokenSource(ClientSecretBasic("me", "s"), token_endpoint=f"{self.url}/token", clock=self.clock)

    def respond(self, asked: Asked) -> Reply:
        return super().respond(asked) if asked.path == "/token" else self.api(asked)

    @property
    def calls(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path != "/token"]

    @property
    def sent(self) -> list[str]:
        """The Authorization headers of the calls."""
        return [asked.headers.get("authorization", "") for asked in self.calls]

    def age(self) -> None:
        """Get a token, and let it be some minutes old."""
        self.source.token()
        self.clock.now += 100


@pytest.fixture
def place() -> Iterator[Place]:
    with Place() as server:
        yield server


class Answered(NamedTuple):
    status: int
    history: int


def httpx_sync(place: Place, url: str, body: Any = None, **options: Any) -> Answered:
    with httpx.Client(auth=TokenAuth(place.source, **options), follow_redirects=True) as client:
        response = client.request("POST" if body else "GET", url, content=body)
    return Answered(response.status_code, len(response.history))


def httpx_async(place: Place, url: str, body: Any = None, **options: Any) -> Answered:
    async def stream(chunks: Any) -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def work() -> Answered:
        content = stream(body) if body and not isinstance(body, bytes) else body
        async with httpx.AsyncClient(auth=TokenAuth(place.source, **options), follow_redirects=True) as client:
            response = await client.request("POST" if body else "GET", url, content=content)
        return Answered(response.status_code, len(response.history))

    return asyncio.run(work())


def with_requests(place: Place, url: str, body: Any = None, **options: Any) -> Answered:
    with requests.Session() as session:
        session.auth = RequestsAuth(place.source, **options)
        response = session.request("POST" if body else "GET", url, data=body)
    return Answered(response.status_code, len(response.history))


every = pytest.mark.parametrize("call", [httpx_sync, httpx_async, with_requests])


@every
def test_each_request_has_the_token_and_the_token_is_asked_for_once(place: Place, call: Any) -> None:
    for _ in range(3):
        assert call(place, f"{place.url}/pets?x=y") == (200, 0)
    assert place.sent == ["Bearer t1"] * 3
    assert len(place.tokens) == 1
    call(place, place.url, scope="write", resource="https://api.example.com")
    assert place.tokens[1].form["scope"] == "write"
    assert place.tokens[1].form["resource"] == "https://api.example.com"


@every
@pytest.mark.parametrize("body", [None, b"some bytes"])
def test_a_refused_token_is_renewed_once(place: Place, call: Any, body: bytes | None) -> None:
    place.age()
    place.api = lambda asked: INVALID if asked.headers["authorization"] == "Bearer t1" else (200, {}, b"")
    assert call(place, f"{place.url}/pets", body) == (200, 1)
    assert place.sent == ["Bearer t1", "Bearer t2"]
    assert [asked.body for asked in place.calls] == [body or b""] * 2


@every
def test_a_server_that_refuses_everything_is_no_endless_dialogue(place: Place, call: Any) -> None:
    place.age()
    place.api = lambda _: INVALID
    assert call(place, place.url).status == 401
    assert len(place.calls) == 2
    assert call(place, place.url).status == 401
    assert len(place.calls) == 3, "the token is as fresh as a moment"
    assert len(place.tokens) == 2


@every
@pytest.mark.parametrize(
    "reply",
    [
        (401, {}, b""),
        (401, {"WWW-Authenticate": "Basic"}, b""),
        (403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}, b""),
        (200, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b""),
    ],
)
def test_other_refusals_are_the_callers_to_read(place: Place, call: Any, reply: Reply) -> None:
    place.age()
    place.api = lambda _: reply
    assert call(place, place.url) == (reply[0], 0)
    assert len(place.tokens) == 1


@every
def test_a_body_that_is_a_stream_is_sent_once(place: Place, call: Any) -> None:
    place.age()
    place.api = lambda _: INVALID
    if call is with_requests:
        body: Any = iter([b"a", b"b"])
    else:
        body = iter([b"a", b"b"]) if call is httpx_sync else [b"a", b"b"]
    assert call(place, f"{place.url}/pets", body) == (401, 0)
    assert len(place.calls) == 1
    place.api = lambda _: (200, {}, b"")
    call(place, place.url)
    assert place.sent[-1] == "Bearer t2", "but the token is forgotten"


@every
def test_dpop_proves_each_request_and_takes_the_servers_nonce(place: Place, call: Any) -> None:
    key = SigningKey.generate()
    place.reply = lambda _: grant(token_type="DPoP")
    place.source = TokenSource(
        ClientSecretBasic("me", "s"), token_endpoint=f"{place.url}/token", prover=Prover(key), clock=place.clock
    )

    def api(asked: Asked) -> Reply:
        claims = jwt.decode(
            asked.headers["dpop"], jwt.PyJWK(key.public_jwk, "ES256"), ["ES256"], options={"verify_iat": False}
        )
        assert asked.headers["authorization"] == "DPoP t"
        assert (claims["htm"], claims["htu"]) == ("GET", f"{place.url}/pets")
        assert claims["ath"] == base64.urlsafe_b64encode(hashlib.sha256(b"t").digest()).rstrip(b"=").decode()
        if claims.get("nonce") == "n2":
            return 200, {}, b""
        return 401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n2"}, b""

    place.api = api
    assert call(place, f"{place.url}/pets?q=1") == (200, 1)
    assert call(place, f"{place.url}/pets") == (200, 0)
    assert len({asked.headers["dpop"] for asked in place.calls}) == 3


@every
def test_a_redirect_takes_no_token_elsewhere(place: Place, call: Any) -> None:
    place.age()
    with Place() as elsewhere:
        elsewhere.api = lambda _: INVALID
        place.api = lambda _: (302, {"Location": f"{elsewhere.url}/x"}, b"")
        assert call(place, place.url).status == 401
        assert elsewhere.sent == [""]


@every
def test_origins_are_where_tokens_go(place: Place, call: Any) -> None:
    call(place, f"{place.url}/pets", origins=["https://api.example.com"])
    assert place.sent == [""]
    assert place.tokens == []
    call(place, f"{place.url}/pets", origins=["https://api.example.com:443/x", f"{place.url}/pets"])
    assert place.sent[-1] == "Bearer t1"


@every
def test_no_token_over_plain_http_and_none_without_a_token(place: Place, call: Any) -> None:
    with pytest.raises(ClientError, match="plain http"):
        call(place, "http://api.example.com/")
    place.reply = lambda _: refuse("invalid_client", 401)
    with pytest.raises(TokenUnavailable):
        call(place, place.url)
    assert place.calls == []
