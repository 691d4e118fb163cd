"""The examples, as gunicorn runs them, with tokens of a Satchel."""

from collections.abc import Iterator

import httpx
import pytest

from tests.client.programs import program
from tests.worlds.gunicorn import Running
from tests.worlds.ports import free_port

pytestmark = pytest.mark.slow

EXAMPLES = {
    "flask_api": ["-k", "gthread"],
    "falcon_api": ["-k", "asgi"],
    "asgi_api": ["-k", "asgi"],
    "starlette_api": ["-k", "asgi"],
    "fastapi_api": ["-k", "asgi"],
    "django_api": ["-k", "gthread"],
    "django_asgi_api": ["-k", "asgi"],
}


@pytest.fixture(scope="module", params=EXAMPLES)
def api(request: pytest.FixtureRequest, running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    name, port = request.param, free_port()
    directory = tmp_path_factory.mktemp(name)
    command = ["gunicorn", "--no-control-socket", "-b", f"127.0.0.1:{port}", "--chdir", "client/examples"]
    with program(
        *command,
        *EXAMPLES[name],
        f"{name}:app",
        port=port,
        log=directory / "log",
        alive="/health",
        ISSUER=running.url,
    ) as url:
        yield url


def ask(api: str, token: str | None = None, method: str = "GET", path: str = "/rooms/7") -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.request(method, api + path, headers=headers, trust_env=False)


def test_an_example(api: str, running: Running) -> None:
    assert ask(api, path="/health").json() == {"ok": True}
    nobody = ask(api)
    assert nobody.status_code == 401
    place = "https://api.example.com/.well-known/oauth-protected-resource"
    assert f'resource_metadata="{place}"' in nobody.headers["www-authenticate"]
    metadata = ask(api, path="/.well-known/oauth-protected-resource").json()
    assert metadata["authorization_servers"] == [running.url]

    both, reader, writer = running.token(), running.token(scope="read"), running.token(scope="write")
    for token in (both, reader):
        assert ask(api, token).json() == {"room": 7, "seen_by": "123456789"}
    for token in (both, writer):
        assert ask(api, token, "PUT").status_code == 204
    for token, method in ((reader, "PUT"), (writer, "GET")):
        answer = ask(api, token, method)
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert ask(api, writer, "HEAD").status_code in (403, 405)
    sealed = running.token(scope="vault", resource="https://vault.example.com")
    for token in (sealed, both[:-4] + "AAAA", "garbage"):
        answer = ask(api, token)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
