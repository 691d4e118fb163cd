"""The parties: resource servers, clients, and other issuers whose JWTs are believed."""

import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from service.config.table import Scope, Seconds, Table, Text


class Resource(Table, frozen=True):
    """A resource server: who accepts the tokens (RFC 8707), and what they look like."""

    identifier: Annotated[Text, Meta(description="absolute URI without fragment; becomes `aud`")]
    scopes: Annotated[tuple[Scope, ...], Meta(description="the scopes that mean something there")] = ()
    titles: Annotated[
        dict[str, str], Meta(description="scope -> what the consent page says of it; else the scope itself")
    ] = {}
    format: Annotated[
        Literal["jwt", "jwe", "bag"],
        Meta(
            description="`jwt`: signed, checked offline; `jwe`: signed, then sealed to the resource's key; "
            "`bag`: sealed, for introspection only"
        ),
    ] = "jwt"
    signing_alg: Annotated[str, Meta(description="one of keys.signing_algs; empty: the first of them")] = ""
    encryption_key: Annotated[
        dict[str, Any], Meta(description="public JWK for format `jwe`: P-256, X25519, or RSA of at least 2048 bits")
    ] = {}
    encryption_key_file: Annotated[str, Meta(description="the same, from a JSON file beside this one")] = ""
    lifetime: Annotated[int, Meta(ge=0, description="seconds its tokens live; 0: lifetimes.access_token")] = 0
    claims: Annotated[dict[str, Any], Meta(description="claims added to each of its tokens")] = {}


