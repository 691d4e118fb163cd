"""Characters of each kind of token with its usual contents."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwcrypto.jwk import JWK

from service.bags.nested import Recipient
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.bench.samples import ACCESS_TOKEN, CODE, NOW, REFRESH_TOKEN, SNAPSHOT


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the length of each, in characters."""
    public = JWK.from_pyca(generate_private_key(SECP256R1()).public_key()).export(as_dict=True)
    recipient = Recipient.from_jwk({**public, "kid": "resource-1"})
    lengths = (
        ("code_chars", SNAPSHOT.seal(CODE, NOW), 600),
        ("refresh_chars", SNAPSHOT.seal(REFRESH_TOKEN, NOW), 800),
        ("jwt_chars", SNAPSHOT.sign(ACCESS_TOKEN, "ES256", NOW), 700),
        ("bag_chars", SNAPSHOT.seal(ACCESS_TOKEN, NOW), None),
        ("nested_chars", SNAPSHOT.sign_and_seal(ACCESS_TOKEN, "ES256", recipient, NOW), None),
    )
    for name, token, most in lengths:
        yield Figure(name, len(token), at_most=most)
