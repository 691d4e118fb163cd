"""Keys rotate, and one is revoked, under a server whose tokens are fetched and verified all the while with PyJWT.

PyJWKClient with its defaults keeps a JWKS for five minutes, and does not ask for an unknown kid within thirty seconds
of its last fetch: here it never asks twice. So a token of a new key verifies because its key was published beforehand,
or not at all.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import pytest

from tests.worlds.demo import API_SERVER, MACHINES
from tests.worlds.gunicorn import Running

pytestmark = pytest.mark.slow

RELOAD, PUBLISH_AHEAD, MAX_AGE = 3, 5, 1
TAKEOVERS = 3
POLICY = f"""
[keys]
period = 3600
publish_ahead = {PUBLISH_AHEAD}
jwks_max_age = {MAX_AGE}
reload = {RELOAD}
skew = 0
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    # Without an RSA key, which takes seconds to make: no skew absorbs them here.
    with Running(tmp_path, MACHINES + POLICY, workers=2) as running:
        yield running


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def signing_kid(server: Running) -> str:
    rows = json.loads(server.keys("show", "--json"))["keys"]
    (kid,) = [row["kid"] for row in rows if (row["alg"], row["state"]) == ("ES256", "active")]
    return str(kid)


def introspected(server: Running, token: str) -> bool:
    answer = server.post("/introspect", {"token": token}, API_SERVER)
    assert answer.status == 200, answer.body
    return bool(answer.json()["active"])


class ResourceServer:
    """Fetches the keys when it is made, and never again."""

    def __init__(self, server: Running) -> None:
        self._issuer = server.url
        self._keys = jwt.PyJWKClient(server.url + "/jwks")
        self._keys.get_jwk_set()

    def verify(self, token: str) -> None:
        key = self._keys.get_signing_key_from_jwt(token)
        jwt.decode(token, key, ["ES256"], issuer=self._issuer, audience="https://api.example.com")


class Loop:
    """What is done again and again in threads; the first failure of any of them is kept."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self._over = threading.Event()

    @contextmanager
    def running(self, *steps: Callable[[], None]) -> Iterator[None]:
        def repeat(step: Callable[[], None]) -> None:
            try:
                while not self._over.wait(0.02):
                    step()
            except BaseException as failure:
                self.failures.append(failure)

        threads = [threading.Thread(target=repeat, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(20)


class Customer:
    """Gets tokens, and shows each to a resource server that fetches the keys as often as they say (max-age)."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._verifier = ResourceServer(server)
        self.first: dict[str, str] = {}
        """The first token of each kid, in order."""
        self._renew_at = time.monotonic() + MAX_AGE
        self.verified = 0

    def step(self) -> None:
        token = self._server.token()
        self._verifier.verify(token)
        self.verified += 1
        self.first.setdefault(kid_of(token), token)
        if time.monotonic() >= self._renew_at:
            self._verifier = ResourceServer(self._server)
            self._renew_at = time.monotonic() + MAX_AGE


def test_rotation_and_revocation(server: Running) -> None:
    loop, customers = Loop(), [Customer(server), Customer(server)]

    def ready() -> None:
        answer = server.get("/readyz")
        assert answer.status == 200, answer.body

    with loop.running(ready):
        rotating = Loop()
        with rotating.running(*(customer.step for customer in customers)):
            deadline = time.monotonic() + 40
            while min(len(customer.first) for customer in customers) <= TAKEOVERS and not rotating.failures:
                assert time.monotonic() < deadline
                server.keys("rotate", "--force")
                time.sleep(0.5)
        assert rotating.failures == []
        for customer in customers:
            assert customer.verified > 20 * TAKEOVERS
            assert all(introspected(server, token) for token in customer.first.values())

        kid = signing_kid(server)
        lost = next(token for token in iter(server.token, None) if kid_of(token) == kid)
        assert introspected(server, lost)
        server.keys("revoke", kid)
        time.sleep(5)
        for _ in range(20):  # whichever worker answers
            assert not introspected(server, lost)
            token = server.token()
            assert kid_of(token) != kid
            ResourceServer(server).verify(token)
        for kid_before, token in customers[0].first.items():
            assert introspected(server, token) is (kid_before != kid)
        with pytest.raises(jwt.PyJWKClientError):
            ResourceServer(server).verify(lost)
    assert loop.failures == []
