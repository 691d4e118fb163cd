"""Responses to refused tokens (RFC 6750 section 3, RFC 9449 section 7.1, RFC 9470 section 3, RFC 9728 section 5.1)."""

from typing import NamedTuple

import msgspec

from satchel_client.errors import ClientError, InsufficientAuthentication, InsufficientScope, InvalidToken
from satchel_client.presented import MissingToken
from satchel_jose.algorithms import PROOFS

RETRY_AFTER = 5
"""`Retry-After` of a 503 response, in seconds."""
_BAD_PROOF = "invalid_dpop_proof"


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def refusal(error: ClientError, *, dpop: bool = False, resource_metadata: str = "") -> Answer:
    """Return the response to a request whose token was refused with `error`.

    `dpop` says whether DPoP-bound tokens are accepted. `resource_metadata` is the URL of the RFC 9728 document.
    """
    status, members = _meaning(error)
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    if status == 503:
        headers.append(("Retry-After", str(RETRY_AFTER)))
    else:
        shared = {**members, **({"resource_metadata": resource_metadata} if resource_metadata else {})}
        challenges = [] if members.get("error") == _BAD_PROOF else [_challenge("Bearer", shared)]
        if dpop:
            challenges.append(_challenge("DPoP", {**shared, "algs": " ".join(PROOFS)}))
        headers.append(("WWW-Authenticate", ", ".join(challenges) or "Bearer"))
    return Answer(status, headers, msgspec.json.encode(members))


def _meaning(error: ClientError) -> tuple[int, dict[str, str]]:
    match error:
        case MissingToken():
            return 401, {}
        case InvalidToken():
            status = 400 if error.error == "invalid_request" else 401
            return status, {"error": error.error, "error_description": error.description}
        case InsufficientScope():
            description = "the access token does not have the required scope"
            return 403, {"error": "insufficient_scope", "error_description": description, "scope": error.scope}
        case InsufficientAuthentication():
            members = {"error": "insufficient_user_authentication", "error_description": "the user must log in again"}
            if error.acr:
                members["acr_values"] = " ".join(error.acr)
            if error.max_age is not None:
                members["max_age"] = str(int(error.max_age))
            return 401, members
    return 503, {"error": "temporarily_unavailable", "error_description": "the access token cannot be verified now"}


def _challenge(scheme: str, members: dict[str, str]) -> str:
    return (
        f"{scheme} " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in members.items()) if members else scheme
    )


def _quoted(value: str) -> str:
    """Return the inside of a quoted-string (RFC 9110 section 5.6.4), in visible ASCII."""
    visible = "".join(character if " " <= character <= "~" else "?" for character in value)
    return visible.replace("\\", "\\\\").replace('"', '\\"')
