"""Attacks 44, 51, 52, 76, 77, 79, 82, 84: forms that are not one thing only, at every endpoint that takes one."""

import json
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.http import Answer
from tests.worlds.satchel import Satchel

FORM = "application/x-www-form-urlencoded"
GRANT = b"grant_type=client_credentials"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("forms"), DEMO)


def send(satchel: Satchel, body: bytes, *headers: tuple[str, str], path: str = "/token") -> Answer:
    return satchel.request("POST", path, body, [*CXF.items(), *headers])


def refused(answer: Answer) -> None:
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/token", "/introspect"])
@pytest.mark.parametrize("name", ["grant_type", "token", "scope", "client_id", "x"])
def test_44_a_repeated_parameter(satchel: Satchel, path: str, name: str) -> None:
    for one, two in (("same", "same"), ("one", "two"), ("", "two"), ("one", "")):
        refused(send(satchel, f"{name}={one}&{name}={two}".encode(), ("Content-Type", FORM), path=path))


def test_44_a_name_in_two_spellings(satchel: Satchel) -> None:
    refused(send(satchel, b"grant_type=x&gr%61nt_type=client_credentials", ("Content-Type", FORM)))


@pytest.mark.parametrize("path", ["/token", "/introspect"])
@pytest.mark.parametrize("query", ["grant_type=client_credentials", "token=x", "x", "=", "%00", "a=1&a=2"])
def test_84_parameters_in_the_query(satchel: Satchel, path: str, query: str) -> None:
    refused(send(satchel, GRANT + b"&token=x", ("Content-Type", FORM), path=f"{path}?{query}"))
    refused(send(satchel, b"", ("Content-Type", FORM), path=f"{path}?{query}"))


GOOD_TYPES = [
    FORM,
    FORM.upper(),
    f"{FORM};charset=UTF-8",
    f"{FORM}; charset=utf-8",
    f'{FORM}; Charset="utf-8"',
    f" {FORM} ",
]


@pytest.mark.parametrize("content_type", GOOD_TYPES)
def test_76_content_types_that_are_a_form(satchel: Satchel, content_type: str) -> None:
    assert send(satchel, GRANT, ("Content-Type", content_type)).status == 200


BAD_TYPES = [
    "",
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded-not",
    "application/x-www-form-urlencodedx",
    "x-www-form-urlencoded",
    f"{FORM}, application/json",
    "*/*",
    ";",
    "\x00",
    "\xff\xfe",
    "a" * 8000,
]


@pytest.mark.parametrize("content_type", BAD_TYPES)
@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_76_content_types_that_are_none(satchel: Satchel, content_type: str, path: str) -> None:
    answer = send(satchel, GRANT + b"&token=x", ("Content-Type", content_type), path=path)
    refused(answer)
    assert b"aaaa" not in answer.body


CHARSETS = ["utf-7", "utf-16", "latin-1", "utf-8; charset=utf-7", "nonsense", "\xff", "ISO-8859-1", ""]


@pytest.mark.parametrize("charset", CHARSETS)
def test_76_a_charset_changes_nothing(satchel: Satchel, charset: str) -> None:
    """Apache HttpClient sends ISO-8859-1. The type has no parameters (URL standard): the body is UTF-8 always."""
    content_type = ("Content-Type", f"{FORM}; charset={charset}")
    assert send(satchel, GRANT, content_type).status == 200
    refused(send(satchel, GRANT + b"&scope=+AGEAYg-%ff", content_type))


def test_76_no_content_type(satchel: Satchel) -> None:
    refused(send(satchel, GRANT))


ENCODINGS = [
    b"%", b"%4", b"%zz", b"%%", b"%u0041", b"%FF", b"%C3", b"%C0%AF", b"%ED%A0%80", b"\xff", b"\xc3\xa9", b"\x00",
    b"%00", b"a%00b", b"%0d%0a", b"\t", b"%7f", b"\xef\xbb\xbf", b"\xff\xfe",
    b'"', b"+ADw-script+AD4-\x80",
]  # fmt: skip


@pytest.mark.parametrize("value", [value for value in ENCODINGS if value != b'"'])
@pytest.mark.parametrize("where", ["value", "name", "grant", "scope", "resource"])
def test_77_what_is_not_percent_encoded_utf_8(satchel: Satchel, value: bytes, where: str) -> None:
    body = {
        "value": GRANT + b"&x=" + value,
        "name": GRANT + b"&" + value + b"=x",
        "grant": b"grant_type=" + value,
        "scope": GRANT + b"&scope=" + value,
        "resource": GRANT + b"&resource=" + value,
    }[where]
    refused(send(satchel, body, ("Content-Type", FORM)))


def test_77_utf_16_and_utf_7(satchel: Satchel) -> None:
    refused(send(satchel, GRANT.decode().encode("utf-16"), ("Content-Type", FORM)))
    answer = send(satchel, b"+AGcAcgBhAG4AdABfAHQAeQBwAGU-=client_credentials", ("Content-Type", FORM))
    refused(answer)


