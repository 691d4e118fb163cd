"""The settings of the decision API, which other authorization servers call in the wire format of Authlete clients."""

from typing import Annotated

from msgspec import Meta

from service.config.table import Path, Table

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ApiKey(Table, frozen=True):
    """An API key with its secret, for HTTP Basic. The key is also the `{serviceId}` in `/api/{serviceId}`."""

    key: Annotated[str, Meta(pattern=r"^[0-9]{1,18}\Z", description="the API key: 1 to 18 digits")]
    sha256: Annotated[Digest, Meta(description="SHA-256 of the generated API secret, in hexadecimal")]

    def __repr__(self) -> str:
        return f"ApiKey({self.key})"


class Api(Table, frozen=True):
    """The decision API (docs/decision-api.md). Its callers can issue any token."""

    enabled: Annotated[bool, Meta(description="serve the decision API")] = False
    path: Annotated[
        Path, Meta(description="common prefix of its paths; Authlete clients append `/api` to their base URL")
    ] = "/api"
    bind: Annotated[
        str,
        Meta(
            description="`host:port` of a listener of its own; the decision API then answers there only; "
            "empty: it shares the main listener"
        ),
    ] = ""
    id_token_reissuable: Annotated[
        bool,
        Meta(
            description="a refresh token request returns the action ID_TOKEN_REISSUABLE and no ID token; "
            "the caller gets the ID token from /idtoken/reissue"
        ),
    ] = False
    tokens: Annotated[
        tuple[Digest, ...],
        Meta(description="SHA-256 of generated bearer tokens, in hexadecimal; each token is valid for every API key"),
    ] = ()
    keys: tuple[ApiKey, ...] = ()

    def __repr__(self) -> str:
        return f"Api(enabled={self.enabled})"
