"""Attacks 53–56: client credentials in every wrong shape get one and the same refusal."""

import base64

import pytest

from tests.worlds.demo import CXF, DEMO
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import Satchel

GRANT = {"grant_type": "client_credentials"}
POST = {"client_id": "123456789", "client_secret": "987654321"}

ONLY_POST = """
[[clients]]
id = "only-post"
secrets = [{ sha256 = "8a9bcf1e51e812d0af8465a8dbcc9f741064bf0af3b3d08e6b0246437c19f7fb" }]
auth_methods = ["client_secret_post"]
grants = ["client_credentials"]
"""


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("basic"), DEMO + ONLY_POST)


def ask(satchel: Satchel, header: str | dict[str, str], path: str = "/token", **form: str) -> Answer:
    headers = {"Authorization": header} if isinstance(header, str) else header
    return satchel.post(path, {**GRANT, "token": "x", **form}, headers)


def encoded(pair: bytes) -> str:
    return base64.b64encode(pair).decode()


JUNK = {
    "nothing": "Basic ",
    "no base64": "Basic !",
    "cut": "Basic " + encoded(b"123456789:987654321")[:-1],
    "no colon": "Basic " + encoded(b"123456789987654321"),
    "no id": "Basic " + encoded(b":987654321"),
    "no secret": "Basic " + encoded(b"123456789:"),
    "swapped": "Basic " + encoded(b"987654321:123456789"),
    "raw UTF-8": "Basic " + encoded("é:987654321".encode()),
    "not UTF-8": "Basic " + encoded(b"\xff\xfe:\xff"),
    "escaped, not UTF-8": "Basic " + encoded(b"123456789:%FF"),
    "half an escape": "Basic " + encoded(b"123456789:98765432%3"),
    "NUL behind the secret": "Basic " + encoded(b"123456789:987654321\x00"),
    "escaped NUL": "Basic " + encoded(b"123456789:987654321%00"),
    "line end": "Basic " + encoded(b"123456789:987654321\n"),
    "plus is a space": "Basic " + encoded(b"123456789:987654321+"),
    "space before": "Basic " + encoded(b" 123456789:987654321"),
    "two": "Basic " + encoded(b"123456789:987654321") + ", Basic " + encoded(b"123456789:987654321"),
    "Digest": 'Digest username="123456789"',
    "Bearer": "Bearer " + encoded(b"123456789:987654321"),
    "Negotiate": "Negotiate " + encoded(b"123456789:987654321"),
    "no scheme": encoded(b"123456789:987654321"),
    "long": "Basic " + encoded(b"123456789:" + b"9" * 50_000),
    "wrong secret": basic("123456789", "wrong")["Authorization"],
    "unknown client": basic("nobody", "987654321")["Authorization"],
    "unknown client, empty secret": basic("nobody", "")["Authorization"],
    "method not registered": basic("only-post", "987654321")["Authorization"],
    "method not registered, wrong secret": basic("only-post", "wrong")["Authorization"],
    "SQL": basic("' OR '1'='1", "' OR '1'='1")["Authorization"],
    "the digest for the secret": "Basic "
    + encoded(b"123456789:8a9bcf1e51e812d0af8465a8dbcc9f741064bf0af3b3d08e6b0246437c19f7fb"),
}


@pytest.mark.parametrize("path", ["/token", "/introspect"])
@pytest.mark.parametrize("name", JUNK)
def test_54_56_one_refusal_for_all(satchel: Satchel, name: str, path: str) -> None:
    answer = ask(satchel, JUNK[name], path)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert answer == ask(satchel, JUNK["wrong secret"], path)
    assert "=" not in answer.headers["www-authenticate"].partition("realm=")[0]
    assert satchel.log[-2]["reason"]


def test_54_the_right_credential_in_its_legal_spellings(satchel: Satchel) -> None:
    for pair in (b"123456789:987654321", b"%31%32%33456789:98765432%31"):
        for scheme in ("Basic", "basic", "BASIC"):
            assert ask(satchel, f"{scheme} {encoded(pair)}").status == 200


@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_53_two_mechanisms_at_once(satchel: Satchel, path: str) -> None:
    for headers in (CXF, basic("nobody", "x"), {"Authorization": "Bearer x"}):
        for form in (POST, {"client_secret": "987654321"}, {"client_id": "x", "client_secret": "x"}):
            answer = ask(satchel, headers, path, **form)
            assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("client_id", ["api", "nobody", "123456789 ", "12345678"])
def test_53_another_client_in_the_body(satchel: Satchel, client_id: str) -> None:
    answer = ask(satchel, CXF, client_id=client_id)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_53_another_client_in_the_body_tells_nothing_to_a_stranger(satchel: Satchel) -> None:
    """Whether the credential would have been right does not show."""
    right, wrong = (ask(satchel, basic("123456789", secret), client_id="api") for secret in ("987654321", "wrong"))
    assert right == wrong


def test_55_a_method_that_is_not_registered(satchel: Satchel) -> None:
    assert ask(satchel, {}, client_id="only-post", client_secret="987654321").status == 200
    assert ask(satchel, basic("only-post", "987654321")).status == 401


def test_55_a_confidential_client_without_its_secret(satchel: Satchel) -> None:
    for form in ({"client_id": "123456789"}, {"client_id": "123456789", "client_secret": ""}):
        answer = ask(satchel, {}, **form)
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


def test_56_in_the_body_too(satchel: Satchel) -> None:
    unknown = ask(satchel, {}, client_id="nobody", client_secret="x")
    wrong = ask(satchel, {}, client_id="123456789", client_secret="x")
    assert unknown == wrong
    assert unknown.status == 401


def test_56_the_reasons_are_told_apart_in_the_log_alone(satchel: Satchel) -> None:
    ask(satchel, JUNK["unknown client"])
    ask(satchel, JUNK["wrong secret"])
    ask(satchel, JUNK["method not registered"])
    reasons = [line["reason"] for line in satchel.log[-3:]]
    assert len(set(reasons)) == 3
    assert all("client_id" not in line for line in satchel.log[-3:])


def test_credentials_in_the_query(satchel: Satchel) -> None:
    answer = satchel.post("/token?client_id=123456789&client_secret=987654321", GRANT)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    assert b"987654321" not in b"".join(satchel.lines)
