"""Tokens that only the server can read."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from satchel_client.client_auth import ClientSecretBasic, ClientSecretPost
from satchel_client.errors import InvalidToken, Undecided
from satchel_client.introspection import Introspection
from satchel_client.verifier import AsyncVerifier, Verifier

from tests.client.issuer import AUDIENCE, ISSUER, Issuer, claims

OPAQUE = "opaque-token"
CLIENT = ClientSecretBasic("api", "api-secret")


class World:
    """A server that is asked, and who asks."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.say(active=True)
        self.verifier = Verifier(
            ISSUER,
            AUDIENCE,
            introspection=Introspection(CLIENT),
            client=self.issuer.client(),
            clock=lambda: self.issuer.now,
        )

    def say(self, **changes: Any) -> None:
        """What the server says of every token."""
        answer = claims(self.issuer.now, **changes)
        self.issuer.introspection = lambda token: answer

    @property
    def asked(self) -> int:
        return self.issuer.count("/introspect")


@pytest.fixture
def world() -> World:
    return World()


def test_the_server_is_asked_and_believed_for_a_while(world: World) -> None:
    token = world.verifier.verify(OPAQUE)
    assert (token.subject, token.scopes) == ("alice", {"read", "write"})
    world.issuer.now += 29
    assert world.verifier.verify(OPAQUE) is token
    assert world.asked == 1
    world.issuer.now += 1
    world.verifier.verify(OPAQUE)
    assert world.asked == 2


def test_an_answer_is_never_believed_beyond_exp(world: World) -> None:
    world.say(active=True, exp=int(world.issuer.now) + 10)
    world.verifier.verify(OPAQUE)
    world.issuer.now += 10
    world.say(active=False)
    with pytest.raises(InvalidToken):
        world.verifier.verify(OPAQUE)
    assert world.asked == 2


def test_what_a_server_may_leave_out(world: World) -> None:
    bare = dict.fromkeys(("iss", "sub", "client_id", "exp", "iat", "jti", "scope"))
    world.say(active=True, **bare)
    assert world.verifier.verify(OPAQUE).scopes == frozenset()
    world.issuer.now += 31
    world.verifier.verify(OPAQUE)
    assert world.asked == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"active": True, "iss": "https://other.example.com"},
        {"active": True, "aud": "https://other.example.com"},
        {"active": True, "aud": None},
        {"active": True, "exp": 5},
        {"active": True, "nbf": 2**40},
        {"active": True, "exp": "soon"},
        {"active": True, "cnf": {"jwk": {}}},
        {"active": True, "cnf": {"jkt": "x"}},
    ],
)
def test_answers_that_refuse(world: World, changes: dict[str, Any]) -> None:
    world.say(**changes)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            world.verifier.verify(OPAQUE)
    assert world.asked == (1 if changes.get("cnf") == {"jkt": "x"} else 2)


@pytest.mark.parametrize("answer", [{"active": "true"}, {"active": 1}, {}, {"error": "invalid_client"}])
def test_answers_that_say_nothing(world: World, answer: dict[str, Any]) -> None:
    world.issuer.introspection = lambda token: answer
    with pytest.raises(Undecided):
        world.verifier.verify(OPAQUE)


def test_a_server_that_is_away_gives_no_verdict(world: World) -> None:
    world.verifier.verify(OPAQUE)
    world.issuer.down = True
    assert world.verifier.verify(OPAQUE).subject == "alice"
    world.issuer.now += 30
    with pytest.raises(Undecided):
        world.verifier.verify(OPAQUE)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"active": true, "active": false}', b"\xff"])
@pytest.mark.parametrize("status", [200, 401, 500, 302])
def test_answers_that_are_none(body: bytes, status: int) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"location": f"{ISSUER}/elsewhere"})

    checks = Verifier(
        ISSUER,
        AUDIENCE,
        introspection=Introspection(CLIENT, f"{ISSUER}/introspect"),
        client=httpx.Client(transport=httpx.MockTransport(handle)),
    )
    with pytest.raises(Undecided):
        checks.verify(OPAQUE)


def test_the_question_is_asked_as_the_client() -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"active": False})

    checks = Verifier(
        ISSUER,
        AUDIENCE,
        introspection=Introspection(ClientSecretPost("api", "s&cret"), f"{ISSUER}/introspect"),
        client=httpx.Client(transport=httpx.MockTransport(handle)),
    )
    with pytest.raises(InvalidToken):
        checks.verify("a+b/c==")
    assert parse_qs(asked[0].content.decode()) == {
        "token": ["a+b/c=="],
        "token_type_hint": ["access_token"],
        "client_id": ["api"],
        "client_secret": ["s&cret"],
    }
    assert (asked[0].method, asked[0].url.query) == ("POST", b"")


def test_signed_tokens_are_never_asked_about(world: World) -> None:
    with pytest.raises(InvalidToken):
        world.verifier.verify(world.issuer.token(iss="https://other.example.com"))
    with pytest.raises(InvalidToken):
        world.verifier.verify("a.b.c")
    assert world.verifier.verify(world.issuer.token()).subject == "alice"
    assert world.asked == 0


def test_tokens_sealed_to_nobody_here_are_asked_about(world: World) -> None:
    assert world.verifier.verify("a.b.c.d.e").subject == "alice"
    assert world.asked == 1


def test_many_callers_ask_once() -> None:
    world = World()
    world.issuer.delay = 0.1

    async def all_at_once() -> None:
        checks = AsyncVerifier(
            ISSUER,
            AUDIENCE,
            introspection=Introspection(CLIENT),
            client=world.issuer.async_client(),
            clock=lambda: world.issuer.now,
        )
        tokens = await asyncio.gather(*(checks.verify(f"token-{n % 3}") for n in range(300)))
        assert {token.subject for token in tokens} == {"alice"}

    asyncio.run(all_at_once())
    assert world.asked == 3


def test_an_endpoint_that_others_can_listen_to() -> None:
    with pytest.raises(ValueError, match="https"):
        Introspection(CLIENT, "http://as.example.com/introspect")
