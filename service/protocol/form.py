"""Strict parsing of application/x-www-form-urlencoded (RFC 6749 appendix B). All bodies and queries go through here."""

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
"""Percent-encoded URNs that most clients send, decoded in advance."""
_NOT_ENCODED = "a parameter is not form-urlencoded: write special characters as %XX"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Form:
    """Parameters by name. A parameter without a value counts as omitted (RFC 6749 section 3.2)."""

    __slots__ = ("_lists", "_values")

    def __init__(self, values: dict[str, str], lists: dict[str, list[str]]) -> None:
        self._values = values
        self._lists = lists

    def get(self, name: str) -> str | None:
        """Return the value of a parameter, or None. Repeatable parameters are read with `all`."""
        return self._values.get(name)

    def require(self, name: str) -> str:
        """Return the value of a required parameter.

        Raises:
            OAuthError: invalid_request: the parameter is missing.
        """
        value = self._values.get(name)
        if value is None:
            raise OAuthError("invalid_request", f"{name} is missing")
        return value

    def has_any(self, names: frozenset[str]) -> bool:
        """Return whether at least one of `names` has a value."""
        return not names.isdisjoint(self._values)

    def all(self, name: str) -> list[str]:
        """Return the values of a repeatable parameter, in order."""
        return self._lists.get(name, [])


def parse(body: bytes) -> Form:
    """Return the parameters in `body`.

    Raises:
        OAuthError: invalid_request: a parameter is repeated, the encoding is invalid, a value is not UTF-8 or has a
            control character, or there are more than MAX_FIELDS parameters.
    """
    values: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    try:
        # Some clients send spaces as they are (oidc-agent), and the newline at the end of a file (curl).
        text = body.decode("ascii").rstrip("\r\n").replace(" ", "+")
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", _NOT_ENCODED) from None
    if not text:
        return Form(values, lists)
    seen = set()
    fields = text.split("&")
    if len(fields) > MAX_FIELDS:
        raise OAuthError("invalid_request", f"the request has more than {MAX_FIELDS} parameters")
    plain = "%" not in text and _PLAIN.fullmatch(text)  # nothing to decode, as in most requests
    for field in fields:
        name, _, value = field.partition("=")
        if not plain:
            # Nearly every name is an identifier, which needs no decoding.
            name, value = name if name.isidentifier() else unquote(name), unquote(value)
        if name in REPEATABLE:
            if value:
                lists.setdefault(name, []).append(value)
            continue
        if name in seen:
            raise OAuthError("invalid_request", "a parameter is sent more than once")
        seen.add(name)
        if value:
            values[name] = value
    return Form(values, lists)


def unquote(text: str) -> str:
    """Return `text` with `+` and percent-encoding decoded.

    Raises:
        OAuthError: invalid_request: the encoding is invalid, or the result is not UTF-8 or has a control character.
    """
    if _PLAIN.fullmatch(text):
        return text
    known = _URNS.get(text)
    if known is not None:
        return known
    if _ENCODED.fullmatch(text) is None:
        raise OAuthError("invalid_request", _NOT_ENCODED)
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "a parameter is not UTF-8") from None
    if CONTROL.search(decoded):
        raise OAuthError("invalid_request", "a parameter has a control character")
    return decoded
