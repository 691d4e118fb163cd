"""RFC 7662: introspection, to the letter."""

import pytest

from tests.worlds.demo import API_SERVER, CXF, DEMO, VAULT_SERVER
from tests.worlds.satchel import NOW, Satchel

VAULT_RESOURCE = "https://vault.example.com"


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("rfc7662"), DEMO)


def test_section_2_2_an_active_token(satchel: Satchel) -> None:
    answer = satchel.introspect(satchel.token(scope="read"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    seen = answer.json()
    assert seen["active"] is True
    assert isinstance(seen["jti"], str)
    types = {
        name: type(seen[name])
        for name in ("scope", "client_id", "token_type", "exp", "iat", "sub", "aud", "iss", "jti")
    }
    assert types == dict.fromkeys(types, str) | {"exp": int, "iat": int}
    assert (seen["exp"], seen["iat"]) == (NOW + 600, NOW)


def test_section_2_2_an_inactive_token_is_a_200_that_tells_nothing(satchel: Satchel) -> None:
    answer = satchel.introspect("2YotnFZFEjr1zCsicMWpAA")
    assert (answer.status, answer.body) == (200, b'{"active":false}')


def test_section_4_answers_are_not_to_be_cached(satchel: Satchel) -> None:
    for answer in (satchel.introspect(satchel.token()), satchel.introspect("x"), satchel.post("/introspect", {})):
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_section_2_1_the_caller_authenticates(satchel: Satchel) -> None:
    answer = satchel.post("/introspect", {"token": satchel.token()})
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_section_2_1_in_the_body_too(satchel: Satchel) -> None:
    form = {"token": satchel.token(), "client_id": "api", "client_secret": "api-secret"}
    assert satchel.post("/introspect", form).json()["active"] is True


def test_section_2_1_token_is_required_and_sent_once(satchel: Satchel) -> None:
    token = satchel.token()
    for body in (b"", b"token=", f"token={token}&token={token}".encode()):
        answer = satchel.post("/introspect", body, API_SERVER)
        assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of", ""])
def test_section_2_1_the_hint_is_a_hint(satchel: Satchel, hint: str) -> None:
    form = {"token": satchel.token(), "token_type_hint": hint}
    assert satchel.post("/introspect", form, API_SERVER).json()["active"] is True


def test_section_4_a_token_in_the_query_is_refused(satchel: Satchel) -> None:
    token = satchel.token()
    assert satchel.request("GET", f"/introspect?token={token}", headers=API_SERVER).status == 405
    assert satchel.post(f"/introspect?token={token}", {}, API_SERVER).status == 400
    assert satchel.post(f"/introspect?token={token}", {"token": token}, API_SERVER).status == 400


def test_section_4_another_protected_resource_is_told_that_it_is_inactive(satchel: Satchel) -> None:
    for token, right, wrong in (
        (satchel.token(), API_SERVER, VAULT_SERVER),
        (satchel.token(resource=VAULT_RESOURCE), VAULT_SERVER, API_SERVER),
    ):
        assert satchel.introspect(token, right).json()["active"] is True
        assert satchel.introspect(token, wrong) == satchel.introspect("x", wrong)
        assert satchel.introspect(token, CXF) == satchel.introspect("x", CXF)
