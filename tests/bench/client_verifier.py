"""Checking an ES256 access token with satchel-client, beside PyJWT, which gets the key ready-made and checks less.

`first` is a token that the verifier has never seen, `repeated` one that it remembers; PyJWT remembers none.
"""

import time
from collections.abc import Iterator

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from satchel_client.verifier import Verifier

from tests.bench.effort import Effort
from tests.bench.figure import Figure, versus
from tests.bench.rounds import burst, interleave

ISSUER, AUDIENCE = "https://as.example.com", "https://api.example.com"
FIRST_AT_LEAST, REPEATED_AT_LEAST = 1.2, 20.0


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the ratio of our rate to PyJWT's, for a token seen for the first time and for a repeated one."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = int(time.time())
    parties = {"iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "client_id": "123456789"}
    claims = {**parties, "exp": now + 3600, "iat": now, "jti": "Ks0pSgcrCuVTGj1zAJZvpQ", "scope": "read write"}
    token = pyjwt.encode(claims, key, "ES256", {"typ": "at+jwt", "kid": "bench"})
    public = key.public_key()
    jwks = {"keys": [{**ECAlgorithm.to_jwk(public, as_dict=True), "kid": "bench", "alg": "ES256", "use": "sig"}]}
    first, repeated = (Verifier(ISSUER, AUDIENCE, jwks=jwks, cache_capacity=capacity) for capacity in (0, 100))
    contestants = {
        "first": lambda: first.verify(token),
        "repeated": lambda: repeated.verify(token),
        "pyjwt": lambda: pyjwt.decode(token, public, ["ES256"], audience=AUDIENCE, issuer=ISSUER),
    }
    for function in contestants.values():
        function()  # faults and first-use costs come before the clock
    bursts = {name: burst(function, effort.burst_seconds) for name, function in contestants.items()}
    rates = interleave(bursts, effort.bursts)
    yield versus("client_verify_first_vs_pyjwt", rates["first"], rates["pyjwt"], FIRST_AT_LEAST)
    yield versus("client_verify_repeated_vs_pyjwt", rates["repeated"], rates["pyjwt"], REPEATED_AT_LEAST)
