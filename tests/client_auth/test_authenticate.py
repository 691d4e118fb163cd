"""One mechanism a request, and it must be the registered one (RFC 6749 section 2.3)."""

import datetime
from hashlib import sha256
from itertools import product
from typing import Any
from unittest import mock

import pytest

from service.client_auth import METHODS, Credentials, _only_method, secrets
from service.client_auth.assertion import TYPE
from service.protocol.form import Form
from tests.worlds.client_proofs import JWKS, client_toml
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import NOW, Satchel

INSTANT = datetime.datetime.fromtimestamp(NOW + 100, datetime.UTC)


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


TOML = f"""
issuer = "https://as.example.com"
default_resource = "https://a.example.com"

[[resources]]
identifier = "https://a.example.com"

[[clients]]
id = "both"
secrets = [{{ sha256 = "{digest("s")}" }}]
auth_methods = ["client_secret_basic", "client_secret_post"]
grants = ["client_credentials"]

[[clients]]
id = "basic"
secrets = [{{ sha256 = "{digest("s")}" }}]
grants = ["client_credentials"]

[[clients]]
id = "post"
secrets = [{{ sha256 = "{digest("s")}" }}]
auth_methods = ["client_secret_post"]
grants = ["client_credentials"]

[[clients]]
id = "turning"
secrets = [
    {{ sha256 = "{digest("old")}", not_after = {INSTANT.isoformat()} }},
    {{ sha256 = "{digest("new")}" }},
]
grants = ["client_credentials"]

[[clients]]
id = "odd: id+%"
secrets = [{{ sha256 = "{digest("odd: secret+%é")}" }}]
grants = ["client_credentials"]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("authenticate"), TOML)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def ask(satchel: Satchel, form: dict[str, str] | None = None, header: dict[str, str] | None = None) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials", **(form or {})}, header)


def accepted(satchel: Satchel, form: dict[str, str] | None = None, header: dict[str, str] | None = None) -> Any:
    """The log's line of a request that must succeed."""
    assert ask(satchel, form, header).status == 200
    return satchel.log[-1]


def refused(
    satchel: Satchel, form: dict[str, str] | None = None, header: dict[str, str] | None = None
) -> tuple[int, str]:
    answer = ask(satchel, form, header)
    return answer.status, answer.json()["error"]


BODY = {"client_id": "both", "client_secret": "s"}


def test_basic(satchel: Satchel) -> None:
    line = accepted(satchel, header=basic("both", "s"))
    assert (line["client_id"], line["auth_method"]) == ("both", "client_secret_basic")


def test_post(satchel: Satchel) -> None:
    line = accepted(satchel, BODY)
    assert (line["client_id"], line["auth_method"]) == ("both", "client_secret_post")


def test_an_id_and_a_secret_with_every_kind_of_odd_character(satchel: Satchel) -> None:
    assert accepted(satchel, header=basic("odd: id+%", "odd: secret+%é"))["client_id"] == "odd: id+%"


def test_basic_and_the_same_client_id_in_the_body(satchel: Satchel) -> None:
    assert accepted(satchel, {"client_id": "both"}, basic("both", "s"))["client_id"] == "both"


def test_basic_and_another_client_id_in_the_body(satchel: Satchel) -> None:
    assert refused(satchel, {"client_id": "post"}, basic("both", "s")) == (400, "invalid_request")


@pytest.mark.parametrize("header", [*basic("both", "s").values(), *basic("both", "wrong").values(), "Bearer x", "junk"])
def test_two_mechanisms_at_once(satchel: Satchel, header: str) -> None:
    assert refused(satchel, BODY, {"Authorization": header}) == (400, "invalid_request")


@pytest.mark.parametrize("form", [{}, {"client_id": "both"}, {"client_id": "both", "client_secret": ""}])
def test_no_mechanism(satchel: Satchel, form: dict[str, str]) -> None:
    assert refused(satchel, form) == (401, "invalid_client")


REFUSALS = [
    ({}, basic("both", "wrong"), "wrong secret"),
    ({}, basic("both", ""), "wrong secret"),
    ({}, basic("both", digest("s")), "wrong secret"),
    ({}, basic("nobody", "s"), "unknown client"),
    ({}, basic("nobody", ""), "unknown client"),
    ({}, basic("BOTH", "s"), "unknown client"),
    ({}, basic("both ", "s"), "unknown client"),
    ({}, basic("post", "s"), "client_secret_basic is not registered"),
    ({}, basic("post", "wrong"), "wrong secret"),
    ({"client_id": "basic", "client_secret": "s"}, {}, "client_secret_post is not registered"),
    ({"client_id": "basic", "client_secret": "wrong"}, {}, "wrong secret"),
    ({"client_id": "nobody", "client_secret": "s"}, {}, "unknown client"),
    ({"client_secret": "s"}, {}, "client_id is missing"),
    ({}, {"Authorization": "Bearer abc"}, "not Basic"),
]


