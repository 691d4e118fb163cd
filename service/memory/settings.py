"""The `[memory]` table of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from service.memory.quota import UNDIVIDED

ANONYMOUS = 1_000_000
"""Entries of each class that people without a registration can fill, by default: some 100 MB together."""
SHARES = {"client": 50, "subject": 1, "address": 10}
"""Percent of a class that one owner of a kind may fill, by default."""
SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")


class MemorySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which memory, where it is, and how long to wait for it."""

    kind: Annotated[
        Literal["embedded", "redis", "none"],
        Meta(description="`embedded` (a file that the workers of one host share), `redis` (many nodes) or `none`"),
    ] = "embedded"
    path: Annotated[
        str,
        Meta(
            description="file of the embedded memory, on a disk that outlives a redeploy; else in the state directory"
        ),
    ] = ""
    url: Annotated[
        str,
        Meta(
            description="redis: `redis://`, `rediss://` and `unix://` as redis-py has them,"
            " `redis+cluster://host:port,host:port` or `redis+sentinel://host:port,host:port/service` (`rediss+` with"
            " TLS); each takes `user:password@` and `?options`"
        ),
    ] = "redis://127.0.0.1:6379/0"
    accept_identity: Annotated[
        tuple[str, ...], Meta(description="identities of former memories, whose single-use bags are still accepted")
    ] = ()
    accept_older_tokens: Annotated[
        bool,
        Meta(
            description="accept access tokens that were issued before `since` (`/readyz` shows it), although their "
            "revocation may be forgotten, at introspection, /userinfo and token exchange"
        ),
    ] = False
    busy_ms: Annotated[int, Meta(description="embedded: milliseconds to wait for another process that is writing")] = (
        250
    )
    timeout_ms: Annotated[int, Meta(description="redis: milliseconds to wait for an answer")] = 250
    max_entries: Annotated[
        int, Meta(description="entries that a class of use may hold, unless `quotas` names the class")
    ] = 10_000_000
    quotas: Annotated[
        dict[str, int],
        Meta(
            description="entries that single classes of use may hold; those that anybody can write to (`device`, `par`,"
            f" `login`, `throttle`) hold {ANONYMOUS:,} unless they are named"
        ),
    ] = {}
    shares: Annotated[
        dict[str, int],
        Meta(
            description="percent of a class that one owner may fill: a `client` (50 unless it is named), a `subject`"
            f" (1) or an `address` (10); each may always have {UNDIVIDED} entries"
        ),
    ] = {}

    @property
    def every_share(self) -> dict[str, int]:
        """The shares by kind of owner."""
        return SHARES | self.shares

    @property
    def every_quota(self) -> dict[str, int]:
        """The quotas by class; one that is not here may hold `max_entries`."""
        return dict.fromkeys(("device", "par", "login", "throttle"), min(ANONYMOUS, self.max_entries)) | self.quotas

    @property
    def place(self) -> str:
        """Where the memory is: a path, or a URL without the account; empty for `none`."""
        if self.kind == "redis":
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return self.path if self.kind == "embedded" else ""

    def problems(self) -> list[tuple[str, str]]:
        """Give every fault as (path inside the table, message)."""
        found: list[tuple[str, str]] = []
        if self.kind == "redis":
            found += [("url", message) for message in _url_problems(self.url)]
        for name in ("busy_ms", "timeout_ms"):
            if not 1 <= getattr(self, name) <= 5000:
                found.append((name, "must be from 1 to 5000 milliseconds"))
        if self.max_entries < 1:
            found.append(("max_entries", "must be at least 1"))
        found += [(f"quotas.{use}", "must be at least 1") for use, most in self.quotas.items() if most < 1]
        for owner, share in self.shares.items():
            if owner not in SHARES:
                found.append((f"shares.{owner}", f"there is no such owner: {', '.join(SHARES)}"))
            elif not 1 <= share <= 100:
                found.append((f"shares.{owner}", "must be from 1 to 100 percent"))
        found += [("accept_identity", "must not be empty") for identity in self.accept_identity if not identity]
        return found

    def __repr__(self) -> str:
        # The URL may hold a password.
        where = {"embedded": f", path={self.path!r}", "redis": ", url=…"}.get(self.kind, "")
        return f"MemorySettings(kind={self.kind!r}{where})"


def _url_problems(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ["is not a URL"]
    if parts.scheme not in SCHEMES:
        return [f"must start with one of {', '.join(SCHEMES)} and ://"]
    if parts.scheme.endswith("+sentinel") and not parts.path.strip("/"):
        return ["must name the sentinels' service: redis+sentinel://host:port/service-name"]
    if parts.scheme == "unix" and not parts.path:
        return ["must name a socket: unix:///path"]
    if parts.scheme != "unix" and not parts.netloc:
        return ["must name a host"]
    return []
