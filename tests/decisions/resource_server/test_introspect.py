"""Who may see what of a token (RFC 7662): its own resource server, in every format we issue."""

from typing import Any

import pytest

from service.app import create_app
from service.config import ConfigError
from tests.worlds.http import Answer, basic
from tests.worlds.introspection import CLIENT_CREDENTIALS, FORMATS, M2M, TOML, caller, identifier
from tests.worlds.quick import other_keys
from tests.worlds.satchel import NOW, Satchel

GARBAGE = "x"
INACTIVE = b'{"active":false}'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("introspect"), TOML)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    return served


def issue(satchel: Satchel, *names: str, **more: str) -> str:
    form = {**CLIENT_CREDENTIALS, "resource": [identifier(name) for name in names], **more}
    answer = satchel.post("/token", form, M2M)
    assert answer.status == 200, answer.body
    return str(answer.json()["access_token"])


def garbage(satchel: Satchel, name: str) -> Answer:
    answer = satchel.introspect(GARBAGE, caller(name))
    assert (answer.status, answer.body) == (200, INACTIVE)
    return answer


@pytest.mark.parametrize("name", FORMATS)
def test_the_audience_sees_all_of_its_token(satchel: Satchel, name: str) -> None:
    answer = satchel.introspect(issue(satchel, name), caller(name))
    assert answer.status == 200
    seen = answer.json()
    assert len(seen.pop("jti")) == 22
    assert seen == {
        "active": True,
        "iss": "https://as.example.com",
        "sub": "m2m",
        "aud": identifier(name),
        "client_id": "m2m",
        "iat": NOW,
        "exp": NOW + 600,
        "token_type": "Bearer",
        "scope": f"read {name}",
        "tier": "gold",
        "nested": {"list": [1, "two"]},
    }
    assert satchel.log[-1]["jti"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("other", FORMATS)
def test_another_resource_server_learns_nothing(satchel: Satchel, name: str, other: str) -> None:
    answer = satchel.introspect(issue(satchel, name), caller(other))
    if name == other:
        assert answer.json()["active"] is True
    else:
        assert answer == garbage(satchel, other)


@pytest.mark.parametrize("name", FORMATS)
def test_the_client_itself_learns_nothing(satchel: Satchel, name: str) -> None:
    assert satchel.introspect(issue(satchel, name), M2M) == garbage(satchel, name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_token_is_active_until_its_last_second(satchel: Satchel, name: str) -> None:
    token = issue(satchel, name)
    satchel.now = NOW + 599.999
    assert satchel.introspect(token, caller(name)).json()["active"] is True
    satchel.now = NOW + 600.0
    assert satchel.introspect(token, caller(name)) == garbage(satchel, name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_token_is_as_good_as_garbage(satchel: Satchel, name: str) -> None:
    token = issue(satchel, name)
    first, _, rest = token.partition(".")
    changed = [token[:-1], token + "A", token + ".", token + "=", "." + rest, first, token[::-1], token * 2]
    for segment in range(token.count(".") + 1):
        parts = token.split(".")
        parts[segment] = ("B" if parts[segment][0] != "B" else "C") + parts[segment][1:]
        changed.append(".".join(parts))
    for text in changed:
        assert satchel.introspect(text, caller(name)) == garbage(satchel, name), text


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", "é"])
def test_the_hint_changes_nothing(satchel: Satchel, name: str, hint: str) -> None:
    form = {"token": issue(satchel, name), "token_type_hint": hint}
    assert satchel.post("/introspect", form, caller(name)).json()["active"] is True


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_opens_where_the_key_is_gone(satchel: Satchel, make_satchel: Any, name: str) -> None:
    """Another Satchel of the same configuration has other keys."""
    token = issue(satchel, name)
    other_keys()
    assert make_satchel(TOML).introspect(token, caller(name)).body == INACTIVE


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_opens_for_another_issuer(satchel: Satchel, make_satchel: Any, name: str) -> None:
    """Keys copied from staging open nothing in production."""
    staging = make_satchel(TOML.replace("https://as.example.com", "https://staging.example.com"))
    with staging.store.lock():
        staging.store.save(satchel.store.load())
    staging.app = create_app(staging.config, store=staging.store, clock=lambda: NOW, write=staging.lines.append)
    token = issue(satchel, name)
    assert satchel.introspect(token, caller(name)).json()["active"] is True
    assert staging.introspect(token, caller(name)).body == INACTIVE
    assert staging.log[-1]["reason"] == "issuer"


def test_two_audiences_both_see_it(satchel: Satchel, make_satchel: Any) -> None:
    toml = TOML.replace('id = "rs-eddsa"', 'id = "rs-two"').replace('signing_alg = "EdDSA"', "")
    both = make_satchel(toml)
    token = issue(both, "jwt", "eddsa", scope="read")
    for credentials in (caller("jwt"), basic("rs-two", "secret")):
        assert both.introspect(token, credentials).json()["aud"] == [identifier("jwt"), identifier("eddsa")]
    assert both.introspect(token, caller("bag")).body == INACTIVE


@pytest.mark.parametrize("name", FORMATS)
def test_nobody_sees_anything_without_authentication(satchel: Satchel, name: str) -> None:
    token = issue(satchel, name)
    for headers in ({}, {"Authorization": "Bearer " + token}, {"Authorization": "Basic eA=="}):
        answer = satchel.post("/introspect", {"token": token}, headers)
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"access_token": "x"}])
def test_a_missing_token(satchel: Satchel, form: dict[str, str]) -> None:
    answer = satchel.post("/introspect", form, caller("jwt"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_the_reason_is_in_the_log_alone(satchel: Satchel) -> None:
    token = issue(satchel, "jwt")
    for text, credentials in ((token, caller("bag")), (GARBAGE, caller("bag")), (token + "A", caller("jwt"))):
        answer = satchel.introspect(text, credentials)
        assert answer.body == INACTIVE
        line = satchel.log[-1]
        assert line["reason"]
        assert line["status"] == 200
        assert "error" not in line


RESERVED = ("exp", "nbf", "iat", "sub", "scope", "client_id", "cnf", "act", "may_act", "aud", "iss", "jti")


@pytest.mark.parametrize("claim", [*RESERVED, "active", "token_type"])
def test_a_claim_of_the_token_is_refused_in_the_configuration(make_satchel: Any, claim: str) -> None:
    with pytest.raises(ConfigError, match=rf"resources\[0\]\.claims\.{claim}: "):
        make_satchel(TOML.replace('tier = "gold"', f'{claim} = "forged"'))
