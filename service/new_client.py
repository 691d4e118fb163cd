"""The command `client`: prints the TOML entry of a new confidential client, and its secret, which is stored nowhere."""

import os
from hashlib import sha256

import msgspec

from satchel_jose.base64url import encode
from service.config import Client, Config


def new_client(config: Config, client_id: str, grants: list[str], scopes: list[str]) -> str:
    """Return the text to print for a new client, whose secret has 256 random bits.

    Raises:
        ValueError: the id exists already or is not printable ASCII, or a grant or scope is malformed.
    """
    if any(client.id == client_id for client in config.clients):
        raise ValueError(f"the id {client_id!r} exists already; choose another")
    if not (client_id.isascii() and client_id.isprintable()):
        raise ValueError("the id must be printable ASCII (RFC 6749 appendix A.1)")
    secret = encode(os.urandom(32)).decode()
    digest = sha256(secret.encode()).hexdigest()
    scopes = [scope for scope in scopes if scope]
    entry = {"id": client_id, "secrets": [{"sha256": digest}], "grants": grants, "scopes": scopes}
    msgspec.convert(entry, Client)
    return f"""[[clients]]
id = {_text(client_id)}
secrets = [{{ sha256 = "{digest}" }}]
grants = {_text(grants)}
scopes = {_text(scopes)}

# The secret. Satchel does not store it, so save it now:
# {secret}"""


def _text(value: str | list[str]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=-1).decode()
