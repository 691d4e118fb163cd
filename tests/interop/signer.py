"""A client that signs: its assertions (RFC 7523), and every one of its authorization requests (RFC 9101)."""

from tests.worlds.client_proofs import EC_KEY, client_toml, public_jwk

REDIRECT = "http://localhost:8080/services/reservations/reserve/complete"
KEY = EC_KEY
SIGNER = client_toml(
    "signer",
    "private_key_jwt",
    jwks={"keys": [public_jwk(KEY)]},
    grants=["authorization_code", "refresh_token"],
    scopes=["read", "openid", "profile", "email", "offline_access"],
    redirect_uris=[REDIRECT],
    require_signed_request_object=True,
    id_token_signed_response_alg="ES256",
)
