"""The redis memory over TLS, with a password and with a client's certificate, against a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.memory import MemorySettings, MemoryUnavailable, open_memory
from tests.memory.entries import values
from tests.worlds.certificates import issue, pem
from tests.worlds.ports import free_port
from tests.worlds.redis_servers import RedisServer, needs_redis, redis_server

pytestmark = needs_redis


class Secured(NamedTuple):
    """A server that asks for the password `pass word`; the files of those who may talk to it."""

    server: RedisServer
    port: int
    home: Path

    def url(self, password: str = "pass%20word", authority: str = "ca", client: str = "") -> str:
        files = f"ssl_ca_certs={self.home}/{authority}.pem"
        files += f"&ssl_certfile={self.home}/{client}.pem&ssl_keyfile={self.home}/{client}.key" if client else ""
        account = f":{password}@" if password else ""
        return f"rediss://{account}127.0.0.1:{self.port}/0?{files}"


@pytest.fixture(scope="module", params=["no", "yes"])
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """With `yes` the server wants a certificate of its clients."""
    home = tmp_path_factory.mktemp("tls")
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "client", "stranger", "other")}
    now = time.time()
    authorities = {
        name: issue(f"CN={name}", keys[name], None, keys[name], authority=True, now=now) for name in ("ca", "other")
    }
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificates = {
        **authorities,
        "server": issue("CN=server", keys["server"], authorities["ca"], keys["ca"], address, now=now),
        "client": issue("CN=client", keys["client"], authorities["ca"], keys["ca"], now=now),
        "stranger": issue("CN=client", keys["stranger"], authorities["other"], keys["other"], now=now),
    }
    for name, certificate in certificates.items():
        (home / f"{name}.pem").write_text(pem(certificate))
        key = keys[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (home / f"{name}.key").write_bytes(key)
    port = free_port()
    options = {
        "--tls-port": str(port),
        "--tls-cert-file": f"{home}/server.pem",
        "--tls-key-file": f"{home}/server.key",
        "--tls-ca-cert-file": f"{home}/ca.pem",
        "--tls-auth-clients": request.param,
        "--requirepass": "pass word",
    }
    with redis_server(home / "data", *[word for option in options.items() for word in option]) as server:
        yield Secured(server, port, home)


def use(url: str) -> bytes | None:
    """Put an entry and read it again."""

    async def act() -> bytes | None:
        memory = open_memory(MemorySettings(kind="redis", url=url, timeout_ms=3000))
        try:
            assert (await memory.ready()).name == "redis"
            assert (await memory.put("x", b"1", int(time.time()) + 60)).value == b"1"
            await memory.put("nbf", b"", int(time.time()) + 60, 7, use="operator")
            return values(await memory.get_many(["x"]))[0]
        finally:
            await memory.close()
            await asyncio.sleep(0.1)  # TLS says goodbye in turns of its own

    return asyncio.run(act())


def test_with_all_that_it_takes(secured: Secured) -> None:
    assert use(secured.url(client="client")) == b"1"


@pytest.mark.parametrize("client", ["", "stranger"])
def test_a_client_that_nobody_vouches_for(secured: Secured, client: str) -> None:
    if "yes" in secured.server.options:
        with pytest.raises(MemoryUnavailable):
            use(secured.url(client=client))
    elif not client:  # no certificate is asked for, and none is needed
        assert use(secured.url()) == b"1"


@pytest.mark.parametrize("fault", ["authority", "name", "password", "no password", "no tls"])
def test_whoever_cannot_be_trusted_is_not_talked_to(secured: Secured, fault: str) -> None:
    urls = {
        "authority": secured.url(authority="other", client="client"),
        "name": secured.url(client="client").replace("127.0.0.1", "localhost"),
        "password": secured.url(password="wrong", client="client"),
        "no password": secured.url(password="", client="client"),
        "no tls": f"redis://:pass%20word@127.0.0.1:{secured.port}/0",
    }
    with pytest.raises(MemoryUnavailable) as caught:
        use(urls[fault])
    assert "pass" not in str(caught.value).replace("password", "").replace("WRONGPASS", "")
