"""What clients call people and sessions (OpenID Connect Core section 8): by their own ids, or by pseudonyms.

A pseudonym is computed, never stored, and the same for all clients of one sector. Sessions have one too: an id that
two sectors both see would tell them that their pseudonyms are one person.
"""

import hmac
from urllib.parse import urlsplit

from service.bags.base64url import encode
from service.bags.kinds import SID_CHARS, AccessToken, PersonalClaims
from service.bags.snapshot import Snapshot
from service.config import Client, Config


def subject(sub: str, client: Client, config: Config) -> str:
    """Return the `sub` of the person `sub` towards `client`."""
    return _pseudonym(sub, client, config) if client.subject_type == "pairwise" else sub


def session_id(sid: str, client: Client, config: Config) -> str:
    """Return the `sid` of the session `sid` towards `client`, of SID_CHARS characters."""
    return _pseudonym("\0" + sid, client, config)[:SID_CHARS] if client.subject_type == "pairwise" else sid


def _pseudonym(name: str, client: Client, config: Config) -> str:
    sector = client.sector_identifier or urlsplit(client.redirect_uris[0]).hostname
    message = f"{sector}\0{name}".encode()
    return encode(hmac.digest(config.openid.pairwise_salt.encode(), message, "sha256")).decode("ascii")


def personal_claims(token: AccessToken, snapshot: Snapshot, now: float) -> PersonalClaims | None:
    """Return what an access token of ours holds for us alone, or None; `now` is in seconds since the epoch.

    Raises:
        BadBag: the key to it is gone.
    """
    sealed = token.claims.get("personal")
    return None if sealed is None else snapshot.open(sealed, (PersonalClaims,), now)


def owner(token: AccessToken, snapshot: Snapshot, now: float) -> str:
    """Return the id of whom an access token of ours speaks of, which is not its `sub` where that is a pseudonym.

    Raises:
        BadBag: the key to it is gone.
    """
    personal = personal_claims(token, snapshot, now)
    return token.sub if personal is None else personal.sub
