"""The code verifier of RFC 7636 appendix B, and its challenge."""

from hashlib import sha256

from satchel_jose.base64url import encode

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


CHALLENGE = sha256(VERIFIER.encode()).digest()

S256 = encode(CHALLENGE).decode()
