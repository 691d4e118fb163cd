"""The messages of the decision API, as Authlete's clients send them: JSON with names in camelCase.

Clients send every member that they know, so unknown members are ignored.
"""

import ssl
from base64 import b64encode
from typing import Any

import msgspec

from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.bags.kinds import Property
from service.decisions.form_request import FormRequest

MAX_JSON = 4000
"""Maximum length of a JSON text inside a message, in bytes."""


class CallersFault(Exception):
    """The caller's message is wrong, whatever its client sent; the text tells the caller what to correct."""


class Message(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The base of all requests, responses and their parts."""


class Pair(Message):
    """A property of a token; clients do not see a `hidden` one."""

    key: str
    value: str | None = None
    hidden: bool | None = None


class Scope(Message):
    """A scope and its title for the consent page."""

    name: str
    description: str


class DetailsElement(Message):
    """An element of authorization_details (RFC 9396 section 2); `other_fields` is a JSON object."""

    type: str
    locations: list[str] | None = None
    actions: list[str] | None = None
    data_types: list[str] | None = None
    identifier: str | None = None
    privileges: list[str] | None = None
    other_fields: str | None = None


class Details(Message):
    """authorization_details (RFC 9396 section 2)."""

    elements: list[DetailsElement] | None = None


class FromClient(Message):
    """A client's request as the caller has received it.

    parameters: the form.
    client_id, client_secret: the credentials of HTTP Basic.
    client_certificate: the client's TLS certificate (PEM).
    client_certificate_path: the certificates between it and an authority (PEM).
    dpop: the header DPoP; htm, htu: the method and URL that the DPoP proof must name.
    """

    parameters: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_certificate: str | None = None
    client_certificate_path: list[str] | None = None
    dpop: str | None = None
    htm: str | None = None
    htu: str | None = None
    dpop_nonce_required: bool | None = None

    def form_request(self) -> FormRequest:
        """Return the request that the caller received.

        Raises:
            CallersFault: a member is missing or malformed.
        """
        if self.parameters is None:
            raise CallersFault("parameters is missing")
        authorization = None
        if self.client_secret is not None:
            pair = f"{self.client_id or ''}:{self.client_secret}".encode()
            authorization = f"Basic {b64encode(pair).decode()}"
        body = self.parameters.encode()
        if self.client_id is not None and authorization is None and b"client_id=" not in body:
            raise CallersFault("send clientId together with clientSecret, or client_id within parameters")
        return FormRequest(
            body,
            authorization,
            self.dpop or None,
            certificate_of("clientCertificate", self.client_certificate),
            method=self.htm or "POST",
            url=self.htu or "",
            certificate_path=tuple(
                certificate_of(f"clientCertificatePath[{n}]", pem) or b""
                for n, pem in enumerate(self.client_certificate_path or ())
            ),
            nonce_required=bool(self.dpop_nonce_required),
        )


class Response(Message):
    """The members of every response; `result_message` is for the caller's log."""

    result_code: str = ""
    result_message: str = ""
    action: str = ""
    response_content: str | None = None


def certificate_of(name: str, pem: str | None) -> bytes | None:
    """Return the certificate in the member `name` as DER.

    Raises:
        CallersFault: the member is not PEM.
    """
    if not pem:
        return None
    try:
        return ssl.PEM_cert_to_DER_cert(pem)
    except ValueError:
        raise CallersFault(f"{name} must be a PEM certificate") from None


def json_of(name: str, text: str | None) -> dict[str, Any]:
    """Return the JSON object in the member `name`; an empty object if it is absent.

    Raises:
        CallersFault: the member is no JSON object, or too long.
    """
    if not text:
        return {}
    try:
        if len(text) > MAX_JSON:
            raise BadBag("too long")
        value = load_object(text.encode())
        msgspec.msgpack.encode(value)  # raises for a number beyond 64 bits, which a bag cannot hold
    except (BadBag, OverflowError, UnicodeEncodeError) as fault:
        raise CallersFault(f"{name} must be a JSON object: {getattr(fault, 'reason', 'out of range')}") from None
    return value


def text_of(value: Any) -> str:
    """Return `value` as JSON."""
    return msgspec.json.encode(value).decode()


def details_of(details: Details | None) -> list[dict[str, Any]] | None:
    """Return authorization_details in the form of RFC 9396; None if there are none.

    Raises:
        CallersFault: otherFields is not a JSON object.
    """
    if details is None or details.elements is None:
        return None
    elements = []
    for element in details.elements:
        members = {
            "type": element.type,
            "locations": element.locations,
            "actions": element.actions,
            "datatypes": element.data_types,
            "identifier": element.identifier,
            "privileges": element.privileges,
        }
        present = {name: value for name, value in members.items() if value is not None}
        elements.append({**json_of("otherFields", element.other_fields), **present})
    return elements


def on_wire(details: list[dict[str, Any]]) -> Details | None:
    """Return authorization_details as a message; None if there are none."""
    named = ("type", "locations", "actions", "datatypes", "identifier", "privileges")
    elements = []
    for element in details:
        others = {name: value for name, value in element.items() if name not in named}
        elements.append(
            DetailsElement(
                type=element["type"],
                locations=element.get("locations"),
                actions=element.get("actions"),
                data_types=element.get("datatypes"),
                identifier=element.get("identifier"),
                privileges=element.get("privileges"),
                other_fields=text_of(others) if others else None,
            )
        )
    return Details(elements=elements) if elements else None


def pairs(properties: tuple[Property, ...]) -> list[Pair] | None:
    """Return properties as messages; None if there are none."""
    return [Pair(key=each.key, value=each.value, hidden=each.hidden) for each in properties] or None
