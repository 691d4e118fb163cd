"""Token introspection (RFC 7662), for tokens that cannot be verified offline."""

from urllib.parse import urlencode

from satchel_client.client_auth import ClientAuth
from satchel_client.errors import MetadataError, Undecided, Unreachable
from satchel_client.http import Exchange, Request, Response, is_private
from satchel_client.metadata import discover
from satchel_jose.errors import Rejected
from satchel_jose.strict_json import load_object

LIFE = 30.0
"""Seconds for which a response is cached, never beyond `exp`. A revoked token is accepted for as long."""


class Introspection:
    """How this resource server asks: as which client, where (by default the issuer's metadata says so), for how many
    seconds an answer is believed, and whether plain http is allowed beyond this host.

    Raises:
        ValueError: the endpoint is open to eavesdroppers.
    """

    def __init__(self, client: ClientAuth, endpoint: str = "", *, life: float = LIFE, insecure: bool = False) -> None:
        if endpoint and not insecure and not is_private(endpoint):
            raise ValueError("the introspection endpoint must be an https URL")
        self.client = client
        self.life = life
        self._endpoint = endpoint
        self._insecure = insecure

    def ask(self, issuer: str, token: str, now: float) -> Exchange[bytes | None]:
        """Ask about `token` at `now` (seconds since the epoch): the answer (JSON) if it is active, else None.

        Raises:
            Undecided: there was no proper answer.
        """
        try:
            endpoint = self._endpoint or (yield from self._locate(issuer))
            form = {"token": token, "token_type_hint": "access_token"}
            headers = {"content-type": "application/x-www-form-urlencoded"}
            self.client.apply(form, headers, issuer, now)
            response = yield Request("POST", endpoint, headers, urlencode(form).encode())
        except (MetadataError, Unreachable) as failure:
            raise Undecided("the introspection endpoint cannot be reached") from failure
        return _read(response)

    def _locate(self, issuer: str) -> Exchange[str]:
        metadata = yield from discover(issuer, insecure=self._insecure)
        if not metadata.introspection_endpoint:
            raise MetadataError("the metadata of the server has no introspection_endpoint")
        self._endpoint = metadata.introspection_endpoint
        return self._endpoint


def _read(response: Response) -> bytes | None:
    if response.status != 200:
        raise Undecided(f"status {response.status} for an introspection request")
    try:
        active = load_object(response.body).get("active")
    except Rejected as fault:
        raise Undecided("the introspection response cannot be read") from fault
    if not isinstance(active, bool):
        raise Undecided("the introspection response does not say whether the token is active")
    return response.body if active else None
