"""The one builder of the tests' configurations: Python values become TOML."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

DIGEST = sha256(b"secret").hexdigest()
PASSWORD = Argon2id(salt=bytes(16), length=32, iterations=1, lanes=1, memory_cost=8).derive_phc_encoded(b"wonderland")
"""The hash of `wonderland`, with the least work that there is: tests check it often."""


def _name(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)


def value(item: Any) -> str:
    """`item` as a TOML value on one line."""
    if isinstance(item, Mapping):
        members = ", ".join(f"{_name(name)} = {value(member)}" for name, member in item.items())
        return f"{{ {members} }}"
    if isinstance(item, list | tuple):
        return f"[{', '.join(map(value, item))}]"
    return json.dumps(item, ensure_ascii=False)


def settings(members: Mapping[str, Any]) -> str:
    """One line for each member; a member that is None is left out."""
    return "".join(f"{_name(name)} = {value(item)}\n" for name, item in members.items() if item is not None)


def tables(name: str, *rows: Mapping[str, Any]) -> str:
    """An array of tables."""
    return "".join(f"[[{name}]]\n{settings(row)}" for row in rows)


def configuration(text: str = "", **members: Any) -> str:
    """A configuration: plain settings, `text`, a table for each mapping, an array of tables for each list."""
    alone = {name: item for name, item in members.items() if not isinstance(item, list | Mapping)}
    parts = [settings(alone), text, "\n"]
    for name, item in members.items():
        if isinstance(item, Mapping):
            parts.append(f"[{name}]\n{settings(item)}")
        elif isinstance(item, list):
            parts.append(tables(name, *item))
    return "".join(parts)


def confidential(id: str, **members: Any) -> dict[str, Any]:
    """A client whose secret is `secret`."""
    return {"id": id, "secrets": [{"sha256": DIGEST}], **members}


def public(id: str, **members: Any) -> dict[str, Any]:
    """A client without a secret."""
    return {"id": id, "auth_methods": ["none"], **members}


def user(id: str, **members: Any) -> dict[str, Any]:
    """A user whose password is `wonderland`."""
    return {"id": id, "password": PASSWORD, **members}
