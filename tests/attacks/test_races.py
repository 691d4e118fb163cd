"""Attacks 39, 48, 58, 64: one winner, however many race, over four workers that share a memory."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

import pytest

from service.decisions.token.code import mint_code
from tests.attacks.test_codes import spellings
from tests.worlds.dpop import Holder
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.http import Answer, basic, granted
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.redis_servers import needs_redis, redis_server
from tests.worlds.refresh_chains import RS, toml

pytestmark = pytest.mark.slow

WEB = basic("web", "secret")
AT_ONCE = 200


class Racers:
    """A running service, and many who ask it at once."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.context = context_of(server)

    def code(self, client: str = "web") -> str:
        challenge = CHALLENGE if client == "spa" else b""
        return mint_code(
            self.context, time.time(), client_id=client, sub="alice", scopes=("read",), challenge=challenge
        )

    def request(self, form: dict[str, str], headers: dict[str, str]) -> bytes:
        body = urlencode(form).encode()
        lines = [
            "POST /token HTTP/1.1",
            f"Host: 127.0.0.1:{self.server.port}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *[f"{name}: {value}" for name, value in headers.items()],
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def redeem(self, code: str) -> bytes:
        return self.request({"grant_type": "authorization_code", "code": code}, WEB)

    def race(self, requests: Sequence[bytes]) -> list[Answer]:
        """Connect, and only then send all of them, AT_ONCE at a time; the answers in order."""

        async def one(request: bytes, ready: asyncio.Barrier) -> Answer:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            await ready.wait()
            writer.write(request)
            head, _, body = (await asyncio.wait_for(reader.read(), 60)).partition(b"\r\n\r\n")
            writer.close()
            return Answer(int(head.split()[1]), {}, body)

        async def all_of_them() -> list[Answer]:
            answers: list[Answer] = []
            for at in range(0, len(requests), AT_ONCE):
                batch = requests[at : at + AT_ONCE]
                ready = asyncio.Barrier(len(batch))
                answers += await asyncio.gather(*[one(request, ready) for request in batch])
            return answers

        return asyncio.run(all_of_them())


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param("redis", marks=needs_redis),
    ],
)
def racers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Racers]:
    directory = tmp_path_factory.mktemp(request.param)
    issuer = "http://127.0.0.1:{port}"
    if request.param == "embedded":
        with Running(directory, toml("", issuer), workers=4) as server:
            yield Racers(server)
    else:
        with redis_server(directory / "redis") as process:
            top = f'[memory]\nkind = "redis"\nurl = "{process.url}"\ntimeout_ms = 2000'
            with Running(directory, toml(top, issuer), workers=4) as server:
                yield Racers(server)


def one_winner(answers: Sequence[Answer], error: str = "invalid_grant") -> Answer:
    (winner,) = [answer for answer in answers if answer.status == 200]
    lost = [answer for answer in answers if answer is not winner]
    assert {answer.status for answer in lost} == {400}, Counter(answer.status for answer in lost)
    assert {answer.json()["error"] for answer in lost} <= {error, "invalid_request"}
    return winner


def test_39_one_code_and_200_requests_at_once(racers: Racers) -> None:
    code = racers.code()
    others = spellings(code)
    requests = [racers.redeem(code)] * 150 + [racers.redeem(others[n % len(others)]) for n in range(50)]
    random.shuffle(requests)
    tokens = granted(one_winner(racers.race(requests)))
    seen = racers.server.post("/introspect", {"token": tokens["access_token"]}, RS)
    assert seen.json() == {"active": False}  # it was replayed 149 times


def test_39_50_codes_and_20_requests_for_each(racers: Racers) -> None:
    codes = [racers.code() for _ in range(50)]
    order = codes * 20
    random.shuffle(order)
    answers = racers.race([racers.redeem(code) for code in order])
    for code in codes:
        one_winner([answer for answer, raced in zip(answers, order, strict=True) if raced == code])


def test_64_proofs_of_possession(racers: Racers) -> None:
    url, holder = racers.server.url + "/token", Holder()
    proofs = [holder.proof(time.time(), url) for _ in range(20)]
    order = proofs * 20
    random.shuffle(order)
    form = {"grant_type": "client_credentials"}
    answers = racers.race([racers.request(form, {**WEB, "DPoP": proof}) for proof in order])
    for proof in proofs:
        mine = [answer for answer, raced in zip(answers, order, strict=True) if raced == proof]
        assert one_winner(mine, "invalid_dpop_proof").json()["token_type"] == "DPoP"


def test_48_siblings_of_one_refresh_token(racers: Racers) -> None:
    def refresh(token: str) -> bytes:
        return racers.request({"grant_type": "refresh_token", "client_id": "spa", "refresh_token": token}, {})

    code = racers.code("spa")
    form = {"grant_type": "authorization_code", "client_id": "spa", "code": code, "code_verifier": VERIFIER}
    parent = granted(racers.server.post("/token", form))["refresh_token"]
    born = racers.race([refresh(parent)] * 100)
    assert {answer.status for answer in born} == {200}  # a retry harms nobody
    siblings = [answer.json()["refresh_token"] for answer in born]
    assert len(set(siblings)) == 100
    winner = one_winner(racers.race([refresh(sibling) for sibling in siblings]))
    after = racers.race([refresh(winner.json()["refresh_token"])])
    assert after[0].status == 400  # the fork has ended the family


def test_64_a_nonce_of_one_worker_is_good_at_the_others(racers: Racers) -> None:
    url, holder = racers.server.url + "/token", Holder()
    stale = {"DPoP": holder.proof(time.time(), url, nonce="stale"), **WEB}
    answer = racers.server.post("/token", {"grant_type": "client_credentials"}, stale)
    nonce = answer.headers["dpop-nonce"]
    for _ in range(12):
        proof = holder.proof(time.time(), url, nonce=nonce)
        granted(racers.server.post("/token", {"grant_type": "client_credentials"}, {"DPoP": proof, **WEB}))
