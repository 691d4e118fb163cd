"""What every error and every log reason means: errors.toml, rendered as docs/errors.md.

errors.toml has one entry for each text that the service says, with its cause and its cure. The tests find the texts in
the source and fail where one has no entry, or an entry has no text.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from service.protocol.errors import ErrorCode, OAuthError

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("errors.toml").read_text(encoding="utf-8"))
"""`codes`: meanings by code · `descriptions`: entries by code · `reasons`: entries by topic · `api`, `events`: entries.

An entry is a text with its cause and its cure.
"""

_HEAD = """# Errors and log reasons

This page is for developers of clients, who get an error, and for operators, who look for its reason in the log.
`make docs` writes it from `service/errors.toml`.

A client gets an error code and a description. The description says what is wrong with the request. It never says more
than the client may know: if a token, secret or assertion is refused, the description is the same for every reason. The
reason is in the log line of the request (`reason`), with the id of the request (`id`), which an error page shows too.

In the texts below, "…" stands for what differs from case to case.
"""
_CLIENTS = """## What clients get

Descriptions, by error code. Where a description has no reason of its own in the log, the log has the description."""
_REASONS = """## Reasons in the log

The member `reason` of a line. Reasons are for operators and are never sent to clients."""
_EVENTS = """## Events in the log

Lines that are not about one request. The member `event` has the text."""
_API = """## Faults of callers of the decision API

The `resultMessage` of a call that is refused because of the caller ([decision-api.md](decision-api.md))."""


def error_reference() -> str:
    """Return the reference as Markdown."""
    return "\n".join([_HEAD, *_codes(), _CLIENTS, "", *_sections(TABLE["descriptions"], "description"), *_rest()])


def _codes() -> Iterator[str]:
    yield "## Error codes\n\n| code | HTTP status | meaning |\n|---|---|---|"
    for code, meaning in TABLE["codes"].items():
        yield f"| `{code}` | {OAuthError(cast(ErrorCode, code)).status} | {meaning} |"
    yield ""


def _rest() -> Iterator[str]:
    yield f"{_REASONS}\n"
    yield from _sections(TABLE["reasons"], "reason")
    yield f"{_EVENTS}\n"
    yield from _entries(TABLE["events"], "event")
    yield f"{_API}\n"
    yield from _entries(TABLE["api"], "message")


def _sections(sections: dict[str, dict[str, list[str]]], name: str) -> Iterator[str]:
    for title, entries in sections.items():
        yield f"### {title}\n"
        yield from _entries(entries, name)


def _entries(entries: dict[str, list[str]], name: str) -> Iterator[str]:
    yield f"| {name} | cause | cure |\n|---|---|---|"
    for text, entry in entries.items():
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in (text, *entry)) + " |"
    yield ""
