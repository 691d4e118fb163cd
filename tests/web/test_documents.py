"""/jwks and the metadata as documents: who may read them, and for how long they may be kept (RFC 9111)."""

from typing import Any

import pytest

from keys import rotate
from tests.worlds.demo import DEMO, MACHINES
from tests.worlds.http import Answer
from tests.worlds.satchel import NOW, Satchel

DAY = 86_400
PERIOD = 90 * DAY
WELL_KNOWN = "/.well-known/oauth-authorization-server"
DOCUMENTS = ["/jwks", WELL_KNOWN]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("documents"), MACHINES)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    return served


def max_age(answer: Answer) -> int:
    public, seconds = answer.headers["cache-control"].split(", ")
    assert public == "public"
    return int(seconds.removeprefix("max-age="))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_for_everyone(satchel: Satchel, path: str) -> None:
    for headers in ({}, {"Origin": "https://spa.example.com"}, {"Origin": "null"}, {"Authorization": "junk"}):
        answer = satchel.get(path, headers)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", DOCUMENTS)
def test_what_one_has_already_is_not_sent_again(satchel: Satchel, path: str) -> None:
    first = satchel.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = satchel.get(path, {"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("known", ['"x"', "", "x", '"', "W/", ",", "\x00", "\xff", '"' * 1000, "nonsense, nonsense"])
def test_a_tag_of_something_else(satchel: Satchel, path: str, known: str) -> None:
    answer = satchel.get(path, {"If-None-Match": known})
    assert answer.status == 200
    assert answer.body == satchel.get(path).body


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_document_is_only_read(satchel: Satchel, path: str, method: str) -> None:
    answer = satchel.request(method, path)
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


def test_the_standby_is_published_with_the_active_key(satchel: Satchel) -> None:
    ring = satchel.store.load()
    published = [key["kid"] for key in satchel.get("/jwks").json()["keys"]]
    states = {key.kid: key.state(NOW) for key in ring.keys if key.purpose == "sig"}
    assert sorted(states.values()) == ["active", "standby"]
    assert set(published) == set(states)


def test_no_symmetric_and_no_private_key_is_ever_published(satchel: Satchel) -> None:
    for days in range(0, 400, 5):
        satchel.now = NOW + days * float(DAY)
        for key in satchel.get("/jwks").json()["keys"]:
            assert key["kty"] in ("EC", "OKP", "RSA")
            assert key["use"] == "sig"
            assert not {"k", "d", "p", "q", "dp", "dq", "qi", "oth"} & set(key)
    sealing = {key.kid for key in satchel.store.load().keys if key.purpose == "bag"}
    assert sealing
    assert not sealing & {key["kid"] for key in satchel.get("/jwks").json()["keys"]}


def test_an_expired_key_is_gone_from_the_document(satchel: Satchel) -> None:
    active = satchel.store.load().signer("ES256", NOW)
    for now, published in ((active.retires, True), (active.expires - 0.001, True), (active.expires, False)):
        satchel.now = now
        assert (active.kid in {key["kid"] for key in satchel.get("/jwks").json()["keys"]}) is published


def test_another_key_is_another_tag(satchel: Satchel) -> None:
    before = satchel.get("/jwks").headers["etag"]
    satchel.now = satchel.store.load().signer("ES256", NOW).expires
    assert satchel.get("/jwks", {"If-None-Match": before}).status == 200


def test_no_copy_is_kept_beyond_the_next_activation(satchel: Satchel) -> None:
    activation = satchel.store.load().next_activation(NOW)
    assert activation is not None
    for before in (10**6, 3_601, 3_600, 3_599, 100, 2, 1.5, 1):
        satchel.now = activation - before
        assert max_age(satchel.get("/jwks")) == max(1, min(3_600, int(before)))
    for after in (0, 0.5, 10):
        satchel.now = activation + after
        assert 1 <= max_age(satchel.get("/jwks")) <= 3_600


def test_no_copy_is_kept_longer_than_configured(make_satchel: Any) -> None:
    assert max_age(make_satchel(DEMO + "\n[keys]\njwks_max_age = 60\n").get("/jwks")) == 60


@pytest.mark.parametrize("algs", [["ES256"], ["EdDSA", "RS256"], ["PS256", "ES384"]])
def test_every_algorithm_has_its_keys(make_satchel: Any, algs: list[str]) -> None:
    satchel = make_satchel(MACHINES + f"\n[keys]\nsigning_algs = {algs}\n".replace("'", '"'))
    published = satchel.get("/jwks").json()["keys"]
    assert sorted(key["alg"] for key in published) == sorted(algs * 2)


def test_the_signer_has_been_in_every_copy_that_is_still_fresh(satchel: Satchel) -> None:
    """Walk through a year with cron's rotation: whoever keeps a copy as long as it may knows every signer."""
    ring = satchel.store.load()
    live = satchel.app.runtime
    known: set[str] = set()
    fresh_until = 0.0
    for step in range(0, 365 * 24, 6):
        now = NOW + step * 3600
        satchel.now = float(now)
        if step % 24 == 0:
            ring = rotate(ring, satchel.config.keys, now)
            live.context = live.context._replace(snapshot=type(live.context.snapshot)(ring, satchel.config.issuer))
        if now >= fresh_until:
            answer = satchel.get("/jwks")
            known = {key["kid"] for key in answer.json()["keys"]}
            fresh_until = now + max_age(answer)
        assert ring.signer("ES256", now).kid in known
