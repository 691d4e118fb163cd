"""RFC 9728: what a protected resource says of itself, so that clients find the server that gives tokens for it."""

from urllib.parse import urlsplit

import msgspec

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class ResourceMetadata(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The members of section 2 that say something here.

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
            raise ValueError("a resource is identified by a URL without query and fragment")

    @property
    def path(self) -> str:
        """Where on its host the document is (section 3.1)."""
        return _WELL_KNOWN + urlsplit(self.resource).path.rstrip("/")

    @property
    def url(self) -> str:
        """Where the document is."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{self.path}"

    def encode(self) -> bytes:
        """The document. Tokens are taken from the Authorization header alone."""
        return msgspec.json.encode({**msgspec.to_builtins(self), "bearer_methods_supported": ["header"]})