class ClientSecret(Table, frozen=True):
    """One secret of a client; two at a time make a change of secret seamless. One of the two digests is given."""

    sha256: Annotated[
        str, Meta(pattern=r"^([0-9a-f]{64})?\Z", description="SHA-256 of a generated secret, in hexadecimal")
    ] = ""
    argon2id: Annotated[str, Meta(description="Argon2id of a secret that a person chose, as a PHC string")] = ""
    not_after: Annotated[
        Annotated[datetime.datetime, Meta(tz=True)] | None,
        Meta(description="instant with a time zone, after which it is refused"),
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
    """A registered client (names of RFC 7591 where they exist)."""

    id: Annotated[Text, Meta(description="client_id")]
    name: Annotated[str, Meta(max_length=200, description="for people")] = ""
    number: Annotated[
        Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None, Meta(description="its `clientId` in the decision API")
    ] = None
    secrets: Annotated[tuple[ClientSecret, ...], Meta(description="any of them opens the door")] = ()
    auth_methods: Annotated[tuple[AuthMethod, ...], Meta(description="registered ways to authenticate")] = (
        "client_secret_basic",
    )
    hmac_secret: Annotated[str, Meta(description="for client_secret_jwt: at least 32 bytes")] = ""
    jwks: Annotated[dict[str, Any], Meta(description="public keys for private_key_jwt and self-signed TLS")] = {}
    jwks_uri: Annotated[str, Meta(description="or where they are: https, http on loopback only")] = ""
    tls_client_auth_subject_dn: Annotated[str, Meta(description="RFC 8705 section 2.1.2, as RFC 4514 text")] = ""
    tls_client_auth_san_dns: Annotated[str, Meta(description="the same, by a DNS name")] = ""
    tls_client_auth_san_uri: Annotated[str, Meta(description="the same, by a URI")] = ""
    tls_client_auth_san_ip: Annotated[str, Meta(description="the same, by an IP address")] = ""
    tls_client_auth_san_email: Annotated[str, Meta(description="the same, by an e-mail address")] = ""
    tls_client_certificate_bound_access_tokens: Annotated[
        bool, Meta(description="its tokens are bound to its certificate (RFC 8705 section 3)")
    ] = False
    dpop_bound_access_tokens: Annotated[bool, Meta(description="it must use DPoP (RFC 9449 section 5.2)")] = False
    dpop_nonce: Annotated[bool, Meta(description="its proofs must carry a nonce of ours (RFC 9449 section 8)")] = False
    grants: Annotated[tuple[Text, ...], Meta(description="grant types it may use")] = ()
    redirect_uris: Annotated[
        tuple[Text, ...], Meta(description="exact; on loopback (127.0.0.1, [::1]) any port (RFC 8252 section 7.3)")
    ] = ()
    origins: Annotated[
        tuple[Text, ...],
        Meta(description="exact origins of its pages, whose scripts may read its answers (CORS)"),
    ] = ()
    post_logout_redirect_uris: Annotated[
        tuple[Text, ...], Meta(description="where browsers may be sent after a logout; as redirect_uris")
    ] = ()
    backchannel_logout_uri: Annotated[
        str, Meta(description="told of each logout (OpenID Connect Back-Channel Logout): https, http on loopback only")
    ] = ""
    consent: Annotated[
        Literal["ask", "implicit"],
        Meta(description="`implicit`: people are not asked, since the client is the operator's own"),
    ] = "ask"
    require_pushed_authorization_requests: Annotated[bool, Meta(description="RFC 9126 section 6")] = False
    require_signed_request_object: Annotated[bool, Meta(description="RFC 9101 section 10.5")] = False
    request_object_signing_alg: Annotated[
        str, Meta(description="the one algorithm of its request objects; empty: any that its keys can have")
    ] = ""
    authorization_details_types: Annotated[
        tuple[Text, ...], Meta(description="detail_types it may ask for (RFC 9396 section 10)")
    ] = ()
    subject_type: Annotated[
        Literal["public", "pairwise"],
        Meta(description="`pairwise`: it knows people by pseudonyms of its own (OpenID Connect Core section 8)"),
    ] = "public"
    sector_identifier: Annotated[
        str, Meta(max_length=255, description="host that shares pseudonyms; empty: that of its redirect_uris")
    ] = ""
    id_token_signed_response_alg: Annotated[str, Meta(description="one of keys.signing_algs, or RS256")] = "RS256"
    id_token_encrypted_response: Annotated[
        bool, Meta(description="ID tokens are sealed to the key of use `enc` in its jwks")
    ] = False
    userinfo_signed_response_alg: Annotated[str, Meta(description="empty: /userinfo answers JSON")] = ""
    require_pkce: Annotated[bool, Meta(description="public clients must use it whatever stands here")] = True
    scopes: Annotated[tuple[Scope, ...], Meta(description="scopes it may ask for")] = ()
    default_scopes: Annotated[
        tuple[Scope, ...] | None,
        Meta(description="scopes of a request that names none; absent: all that it may ask for"),
    ] = None
    resources: Annotated[
        tuple[Text, ...], Meta(description="identifiers of the resources it may ask for; empty: default_resource only")
    ] = ()
    serves: Annotated[
        tuple[Text, ...],
        Meta(description="identifiers of the resources it is the server of: it may introspect their tokens"),
    ] = ()

    @property
    def public(self) -> bool:
        """Whether it cannot prove who it is (RFC 6749 section 2.1)."""
        return "none" in self.auth_methods

    def __repr__(self) -> str:
        return f"Client({self.id!r})"


class Issuer(Table, frozen=True):
    """Somebody else who issues JWTs that are believed here."""

    issuer: Annotated[Text, Meta(description="exactly its `iss`")]
    uses: Annotated[
        tuple[Literal["jwt_bearer", "id_jag", "token_exchange"], ...],
        Meta(description="what its JWTs are good for: RFC 7523 assertions, identity assertions, RFC 8693 exchange"),
    ]
    jwks: Annotated[dict[str, Any], Meta(description="its public keys, inline")] = {}
    jwks_uri: Annotated[str, Meta(description="or where they are: https, http on loopback only")] = ""
    algs: Annotated[tuple[str, ...], Meta(description="signature algorithms it may use")] = ("ES256", "RS256", "EdDSA")
    audience: Annotated[str, Meta(description="the `aud` of its JWTs for us; empty: our issuer")] = ""
    max_life: Annotated[Seconds, Meta(description="seconds its JWTs may live")] = 3600
    subjects: Annotated[
        Literal["theirs", "ours"],
        Meta(
            description="whom its `sub` names: `theirs`: people of its own, whom our tokens call `issuer#sub`, so that "
            "nobody is mistaken for another; `ours`: our users, for all of whom it can then speak"
        ),
    ] = "theirs"
    clients: Annotated[
        tuple[Text, ...], Meta(description="clients that may present them; empty: any with the grant")
    ] = ()
    scopes: Annotated[tuple[Scope, ...], Meta(description="the most that a token for its subjects may have")] = ()


class Exchange(Table, frozen=True):
    """Who may exchange which tokens for which (RFC 8693); what no rule allows is refused."""

    clients: Annotated[tuple[Text, ...], Meta(description="ids of the clients that this rule is for")]
    audiences: Annotated[tuple[Text, ...], Meta(description="identifiers of the resources they may exchange towards")]
    subjects: Annotated[
        tuple[Text, ...], Meta(description="`iss` of acceptable subject tokens; empty: our own only")
    ] = ()
    scopes: Annotated[
        tuple[Scope, ...], Meta(description="scopes that the new token may have beside those of the subject token")
    ] = ()
    impersonation: Annotated[bool, Meta(description="without an actor token: the new token is the subject's own")] = (
        True
    )
    delegation: Annotated[bool, Meta(description="with an actor token: the new token names the actor in `act`")] = True
