"""The one reader of application/x-www-form-urlencoded bodies (RFC 6749 appendix B), stricter than the web's."""

import re
from urllib.parse import quote, unquote_to_bytes

from service.protocol.errors import OAuthError

MAX_FIELDS = 100
REPEATABLE = frozenset({"resource", "audience"})
"""Parameters that may be sent more than once (RFC 8707 section 2, RFC 8693 section 2.1)."""

_PLAIN = re.compile(r"[!-$&-*,-~]*+")
_ENCODED = re.compile(r"(?:[!-$&-~]++|%[0-9A-Fa-f]{2})*+")
_URNS = {
    quote(urn, safe=""): urn
    for urn in (
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:token-type:access_token",
    )
}
"""What most programs send in these escapes, again and again."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Form:
    """Parameters by name; one without a value counts as absent (RFC 6749 section 3.2)."""

    __slots__ = ("_lists", "_values")

    def __init__(self, values: dict[str, str], lists: dict[str, list[str]]) -> None:
        self._values = values
        self._lists = lists

    def get(self, name: str) -> str | None:
        """Return the value of a parameter that is sent once, or None."""
        return self._values.get(name)

    def require(self, name: str) -> str:
        """Return the value of a parameter that must be there.

        Raises:
            OAuthError: invalid_request.
        """
        value = self._values.get(name)
        if value is None:
            raise OAuthError("invalid_request", f"{name} is missing")
        return value

    def has_any(self, names: frozenset[str]) -> bool:
        """Tell whether one of `names` has a value."""
        return not names.isdisjoint(self._values)

    def all(self, name: str) -> list[str]:
        """Return the values of a repeatable parameter, in order."""
        return self._lists.get(name, [])


def parse(body: bytes) -> Form:
    """Return the parameters in `body`.

    Raises:
        OAuthError: invalid_request, for a repeated parameter, an octet or an escape that does not belong, text that is
            not UTF-8, a control character, or more than MAX_FIELDS parameters.
    """
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "the body is not form-urlencoded") from None
    if not text:
        return Form(values, lists)
    seen = set()
    fields = text.split("&")
    if len(fields) > MAX_FIELDS:
        raise OAuthError("invalid_request", "too many parameters")
    plain = "%" not in text and _PLAIN.fullmatch(text)  # nothing to resolve anywhere, as in most requests
    for field in fields:
        name, _, value = field.partition("=")
        if not plain:
            # An identifier, which nearly every name is, has nothing to resolve.
            name, value = name if name.isidentifier() else unquote(name), unquote(value)
        if name in REPEATABLE:
            if value:
                lists.setdefault(name, []).append(value)
            continue
        if name in seen:
            raise OAuthError("invalid_request", "a parameter is repeated")
        seen.add(name)
        if value:
            values[name] = value
    return Form(values, lists)


def unquote(text: str) -> str:
    """Return `text` with `+` and percent-escapes resolved.

    Raises:
        OAuthError: invalid_request, where the text is not so encoded, not UTF-8, or hides a control character.
    """
    if _PLAIN.fullmatch(text):
        return text
    known = _URNS.get(text)
    if known is not None:
        return known
    if _ENCODED.fullmatch(text) is None:
        raise OAuthError("invalid_request", "the body is not form-urlencoded")
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "the body is not UTF-8") from None
    if CONTROL.search(decoded):
        raise OAuthError("invalid_request", "the body has a control character")
    return decoded
