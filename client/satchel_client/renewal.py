"""When a token is renewed, as functions of the clock. Settings have the names of light-4j where it has them."""

from concurrent.futures import Future
from dataclasses import dataclass

from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.token import Token

Outcome = Token | TokenUnavailable

FLIGHT_SECONDS = 30.0
"""Seconds after which a renewal is given up and another may begin."""
UNKNOWN_LIFE = 300.0
"""The assumed lifetime, in seconds, of a token without `expires_in`."""


@dataclass(frozen=True)
class RenewalSettings:
    """All times in seconds."""

    token_renew_before_expired: float = 60.0
    """How long before its expiry a token is renewed; at most a third of its lifetime."""
    early_refresh_retry_delay: float = 4.0
    """Time between attempts while the old token is still valid."""
    expired_refresh_retry_delay: float = 2.0
    """Time between attempts after the old token has expired. In between, calls fail at once."""
    cache_capacity: int = 200
    """The number of tokens that are cached."""

    def __post_init__(self) -> None:
        """Raise ClientError if a time is negative or the capacity is 0."""
        times = (self.token_renew_before_expired, self.early_refresh_retry_delay, self.expired_refresh_retry_delay)
        if min(times) < 0 or self.cache_capacity < 1:
            raise ClientError("times must be 0 or more, and cache_capacity must be 1 or more")


class Slot:
    """The state of one cached token. All times are in seconds of one monotonic clock."""

    __slots__ = ("_failure", "_landed_at", "_settings", "begun", "expires_at", "flight", "renew_at", "token", "used")

    def __init__(self, settings: RenewalSettings) -> None:
        self.token: Token | None = None
        self.renew_at = float("-inf")
        self.expires_at = float("-inf")
        self.used = float("-inf")
        """When the token was last requested."""
        self.flight: Future[Outcome] | None = None
        """The running renewal."""
        self.begun = float("-inf")
        """When the running renewal began."""
        self._settings = settings
        self._failure: TokenUnavailable | None = None
        self._landed_at = float("-inf")

    def good(self, now: float) -> Token | None:
        """Return the token if it has not expired, otherwise None."""
        return self.token if now < self.expires_at else None

    def board(self, now: float) -> tuple[Future[Outcome] | TokenUnavailable, bool]:
        """Return the running renewal (started now if allowed) or why none may start, and whether it started now."""
        if self.flight is not None and now < self.begun + FLIGHT_SECONDS:
            return self.flight, False
        if (refusal := self._refusal(now)) is not None:
            return refusal, False
        self.flight, self.begun = Future(), now
        return self.flight, True

    def land(self, flight: Future[Outcome], outcome: Outcome, asked_at: float, now: float) -> None:
        """Store the outcome of a renewal. The lifetime of the token counts from `asked_at`, the time of the request."""
        stray = self.flight is not flight  # the renewal was given up before
        if not stray:
            self.flight = None
        if isinstance(outcome, TokenUnavailable):
            if not stray:
                self._failure, self._landed_at = outcome, now
            return
        life = UNKNOWN_LIFE if outcome.expires_in is None else outcome.expires_in
        if stray and asked_at + life < self.expires_at:
            return
        self.token, self._failure, self._landed_at = outcome, None, now
        self.expires_at = asked_at + life
        self.renew_at = self.expires_at - min(self._settings.token_renew_before_expired, life / 3)

    def reject(self, token: Token, now: float) -> bool:
        """Discard `token`, which a resource server has refused; return whether another token can be obtained.

        A token that was obtained just now is kept, because the next one would be refused too.
        """
        if self.token is token:
            if now < self._landed_at + self._settings.expired_refresh_retry_delay:
                return False
            self.renew_at = self.expires_at = now
        return True

    def _refusal(self, now: float) -> TokenUnavailable | None:
        """Return the failure of the last renewal if no other may start yet, otherwise None."""
        if self._failure is None:
            return None
        settings = self._settings
        delay = settings.early_refresh_retry_delay if self.good(now) else settings.expired_refresh_retry_delay
        return self._failure if now < self._landed_at + max(delay, self._failure.retry_after or 0) else None
