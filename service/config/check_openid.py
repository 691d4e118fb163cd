"""Rules of OpenID Connect (Core section 8, Discovery section 3). Each rule yields (path, message)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from service.config.check_client_auth import NOT_FETCHABLE, fetchable
from service.config.parties import Client
from service.config.tables import Config

_SALT_CHARS = 32


def openid_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for every broken rule. The fields themselves are well formed already."""
    if config.openid.pairwise_salt and len(config.openid.pairwise_salt) < _SALT_CHARS:
        yield "openid.pairwise_salt", f"must have at least {_SALT_CHARS} characters"
    for n, client in enumerate(config.clients):
        yield from _client(f"clients[{n}]", client, config)


def _client(path: str, client: Client, config: Config) -> Iterator[tuple[str, str]]:
    openid = {
        "subject_type": client.subject_type == "pairwise",
        "id_token_encrypted_response": client.id_token_encrypted_response,
        "userinfo_signed_response_alg": bool(client.userinfo_signed_response_alg),
        "backchannel_logout_uri": bool(client.backchannel_logout_uri),
        "post_logout_redirect_uris": bool(client.post_logout_redirect_uris),
    }
    if not config.openid.enabled:
        yield from ((f"{path}.{field}", "needs openid.enabled = true") for field, used in openid.items() if used)
        return
    for field in ("id_token_signed_response_alg", "userinfo_signed_response_alg"):
        alg = getattr(client, field)
        if alg and alg not in config.keys.signing_algs:
            yield f"{path}.{field}", f"{alg!r} is not one of keys.signing_algs"
    if client.subject_type == "pairwise":
        if not config.openid.pairwise_salt:
            yield f"{path}.subject_type", '"pairwise" needs openid.pairwise_salt'
        if not client.sector_identifier and not _has_one_host(client):
            yield (
                f"{path}.sector_identifier",
                "is required, because redirect_uris have no host or several hosts (OpenID Connect Core section 8.1)",
            )
    if client.backchannel_logout_uri and not fetchable(client.backchannel_logout_uri, config):
        yield f"{path}.backchannel_logout_uri", NOT_FETCHABLE


def _has_one_host(client: Client) -> bool:
    try:
        hosts = {urlsplit(uri).hostname for uri in client.redirect_uris}
    except ValueError:
        return False
    return len(hosts) == 1 and None not in hosts
