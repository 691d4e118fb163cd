"""The whole configuration file and its smaller tables. Docstrings and descriptions become docs/configuration.md."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from keys import Policy
from service.config.api import Api
from service.config.front import DetailType, LoginSettings, OpenId, PagesSettings
from service.config.parties import Client, Exchange, Issuer, Resource
from service.config.table import Path, Seconds, Subject, Table, Text
from service.memory import MemorySettings


class Lifetimes(Table, frozen=True):
    """Lifetimes, in seconds."""

    access_token: Annotated[
        Seconds, Meta(description="lifetime of access tokens, unless their resource has a `lifetime` of its own")
    ] = 600
    code: Annotated[Seconds, Meta(description="lifetime of authorization codes")] = 60
    pushed_request: Annotated[
        Seconds, Meta(description="time between /par and the authorization request that uses its `request_uri`")
    ] = 60
    login: Annotated[Seconds, Meta(description="time that a person has for login and consent")] = 900
    session: Annotated[Seconds, Meta(description="time for which one login is reused (single sign-on)")] = 43_200
    device_code: Annotated[Seconds, Meta(description="time that a person has to approve a device")] = 900
    id_token: Annotated[Seconds, Meta(description="lifetime of ID tokens")] = 600
    refresh_idle: Annotated[
        Seconds, Meta(description="time after which an unused refresh token expires; each use starts it again")
    ] = 14 * 86_400
    refresh_absolute: Annotated[
        Seconds, Meta(description="time after which refreshing ends and the person must log in again")
    ] = 30 * 86_400
    remote_keys: Annotated[
        Seconds, Meta(description="seconds that fetched keys of clients and issuers stay in use if no fetch succeeds")
    ] = 86_400


class Refresh(Table, frozen=True):
    """Refresh tokens."""

    rotate_confidential: Annotated[
        bool,
        Meta(
            description="rotate the refresh tokens of confidential clients too (RFC 9700 section 4.14.2); those of "
            "public clients always rotate"
        ),
    ] = False
    survive_memory_loss: Annotated[
        bool,
        Meta(
            description="accept refresh tokens issued before the memory was lost, although the new memory does not "
            "know which of them were used or revoked"
        ),
    ] = False


class Endpoints(Table, frozen=True):
    """The path of each endpoint."""

    token: Annotated[Path, Meta(description="token endpoint (RFC 6749 section 3.2)")] = "/token"
    introspect: Annotated[Path, Meta(description="introspection endpoint (RFC 7662)")] = "/introspect"
    revoke: Annotated[Path, Meta(description="revocation endpoint (RFC 7009)")] = "/revoke"
    jwks: Annotated[Path, Meta(description="published signing keys, as a JWK Set (RFC 7517)")] = "/jwks"
    authorize: Annotated[
        Path,
        Meta(
            description="authorization endpoint (RFC 6749 section 3.1); the pages `/login` and `/consent` are below it"
        ),
    ] = "/authorize"
    par: Annotated[Path, Meta(description="pushed authorization request endpoint (RFC 9126)")] = "/par"
    device_authorization: Annotated[Path, Meta(description="device authorization endpoint (RFC 8628)")] = (
        "/device_authorization"
    )
    device: Annotated[Path, Meta(description="page on which people enter a user code and approve a device")] = "/device"
    ticket: Annotated[
        Path,
        Meta(description="endpoint at which a login application reads a ticket; `/issue` and `/fail` are below it"),
    ] = "/ticket"
    userinfo: Annotated[Path, Meta(description="userinfo endpoint (OpenID Connect Core section 5.3)")] = "/userinfo"
    logout: Annotated[
        Path, Meta(description="logout endpoint (OpenID Connect RP-Initiated Logout); `/confirm` is below it")
    ] = "/logout"
    metrics: Annotated[Path, Meta(description="Prometheus metrics, for callers on loopback only")] = "/metrics"


class Logging(Table, frozen=True):
    """The log on standard output: one JSON object per line."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="lowest level of events that are logged")
    ] = "info"
    requests: Annotated[bool, Meta(description="log one line per request")] = True


class Proxies(Table, frozen=True):
    """Trusted proxies: from these, X-Forwarded-For and the client certificate header are accepted."""

    trusted: Annotated[
        tuple[Text, ...],
        Meta(description="addresses or networks of the proxies; forwarded headers from other addresses are ignored"),
    ] = ()
    certificate_header: Annotated[
        Literal["", "rfc9440", "nginx", "envoy"],
        Meta(
            description="header in which the proxy passes the client certificate: `rfc9440` Client-Cert, `nginx` "
            "X-SSL-Client-Cert ($ssl_client_escaped_cert), `envoy` X-Forwarded-Client-Cert (Cert); "
            "empty: no certificate is read"
        ),
    ] = ""
    authorities: Annotated[
        str,
        Meta(
            description="PEM certificates of the authorities that must have issued the certificates of clients with "
            "`tls_client_auth`; empty: the proxy, or the caller of the decision API, verifies the chain"
        ),
    ] = ""
    authorities_file: Annotated[
        str, Meta(description="PEM file that holds `authorities`, relative to this configuration file")
    ] = ""


