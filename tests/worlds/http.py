"""What is sent and answered: credentials, forms, responses."""

import base64
import json
import urllib.parse
from dataclasses import dataclass, field
from typing import Any


def basic(client_id: str, secret: str) -> dict[str, str]:
    """An Authorization header (RFC 6749 section 2.3.1)."""
    pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@dataclass
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def form_bytes(form: dict[str, Any] | bytes | str) -> bytes:
    """A form body; a list is a repeated parameter."""
    if isinstance(form, bytes):
        return form
    return (form if isinstance(form, str) else urllib.parse.urlencode(form, doseq=True)).encode()


def granted(answer: Answer) -> dict[str, Any]:
    """The tokens in an answer."""
    assert answer.status == 200, answer.body
    return dict(answer.json())


def refused(answer: Answer, error: str = "invalid_grant", status: int = 400) -> None:
    """Check that `answer` is this refusal, and holds no token."""
    assert (answer.status, answer.json()["error"]) == (status, error), answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() <= {"error", "error_description"}
