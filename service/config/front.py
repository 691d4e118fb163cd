"""The tables of what people see: login, pages, OpenID Connect, and the authorization details that they consent to."""

from typing import Annotated

from msgspec import Meta

from service.config.table import Seconds, Table, Text


class LoginSettings(Table, frozen=True):
    """How people log in: on the built-in pages, or at an application of yours."""

    url: Annotated[
        str, Meta(description="your login application, where browsers are sent with `?ticket=`; empty: built-in pages")
    ] = ""
    client: Annotated[str, Meta(description="id of the client that it authenticates as at endpoints.ticket")] = ""
    failures_per_user: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="wrong passwords for one name, or chosen secrets for one client, in a window; "
            "then one try in 30 seconds is heard; at most 100,000",
        ),
    ] = 10
    failures_per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="wrong passwords, chosen secrets or user codes from one address (IPv6: /64) in a window; "
            "at most 100,000",
        ),
    ] = 50
    window: Annotated[Seconds, Meta(description="seconds in which failures are counted")] = 900


class PagesSettings(Table, frozen=True):
    """What the built-in pages look like."""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="who people are logging in to")] = "Satchel"
    logo: Annotated[str, Meta(max_length=900, description="https URL of a picture; empty: none")] = ""
    color: Annotated[
        str, Meta(pattern=r"^#[0-9a-fA-F]{6}\Z", description="of buttons and links, on light and dark ground")
    ] = "#1f5fbf"
    templates: Annotated[
        str, Meta(description="directory of Jinja2 templates that take the place of those of the same name")
    ] = ""


class OpenId(Table, frozen=True):
    """OpenID Connect: ID tokens, /userinfo, logout. It makes an RS256 key, which every client can verify."""

    enabled: bool = False
    pairwise_salt: Annotated[
        str, Meta(description="secret of at least 32 characters, never changed: clients of `pairwise` subjects need it")
    ] = ""

    def __repr__(self) -> str:
        return f"OpenId(enabled={self.enabled})"


class DetailType(Table, frozen=True):
    """A type of authorization_details (RFC 9396 section 2)."""

    type: Annotated[Text, Meta(description="its name")]
    title: Annotated[str, Meta(max_length=200, description="what the consent page calls it; empty: its name")] = ""
    members: Annotated[
        tuple[Text, ...], Meta(description="members that an element may have beside `type`; all others are refused")
    ] = ()
    required: Annotated[tuple[Text, ...], Meta(description="members that it must have")] = ()