class KnownUser(Table, frozen=True):
    """A person who can log in with a password."""

    id: Annotated[Subject, Meta(description="`sub` of the person's tokens")]
    password: Annotated[
        Text, Meta(description="Argon2id hash of the password, as `python -m service password` prints it")
    ]
    name: Annotated[str, Meta(max_length=200, description="user name at login; empty: the id")] = ""
    claims: Annotated[
        dict[str, Any], Meta(description="claims about the person (OpenID Connect Core section 5.1)")
    ] = {}

    def __repr__(self) -> str:
        return f"KnownUser({self.id!r})"


class UsersFile(Table, frozen=True):
    """The file that `users.file` names."""

    users: tuple[KnownUser, ...] = ()


class UsersSettings(Table, frozen=True):
    """People who can log in with a password."""

    file: Annotated[
        str, Meta(description="TOML file with one `[[users]]` table per person, with the settings of `[[users.known]]`")
    ] = ""
    known: tuple[KnownUser, ...] = ()
    ignore_case: Annotated[bool, Meta(description="match user names at login without regard to case")] = False


class Hooks(Table, frozen=True):
    """Your own Python code, each named as `package.module:name`; functions may be sync or async (docs/hooks.md)."""

    object: Annotated[
        str,
        Meta(
            description="an object, or a class that takes no arguments, with any of the methods `authenticate_user`, "
            "`customize_access_token`, `customize_id_token`, `decide`, `on_issued`, `on_refused`"
        ),
    ] = ""
    decides: Annotated[
        tuple[Text, ...], Meta(description="grant types of the token requests that `object.decide` answers")
    ] = ()
    authenticate_user: Annotated[
        str, Meta(description="function that checks a password: `(username, password) -> User or None`")
    ] = ""
    authenticate_client: Annotated[
        str, Meta(description="function that authenticates a client: `(Credentials) -> client_id or None`")
    ] = ""
    grants: Annotated[
        dict[str, str],
        Meta(description="your own grants: from the grant type URI to a function `(GrantRequest) -> Plan`"),
    ] = {}
    audit: Annotated[
        bool,
        Meta(
            description="log audit events: as part of the request lines, or in lines of their own if "
            "`logging.requests` is off; not logged if `on_issued` and `on_refused` receive them"
        ),
    ] = True
    events: Annotated[
        int,
        Meta(ge=1, description="size of the queue of audit events; when it is full, events are dropped and counted"),
    ] = 1000
    timeout: Annotated[float, Meta(gt=0, description="seconds after which a hook call fails")] = 5.0
    threads: Annotated[int, Meta(ge=1, description="threads for sync hooks, per worker")] = 8
    queue: Annotated[
        int,
        Meta(ge=0, description="calls of sync hooks that may wait for a thread; further calls end in `server_error`"),
    ] = 32


class Config(Table, frozen=True):
    """The settings outside of any table, at the start of the file."""

    issuer: Annotated[
        Text,
        Meta(
            description="issuer identifier, an https URL (RFC 8414 section 2); `{port}` is replaced by the environment "
            "variable PORT"
        ),
    ]
    demo: Annotated[
        bool,
        Meta(
            description="for trying out on one machine: the service refuses to start on addresses other than loopback"
        ),
    ] = False
    default_resource: Annotated[
        str, Meta(description="identifier of the resource for requests without a `resource` parameter")
    ] = ""
    without_memory: Annotated[
        tuple[Literal["introspect", "refresh"], ...],
        Meta(
            description="endpoints that keep working while the memory is down, without revocation and reuse checks; "
            "all others answer 503"
        ),
    ] = ()
    lifetimes: Lifetimes = Lifetimes()
    refresh: Refresh = Refresh()
    endpoints: Endpoints = Endpoints()
    keys: Policy = Policy()
    memory: MemorySettings = MemorySettings()
    logging: Logging = Logging()
    proxies: Proxies = Proxies()
    users: UsersSettings = UsersSettings()
    login: LoginSettings = LoginSettings()
    pages: PagesSettings = PagesSettings()
    openid: OpenId = OpenId()
    api: Api = Api()
    hooks: Hooks = Hooks()
    resources: tuple[Resource, ...] = ()
    clients: tuple[Client, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    detail_types: tuple[DetailType, ...] = ()

    @property
    def base_path(self) -> str:
        """The path of the issuer, which precedes the path of every endpoint; usually empty."""
        return urlsplit(self.issuer).path
