"""Tokens that are kept, renewed and shared, against a server of the tests' own."""

import asyncio
import gc
import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import jwt
import pytest
from satchel_client.client_auth import (
    ClientAuth,
    ClientSecretBasic,
    ClientSecretPost,
    NoSecret,
    client_secret_jwt,
    private_key_jwt,
)
from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.grants import ClientCredentials, JWTBearer, RefreshToken, TokenExchange
from satchel_client.proof import Prover
from satchel_client.renewal import RenewalSettings
from satchel_client.signing import SigningKey
from satchel_client.token_source import TokenSource

from tests.client.authority import Asked, Authority, Reply, grant, refuse

AUTH = ClientSecretBasic("me", "secret")


@pytest.fixture
def authority() -> Iterator[Authority]:
    with Authority() as server:
        yield server


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


def source(authority: Authority, auth: ClientAuth = AUTH, **settings: Any) -> TokenSource:
    return TokenSource(auth, issuer=authority.url, **settings)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def settled(tokens: TokenSource) -> None:
    """Wait until no renewal is under way."""
    wait_for(lambda: all(slot.flight is None for slot in tokens._slots.values()))


def test_a_fresh_token_is_returned_at_once_and_told_by_scope_and_resource(authority: Authority) -> None:
    tokens = source(authority, scope="read", resource="https://api.example.com")
    assert [tokens.token().access_token for _ in range(3)] == ["t1"] * 3
    assert tokens.token(scope="write").access_token == "t2"
    assert tokens.token(resource=("https://a.example.com", "https://b.example.com")).access_token == "t3"
    assert tokens.token(scope="write").access_token == "t2"
    first, second, third = authority.tokens
    assert (first.form["scope"], first.form["resource"]) == ("read", "https://api.example.com")
    assert second.form["scope"] == "write"
    assert b"resource=https%3A%2F%2Fa.example.com&resource=https%3A%2F%2Fb.example.com" in third.body
    assert len(authority.asked) == 4, "metadata are asked for once"


