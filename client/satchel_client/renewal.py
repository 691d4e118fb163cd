"""When a token is renewed: a pure function of the clock. Settings have light-4j's names where they mean the same."""

from concurrent.futures import Future
from dataclasses import dataclass

from satchel_client.errors import ClientError, TokenUnavailable
from satchel_client.token import Token

Outcome = Token | TokenUnavailable

FLIGHT_SECONDS = 30.0
"""How long one renewal is waited for; then it is given up, and another may begin."""
UNKNOWN_LIFE = 300.0
"""Seconds of life of a token whose server does not tell."""


@dataclass(frozen=True)
class RenewalSettings:
    """All times in seconds."""

    token_renew_before_expired: float = 60.0
    """A token is renewed this long before it expires, but never longer than a third of its life."""
    early_refresh_retry_delay: float = 4.0
    """Between attempts while the old token is still good."""
    expired_refresh_retry_delay: float = 2.0
    """Between attempts once it is not: callers fail at once in between."""
    cache_capacity: int = 200
    """Tokens that are kept."""

    def __post_init__(self) -> None:
        """Raise ClientError if a time is negative, or nothing can be kept."""
        times = (self.token_renew_before_expired, self.early_refresh_retry_delay, self.expired_refresh_retry_delay)
        if min(times) < 0 or self.cache_capacity < 1:
            raise ClientError("renewal settings are times of 0 or more, and a capacity of 1 or more")


class Slot:
    """The place of one token. All instants are of one monotonic clock, which starts anywhere."""

    __slots__ = ("_failure", "_landed_at", "_settings", "begun", "expires_at", "flight", "renew_at", "token", "used")

    def __init__(self, settings: RenewalSettings) -> None:
        self.token: Token | None = None
        self.renew_at = float("-inf")
        self.expires_at = float("-inf")
        self.used = float("-inf")
        """When it was last asked for."""
        self.flight: Future[Outcome] | None = None
        """The renewal under way."""
        self.begun = float("-inf")
        """When it began."""
        self._settings = settings
        self._failure: TokenUnavailable | None = None
        self._landed_at = float("-inf")

    def good(self, now: float) -> Token | None:
        """The token, if it has not expired."""
        return self.token if now < self.expires_at else None

    def board(self, now: float) -> tuple[Future[Outcome] | TokenUnavailable, bool]:
        """Return the renewal under way, beginning it if it may begin, or why it may not; and whether it begins now."""
        if self.flight is not None and now < self.begun + FLIGHT_SECONDS:
            return self.flight, False
        if (refusal := self._refusal(now)) is not None:
            return refusal, False
        self.flight, self.begun = Future(), now
        return self.flight, True

    def land(self, flight: Future[Outcome], outcome: Outcome, asked_at: float, now: float) -> None:
        """Take the outcome of a renewal that was asked for at `asked_at`: a life is counted from there."""
        stray = self.flight is not flight  # given up before
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
        """Expire `token`, which a resource server has refused; return whether another one can be had.

        One that is as fresh as a moment stays: the next would be refused as well.
        """
        if self.token is token:
            if now < self._landed_at + self._settings.expired_refresh_retry_delay:
                return False
            self.renew_at = self.expires_at = now
        return True

    def _refusal(self, now: float) -> TokenUnavailable | None:
        """The last renewal's failure, if that was only a moment ago."""
        if self._failure is None:
            return None
        settings = self._settings
        delay = settings.early_refresh_retry_delay if self.good(now) else settings.expired_refresh_retry_delay
        return self._failure if now < self._landed_at + max(delay, self._failure.retry_after or 0) else None
