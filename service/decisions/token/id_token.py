"""ID tokens (OpenID Connect Core section 2): signed, and encrypted if the client has registered a key for that."""

from typing import Any

import msgspec

from satchel_jose.algorithms import ALGORITHMS
from satchel_jose.base64url import encode
from service.bags.nested import seal_for
from service.bags.snapshot import ID_TOKEN
from service.decisions.context import Context
from service.decisions.token.person import Person


def id_token(
    context: Context,
    person: Person,
    now: float,
    *,
    nonce: str = "",
    access_token: str = "",
    code: str = "",
    more: dict[str, Any] | None = None,
) -> str:
    """Return the ID token for `person`, issued at `now` (seconds since the epoch).

    `nonce` is the one of the authentication request; `access_token` and `code` are of the same response (for `at_hash`
    and `c_hash`); `more` are additional claims.

    Raises:
        NoActiveKey: the key ring has no active key for the client's algorithm.
    """
    client, grant, config = person.client, person.grant, context.registry.config
    alg = client.id_token_signed_response_alg
    claims: dict[str, Any] = {
        "iss": context.snapshot.issuer,
        "sub": person.sub,
        "aud": client.id,
        "exp": int(now) + config.lifetimes.id_token,
        "iat": int(now),
        "auth_time": grant.auth_time,
        "nonce": nonce,
        "acr": grant.acr,
        "amr": grant.amr,
        "sid": grant.sid,
        "at_hash": _half_hash(access_token, alg),
        "c_hash": _half_hash(code, alg),
    }
    merged = {**person.for_id_token, **(more or {}), **{name: value for name, value in claims.items() if value}}
    token = context.snapshot.sign_claims(ID_TOKEN, msgspec.json.encode(merged), alg, now)
    recipient = context.registry.clients.keys.recipients.get(client.id)
    return token if recipient is None else seal_for(token.encode("ascii"), recipient)


def _half_hash(text: str, alg: str) -> str:
    """Return the left half of the hash of a token or code (section 3.1.3.6); empty for an empty text."""
    digest = ALGORITHMS[alg].digest(text.encode("ascii"))
    return encode(digest[: len(digest) // 2]).decode("ascii") if text else ""