def test_every_refusal_is_the_same_and_its_reason_is_for_the_log(satchel: Satchel) -> None:
    answers = [ask(satchel, form, header) for form, header, _ in REFUSALS]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0].status, answers[0].json()["error"]) == (401, "invalid_client")
    assert [line["reason"] for line in satchel.log] == [reason for _, _, reason in REFUSALS]


def test_two_secrets_while_one_replaces_the_other(satchel: Satchel) -> None:
    end = INSTANT.timestamp()
    for now in (NOW, end - 0.001, end, end + 10**6):
        satchel.now = now
        assert accepted(satchel, header=basic("turning", "new"))["client_id"] == "turning"
        expected = 200 if now < end else 401
        assert ask(satchel, header=basic("turning", "old")).status == expected
    assert satchel.log[-1]["reason"] == "wrong secret"


def compared(satchel: Satchel, header: dict[str, str]) -> list[tuple[int, int]]:
    """The lengths of what was compared while the request was judged."""
    lengths: list[tuple[int, int]] = []

    def compare(one: str, two: str) -> bool:
        lengths.append((len(one), len(two)))
        return one == two

    satchel.context.registry.clients.proved._kept.clear()
    satchel.context.repeats._kept.clear()
    with mock.patch.object(secrets, "compare_digest", compare):
        ask(satchel, header=header)
    return lengths


def test_unknown_client_and_wrong_secret_take_the_same_path(satchel: Satchel) -> None:
    assert compared(satchel, basic("nobody", "wrong")) == compared(satchel, basic("both", "wrong")) == [(64, 64)]


@pytest.mark.parametrize("secret", ["old", "new", "wrong"])
def test_every_secret_of_a_client_is_compared_whichever_is_right(satchel: Satchel, secret: str) -> None:
    assert compared(satchel, basic("turning", secret)) == [(64, 64), (64, 64)]


def test_no_secret_opens_the_account_of_nobody(satchel: Satchel) -> None:
    """Not even one whose digest is that of the stand-in for an unknown client."""
    with mock.patch.object(secrets, "compare_digest", return_value=True):
        assert refused(satchel, header=basic("nobody", "x")) == (401, "invalid_client")
    assert satchel.log[-1]["reason"] == "unknown client"


def test_each_method_has_its_registered_name() -> None:
    names = [method.NAME for method in METHODS]
    assert {"client_secret_basic", "client_secret_post"} <= set(names)
    assert len(set(names)) == len(names)


HS, ES = "eyJhbGciOiJIUzI1NiJ9.e30.x", "eyJhbGciOiJFUzI1NiJ9.e30.x"
PARTS: dict[str, list[str | None]] = {
    "authorization": [None, "", "Basic eDp5", "Bearer x"],
    "certificate": [None, "a certificate"],
    "client_id": [None, "both", "service", "self", "nobody"],
    "client_secret": [None, "s"],
    "client_assertion": [None, HS, ES, "junk"],
    "client_assertion_type": [None, TYPE, "another"],
}


def test_the_short_way_is_that_of_the_whole_table(make_satchel: Any) -> None:
    """What is plain without asking all methods is what asking them would give."""
    proxies = '\n[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "rfc9440"\n'
    clients = client_toml("service", "tls_client_auth", tls_client_auth_san_dns="a.example")
    clients += client_toml("self", "self_signed_tls_client_auth", jwks=JWKS)
    registry = make_satchel(TOML + proxies + clients).context.registry
    plain = []
    for authorization, certificate, *said in product(*PARTS.values()):
        form = {name: value for name, value in zip(list(PARTS)[2:], said, strict=True) if value is not None}
        shown = None if certificate is None else certificate.encode()
        credentials = Credentials(authorization, Form(form, {}), shown)
        usual = _only_method(credentials)
        if usual is not None:
            assert [method for method in METHODS if method.presented(credentials, registry)] == [usual]
            plain.append(usual.NAME)
    assert set(plain) == {"client_secret_basic", "client_secret_jwt", "private_key_jwt", "none"}
