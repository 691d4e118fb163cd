"""Authorization server metadata (RFC 8414; OpenID Connect Discovery 1.0 section 4)."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from satchel_client.errors import MetadataError, Unreachable
from satchel_client.http import Exchange, Request, is_private


class Metadata(msgspec.Struct, frozen=True):
    """The members of the metadata that this package uses. Missing members are empty."""

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
    """Return the URLs of the metadata of `issuer`: first that of RFC 8414 section 3.1, then that of OpenID Connect."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    )


def discover(issuer: str, *, insecure: bool = False) -> Exchange[Metadata]:
    """Fetch the metadata of `issuer`. `insecure` allows plain http to other hosts than this one.

    Raises:
        MetadataError: neither URL has it, it is for another issuer, or an endpoint is not an https URL.
    """
    if not (insecure or is_private(issuer)) or not issuer.startswith("http") or "?" in issuer or "#" in issuer:
        raise MetadataError("the issuer must be an https URL without query and fragment")
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
            reasons.append(f"the document at {url} is not metadata")
            continue
        if metadata.issuer != issuer:
            raise MetadataError(f"the metadata at {url} names another issuer")
        for name in _ENDPOINTS:
            endpoint = getattr(metadata, name)
            if endpoint and not insecure and not is_private(endpoint):
                raise MetadataError(f"the {name} of {issuer} is not an https URL")
        return metadata
    raise MetadataError("; ".join(reasons))
