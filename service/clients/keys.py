"""Keys and certificate names of clients (RFC 7591 section 2), imported once per configuration."""

from collections.abc import Iterator
from typing import get_args

from service.bags.authorities import Authorities
from service.bags.certificate import NameKind, canonical_name
from service.bags.errors import BadBag
from service.bags.foreign_keys import HmacKey, KeySet, import_jwks
from service.bags.nested import Recipient
from service.config import Client, ClientSecret, Config
from service.protocol.passwords import check_phc


def client_key_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each key, certificate name and password hash that cannot be used."""
    hashes = {f"users.known[{n}].password": user.password for n, user in enumerate(config.users.known)}
    try:
        if config.proxies.authorities:
            Authorities(config.proxies.authorities)
    except BadBag as fault:
        yield "proxies.authorities", fault.reason
    for n, client in enumerate(config.clients):
        try:
            if client.jwks and not import_jwks(client.jwks) and not client.id_token_encrypted_response:
                yield f"clients[{n}].jwks", "has no key that verifies signatures; add a public signature key"
        except BadBag as fault:
            yield f"clients[{n}].jwks", fault.reason
        if client.id_token_encrypted_response and _recipient(client) is None:
            yield (
                f"clients[{n}].jwks",
                'has no encryption key; add one with "use": "enc" and a kid (P-256, X25519, or RSA from 2048 bits)',
            )
        for kind, text in _certificate_names(client):
            try:
                canonical_name(kind, text)
            except BadBag as fault:
                yield f"clients[{n}].tls_client_auth_{kind}", fault.reason
        for m, secret in enumerate(client.secrets):
            if secret.argon2id:
                hashes[f"clients[{n}].secrets[{m}].argon2id"] = secret.argon2id
    for path, phc in hashes.items():
        try:
            check_phc(phc)
        except ValueError as fault:
            yield path, str(fault)


class ClientKeys:
    """The keys of all clients, each by client id.

    jwks: public keys that verify signatures.
    hmac_keys: keys for client_secret_jwt.
    certificate_names: registered names for tls_client_auth.
    recipients: keys that ID tokens are encrypted to.
    authorities: the CAs that issue client certificates; None if the proxy verifies that.
    decoy: an Argon2id hash that a secret is checked against when the client is unknown, so that timing does not tell;
        None if no client has a human-chosen secret.
    """

    __slots__ = ("authorities", "certificate_names", "decoy", "hmac_keys", "jwks", "recipients")

    def __init__(self, config: Config) -> None:
        clients, pem = config.clients, config.proxies.authorities
        self.authorities = Authorities(pem) if pem else None
        self.jwks = {client.id: import_jwks(client.jwks) for client in clients if client.jwks}
        self.hmac_keys = {
            client.id: KeySet([HmacKey(client.hmac_secret.encode())])
            for client in clients
            if "client_secret_jwt" in client.auth_methods
        }
        self.certificate_names = {
            client.id: canonical_name(*name) for client in clients for name in _certificate_names(client)
        }
        self.recipients = {
            client.id: recipient
            for client in clients
            if client.id_token_encrypted_response and (recipient := _recipient(client))
        }
        self.decoy: ClientSecret | None = next(
            (secret for client in clients for secret in client.secrets if secret.argon2id), None
        )


def _recipient(client: Client) -> Recipient | None:
    """Return the first encryption key in the `jwks` of `client`, or None."""
    keys = client.jwks.get("keys")
    for jwk in keys if isinstance(keys, list) else ():
        if isinstance(jwk, dict) and jwk.get("use") == "enc":
            try:
                return Recipient.from_jwk(jwk)
            except BadBag:
                continue
    return None


def _certificate_names(client: Client) -> Iterator[tuple[NameKind, str]]:
    for kind in get_args(NameKind):
        if text := getattr(client, f"tls_client_auth_{kind}"):
            yield kind, text
