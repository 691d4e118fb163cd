"""`python -m tests.client.verifying ISSUER SECONDS`: verify fresh tokens at full speed, and say how it went.

Prints JSON: how many were verified, the kids that had signed them, and why any was refused.
"""

import contextlib
import json
import os
import sys
import threading
import time

import httpx
from satchel_client.errors import ClientError
from satchel_client.verifier import Verifier

from satchel_jose.base64url import decode

GOOD_FOR = 4
"""Seconds in which a token must be taken: less than it lives."""


class Tokens:
    """The latest token, and when it was asked for."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.latest = ("", 0.0)
        self.ended = threading.Event()

    def keep_coming(self) -> None:
        with httpx.Client(base_url=self.issuer, auth=("123456789", "987654321"), trust_env=False, timeout=20) as client:
            while not self.ended.wait(0.1):
                asked_at = time.monotonic()
                with contextlib.suppress(httpx.TransportError):
                    answer = client.post("/token", data={"grant_type": "client_credentials", "scope": "read"})
                    if answer.status_code == 200:
                        self.latest = (answer.json()["access_token"], asked_at)


def main(issuer: str, seconds: float) -> None:
    os.nice(10)
    tokens = Tokens(issuer)
    fetching = threading.Thread(target=tokens.keep_coming)
    fetching.start()
    verified, kids, refused = 0, set(), set()
    end = time.monotonic() + seconds
    with Verifier(issuer, "https://api.example.com", cache_capacity=0) as verifier:
        while time.monotonic() < end:
            token, asked_at = tokens.latest
            if not token:
                time.sleep(0.01)
                continue
            try:
                verifier.verify(token)
            except ClientError as error:
                if time.monotonic() < asked_at + GOOD_FOR:
                    refused.add(f"{error}: {getattr(error, 'reason', error.__cause__)}")
            else:
                verified += 1
                kids.add(json.loads(decode(token.partition(".")[0].encode()))["kid"])
    tokens.ended.set()
    fetching.join()
    print(json.dumps({"verified": verified, "kids": sorted(kids), "refused": sorted(refused)}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
