"""Authorization server metadata (RFC 8414; OpenID Connect Discovery 1.0 section 4)."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from satchel_client.errors import MetadataError, Unreachable
from satchel_client.http import Exchange, Request, is_private


class Metadata(msgspec.Struct, frozen=True):
    """What a server says of itself, as far as it matters here; what is optional and not said is empty."""

    issuer: str
    token_endpoint: str = ""
    jwks_uri: str = ""
    introspection_endpoint: str = ""
    revocation_endpoint: str = ""
    pushed_authorization_request_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    introspection_endpoint_auth_methods_supported: tuple[str, ...] = ()
    dpop_signing_alg_values_supported: tuple[str, ...] = ()
    mtls_endpoint_aliases: dict[str, Any] = {}


_ENDPOINTS = ("token_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint")


def well_known(issuer: str) -> tuple[str, str]:
    """Return where the metadata of `issuer` may be: RFC 8414 section 3.1 first, then OpenID Connect's place."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    )


def discover(issuer: str, *, insecure: bool = False) -> Exchange[Metadata]:
    """Fetch the metadata of `issuer`; `insecure` allows plain http beyond this host.

    Raises:
        MetadataError: neither place has it, it is another issuer's, or an endpoint is open to eavesdroppers.
    """
    if not (insecure or is_private(issuer)) or not issuer.startswith("http") or "?" in issuer or "#" in issuer:
        raise MetadataError("an issuer is an https URL without query and fragment")
    reasons = []
    for url in well_known(issuer):
        try:
            response = yield Request("GET", url)
        except Unreachable as failure:
            reasons.append(str(failure))
            continue
        if response.status != 200:
            reasons.append(f"status {response.status} from {url}")
            continue
        try:
            metadata = msgspec.json.decode(response.body, type=Metadata)
        except (msgspec.DecodeError, UnicodeDecodeError):
            reasons.append(f"no metadata at {url}")
            continue
        if metadata.issuer != issuer:
            raise MetadataError(f"the metadata at {url} is that of another issuer")
        for name in _ENDPOINTS:
            endpoint = getattr(metadata, name)
            if endpoint and not insecure and not is_private(endpoint):
                raise MetadataError(f"the {name} of {issuer} is no https URL")
        return metadata
    raise MetadataError("; ".join(reasons))
