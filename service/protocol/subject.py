"""Subject identifiers and session ids as clients see them (OpenID Connect Core section 8): public or pairwise.

A pairwise identifier is computed, never stored, and equal for all clients of one sector. Session ids are pairwise too:
if two sectors saw the same session id, they would know that two pairwise subjects are one person.
"""

import hmac
import re
from urllib.parse import urlsplit

from satchel_jose.base64url import encode
from service.bags.kinds import SID_CHARS, AccessToken, PersonalClaims
from service.bags.snapshot import Snapshot
from service.config import Client, Config
from service.config.table import SUBJECT

_SUBJECT = re.compile(SUBJECT)


def is_subject(sub: str) -> bool:
    """Return whether `sub` has the form of a subject identifier (OpenID Connect Core section 2)."""
    return _SUBJECT.search(sub) is not None


def subject(sub: str, client: Client, config: Config) -> str:
    """Return the `sub` that `client` sees for the user `sub`."""
    return _pairwise(sub, client, config) if client.subject_type == "pairwise" else sub


def session_id(sid: str, client: Client, config: Config) -> str:
    """Return the `sid` that `client` sees for the session `sid`; it has SID_CHARS characters."""
    return _pairwise("\0" + sid, client, config)[:SID_CHARS] if client.subject_type == "pairwise" else sid


def _pairwise(name: str, client: Client, config: Config) -> str:
    sector = client.sector_identifier or urlsplit(client.redirect_uris[0]).hostname
    message = f"{sector}\0{name}".encode()
    return encode(hmac.digest(config.openid.pairwise_salt.encode(), message, "sha256")).decode("ascii")


def personal_claims(token: AccessToken, snapshot: Snapshot, now: float) -> PersonalClaims | None:
    """Return the encrypted claims of an access token that only this service can read, or None if it has none.

    `now` is in seconds since the epoch.

    Raises:
        BadBag: their key no longer exists.
    """
    sealed = token.claims.get("personal")
    return None if sealed is None else snapshot.open(sealed, (PersonalClaims,), now)


def owner(token: AccessToken, snapshot: Snapshot, now: float) -> str:
    """Return the id of the user of an access token, even if its `sub` is pairwise.

    Raises:
        BadBag: the key of the encrypted claims no longer exists.
    """
    personal = personal_claims(token, snapshot, now)
    return token.sub if personal is None else personal.sub
