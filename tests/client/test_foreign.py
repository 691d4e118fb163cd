"""The verifier against a server of other people (Authlib on Flask)."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from satchel_client.client_auth import ClientSecretBasic
from satchel_client.errors import InsufficientScope, InvalidToken, Undecided
from satchel_client.introspection import Introspection
from satchel_client.requirement import Requirement
from satchel_client.verifier import AsyncVerifier, Verifier

from tests.client.foreign_server import AUDIENCE, SECRET
from tests.client.programs import program
from tests.worlds.ports import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("foreign") / "log"
    alive = "/.well-known/openid-configuration"
    with program("tests.client.foreign_server", str(port), port=port, log=log, alive=alive) as url:
        yield url


def get_token(issuer: str, client_id: str) -> str:
    form = {"grant_type": "client_credentials", "scope": "read"}
    answer = httpx.post(f"{issuer}/token", data=form, auth=(client_id, SECRET), trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def test_its_signed_tokens(issuer: str) -> None:
    token = get_token(issuer, "jwt")
    with Verifier(issuer, AUDIENCE) as verifier:
        assert verifier.verify(token, Requirement("read")).client_id == "jwt"
        with pytest.raises(InsufficientScope):
            verifier.verify(token, Requirement("write"))
    with Verifier(issuer, "https://other.example.com") as verifier, pytest.raises(InvalidToken):
        verifier.verify(token)
    with Verifier(issuer + "/", AUDIENCE) as verifier, pytest.raises((InvalidToken, Undecided)):
        verifier.verify(token)


def test_its_signed_tokens_in_an_event_loop(issuer: str) -> None:
    async def both() -> None:
        async with AsyncVerifier(issuer, AUDIENCE) as verifier:
            tokens = await asyncio.gather(*(verifier.verify(get_token(issuer, "jwt")) for _ in range(3)))
            assert [token.client_id for token in tokens] == ["jwt"] * 3

    asyncio.run(both())


def test_its_opaque_tokens(issuer: str) -> None:
    introspection = Introspection(ClientSecretBasic("api", SECRET))
    with Verifier(issuer, AUDIENCE, introspection=introspection) as verifier:
        assert verifier.verify(get_token(issuer, "opaque"), Requirement("read")).subject == "opaque"
        assert verifier.verify(get_token(issuer, "jwt")).client_id == "jwt"
        with pytest.raises(InvalidToken):
            verifier.verify("f" * 48)


def test_who_may_not_ask_hears_nothing(issuer: str) -> None:
    token = get_token(issuer, "opaque")
    stranger = Introspection(ClientSecretBasic("stranger", SECRET))
    with Verifier(issuer, AUDIENCE, introspection=stranger) as verifier, pytest.raises(InvalidToken):
        verifier.verify(token)
    impostor = Introspection(ClientSecretBasic("api", "wrong"))
    with Verifier(issuer, AUDIENCE, introspection=impostor) as verifier, pytest.raises(Undecided):
        verifier.verify(token)
