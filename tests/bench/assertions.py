"""A client that proves itself with private_key_jwt (RFC 7523 section 2.2), and its requests: each with a fresh jti."""

import time
from collections.abc import Iterator
from urllib.parse import urlencode

from tests.bench.load import Request
from tests.worlds.client_proofs import EC_KEY, assertion, client_toml, form, public_jwk
from tests.worlds.demo import DEMO
from tests.worlds.gunicorn import Running

ROBOT = DEMO + client_toml(
    "robot", "private_key_jwt", scopes=["read", "write"], jwks={"keys": [public_jwk(EC_KEY, kid="ec")]}
)
"""The demo's configuration and that client."""


def asserted(server: Running, count: int) -> Iterator[Request]:
    """Yield `count` requests of the client that are good once, for the next five minutes."""
    now = int(time.time())
    for _ in range(count):
        token = assertion("robot", aud=server.url, iat=now, exp=now + 300)
        yield Request("/token", urlencode(form(token)).encode(), {})
