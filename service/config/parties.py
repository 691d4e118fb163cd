"""The settings of resource servers, clients, trusted issuers and token exchange rules."""

import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from service.config.table import Scope, Seconds, Table, Text


class Resource(Table, frozen=True):
    """A resource server (RFC 8707) and the format of its access tokens."""

    identifier: Annotated[
        Text, Meta(description="resource indicator and `aud` of its tokens: an absolute URI without fragment")
    ]
    scopes: Annotated[tuple[Scope, ...], Meta(description="scopes of this resource")] = ()
    titles: Annotated[
        dict[str, str],
        Meta(description="from a scope to its text on the consent page; a scope without one is shown as it is"),
    ] = {}
    format: Annotated[
        Literal["jwt", "jwe", "bag"],
        Meta(
            description="format of its access tokens: `jwt` signed, for verification offline; `jwe` signed, then "
            "encrypted to the resource's key; `bag` encrypted, for introspection only"
        ),
    ] = "jwt"
    signing_alg: Annotated[
        str, Meta(description="signature algorithm of its tokens, one of keys.signing_algs; empty: the first of them")
    ] = ""
    encryption_key: Annotated[
        dict[str, Any], Meta(description="public JWK for format `jwe`: P-256, X25519, or RSA of at least 2048 bits")
    ] = {}
    encryption_key_file: Annotated[
        str, Meta(description="JSON file that holds `encryption_key`, relative to this configuration file")
    ] = ""
    lifetime: Annotated[
        int, Meta(ge=0, description="lifetime of its access tokens, in seconds; 0: lifetimes.access_token")
    ] = 0
    claims: Annotated[dict[str, Any], Meta(description="claims that are added to all of its access tokens")] = {}


class ClientSecret(Table, frozen=True):
    """One secret of a client: `sha256` or `argon2id`. Every listed secret is accepted, so a change needs no outage."""

    sha256: Annotated[
        str, Meta(pattern=r"^([0-9a-f]{64})?\Z", description="SHA-256 of a generated secret, in hexadecimal")
    ] = ""
    argon2id: Annotated[str, Meta(description="Argon2id hash of a human-chosen secret, as a PHC string")] = ""
    not_after: Annotated[
        Annotated[datetime.datetime, Meta(tz=True)] | None,
        Meta(description="date and time with a time zone, after which the secret is refused"),
    ] = None

    def __repr__(self) -> str:
        return f"ClientSecret(not_after={self.not_after})"


AuthMethod = Literal[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
    "custom",
]


