"""The tables of the configuration file; the descriptions become docs/configuration.md."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from keys import Policy
from service.config.api import Api
from service.config.front import DetailType, LoginSettings, OpenId, PagesSettings
from service.config.parties import Client, Exchange, Issuer, Resource
from service.config.table import Path, Seconds, Table, Text
from service.memory import MemorySettings


class Lifetimes(Table, frozen=True):
    """How long things live."""

    access_token: Annotated[
        Seconds, Meta(description="seconds an access token lives, unless its resource says less")
    ] = 600
    code: Annotated[Seconds, Meta(description="seconds an authorization code lives")] = 60
    pushed_request: Annotated[Seconds, Meta(description="seconds in which a pushed request must be begun")] = 60
    login: Annotated[Seconds, Meta(description="seconds that a person has for login and consent")] = 900
    session: Annotated[Seconds, Meta(description="seconds that a login lasts for single sign-on")] = 43_200
    device_code: Annotated[Seconds, Meta(description="seconds that a person has to approve a device")] = 900
    id_token: Annotated[Seconds, Meta(description="seconds an ID token lives")] = 600
    refresh_idle: Annotated[Seconds, Meta(description="seconds a refresh token lives unless it is used")] = 14 * 86_400
    refresh_absolute: Annotated[
        Seconds, Meta(description="seconds after which a family of refresh tokens ends, however often it is used")
    ] = 30 * 86_400


class Refresh(Table, frozen=True):
    """Refresh tokens."""

    rotate_confidential: Annotated[
        bool, Meta(description="one successor only for confidential clients too; public clients always rotate")
    ] = False
    survive_memory_loss: Annotated[
        bool, Meta(description="accept refresh tokens older than the memory, which cannot know whether they were used")
    ] = False


class Endpoints(Table, frozen=True):
    """The path of each endpoint."""

    token: Annotated[Path, Meta(description="token endpoint (RFC 6749 section 3.2)")] = "/token"
    introspect: Annotated[Path, Meta(description="introspection endpoint (RFC 7662)")] = "/introspect"
    revoke: Annotated[Path, Meta(description="revocation endpoint (RFC 7009)")] = "/revoke"
    jwks: Annotated[Path, Meta(description="the published keys (RFC 7517)")] = "/jwks"
    authorize: Annotated[
        Path, Meta(description="authorization endpoint (RFC 6749 section 3.1); its pages are below it")
    ] = "/authorize"
    par: Annotated[Path, Meta(description="pushed authorization requests (RFC 9126)")] = "/par"
    device_authorization: Annotated[Path, Meta(description="device authorization endpoint (RFC 8628)")] = (
        "/device_authorization"
    )
    device: Annotated[Path, Meta(description="where people approve a device")] = "/device"
    ticket: Annotated[Path, Meta(description="what a login application asks; `/issue` and `/fail` are below it")] = (
        "/ticket"
    )
    userinfo: Annotated[Path, Meta(description="userinfo endpoint (OpenID Connect Core section 5.3)")] = "/userinfo"
    logout: Annotated[Path, Meta(description="logout (OpenID Connect RP-Initiated Logout)")] = "/logout"
    metrics: Annotated[Path, Meta(description="Prometheus metrics, answered to loopback only")] = "/metrics"


class Logging(Table, frozen=True):
    """What is written to standard output: JSON, one line each."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="least level of an event")] = "info"
    requests: Annotated[bool, Meta(description="one JSON line a request")] = True


class Proxies(Table, frozen=True):
    """Proxies whose headers are believed: X-Forwarded-For for the address of a person, and a certificate's header."""

    trusted: Annotated[
        tuple[Text, ...], Meta(description="addresses or networks; from anyone else, forwarded headers are ignored")
    ] = ()
    certificate_header: Annotated[
        Literal["", "rfc9440", "nginx", "envoy"],
        Meta(
            description="how the proxy passes the client's certificate: `rfc9440` in Client-Cert, `nginx` in "
            "X-SSL-Client-Cert ($ssl_client_escaped_cert), `envoy` in X-Forwarded-Client-Cert (Cert)"
        ),
    ] = ""
    authorities: Annotated[
        str,
        Meta(
            description="PEM of the authorities that certificates of `tls_client_auth` must lead to; empty: whoever "
            "passes a certificate on has verified that"
        ),
    ] = ""
    authorities_file: Annotated[str, Meta(description="the same, from a file beside this one")] = ""


class KnownUser(Table, frozen=True):
    """A person who can log in with a password."""

    id: Annotated[Text, Meta(description="`sub` of their tokens")]
    password: Annotated[Text, Meta(description="Argon2id of their password (`python -m service password`)")]
    name: Annotated[str, Meta(max_length=200, description="what they log in as; empty: the id")] = ""
    claims: Annotated[dict[str, Any], Meta(description="what is known of them (OpenID Connect Core section 5.1)")] = {}

    def __repr__(self) -> str:
        return f"KnownUser({self.id!r})"


class UsersFile(Table, frozen=True):
    """A file of users."""

    users: tuple[KnownUser, ...] = ()


class UsersSettings(Table, frozen=True):
    """People who can log in with a password."""

    file: Annotated[str, Meta(description="TOML file of `[[users]]`, each as in `[[users.known]]`")] = ""
    known: tuple[KnownUser, ...] = ()


class Hooks(Table, frozen=True):
    """Code of your own, each as `package.module:name`, sync or async (docs/hooks.md)."""

    object: Annotated[
        str,
        Meta(
            description="an object, or a class called without arguments, with any of the methods `authenticate_user`, "
            "`customize_access_token`, `customize_id_token`, `decide`, `on_issued`, `on_refused`"
        ),
    ] = ""
    decides: Annotated[
        tuple[Text, ...], Meta(description="grant types whose token requests `decide` of the object answers")
    ] = ()
    authenticate_user: Annotated[str, Meta(description="(username, password) -> User or None")] = ""
    authenticate_client: Annotated[str, Meta(description="(Credentials) -> client_id or None")] = ""
    grants: Annotated[dict[str, str], Meta(description="grant_type URI -> (GrantRequest) -> Plan")] = {}
    audit: Annotated[
        bool,
        Meta(
            description="write audit events as JSON lines: in the lines of `logging.requests`, or, without those, in "
            "lines of their own, unless `on_issued` and `on_refused` take them"
        ),
    ] = True
    events: Annotated[int, Meta(ge=1, description="audit events that may wait; more are counted and dropped")] = 1000
    timeout: Annotated[float, Meta(gt=0, description="seconds a hook may take")] = 5.0
    threads: Annotated[int, Meta(ge=1, description="threads for sync hooks, in each worker")] = 8
    queue: Annotated[int, Meta(ge=0, description="calls that may wait for one; more are answered `server_error`")] = 32


class Config(Table, frozen=True):
    """The whole file."""

    issuer: Annotated[Text, Meta(description="the issuer (RFC 8414); `{port}` stands for the port that PORT names")]
    demo: Annotated[bool, Meta(description="for one's own machine: refuses to listen on anything but loopback")] = False
    default_resource: Annotated[str, Meta(description="identifier of the resource of a request that names none")] = ""
    without_memory: Annotated[
        tuple[Literal["introspect", "refresh"], ...],
        Meta(description="what goes on while the memory is unreachable, blind to revocations and reuse; else 503"),
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
        """The path of the issuer, which comes before that of every endpoint; mostly empty."""
        return urlsplit(self.issuer).path