def test_in_the_window_the_old_token_is_returned_and_one_renewal_runs_behind_it(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    tokens.token()
    clock.now += 541
    authority.delay = 0.2
    began = time.monotonic()
    assert {tokens.token().access_token for _ in range(1000)} == {"t1"}
    assert time.monotonic() - began < 0.2
    settled(tokens)
    assert tokens.token().access_token == "t2"
    assert len(authority.tokens) == 2


def test_a_server_that_is_down_for_less_than_the_window_is_noticed_by_nobody(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    tokens.token()
    working, authority.reply = authority.reply, lambda _: (503, {}, b"down")
    clock.now += 540
    for _ in range(59):
        clock.now += 1
        assert tokens.token().access_token == "t1"
        settled(tokens)
    assert 1 + 59 // 4 <= len(authority.tokens) <= 2 + 59 // 4, "every four seconds"
    authority.reply = working
    clock.now += 0.9
    tokens.token()
    settled(tokens)
    clock.now += 4
    tokens.token()
    settled(tokens)
    clock.now += 60
    assert tokens.token().access_token not in ("t", "t1")
    assert (tokens.renewals, tokens.failures) == (2, len(authority.tokens) - 2)


def test_a_thousand_threads_over_an_expiry_are_one_request(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    tokens.token()
    clock.now += 600
    authority.delay = 0.3
    with ThreadPoolExecutor(1000) as pool:
        found = list(pool.map(lambda _: tokens.token().access_token, range(1000)))
    assert set(found) == {"t2"}
    assert len(authority.tokens) == 2


def test_a_thousand_tasks_over_an_expiry_are_one_request(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    tokens.token()
    clock.now += 600
    authority.delay = 0.3

    async def all_at_once() -> list[str]:
        return [token.access_token for token in await asyncio.gather(*(tokens.atoken() for _ in range(1000)))]

    assert set(asyncio.run(all_at_once())) == {"t2"}
    assert len(authority.tokens) == 2


def test_a_caller_who_waits_for_the_lock_while_a_token_lands_begins_nothing(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    old = tokens.token()
    slot = next(iter(tokens._slots.values()))
    clock.now += 600
    found: list[str] = []
    with tokens._lock:
        callers = [threading.Thread(target=lambda: found.append(tokens.token().access_token)) for _ in range(5)]
        for caller in callers:
            caller.start()
        time.sleep(0.1)
        flight, begun = slot.board(clock.now)
        assert begun
        assert isinstance(flight, Future)
        slot.land(flight, replace(old, access_token="new"), clock.now, clock.now)
    for caller in callers:
        caller.join()
    settled(tokens)
    assert found == ["new"] * 5
    assert len(authority.tokens) == 1


def test_threads_and_event_loops_share_one_renewal(authority: Authority) -> None:
    tokens = source(authority)
    authority.delay = 0.3

    def loop(_: int) -> str:
        return asyncio.run(tokens.atoken()).access_token

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(lambda: tokens.token().access_token) for _ in range(4)]
        loops = [pool.submit(loop, n) for n in range(4)]
        assert {future.result() for future in threads + loops} == {"t1"}
    assert len(authority.tokens) == 1


def test_an_expired_token_is_never_returned_and_failures_do_not_hammer(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    tokens.token()
    working, authority.reply = authority.reply, lambda _: refuse("invalid_client", 401)
    clock.now += 600
    for _ in range(50):
        with pytest.raises(TokenUnavailable, match="invalid_client") as caught:
            tokens.token()
        assert caught.value.error == "invalid_client"
    assert len(authority.tokens) == 2
    authority.reply = working
    clock.now += 1.9
    with pytest.raises(TokenUnavailable):
        tokens.token()
    clock.now += 0.2
    assert tokens.token().access_token == "t3"


def test_all_who_wait_hear_of_the_failure(authority: Authority) -> None:
    tokens = source(authority)
    authority.delay, authority.reply = 0.2, lambda _: refuse("invalid_scope")

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(tokens.atoken() for _ in range(100)), return_exceptions=True)

    failures = asyncio.run(all_at_once())
    assert {type(failure) for failure in failures} == {TokenUnavailable}
    assert len(set(map(id, failures))) == 100, "each has an exception of its own"
    assert len(authority.tokens) == 1


def test_a_cancelled_caller_leaves_the_renewal_to_the_others(authority: Authority) -> None:
    tokens = source(authority)
    authority.delay = 0.3

    async def callers() -> str:
        first = asyncio.create_task(tokens.atoken())
        second = asyncio.create_task(tokens.atoken())
        await asyncio.sleep(0.1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return (await second).access_token

    assert asyncio.run(callers()) == "t1"
    assert len(authority.tokens) == 1


def test_a_loop_that_ends_leaves_the_renewal_to_the_next(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = source(authority)
    authority.delay = 0.3

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(tokens.atoken(), 0.1)

    asyncio.run(impatient())
    assert asyncio.run(tokens.atoken()).access_token == "t1"
    assert len(authority.tokens) == 1
    gc.collect()
    assert not caplog.records


def test_a_thread_waits_no_longer_than_it_wants_to(authority: Authority) -> None:
    tokens = source(authority)
    authority.delay = 0.3
    began = time.monotonic()
    with pytest.raises(TokenUnavailable, match="in time"):
        tokens.token(timeout=0.05)
    assert time.monotonic() - began < 0.25
    assert tokens.token().access_token == "t1"
    assert len(authority.tokens) == 1


def in_a_child(work: Callable[[], bool]) -> bool:
    """Fork; whether `work` is true in the child, within ten seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
        child = os.fork()
    if child == 0:
        status = 2
        try:
            threading.Timer(10, os._exit, (3,)).start()
            status = 0 if work() else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def test_a_child_forked_while_a_renewal_is_under_way_makes_its_own(authority: Authority) -> None:
    tokens = source(authority)
    authority.delay = 0.5
    caller = threading.Thread(target=tokens.token)
    caller.start()
    wait_for(lambda: len(authority.tokens) == 1)
    with tokens._lock:  # and while another thread holds the lock
        assert in_a_child(lambda: tokens.token().access_token == "t2")
    caller.join()
    assert tokens.token().access_token == "t1"
    assert in_a_child(lambda: tokens.token().access_token == "t1"), "what is known goes with the child"
    assert len(authority.tokens) == 2


def test_a_refresh_token_does_not_go_with_a_child(authority: Authority) -> None:
    tokens = source(authority, grant=RefreshToken("r1"))

    def refused() -> bool:
        with pytest.raises(TokenUnavailable, match="after the fork"):
            tokens.token()
        return True

    assert in_a_child(refused)
    assert authority.tokens == []
    assert tokens.token().access_token == "t1"


def test_refresh_tokens_rotate_one_after_the_other(authority: Authority) -> None:
    rotated: list[str] = []

    def reply(asked: Asked) -> Reply:
        n = len(authority.tokens)
        assert asked.form["grant_type"] == "refresh_token"
        assert asked.form["refresh_token"] == f"r{n}"
        return grant(access_token=f"t{n}", refresh_token=f"r{n + 1}")

    authority.reply, authority.delay = reply, 0.05
    tokens = source(authority, NoSecret("spa"), grant=RefreshToken("r1", rotated.append))
    with ThreadPoolExecutor(4) as pool:
        assert {token.access_token for token in pool.map(tokens.token, ["a", "b", "c", "d"])} == {
            "t1",
            "t2",
            "t3",
            "t4",
        }
    assert rotated == ["r2", "r3", "r4", "r5"]
    assert authority.tokens[0].form["client_id"] == "spa"


def test_exchange_and_assertion_have_their_parameters_and_their_own_tokens(authority: Authority) -> None:
    tokens = source(authority)
    assertions = iter(["a1", "a2"])
    mine = tokens.token(grant=TokenExchange("alice's", audience="https://vault.example.com", actor_token="actor"))
    yours = tokens.token(grant=TokenExchange("bob's"))
    again = tokens.token(grant=TokenExchange("bob's"))
    bearer = tokens.token(grant=JWTBearer(lambda: next(assertions)), scope="read")
    own = tokens.token(grant=ClientCredentials((("audience", "x"),)))
    assert [token.access_token for token in (mine, yours, again, bearer, own)] == ["t1", "t2", "t2", "t3", "t4"]
    first, _, third, fourth = (asked.form for asked in authority.tokens)
    assert first == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "alice's",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "actor_token": "actor",
        "actor_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "https://vault.example.com",
    }
    assert third == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": "a1",
        "scope": "read",
    }
    assert fourth == {"grant_type": "client_credentials", "audience": "x"}


def test_a_function_of_the_callers_that_fails_tells_no_secret(authority: Authority) -> None:
    def broken() -> str:
        raise RuntimeError("hunter2")

    with pytest.raises(TokenUnavailable, match="RuntimeError") as caught:
        source(authority, grant=JWTBearer(broken)).token()
    assert "hunter2" not in str(caught.value)


def test_the_cache_is_bounded_and_what_was_asked_for_last_stays(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock, settings=RenewalSettings(cache_capacity=3))
    for scope in ("a", "b", "c", "a", "d"):
        clock.now += 1
        tokens.token(scope)
    assert tokens.kept == 3
    asked = len(authority.tokens)
    for scope in ("a", "c", "d"):
        tokens.token(scope)
    assert len(authority.tokens) == asked
    tokens.token("b")
    assert len(authority.tokens) == asked + 1


def test_more_at_once_than_can_be_kept_are_refused(authority: Authority) -> None:
    tokens = source(authority, settings=RenewalSettings(cache_capacity=2))
    authority.delay = 0.3

    async def three() -> list[Any]:
        return await asyncio.gather(*(tokens.atoken(scope) for scope in "abc"), return_exceptions=True)

    found = asyncio.run(three())
    assert [type(outcome).__name__ for outcome in found] == ["Token", "Token", "TokenUnavailable"]
    assert "cache_capacity" in str(found[2])


@pytest.mark.parametrize("offset", [-86400, 86400])
def test_the_servers_clock_has_no_part_in_a_life(authority: Authority, offset: int) -> None:
    authority.date = formatdate(time.time() + offset, usegmt=True)
    clock = Clock()
    tokens = source(authority, clock=clock)
    tokens.token()
    clock.now += 539
    tokens.token()
    settled(tokens)
    assert len(authority.tokens) == 1


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_assertions_go_by_the_servers_clock_once_it_has_refused_ours(authority: Authority, offset: int) -> None:
    clock = Clock()

    def reply(asked: Asked) -> Reply:
        claims = jwt.decode(asked.form["client_assertion"], options={"verify_signature": False})
        now = time.time() + offset
        authority.date = formatdate(now, usegmt=True)
        return grant() if claims["iat"] - 5 <= now < claims["exp"] else refuse("invalid_client", 401)

    authority.reply = reply
    tokens = source(authority, client_secret_jwt("me", "s" * 32), clock=clock)
    assert tokens.token().access_token == "t"
    assert len(authority.tokens) == 2
    clock.now += 700
    tokens.token()
    assert len(authority.tokens) == 3, "it is remembered"


def test_a_wrong_secret_is_not_put_down_to_the_clock(authority: Authority) -> None:
    authority.reply = lambda _: refuse("invalid_client", 401)
    with pytest.raises(TokenUnavailable):
        source(authority, client_secret_jwt("me", "s" * 32)).token()
    authority.date = formatdate(time.time() + 3600, usegmt=True)
    with pytest.raises(TokenUnavailable):
        source(authority).token()
    assert len(authority.tokens) == 2


def test_dpop_binds_and_takes_the_servers_nonce(authority: Authority) -> None:
    key = SigningKey.generate()

    def reply(asked: Asked) -> Reply:
        header = jwt.get_unverified_header(asked.headers["dpop"])
        public = jwt.PyJWK(header["jwk"], algorithm="ES256")
        claims = jwt.decode(asked.headers["dpop"], public, ["ES256"], options={"verify_iat": False})
        assert header["typ"] == "dpop+jwt"
        assert (claims["htm"], claims["htu"]) == ("POST", f"{authority.url}/token")
        if claims.get("nonce") != "n1":
            return refuse("use_dpop_nonce", **{"DPoP-Nonce": "n1"})
        return grant(token_type="DPoP")

    authority.reply = reply
    tokens = source(authority, prover=Prover(key))
    assert tokens.token().authorization == "DPoP t"
    assert len(authority.tokens) == 2
    tokens.token("other")
    assert len(authority.tokens) == 3


def test_a_nonce_that_never_suits_is_no_endless_dialogue(authority: Authority) -> None:
    authority.reply = lambda _: refuse("use_dpop_nonce", **{"DPoP-Nonce": str(len(authority.tokens))})
    with pytest.raises(TokenUnavailable):
        source(authority, prover=Prover(SigningKey.generate())).token()
    assert len(authority.tokens) == 2


@pytest.mark.parametrize(
    "reply",
    [
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, {"access_token": "t"}),
        (200, {}, {"access_token": "", "token_type": "Bearer"}),
        (200, {}, {"access_token": "t\r\nX-Evil: 1", "token_type": "Bearer"}),
        (200, {}, {"access_token": "t é", "token_type": "Bearer"}),
        (200, {}, {"access_token": 7, "token_type": "Bearer"}),
        grant(token_type="mac"),
        grant(token_type="DPoP"),
        grant(expires_in=0),
        grant(expires_in=-5),
        grant(expires_in="soon"),
        grant(expires_in="nan"),
        grant(expires_in="inf"),
        grant(expires_in=True),
        (302, {"Location": "https://elsewhere.example.com/"}, b""),
        (500, {}, b"x"),
        (200, {}, b" " * (2 << 20)),
    ],
)
def test_what_is_no_token_response_is_refused(authority: Authority, reply: Reply) -> None:
    authority.reply = lambda _: reply
    with pytest.raises(TokenUnavailable):
        source(authority).token()


def test_a_bearer_token_is_no_answer_to_a_dpop_proof(authority: Authority) -> None:
    with pytest.raises(TokenUnavailable, match="another token_type"):
        source(authority, prover=Prover(SigningKey.generate())).token()


@pytest.mark.parametrize("life", ["600", 600.0, 600])
def test_a_life_may_be_spelled_in_several_ways(authority: Authority, life: object) -> None:
    clock = Clock()
    authority.reply = lambda _: grant(life, token_type="bearer", refresh_token=None, scope="read")
    token = source(authority, clock=clock).token()
    assert (token.expires_in, token.authorization, token.scope) == (600, "Bearer t", "read")


def test_retry_after_is_heeded_up_to_half_a_minute(authority: Authority) -> None:
    clock = Clock()
    authority.reply = lambda _: (429, {"Retry-After": "3600"}, b"")
    tokens = source(authority, clock=clock)
    for wait in (0, 29.9, 0.2):
        clock.now += wait
        with pytest.raises(TokenUnavailable):
            tokens.token()
    assert len(authority.tokens) == 2


def test_nobody_there_is_an_error_that_says_so(free_port: int) -> None:
    tokens = TokenSource(AUTH, token_endpoint=f"http://127.0.0.1:{free_port}/token")
    with pytest.raises(TokenUnavailable, match=r"no answer from http://127\.0\.0\.1"):
        tokens.token()


def test_an_endpoint_that_has_moved_is_looked_up_again(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    authority.metadata["token_endpoint"] = f"{authority.url}/old"
    with pytest.raises(TokenUnavailable, match="404"):
        tokens.token()
    authority.metadata["token_endpoint"] = f"{authority.url}/token"
    clock.now += 3
    assert tokens.token().access_token == "t1"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"issuer": "https://evil.example.com"}, "another issuer"),
        ({"token_endpoint": "http://as.example.com/token"}, "not an https"),
        ({"token_endpoint": ""}, "no usable token_endpoint"),
    ],
)
def test_metadata_that_cannot_be_trusted(authority: Authority, metadata: dict[str, str], expected: str) -> None:
    authority.metadata |= metadata
    with pytest.raises(TokenUnavailable, match=expected):
        source(authority).token()
    assert authority.tokens == []


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"token_endpoint": "http://as.example.com/token"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"token_endpoint": "https:///token"},
    ],
)
def test_a_source_without_a_safe_server_is_refused(where: dict[str, str]) -> None:
    with pytest.raises(ClientError):
        TokenSource(AUTH, **where)


def test_a_refused_token_is_forgotten_but_not_over_and_over(authority: Authority) -> None:
    clock = Clock()
    tokens = source(authority, clock=clock)
    old = tokens.token()
    assert not tokens.reject(old)
    clock.now += 3
    assert tokens.reject(old)
    new = tokens.token()
    assert new.access_token == "t2"
    assert tokens.reject(old)
    assert tokens.token() is new
    assert not tokens.reject(new)
    assert len(authority.tokens) == 2


def test_no_secret_is_shown(authority: Authority) -> None:
    key = SigningKey.generate()
    things = [
        ClientSecretBasic("me", "hunter2"),
        ClientSecretPost("me", "hunter2"),
        client_secret_jwt("me", "hunter2" * 5),
        private_key_jwt("me", key),
        key,
        Prover(key),
        TokenExchange("hunter2"),
        JWTBearer("hunter2"),
        RefreshToken("hunter2"),
        source(authority, ClientSecretPost("me", "hunter2")).token(),
        source(authority, ClientSecretPost("me", "hunter2")),
    ]
    assert "hunter2" not in repr(things)
    assert "t1" not in repr(things)
