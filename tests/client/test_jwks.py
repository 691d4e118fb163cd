"""How the keys are had: when they are fetched, how often, and what holds while they cannot be."""

import asyncio
import json
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from satchel_client.errors import InvalidToken, Undecided
from satchel_client.jwks import freshness
from satchel_client.key_set import KeySet, read_jwks
from satchel_client.verifier import AsyncVerifier, Verifier

from satchel_jose.errors import Rejected
from tests.client.issuer import AUDIENCE, ISSUER, Issuer, new_key


class World:
    """An issuer, a verifier of its tokens, and the clock of both."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.uptime = 1000.0
        self.verifier = Verifier(
            ISSUER,
            AUDIENCE,
            client=self.issuer.client(),
            clock=lambda: self.issuer.now,
            monotonic=lambda: self.uptime,
        )

    @property
    def fetches(self) -> int:
        return self.issuer.count("/jwks")

    def verify(self, token: str | None = None) -> str:
        return self.verifier.verify(token or self.issuer.token()).subject

    def pass_time(self, seconds: float) -> None:
        self.uptime += seconds
        self.issuer.now += seconds

    def settle(self) -> None:
        """Wait for what is under way in the background."""
        for thread in threading.enumerate():
            if thread.daemon and "_fly" in thread.name:
                thread.join(10)


@pytest.fixture
def world() -> World:
    return World()


def test_the_keys_are_discovered_and_fetched_once(world: World) -> None:
    for _ in range(5):
        assert world.verify() == "alice"
    assert world.issuer.asked == ["/.well-known/oauth-authorization-server", "/jwks"]


def test_given_keys_need_no_network() -> None:
    issuer = Issuer()
    checks = Verifier(ISSUER, AUDIENCE, jwks=issuer.jwks, client=issuer.client(), clock=lambda: issuer.now)
    assert checks.verify(issuer.token()).subject == "alice"
    with pytest.raises(InvalidToken):
        checks.verify(issuer.token(new_key("two")))
    assert issuer.asked == []


def test_a_place_that_is_known_is_not_discovered() -> None:
    issuer = Issuer()
    checks = Verifier(ISSUER, AUDIENCE, jwks_uri=f"{ISSUER}/jwks", client=issuer.client(), clock=lambda: issuer.now)
    assert checks.verify(issuer.token()).subject == "alice"
    assert issuer.asked == ["/jwks"]


def test_a_thousand_callers_make_one_fetch(world: World) -> None:
    world.issuer.delay = 0.2
    tokens = [world.issuer.token() for _ in range(20)]
    results: list[str] = []
    threads = [threading.Thread(target=lambda token=token: results.append(world.verify(token))) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == ["alice"] * 20
    assert world.fetches == 1


def test_a_thousand_tasks_make_one_fetch() -> None:
    issuer = Issuer()
    issuer.delay = 0.1
    tokens = [issuer.token() for _ in range(20)] * 50

    async def all_at_once() -> list[Any]:
        checks = AsyncVerifier(ISSUER, AUDIENCE, client=issuer.async_client(), clock=lambda: issuer.now)
        return await asyncio.gather(*map(checks.verify, tokens))

    assert {token.subject for token in asyncio.run(all_at_once())} == {"alice"}
    assert issuer.count("/jwks") == 1


def test_a_caller_who_gives_up_harms_no_other() -> None:
    issuer = Issuer()
    issuer.delay = 0.2

    async def two() -> str:
        checks = AsyncVerifier(ISSUER, AUDIENCE, client=issuer.async_client(), clock=lambda: issuer.now)
        first = asyncio.create_task(checks.verify(issuer.token()))
        second = asyncio.create_task(checks.verify(issuer.token()))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return (await second).subject

    assert asyncio.run(two()) == "alice"
    assert issuer.count("/jwks") == 1


def test_one_verifier_in_several_event_loops() -> None:
    issuer = Issuer()
    checks = AsyncVerifier(ISSUER, AUDIENCE, client=issuer.async_client(), clock=lambda: issuer.now)
    for _ in range(3):
        assert asyncio.run(checks.verify(issuer.token())).subject == "alice"
    assert issuer.count("/jwks") == 1


def test_closing_ends_what_is_under_way() -> None:
    issuer = Issuer()
    issuer.delay = 30

    async def close_early() -> None:
        async with AsyncVerifier(ISSUER, AUDIENCE, client=issuer.async_client(), clock=lambda: issuer.now) as checks:
            waiting = asyncio.create_task(checks.verify(issuer.token()))
            await asyncio.sleep(0.05)
            await checks.aclose()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(asyncio.wait_for(close_early(), 5))


@pytest.mark.parametrize(
    ("headers", "life"),
    [
        ({}, 300),
        ({"cache-control": "public, max-age=3600"}, 3600),
        ({"cache-control": "MAX-AGE=3600, public"}, 3600),
        ({"cache-control": 'max-age="3600"'}, 3600),
        ({"cache-control": "s-maxage=60"}, 300),
        ({"cache-control": "max-age=3600", "age": "600"}, 3000),
        ({"cache-control": "max-age=3600", "age": "x"}, 3600),
        ({"cache-control": "max-age=3600", "age": "7200"}, 1),
        ({"cache-control": "max-age=0"}, 1),
        ({"cache-control": "no-store"}, 1),
        ({"cache-control": "no-cache, max-age=3600"}, 1),
        ({"cache-control": "max-age=99999999"}, 86400),
        ({"cache-control": "max-age=-1"}, 300),
        ({"cache-control": "max-age=x"}, 300),
    ],
)
def test_how_long_a_set_is_fresh(headers: dict[str, str], life: float) -> None:
    assert freshness(headers) == life


def test_the_set_is_renewed_in_the_background_ahead_of_its_end(world: World) -> None:
    world.verify()
    world.pass_time(2879)
    world.verify()
    assert world.fetches == 1
    world.pass_time(2)
    world.issuer.delay = 0.3
    world.verify()
    assert world.fetches <= 1, "the caller has waited"
    world.settle()
    assert world.fetches == 2
    world.pass_time(2879)
    world.verify()
    assert world.fetches == 2


def test_the_event_loop_renews_in_the_background_too() -> None:
    issuer = Issuer()
    uptime = 0.0

    async def live() -> None:
        nonlocal uptime
        checks = AsyncVerifier(
            ISSUER, AUDIENCE, client=issuer.async_client(), clock=lambda: issuer.now, monotonic=lambda: uptime
        )
        await checks.verify(issuer.token())
        uptime += 3000
        issuer.delay = 0.05
        for _ in range(10):
            await checks.verify(issuer.token())
        assert issuer.count("/jwks") == 1
        await asyncio.sleep(0.3)
        assert issuer.count("/jwks") == 2
        await checks.aclose()

    asyncio.run(live())


def test_an_expired_set_is_waited_for(world: World) -> None:
    """A key that is gone from the server is not believed beyond max-age, not even for one caller."""
    token = world.issuer.token(exp=world.issuer.now + 10_000)
    world.verify(token)
    world.pass_time(3601)
    world.issuer.keys = [new_key("two")]
    with pytest.raises(InvalidToken):
        world.verify(token)
    assert world.fetches == 2


def test_what_a_key_has_signed_goes_with_the_key(world: World) -> None:
    token = world.issuer.token(exp=world.issuer.now + 10_000)
    world.verify(token)
    known = world.verifier._jwks.current
    world.pass_time(3601)
    world.verify(token)
    assert world.verifier._jwks.current is known, "the same keys: what is known of tokens stays"
    world.issuer.keys = [new_key("one")]
    world.pass_time(3601)
    with pytest.raises(InvalidToken):
        world.verify(token)
    assert world.verifier._jwks.current is not known


def test_old_keys_serve_while_the_server_is_away(world: World) -> None:
    long_lived = world.issuer.token(exp=world.issuer.now + 200_000)
    world.verify()
    world.issuer.down = True
    for _ in range(23):
        world.pass_time(3600)
        assert world.verify() == "alice"
        assert world.verify(long_lived) == "alice"
    world.pass_time(3600 + 86400)
    for token in (None, long_lived):
        with pytest.raises(Undecided):
            world.verify(token)
    world.issuer.down = False
    world.pass_time(5)
    assert world.verify(long_lived) == "alice"


def test_a_server_that_is_away_is_not_hammered(world: World) -> None:
    world.issuer.down = True
    for _ in range(100):
        with pytest.raises(Undecided):
            world.verify()
    assert len(world.issuer.asked) == 2  # both places of the metadata, once
    world.pass_time(5)
    world.issuer.down = False
    assert world.verify() == "alice"


@pytest.mark.parametrize("body", ["<html>", "[]", '{"keys": 1}', '{"keys": [], "keys": []}', "x" * 300_000])
def test_an_answer_that_is_no_key_set_leaves_the_old_one(world: World, body: str) -> None:
    world.verify()
    world.pass_time(3601)
    world.issuer.documents = [body]
    assert world.verify() == "alice"
    assert world.fetches == 2


def test_a_new_key_is_fetched_at_once(world: World) -> None:
    world.verify()
    world.issuer.keys.append(new_key("two"))
    assert world.verify(world.issuer.token(world.issuer.keys[1])) == "alice"
    assert world.fetches == 2


def test_unknown_keys_make_one_fetch_in_a_while(world: World) -> None:
    world.verify()
    for number in range(50):
        with pytest.raises(InvalidToken):
            world.verify(world.issuer.token(header={"kid": f"unknown-{number}"}))
    assert world.fetches == 2
    world.pass_time(5)
    with pytest.raises(InvalidToken):
        world.verify(world.issuer.token(header={"kid": "unknown"}))
    assert world.fetches == 3


def test_many_callers_with_a_new_key_all_succeed_with_one_fetch(world: World) -> None:
    world.verify()
    world.issuer.keys.append(new_key("two"))
    world.issuer.delay = 0.2
    tokens = [world.issuer.token(world.issuer.keys[1]) for _ in range(20)]
    results: list[str] = []
    threads = [threading.Thread(target=lambda token=token: results.append(world.verify(token))) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == ["alice"] * 20
    assert world.fetches == 2


def test_a_fetch_that_left_before_the_key_was_published_does_not_decide() -> None:
    issuer = Issuer()
    uptime = 0.0

    async def live() -> None:
        nonlocal uptime
        checks = AsyncVerifier(
            ISSUER, AUDIENCE, client=issuer.async_client(), clock=lambda: issuer.now, monotonic=lambda: uptime
        )
        await checks.verify(issuer.token())
        uptime += 3000
        issuer.delay = 0.1
        issuer.documents = [json.dumps(issuer.jwks)]  # what the renewal will bring
        await checks.verify(issuer.token())
        await asyncio.sleep(0.01)  # now it is under way
        issuer.keys.append(new_key("two"))
        assert (await checks.verify(issuer.token(issuer.keys[1]))).subject == "alice"
        assert issuer.count("/jwks") == 3
        await checks.aclose()

    asyncio.run(live())


def test_an_unknown_key_is_no_verdict_while_the_server_is_away(world: World) -> None:
    """The token may be good: a 401 would make its client throw it away."""
    world.verify()
    world.issuer.down = True
    newer = world.issuer.token(new_key("two"))
    for _ in range(3):
        with pytest.raises(Undecided):
            world.verify(newer)
    assert world.verify() == "alice"


def test_a_process_forked_while_a_fetch_is_under_way_fetches_for_itself(world: World) -> None:
    world.issuer.delay = 0.5
    token = world.issuer.token()
    leading = threading.Thread(target=world.verify, args=(token,))
    leading.start()
    while not world.verifier._flights._under_way:
        pass
    assert _in_a_fork(lambda: world.verify(token) == "alice")
    leading.join()


def _in_a_fork(call: Callable[[], bool]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12 and later: this process has threads
        child = os.fork()
    if not child:
        code = 1
        try:
            threading.Timer(20, lambda: os._exit(2)).start()
            code = 0 if call() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_keys_of_no_use_are_passed_over() -> None:
    good = new_key("good").export_public(as_dict=True)
    private = new_key("private").export(as_dict=True)
    strange = [
        {"kty": "oct", "k": "AAAA", "kid": "oct"},
        private,
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "ops", "key_ops": ["sign"]},
        {**good, "kid": "ops2", "key_ops": 7},
        {**good, "kid": "alg", "alg": "RS256"},
        {**good, "kid": "alg2", "alg": "ES256K"},
        {**good, "kid": "off the curve", "y": good["x"]},
        {**good, "kid": "short", "x": good["x"][:-4]},
        {**good, "kid": ""},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak"},
        {"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "ed448"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k1"},
        {"kid": "none"},
        7,
    ]
    assert [key.kid for key in read_jwks({"keys": [*strange, good]}).keys] == ["good"]


def test_a_key_set_has_bounds() -> None:
    good = new_key("good").export_public(as_dict=True)
    assert isinstance(read_jwks({"keys": [good] * 64}), KeySet)
    with pytest.raises(Rejected):
        read_jwks({"keys": [good] * 65})