class Client(Table, frozen=True):
    """A registered client. The settings have the names of RFC 7591 where it defines one."""

    id: Annotated[Text, Meta(description="`client_id`")]
    name: Annotated[str, Meta(max_length=200, description="name shown to people, as on the consent page")] = ""
    number: Annotated[
        Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None, Meta(description="its `clientId` in the decision API")
    ] = None
    secrets: tuple[ClientSecret, ...] = ()
    auth_methods: Annotated[
        tuple[AuthMethod, ...], Meta(description="client authentication methods that the client may use")
    ] = ("client_secret_basic",)
    hmac_secret: Annotated[str, Meta(description="secret for client_secret_jwt, at least 32 bytes")] = ""
    jwks: Annotated[
        dict[str, Any],
        Meta(
            description="the client's public keys, as a JWK Set, for private_key_jwt, self_signed_tls_client_auth, "
            "request objects and encrypted ID tokens"
        ),
    ] = {}
    jwks_uri: Annotated[
        str,
        Meta(description="URL of the client's JWK Set, instead of `jwks`; https, or http if the issuer is on loopback"),
    ] = ""
    tls_client_auth_subject_dn: Annotated[
        str,
        Meta(
            description="tls_client_auth: subject of the client's certificate, in the text form of RFC 4514 "
            "(RFC 8705 section 2.1.2)"
        ),
    ] = ""
    tls_client_auth_san_dns: Annotated[
        str, Meta(description="tls_client_auth: DNS name in the certificate, instead of the subject")
    ] = ""
    tls_client_auth_san_uri: Annotated[
        str, Meta(description="tls_client_auth: URI in the certificate, instead of the subject")
    ] = ""
    tls_client_auth_san_ip: Annotated[
        str, Meta(description="tls_client_auth: IP address in the certificate, instead of the subject")
    ] = ""
    tls_client_auth_san_email: Annotated[
        str, Meta(description="tls_client_auth: e-mail address in the certificate, instead of the subject")
    ] = ""
    assertion_audience: Annotated[
        Literal["issuer", "endpoint"],
        Meta(
            description="`aud` of the client's assertions: the issuer, or also the URL of the token endpoint or of "
            "pushed requests (RFC 9126 section 2), for clients that cannot name the issuer"
        ),
    ] = "issuer"
    tls_client_certificate_bound_access_tokens: Annotated[
        bool, Meta(description="bind the client's access tokens to its certificate (RFC 8705 section 3)")
    ] = False
    dpop_bound_access_tokens: Annotated[bool, Meta(description="require DPoP (RFC 9449 section 5.2)")] = False
    dpop_nonce: Annotated[
        bool, Meta(description="require a nonce from this service in DPoP proofs (RFC 9449 section 8)")
    ] = False
    grants: Annotated[tuple[Text, ...], Meta(description="grant types that the client may use")] = ()
    redirect_uris: Annotated[
        tuple[Text, ...],
        Meta(
            description="redirect URIs, compared exactly; on 127.0.0.1, [::1] and localhost every port matches "
            "(RFC 8252 section 7.3)"
        ),
    ] = ()
    origins: Annotated[
        tuple[Text, ...],
        Meta(description="origins of the web pages whose scripts may read responses to this client (CORS)"),
    ] = ()
    post_logout_redirect_uris: Annotated[
        tuple[Text, ...],
        Meta(description="URIs to which a browser may be redirected after logout; compared like redirect_uris"),
    ] = ()
    backchannel_logout_uri: Annotated[
        str,
        Meta(
            description="URL that receives a logout token at each logout (OpenID Connect Back-Channel Logout); "
            "https, or http if the issuer is on loopback"
        ),
    ] = ""
    consent: Annotated[
        Literal["ask", "implicit"],
        Meta(description="`ask`: show the consent page; `implicit`: never show it, for the operator's own clients"),
    ] = "ask"
    require_pushed_authorization_requests: Annotated[
        bool, Meta(description="refuse authorization requests that do not come from /par (RFC 9126 section 6)")
    ] = False
    require_signed_request_object: Annotated[
        bool, Meta(description="refuse authorization requests without a signed request object (RFC 9101 section 10.5)")
    ] = False
    request_object_signing_alg: Annotated[
        str, Meta(description="required signature algorithm of request objects; empty: any that the client's keys fit")
    ] = ""
    authorization_details_types: Annotated[
        tuple[Text, ...], Meta(description="types of detail_types that the client may request (RFC 9396 section 10)")
    ] = ()
    subject_type: Annotated[
        Literal["public", "pairwise"],
        Meta(
            description="`pairwise`: the client gets a different `sub` for each person than other clients "
            "(OpenID Connect Core section 8)"
        ),
    ] = "public"
    sector_identifier: Annotated[
        str,
        Meta(
            max_length=255,
            description="host name; clients with the same one get the same pairwise `sub`; "
            "empty: the host of redirect_uris",
        ),
    ] = ""
    id_token_signed_response_alg: Annotated[
        str, Meta(description="signature algorithm of ID tokens, one of keys.signing_algs or RS256")
    ] = "RS256"
    id_token_encrypted_response: Annotated[
        bool, Meta(description='encrypt ID tokens to the key with `"use": "enc"` in the client\'s JWK Set')
    ] = False
    userinfo_signed_response_alg: Annotated[
        str,
        Meta(description="signature algorithm of /userinfo responses, one of keys.signing_algs; empty: plain JSON"),
    ] = ""
    require_pkce: Annotated[
        bool, Meta(description="require PKCE; for public clients it must be `true` (RFC 9700 section 2.1.1)")
    ] = True
    scopes: Annotated[tuple[Scope, ...], Meta(description="scopes that the client may request")] = ()
    default_scopes: Annotated[
        tuple[Scope, ...] | None,
        Meta(description="scopes of a request without `scope`; not set: all scopes that the client may request"),
    ] = None
    resources: Annotated[
        tuple[Text, ...],
        Meta(description="identifiers of the resources that the client may request; empty: default_resource only"),
    ] = ()
    serves: Annotated[
        tuple[Text, ...],
        Meta(description="identifiers of the resources that this client serves: it may introspect their tokens"),
    ] = ()

    @property
    def public(self) -> bool:
        """Whether this is a public client, which has no credential (RFC 6749 section 2.1)."""
        return "none" in self.auth_methods

    def __repr__(self) -> str:
        return f"Client({self.id!r})"


