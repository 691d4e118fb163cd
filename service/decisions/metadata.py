"""Authorization server metadata (RFC 8414), listing only what works."""

from typing import Any

from service.bags.foreign_keys import ALGORITHMS
from service.client_auth import METHODS
from service.config import Config
from service.decisions.desk import Desk
from service.protocol.dpop import ALGS


def metadata(desk: Desk) -> dict[str, Any]:
    """Return the metadata document of the configuration."""
    config = desk.registry.config
    methods = [method.NAME for method in METHODS if method.NAME not in _unlisted(config)]
    algs = sorted(ALGORITHMS)
    used = {grant for client in config.clients for grant in client.grants}
    document = {
        "issuer": config.issuer,
        "token_endpoint": config.issuer + config.endpoints.token,
        "introspection_endpoint": config.issuer + config.endpoints.introspect,
        "introspection_signing_alg_values_supported": [config.keys.signing_algs[0]],
        "revocation_endpoint": config.issuer + config.endpoints.revoke,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algs,
        "jwks_uri": config.issuer + config.endpoints.jwks,
        "response_types_supported": [],
        "grant_types_supported": [grant for grant in desk.grants if grant in used],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algs,
        "tls_client_certificate_bound_access_tokens": bool(config.proxies.certificate_header),
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algs,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": sorted(ALGS),
        "scopes_supported": sorted({scope for resource in config.resources for scope in resource.scopes}),
    }
    if any("id_jag" in issuer.uses for issuer in config.issuers):
        document["authorization_grant_profiles_supported"] = ["urn:ietf:params:oauth:grant-profile:id-jag"]
    return document


def _unlisted(config: Config) -> set[str]:
    """Return the methods that no client could use here, and ours without a name of RFC 7591's registry."""
    without_certificates = {"tls_client_auth", "self_signed_tls_client_auth"}
    return {"custom"} if config.proxies.certificate_header else {"custom", *without_certificates}
