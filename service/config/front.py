"""The settings of login, page design, OpenID Connect and types of authorization details."""

from typing import Annotated

from msgspec import Meta

from service.config.table import Seconds, Table, Text


class LoginSettings(Table, frozen=True):
    """How people log in: on the built-in pages or in your own login application."""

    url: Annotated[
        str,
        Meta(
            description="URL of your login application; browsers are redirected there with `?ticket=`; "
            "empty: the built-in pages"
        ),
    ] = ""
    client: Annotated[
        str, Meta(description="id of the client as which your login application authenticates at endpoints.ticket")
    ] = ""
    failures_per_user: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="wrong passwords per user name, or wrong human-chosen secrets per client, allowed in one "
            "window; after that, one attempt per 30 seconds is accepted; at most 100,000",
        ),
    ] = 10
    failures_per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="wrong passwords, human-chosen secrets and user codes allowed from one address "
            "(IPv6: one /64 network) in one window; at most 100,000",
        ),
    ] = 50
    window: Annotated[Seconds, Meta(description="length of the window in which failures are counted, in seconds")] = 900


class PagesSettings(Table, frozen=True):
    """Design of the built-in pages."""

    name: Annotated[
        str, Meta(min_length=1, max_length=100, description="name of your service or company, shown on every page")
    ] = "Satchel"
    logo: Annotated[str, Meta(max_length=900, description="https URL of the logo image; empty: no logo")] = ""
    color: Annotated[
        str,
        Meta(
            pattern=r"^#[0-9a-fA-F]{6}\Z",
            description="color of buttons and links, in the light and the dark color scheme",
        ),
    ] = "#1f5fbf"
    templates: Annotated[
        str, Meta(description="directory of Jinja2 templates that replace the built-in templates of the same name")
    ] = ""


class OpenId(Table, frozen=True):
    """OpenID Connect: ID tokens, /userinfo, logout. Enabling it adds RS256 to the signing keys."""

    enabled: Annotated[bool, Meta(description="serve OpenID Connect")] = False
    pairwise_salt: Annotated[
        str,
        Meta(
            description='secret of at least 32 characters for clients with `subject_type = "pairwise"`; '
            "if it changes, every pairwise subject changes"
        ),
    ] = ""

    def __repr__(self) -> str:
        return f"OpenId(enabled={self.enabled})"


class DetailType(Table, frozen=True):
    """A type of authorization_details (RFC 9396 section 2)."""

    type: Annotated[Text, Meta(description="value of `type`")]
    title: Annotated[
        str, Meta(max_length=200, description="text of the consent page for this type; empty: the value of `type`")
    ] = ""
    members: Annotated[
        tuple[Text, ...], Meta(description="members that an element may have besides `type`; all others are refused")
    ] = ()
    required: Annotated[tuple[Text, ...], Meta(description="members that an element must have")] = ()
