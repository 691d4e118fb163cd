"""Protected resource metadata (RFC 9728), by which clients find the authorization server of a resource."""

from urllib.parse import urlsplit

import msgspec

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class ResourceMetadata(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The members of the document (section 2).

    Raises:
        ValueError: `resource` is not a URL without query and fragment.
    """

    resource: str
    authorization_servers: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    resource_name: str = ""
    resource_documentation: str = ""
    dpop_signing_alg_values_supported: tuple[str, ...] = ()
    dpop_bound_access_tokens_required: bool = False
    tls_client_certificate_bound_access_tokens: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.resource)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("resource must be a URL without query and fragment")

    @property
    def path(self) -> str:
        """The path of the document (section 3.1)."""
        return _WELL_KNOWN + urlsplit(self.resource).path.rstrip("/")

    @property
    def url(self) -> str:
        """The URL of the document."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{self.path}"

    def encode(self) -> bytes:
        """Return the document as JSON. Tokens are accepted in the Authorization header only."""
        return msgspec.json.encode({**msgspec.to_builtins(self), "bearer_methods_supported": ["header"]})
