"""The one failure of everything that is read here: tokens, keys, JSON, base64url."""


class Rejected(Exception):
    """What was presented is malformed, forged, weak or meant for somebody else.

    `reason` is for the log: it names the fault and quotes nothing of the input. It is a note of the exception, which
    tracebacks show, and not its text: an answer that told the reasons apart would be an oracle.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("rejected")
        self.add_note(reason)
        self.reason = reason
