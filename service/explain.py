"""The command `explain`: the kind and contents of a token, and whether it is valid or why it is refused."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from keys import Ring
from satchel_jose.base64url import decode
from service.bags.errors import BadBag, ExpiredBag
from service.bags.kinds import KINDS, Bag
from service.bags.snapshot import AT_JWT, Snapshot


def explain(ring: Ring, issuer: str, token: str, now: float) -> str:
    """Return the explanation of `token` at `now` (seconds since the epoch), as lines of text."""
    snapshot = Snapshot(ring, issuer)
    try:
        return _told(token, snapshot.open(token, KINDS, now), "valid")
    except ExpiredBag as fault:
        return _told(token, fault.bag, "refused: expired")
    except BadBag as fault:
        with suppress(BadBag):
            return _id_token(snapshot.open_id_token(token, now), now)
        lines = ["kind:     unknown", f"verdict:  refused: {fault.reason}"]
        for name, segment in zip(
            ("header", "payload"), token.split(".")[: 2 if token.count(".") == 2 else 1], strict=False
        ):
            lines.append(f"{name}:  {_unverified(segment)} (not verified)")
        return "\n".join(lines)


def _told(token: str, bag: Bag, verdict: str) -> str:
    typ = msgspec.json.decode(decode(token.partition(".")[0].encode()))["typ"]
    if typ == "JWT":  # a nested one (RFC 7519 section 5.2)
        typ = f"{AT_JWT}, encrypted to its resource server"
    lines = [f"kind:     {type(bag).__name__} ({typ})", f"verdict:  {verdict}"]
    return "\n".join([*lines, *(_member(name, getattr(bag, name)) for name in bag.__struct_fields__)])


def _id_token(claims: dict[str, Any], now: float) -> str:
    verdict = "refused: expired (still accepted as id_token_hint)" if now >= claims["exp"] else "valid"
    lines = ["kind:     ID token (JWT)", f"verdict:  {verdict}"]
    return "\n".join([*lines, *(_member(name, value) for name, value in claims.items())])


def _member(name: str, value: Any) -> str:
    shown = msgspec.json.encode(value).decode()
    if name in ("iat", "exp", "auth_time", "until") and value:
        shown += f"  ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return f"{name + ':':<10}{shown}"


def _unverified(segment: str) -> str:
    try:
        return msgspec.json.encode(msgspec.json.decode(decode(segment.encode()))).decode()
    except (BadBag, msgspec.DecodeError, UnicodeError, RecursionError):
        return "unreadable"
