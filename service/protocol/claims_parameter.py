"""The `claims` parameter (OpenID Connect Core section 5.5), which requests single claims."""

from typing import Any

from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.protocol.errors import OAuthError

MAX_CHARS = 2000
MAX_CLAIMS = 50
"""The most claims that one member (`id_token` or `userinfo`) may name."""


def read_claims(text: str) -> dict[str, Any]:
    """Return the members `id_token` and `userinfo` of the parameter: each maps claim names to claim requests.

    A claim request is None or a dict with some of `essential`, `value` and `values`. Other members are ignored, as
    section 5.5 requires.

    Raises:
        OAuthError: invalid_request.
    """
    try:
        if len(text) > MAX_CHARS:
            raise BadBag("too long")
        members = load_object(text.encode("utf-8"))
        return {name: _requests(members[name]) for name in ("id_token", "userinfo") if members.get(name) is not None}
    except BadBag as fault:
        raise OAuthError(
            "invalid_request", "claims is not a valid JSON object of claim requests", reason=fault.reason
        ) from None


def _requests(member: Any) -> dict[str, Any]:
    if not isinstance(member, dict) or len(member) > MAX_CLAIMS:
        raise BadBag("id_token or userinfo is not an object or names too many claims")
    return {name: None if request is None else _request(request) for name, request in member.items()}


def _request(request: Any) -> dict[str, Any]:
    if not isinstance(request, dict):
        raise BadBag("a claim request is neither null nor an object")
    kept: dict[str, Any] = {}
    if request.get("essential") is True:
        kept["essential"] = True
    if "value" in request:
        kept["value"] = request["value"]
    if "values" in request:
        if not isinstance(request["values"], list):
            raise BadBag("values is not an array")
        kept["values"] = request["values"]
    return kept
