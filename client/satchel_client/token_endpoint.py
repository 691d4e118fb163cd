"""Token requests of one client to one server (RFC 6749 section 3.2), as exchanges."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import msgspec

from satchel_client.client_auth import ClientAuth, JWTAssertion, TLSClientAuth
from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.http import Exchange, Request, Response, is_private, printable
from satchel_client.metadata import Metadata, discover
from satchel_client.proof import Prover
from satchel_client.token import Token, read_token

CLOCK_TOLERANCE = 2.0
"""Seconds that the server's clock may differ from ours before a refusal is put down to it."""
LONGEST_RETRY_AFTER = 30.0
"""Seconds; a server that asks for more is asked again all the same."""

_GONE = {404, 405, 410}
_CLOCK_ERRORS = {"invalid_client", "invalid_dpop_proof"}


class _Refusal(msgspec.Struct):
    error: str
    error_description: str | None = None


class TokenEndpoint:
    """The token endpoint of one server, for one client. It stores what it learns of the server."""

    def __init__(
        self,
        auth: ClientAuth,
        *,
        issuer: str = "",
        token_endpoint: str = "",
        prover: Prover | None = None,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the issuer, whose metadata tells the endpoint; or the endpoint; or both.

        `insecure` allows plain http to other hosts. `clock` is seconds since the epoch.

        Raises:
            ClientError: neither is there, or the endpoint is open to eavesdroppers.
        """
        if not (issuer or token_endpoint):
            raise ClientError("issuer or token_endpoint is required")
        if token_endpoint and not (insecure or is_private(token_endpoint)):
            raise ClientError("the token endpoint must be an https URL")
        self.prover = prover
        self._auth = auth
        self._issuer = issuer
        self._given = self._url = token_endpoint
        self._insecure = insecure
        self._clock = clock
        self._skew = 0.0

    def ask(self, form: Mapping[str, str | tuple[str, ...]]) -> Exchange[Token]:
        """Send one token request, and again where the server has said what was amiss: the nonce, or our clock.

        Raises:
            ClientError: TokenUnavailable if the server refuses, MetadataError, Unreachable.
        """
        if not self._url:
            self._url = self._endpoint((yield from discover(self._issuer, insecure=self._insecure)))
        url, amiss = self._url, {"nonce", "clock"}
        while True:
            response = yield self._request(url, form)
            news = self.prover is not None and self.prover.learn(url, response.headers.get("dpop-nonce"))
            if response.status == 200:
                return read_token(response.body, bound=self.prover is not None)
            refusal = _refusal(response.body)
            if refusal.error == "use_dpop_nonce" and news and "nonce" in amiss:
                amiss.remove("nonce")
            elif refusal.error in _CLOCK_ERRORS and "clock" in amiss and self._set_clock(response):
                amiss.remove("clock")
            else:
                break
        if response.status in _GONE:
            self._url = self._given  # it may have moved
        raise _unavailable(response, refusal)

    def _endpoint(self, metadata: Metadata) -> str:
        url = metadata.token_endpoint
        if isinstance(self._auth, TLSClientAuth):
            url = metadata.mtls_endpoint_aliases.get("token_endpoint", url)
        if not isinstance(url, str) or not url or not (self._insecure or is_private(url)):
            raise TokenUnavailable("the metadata of the server has no usable token_endpoint")
        return url

    def _request(self, url: str, form: Mapping[str, str | tuple[str, ...]]) -> Request:
        now = self._clock() + self._skew
        more: dict[str, str] = {}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        self._auth.apply(more, headers, self._issuer or url, now)
        if self.prover is not None:
            headers["dpop"] = self.prover.proof("POST", url, now=now)
        return Request("POST", url, headers, urlencode({**form, **more}, doseq=True).encode())

    def _set_clock(self, response: Response) -> bool:
        """Go by the server's clock from now on, if we send instants and it differs; return whether it did."""
        if self.prover is None and not isinstance(self._auth, JWTAssertion):
            return False
        try:
            skew = parsedate_to_datetime(response.headers["date"]).timestamp() - self._clock()
        except (KeyError, ValueError):
            return False
        if abs(skew - self._skew) <= CLOCK_TOLERANCE:
            return False
        self._skew = skew
        return True


def _refusal(body: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Refusal("")


def _unavailable(response: Response, refusal: _Refusal) -> TokenUnavailable:
    wait = response.headers.get("retry-after", "")
    said = f"{refusal.error}: {refusal.error_description or ''}" if refusal.error else f"status {response.status}"
    return TokenUnavailable(
        "the token server refuses: " + printable(said.rstrip(": ")),
        error=printable(refusal.error) or None,
        retry_after=min(float(wait), LONGEST_RETRY_AFTER) if wait.isdecimal() and wait.isascii() else None,
    )
