"""The endpoints of programs that came with the front: where they are, and what they answer over HTTP."""

import pytest

from tests.worlds.demo import CXF, DEMO
from tests.worlds.satchel import Satchel

PATHS = {
    "/par": "par",
    "/device_authorization": "device_authorization",
    "/ticket": "ticket",
    "/ticket/issue": "ticket_issue",
    "/ticket/fail": "ticket_fail",
}


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("forms"), DEMO)


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger(satchel: Satchel, path: str) -> None:
    answer = satchel.post(path, {"client_id": "nobody", "ticket": "x"})
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["cache-control"] == "no-store"
    assert satchel.log[-1]["endpoint"] == PATHS[path]


@pytest.mark.parametrize("path", PATHS)
def test_by_post_alone(satchel: Satchel, path: str) -> None:
    answer = satchel.get(path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert satchel.post(f"{path}?client_id=nobody").status == 400


def test_what_has_been_pushed_is_created(satchel: Satchel) -> None:
    request = {
        "response_type": "code",
        "redirect_uri": "http://localhost:8080/services/reservations/reserve/complete",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    answer = satchel.post("/par", request, CXF)
    assert (answer.status, answer.json().keys()) == (201, {"request_uri", "expires_in"})
    assert answer.headers["content-type"] == "application/json"


def test_a_device(satchel: Satchel) -> None:
    answer = satchel.post("/device_authorization", {"client_id": "tv"})
    assert answer.status == 200
    assert answer.json()["verification_uri"] == "http://127.0.0.1:8000/device"
