"""The metadata of the authorization server (RFC 8414) and of OpenID Connect (Discovery section 3).

It lists only what the configuration makes work. Both well-known paths have the same document, since both
specifications share one registry of members.
"""

from typing import Any

from satchel_jose.algorithms import ALGORITHMS, SIGNATURES
from service.client_auth import METHODS
from service.config import Config
from service.config.check_grants import DEVICE_CODE
from service.decisions.authorize.parameters import RESPONSE_MODES
from service.decisions.context import Context
from service.protocol.claims import SCOPES
from service.protocol.dpop import ALGS
from service.protocol.scopes import OPENID_SCOPES


def metadata(context: Context) -> dict[str, Any]:
    """Return the metadata document of the configuration."""
    config = context.registry.config
    methods = [method.NAME for method in METHODS if method.NAME not in _unlisted(config)]
    algs = sorted(ALGORITHMS)
    used = {grant for client in config.clients for grant in client.grants}
    document: dict[str, Any] = {
        "issuer": config.issuer,
        "token_endpoint": config.issuer + config.endpoints.token,
        "introspection_endpoint": config.issuer + config.endpoints.introspect,
        "introspection_signing_alg_values_supported": [config.keys.signing_algs[0]],
        "jwks_uri": config.issuer + config.endpoints.jwks,
        "response_types_supported": ["code"] if "authorization_code" in used else [],
        "grant_types_supported": [grant for grant in context.grants if grant in used],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algs,
        "tls_client_certificate_bound_access_tokens": bool(config.proxies.certificate_header),
        "introspection_endpoint_auth_methods_supported": [name for name in methods if name != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": algs,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": sorted(ALGS),
        "scopes_supported": sorted({scope for resource in config.resources for scope in resource.scopes}),
    }
    if context.memory.name != "none":  # without a memory nothing can be revoked
        document |= {
            "revocation_endpoint": config.issuer + config.endpoints.revoke,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": algs,
        }
    if "authorization_code" in used:
        document |= _authorization(config)
    if DEVICE_CODE in used:  # RFC 8628 section 4
        document["device_authorization_endpoint"] = config.issuer + config.endpoints.device_authorization
    if config.openid.enabled:
        document |= _openid(config)
        document["scopes_supported"] = sorted(OPENID_SCOPES.union(document["scopes_supported"]))
    if any("id_jag" in issuer.uses for issuer in config.issuers):
        document["authorization_grant_profiles_supported"] = ["urn:ietf:params:oauth:grant-profile:id-jag"]
    return document


def _authorization(config: Config) -> dict[str, Any]:
    """Return the members for the authorization endpoint (RFC 9126 section 5, RFC 9101 10.5, RFC 9207 section 3)."""
    clients = [client for client in config.clients if "authorization_code" in client.grants]
    document: dict[str, Any] = {
        "authorization_endpoint": config.issuer + config.endpoints.authorize,
        "response_modes_supported": list(RESPONSE_MODES),
        "authorization_response_iss_parameter_supported": True,
        "pushed_authorization_request_endpoint": config.issuer + config.endpoints.par,
        "require_pushed_authorization_requests": all(one.require_pushed_authorization_requests for one in clients),
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "require_signed_request_object": all(one.require_signed_request_object for one in clients),
        "request_object_signing_alg_values_supported": sorted(SIGNATURES),
        "prompt_values_supported": ["none", "login", "consent"],
    }
    if config.detail_types:  # RFC 9396 section 10
        document["authorization_details_types_supported"] = [kind.type for kind in config.detail_types]
    return document


def _openid(config: Config) -> dict[str, Any]:
    """Return the members of OpenID Connect (Discovery section 3, RP-Initiated Logout 2.1, Back-Channel Logout 2.1)."""
    return {
        "userinfo_endpoint": config.issuer + config.endpoints.userinfo,
        "end_session_endpoint": config.issuer + config.endpoints.logout,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "subject_types_supported": ["public", "pairwise"] if config.openid.pairwise_salt else ["public"],
        "id_token_signing_alg_values_supported": list(config.keys.signing_algs),
        "id_token_encryption_alg_values_supported": ["ECDH-ES+A256KW", "RSA-OAEP-256"],
        "id_token_encryption_enc_values_supported": ["A256GCM"],
        "userinfo_signing_alg_values_supported": list(config.keys.signing_algs),
        "claim_types_supported": ["normal"],
        "claims_supported": sorted({"sub"}.union(*SCOPES.values())),
        "claims_parameter_supported": True,
    }


def _unlisted(config: Config) -> set[str]:
    """Return the methods to leave out: `custom`, which has no registered name, and those that cannot work here."""
    without_certificates = {"tls_client_auth", "self_signed_tls_client_auth"}
    return {"custom"} if config.proxies.certificate_header else {"custom", *without_certificates}