class Issuer(Table, frozen=True):
    """A trusted issuer: another service whose JWTs are accepted here."""

    issuer: Annotated[Text, Meta(description="`iss` of its JWTs, compared exactly")]
    uses: Annotated[
        tuple[Literal["jwt_bearer", "id_jag", "token_exchange"], ...],
        Meta(
            description="how its JWTs are accepted: `jwt_bearer` as assertions (RFC 7523), `id_jag` as identity "
            "assertion authorization grants, `token_exchange` as subject tokens (RFC 8693)"
        ),
    ]
    jwks: Annotated[dict[str, Any], Meta(description="its public keys, as a JWK Set")] = {}
    jwks_uri: Annotated[
        str, Meta(description="URL of its JWK Set, instead of `jwks`; https, or http if the issuer is on loopback")
    ] = ""
    algs: Annotated[tuple[str, ...], Meta(description="signature algorithms that its JWTs may use")] = (
        "ES256",
        "RS256",
        "EdDSA",
    )
    audience: Annotated[str, Meta(description="`aud` that its JWTs must have; empty: the issuer of this service")] = ""
    max_life: Annotated[Seconds, Meta(description="longest accepted lifetime of its JWTs, in seconds")] = 3600
    subjects: Annotated[
        Literal["theirs", "ours"],
        Meta(
            description="whose users its `sub` names: `theirs` its own users, whose `sub` becomes `issuer#sub` in "
            "tokens of this service; `ours` the users of this service, any of whom the issuer can then impersonate"
        ),
    ] = "theirs"
    clients: Annotated[
        tuple[Text, ...],
        Meta(description="ids of the clients that may present its JWTs; empty: every client with the grant"),
    ] = ()
    scopes: Annotated[
        tuple[Scope, ...], Meta(description="scopes that tokens for its subjects may have; all others are refused")
    ] = ()


class Exchange(Table, frozen=True):
    """A rule for token exchange (RFC 8693). Exchanges that no rule allows are refused."""

    clients: Annotated[tuple[Text, ...], Meta(description="ids of the clients to which this rule applies")]
    audiences: Annotated[
        tuple[Text, ...], Meta(description="identifiers of the resources that the new token may be for")
    ]
    subjects: Annotated[
        tuple[Text, ...],
        Meta(description="`iss` of accepted subject tokens; empty: tokens of this service only"),
    ] = ()
    scopes: Annotated[
        tuple[Scope, ...],
        Meta(
            description="scopes that the new token may have; those of the subject token go on at its own resources only"
        ),
    ] = ()
    impersonation: Annotated[
        bool, Meta(description="allow requests without an actor token (impersonation, RFC 8693 section 1.1)")
    ] = True
    delegation: Annotated[
        bool,
        Meta(description="allow requests with an actor token (delegation); the new token names the actor in `act`"),
    ] = True
