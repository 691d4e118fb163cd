"""custom: the operator's own code says whose the credentials are."""

import asyncio
import sys
import types
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest

from service.client_auth import Credentials, custom
from service.config import ConfigError
from service.protocol.errors import OAuthError
from tests.worlds.certificates import certificate, rfc9440
from tests.worlds.client_proofs import ASSERTION_TYPE, HEAD, JWKS, assertion, client_toml, form
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import Satchel

SECRET = {"sha256": sha256(b"opensesame").hexdigest()}
PROXIES = '\n[proxies]\ntrusted = ["127.0.0.1"]\ncertificate_header = "rfc9440"\n'
HOOKS = '\n[hooks]\nauthenticate_client = "operators_own:whose"\n'
TOML = (
    HEAD
    + PROXIES
    + HOOKS
    + client_toml("robot", "custom")
    + client_toml("other", "custom")
    + client_toml("basic", "client_secret_basic", secrets=[SECRET])
    + client_toml("post", "client_secret_post", secrets=[SECRET])
    + client_toml("signer", "private_key_jwt", jwks=JWKS)
)

Hook = Callable[[Credentials], Any]


class OperatorsOwn:
    """The operator's module: its function does what a test says, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Credentials] = []
        self.answer: Hook = lambda credentials: "robot"

    async def whose(self, credentials: Credentials) -> Any:
        self.asked.append(credentials)
        answer = self.answer(credentials)
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture(scope="module")
def module() -> Iterator[OperatorsOwn]:
    own = OperatorsOwn()
    source = types.ModuleType("operators_own")
    source.whose = own.whose  # type: ignore[attr-defined]
    sys.modules["operators_own"] = source
    yield own
    del sys.modules["operators_own"]


@pytest.fixture(scope="module")
def satchel(module: OperatorsOwn, tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("custom"), TOML)


@pytest.fixture
def own(module: OperatorsOwn) -> OperatorsOwn:
    module.asked.clear()
    module.answer = lambda credentials: "robot"
    return module


def ask(satchel: Satchel, header: dict[str, str] | None = None, **more: str) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials", **more}, header)


def test_it_sees_what_came(satchel: Satchel, own: OperatorsOwn) -> None:
    der = certificate()
    assert ask(satchel, {"Authorization": "Negotiate abc", "Client-Cert": rfc9440(der)}, x="y").status == 200
    (credentials,) = own.asked
    assert (credentials.authorization, credentials.form.get("x"), credentials.certificate) == (
        "Negotiate abc",
        "y",
        der,
    )
    assert (satchel.log[-1]["client_id"], satchel.log[-1]["auth_method"]) == ("robot", "custom")


ITS_OWN: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {}),
    ({"Authorization": "Bearer x"}, {}),
    ({"Client-Cert": rfc9440(certificate())}, {}),
    ({}, {"client_id": "robot"}),
    (basic("robot", "x"), {"client_id": "robot"}),
    ({}, {"client_id": "robot", "client_secret": "x"}),
    ({}, {"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:other"}),
    ({}, {"client_id": "robot", "client_assertion": "x", "client_assertion_type": ASSERTION_TYPE}),
]


@pytest.mark.parametrize(("header", "more"), ITS_OWN)
def test_what_is_for_it_to_judge(
    satchel: Satchel, own: OperatorsOwn, header: dict[str, str], more: dict[str, str]
) -> None:
    assert ask(satchel, header, **more).status == 200
    assert len(own.asked) == 1


def test_the_other_methods_go_on_without_it(satchel: Satchel, own: OperatorsOwn) -> None:
    assert ask(satchel, basic("basic", "opensesame")).status == 200
    assert ask(satchel, basic("basic", "opensesame"), client_id="basic").status == 200
    assert ask(satchel, client_id="post", client_secret="opensesame").status == 200
    assert satchel.post("/token", form(assertion("signer"))).status == 200
    assert ask(satchel, basic("robot", "x")).status == 401
    assert ask(satchel, client_id="nobody").status == 401
    assert own.asked == []


@pytest.mark.parametrize("answer", [None, "nobody", "basic", "signer"])
def test_whom_it_cannot_name(satchel: Satchel, own: OperatorsOwn, answer: str | None) -> None:
    own.answer = lambda credentials: answer
    refusal = ask(satchel, {"Authorization": "Bearer x"})
    assert refusal == ask(satchel, basic("basic", "wrong"))
    assert refusal.status == 401


def test_it_cannot_contradict_the_request(satchel: Satchel, own: OperatorsOwn) -> None:
    assert ask(satchel, client_id="other").status == 401
    assert satchel.log[-1]["reason"] == "client_id differs from the authenticated client"


def fails(credentials: Credentials) -> Any:
    raise KeyError(credentials.authorization)


def refuses(credentials: Credentials) -> Any:
    raise OAuthError("temporarily_unavailable", "the directory is away")


def test_its_failures_are_ours_and_say_nothing(satchel: Satchel, own: OperatorsOwn) -> None:
    satchel.lines.clear()
    own.answer = fails
    answer = ask(satchel, {"Authorization": "Bearer secret-thing"})
    assert (answer.status, answer.json()["error"]) == (500, "server_error")
    assert satchel.log[-2]["fault"] == "KeyError"
    assert b"secret-thing" not in b"".join(satchel.lines) + answer.body


@pytest.mark.parametrize("answer", [7, b"robot", ["robot"], True])
def test_an_answer_of_another_type_is_a_failure(satchel: Satchel, own: OperatorsOwn, answer: Any) -> None:
    own.answer = lambda credentials: answer
    assert ask(satchel, {"Authorization": "Bearer x"}).json()["error"] == "server_error"


def test_its_own_refusal_is_given_on(satchel: Satchel, own: OperatorsOwn) -> None:
    own.answer = refuses
    assert ask(satchel, {"Authorization": "Bearer x"}).status == 503


def test_it_has_not_all_day(satchel: Satchel, own: OperatorsOwn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert custom.SECONDS == 1.0
    monkeypatch.setattr(custom, "SECONDS", 0.05)
    own.answer = lambda credentials: asyncio.sleep(5, "robot")
    satchel.lines.clear()
    assert ask(satchel, {"Authorization": "Bearer x"}).json()["error"] == "server_error"
    assert satchel.log[-2]["fault"] == "TimeoutError"


def test_the_certificate_of_nobody_trusted_is_not_shown_to_it(satchel: Satchel, own: OperatorsOwn) -> None:
    headers = {"Client-Cert": rfc9440(certificate())}
    satchel.post("/token", {"grant_type": "client_credentials"}, headers, client="192.0.2.1")
    assert own.asked[0].certificate is None


def problems(make_satchel: Callable[[str], Satchel], text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        make_satchel(text)
    return str(caught.value)


def test_it_needs_the_code(make_satchel: Callable[[str], Satchel]) -> None:
    assert 'clients[0].auth_methods: "custom" needs hooks.authenticate_client' in problems(
        make_satchel, HEAD + client_toml("robot", "custom")
    )


def test_it_stands_alone(module: OperatorsOwn, make_satchel: Callable[[str], Satchel]) -> None:
    both = client_toml("robot", "custom", "client_secret_post", secrets=[SECRET])
    assert 'clients[0].auth_methods: "custom" excludes other methods' in problems(make_satchel, HEAD + HOOKS + both)
