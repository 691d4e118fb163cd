"""The table of the decision API: judgements for a server of yours, on the wire as Authlete's clients speak it."""

from typing import Annotated

from msgspec import Meta

from service.config.table import Path, Table

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ApiKey(Table, frozen=True):
    """A pair of API key and secret (HTTP Basic); the key is the service's id in `/api/{serviceId}` too."""

    key: Annotated[str, Meta(pattern=r"^[0-9]{1,18}\Z", description="a number")]
    sha256: Annotated[Digest, Meta(description="SHA-256 of the generated secret, in hexadecimal")]

    def __repr__(self) -> str:
        return f"ApiKey({self.key})"


class Api(Table, frozen=True):
    """The decision API (docs/decision-api.md). Whoever may call it may issue any token."""

    enabled: bool = False
    path: Annotated[Path, Meta(description="what its paths begin with; clients append `/api` to their base URL")] = (
        "/api"
    )
    bind: Annotated[
        str, Meta(description="`host:port` to listen on too, where alone it then answers; empty: where all else does")
    ] = ""
    id_token_reissuable: Annotated[
        bool, Meta(description="a refresh answers ID_TOKEN_REISSUABLE, and leaves the ID token to /idtoken/reissue")
    ] = False
    tokens: Annotated[
        tuple[Digest, ...], Meta(description="SHA-256 of generated bearer tokens, in hexadecimal: each for all keys")
    ] = ()
    keys: tuple[ApiKey, ...] = ()

    def __repr__(self) -> str:
        return f"Api(enabled={self.enabled})"
