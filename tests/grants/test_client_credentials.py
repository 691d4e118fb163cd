"""The client credentials grant (RFC 6749 section 4.4): whose token, with what power, for how long."""

from typing import Any

import jwt
import pytest

from tests.worlds.http import Answer, basic
from tests.worlds.satchel import NOW, Satchel

A, B, C = (f"https://{name}.example.com" for name in "abc")
_SECRET = 'secrets = [{ sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" }]'
TOML = f"""
issuer = "https://as.example.com"
default_resource = "{A}"

[lifetimes]
access_token = 300

[memory]
kind = "none"

[[resources]]
identifier = "{A}"
scopes = ["read", "write"]

[[resources]]
identifier = "{B}"
scopes = ["read", "audit"]
lifetime = 60

[[resources]]
identifier = "{C}"
scopes = ["vault"]
format = "bag"

[[clients]]
id = "all"
{_SECRET}
grants = ["client_credentials"]
scopes = ["read", "write", "audit", "vault", "useless"]
resources = ["{A}", "{B}", "{C}"]

[[clients]]
id = "modest"
{_SECRET}
grants = ["client_credentials"]
scopes = ["read", "write"]
default_scopes = ["read"]

[[clients]]
id = "silent"
{_SECRET}
grants = ["client_credentials"]
scopes = ["read"]
default_scopes = []

[[clients]]
id = "grantless"
{_SECRET}
"""


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("client_credentials"), TOML)


def ask(satchel: Satchel, client: str = "all", **form: Any) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials", **form}, basic(client, "secret"))


def claims(answer: Answer) -> dict[str, Any]:
    """The claims of a signed token, not verified here."""
    assert answer.status == 200, answer.body
    return jwt.decode(answer.json()["access_token"], options={"verify_signature": False})


def error(answer: Answer) -> str:
    assert answer.status == 400
    return str(answer.json()["error"])


def test_the_subject_is_the_client(satchel: Satchel) -> None:
    got = claims(ask(satchel))
    assert (got["sub"], got["client_id"], got["iss"]) == ("all", "all", "https://as.example.com")


def test_the_times_are_the_clocks_and_whole(satchel: Satchel) -> None:
    satchel.now = NOW + 0.999
    answer = ask(satchel)
    satchel.now = float(NOW)
    got = claims(answer)
    assert (got["iat"], got["exp"], answer.json()["expires_in"]) == (NOW, NOW + 300, 300)


def test_every_token_has_an_id_of_its_own(satchel: Satchel) -> None:
    assert len({claims(ask(satchel))["jti"] for _ in range(50)}) == 50


def test_a_resources_own_lifetime(satchel: Satchel) -> None:
    answer = ask(satchel, resource=B)
    assert answer.json()["expires_in"] == 60
    assert claims(answer)["exp"] == NOW + 60


def test_a_shared_token_lives_as_long_as_its_shortest_audience_allows(satchel: Satchel) -> None:
    answer = ask(satchel, resource=[A, B])
    assert answer.json()["expires_in"] == 60
    assert claims(answer)["exp"] == NOW + 60
    assert claims(answer)["aud"] == [A, B]


@pytest.mark.parametrize(
    ("form", "scope"),
    [
        ({}, "read write"),
        ({"resource": B}, "read audit"),
        ({"resource": [A, B]}, "read write audit"),
        ({"scope": "write"}, None),
        ({"scope": "write read"}, None),
        ({"scope": "write read write"}, None),
        ({"scope": "read audit"}, "read"),
        ({"scope": "useless write"}, "write"),
        ({"scope": "audit read", "resource": [B, A]}, None),
        ({"scope": ""}, "read write"),
    ],
)
def test_scope_is_told_where_it_differs_from_what_was_asked(satchel: Satchel, form: Any, scope: str | None) -> None:
    answer = ask(satchel, **form)
    assert answer.json().get("scope") == scope
    granted = scope or " ".join(dict.fromkeys(form["scope"].split(" ")))
    assert claims(answer)["scope"] == granted


def test_a_sealed_token_tells_its_scope_too(satchel: Satchel) -> None:
    answer = ask(satchel, resource=C)
    assert answer.json()["scope"] == "vault"
    assert answer.json()["access_token"].count(".") == 4


def test_default_scopes(satchel: Satchel) -> None:
    answer = ask(satchel, "modest")
    assert (answer.json()["scope"], claims(answer)["scope"]) == ("read", "read")
    assert claims(ask(satchel, "modest", scope="read write"))["scope"] == "read write"


def test_no_default_scopes_at_all(satchel: Satchel) -> None:
    answer = ask(satchel, "silent")
    assert "scope" not in answer.json()
    assert "scope" not in claims(answer)


@pytest.mark.parametrize(
    ("client", "scope"),
    [
        ("all", "nobody-knows"),
        ("all", "read nobody-knows"),
        ("modest", "audit"),
        ("all", "READ"),
        ("all", "useless"),
        ("all", "vault"),
        ("all", " "),
        ("all", 'read"'),
        ("all", "read\\"),
        ("all", "réad"),
        ("all", " ".join(f"s{n}" for n in range(101))),
        ("all", " ".join(["x"] * 10_000)),
    ],
)
def test_a_scope_that_cannot_be_had(satchel: Satchel, client: str, scope: str) -> None:
    assert error(ask(satchel, client, scope=scope)) == "invalid_scope"


def test_a_client_without_the_grant(satchel: Satchel) -> None:
    assert error(ask(satchel, "grantless")) == "unauthorized_client"


def test_nothing_of_a_refresh_token(satchel: Satchel) -> None:
    """RFC 6749 section 4.4.3."""
    assert set(ask(satchel, scope="read").json()) == {"access_token", "token_type", "expires_in"}