def test_79_json_is_not_looked_at(satchel: Satchel) -> None:
    for body in (b"[" * 200_000, b'{"grant_type":' * 5_000, b'{"grant_type":"client_credentials"}'):
        answer = send(satchel, body, ("Content-Type", "application/json"))
        assert answer.status in (400, 413)
        answer = send(satchel, body[:60_000], ("Content-Type", FORM))
        refused(answer)


@pytest.mark.parametrize("count", [101, 1_000, 30_000])
def test_many_parameters(satchel: Satchel, count: int) -> None:
    refused(send(satchel, b"&".join([GRANT] + [b"p"] * (count - 1)), ("Content-Type", FORM)))
    refused(send(satchel, b"&" * (count - 1), ("Content-Type", FORM)))


def test_a_hundred_parameters(satchel: Satchel) -> None:
    body = b"&".join([GRANT] + [b"p%d=1" % n for n in range(99)])
    assert send(satchel, body, ("Content-Type", FORM)).status == 200
    refused(send(satchel, body + b"&q=1", ("Content-Type", FORM)))


@pytest.mark.parametrize(
    "scope", ['"', "\\", "a\x00b", "a\tb", " ".join(["s"] * 10_000), "é", " ", "a  b", "<script>alert(1)</script> \x7f"]
)
def test_51_odd_scopes(satchel: Satchel, scope: str) -> None:
    answer = send(satchel, GRANT + b"&scope=" + quote_plus(scope).encode(), ("Content-Type", FORM))
    assert answer.status == 400
    assert answer.json()["error"] in ("invalid_scope", "invalid_request")
    assert b"<script" not in answer.body


def test_52_resource_and_audience(satchel: Satchel) -> None:
    for resource in ("https://nobody.example.com", "https://api.example.com/..", "\u212apple", "javascript:alert(1)"):
        answer = send(satchel, GRANT + b"&" + urlencode({"resource": resource}).encode(), ("Content-Type", FORM))
        assert (answer.status, answer.json()["error"]) == (400, "invalid_target")
    many = GRANT + b"&resource=https://api.example.com" * 99
    assert send(satchel, many, ("Content-Type", FORM)).status == 200


@pytest.mark.parametrize(
    "twice",
    [
        ("Authorization", next(iter(CXF.values()))),
        ("Authorization", next(iter(API_SERVER.values()))),
        ("Content-Type", FORM),
        ("Content-Type", "application/json"),
    ],
)
def test_82_a_repeated_header(satchel: Satchel, twice: tuple[str, str]) -> None:
    answer = send(satchel, GRANT, ("Content-Type", FORM), twice)
    refused(answer)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_82_a_repeated_host(satchel: Satchel) -> None:
    hosts = [("Host", "127.0.0.1"), ("Host", "evil.example.com")]
    refused(send(satchel, GRANT, ("Content-Type", FORM), *hosts))


VALID = [
    GRANT,
    GRANT + b"&scope=read+write",
    GRANT + b"&resource=https%3A%2F%2Fapi.example.com&scope=read",
    GRANT + b"&client_id=123456789&client_secret=987654321",
]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_mutated_request_is_a_token_or_a_refusal(satchel: Satchel, data: st.DataObject) -> None:
    """Any octet of body, Authorization, content type, path and query changed, cut, doubled: never a 5xx."""
    body = bytearray(data.draw(st.sampled_from(VALID)))
    headers = [["Authorization", next(iter(CXF.values()))], ["Content-Type", FORM]]
    path = data.draw(st.sampled_from(["/token", "/introspect", "/token?a=b"]))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.sampled_from(["body", "authorization", "content type", "headers", "path"]))
        if where == "body":
            body = mutated(body, data)
        elif where == "headers":
            headers = data.draw(st.sampled_from([headers[1:], headers[:1], [], headers * 2]))
        elif where == "path":
            path = "/" + mutated(bytearray(path.encode()), data).decode("latin-1").lstrip("/")
        else:
            for header in headers:
                if (header[0] == "Authorization") == (where == "authorization"):
                    header[1] = mutated(bytearray(header[1].encode("latin-1")), data).decode("latin-1")
    path = path.encode("ascii", "ignore").decode()
    answer = satchel.request("POST", path, bytes(body), [(name, value) for name, value in headers])
    assert answer.status in (200, 400, 401, 404, 405, 413), (answer, path, body, headers)
    if answer.status != 200 and answer.body:
        assert set(json.loads(answer.body)) <= {"error", "error_description"}


def mutated(octets: bytearray, data: st.DataObject) -> bytearray:
    at = data.draw(st.integers(0, max(0, len(octets) - 1)))
    how = data.draw(st.sampled_from(["set", "cut", "double", "insert", "delete", "many"]))
    if how == "set" and octets:
        octets[at] = data.draw(st.integers(0, 255))
    elif how == "cut":
        del octets[at:]
    elif how == "double":
        octets = octets * 2
    elif how == "insert":
        octets[at:at] = data.draw(st.binary(max_size=20))
    elif how == "delete" and octets:
        del octets[at]
    elif how == "many":
        octets = octets[:at] + octets[at : at + 1] * 500 + octets[at:]
    return octets
