"""Why something presented to us is not believed; the answer to whoever presented it does not say."""


class Rejected(Exception):
    """`reason` is for the log: it names what is wrong and quotes nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKey(Rejected):
    """No key that we hold could have signed; a newer JWK Set might have it."""
