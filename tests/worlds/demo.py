"""The configuration in demo.toml, and the credentials that stand in it."""

import re
from pathlib import Path

from tests.worlds.http import basic

ROOT = Path(__file__).parents[2]


DEMO = (ROOT / "demo.toml").read_text()


_DEVICE = re.compile(r"# A device without.*?(?=# The two resource servers)", re.DOTALL)


_SIGNED_OUT = re.compile(r"^post_logout_redirect_uris = .*\n", re.MULTILINE)


MACHINES = _SIGNED_OUT.sub("", _DEVICE.sub("", DEMO)).replace("[openid]\nenabled = true\n", "")
"""The demo without what needs people: no OpenID Connect, no device."""


CXF = basic("123456789", "987654321")


API_SERVER = basic("api", "api-secret")


VAULT_SERVER = basic("vault", "vault-secret")
