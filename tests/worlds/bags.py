"""Keys, rings and bags as a running service has them."""

from functools import cache

from keys import KeyPair, Ring, SealingKey, SigningKey
from service.bags.kinds import (
    AccessToken,
    ApiTicket,
    AuthorizationCode,
    AuthorizationRequest,
    Browser,
    DeviceApproval,
    DeviceCode,
    Grant,
    Login,
    LoginTicket,
    LogoutTicket,
    PersonalClaims,
    PushedRequest,
    RefreshToken,
    Session,
    SessionClient,
    TokenTicket,
    Verdict,
)
from service.bags.snapshot import Snapshot

NOW = 1_800_000_000
DAY = 86_400
ISSUER = "https://as.example.com"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@cache
def pair(alg):
    return KeyPair.generate(alg)


def instants(**other):
    return {
        "created": NOW - 3 * DAY,
        "activates": NOW - DAY,
        "retires": NOW + 30 * DAY,
        "expires": NOW + 60 * DAY,
        **other,
    }


def signing_key(alg="ES256", kid="270115-sig234", **other):
    return SigningKey(alg=alg, kid=kid, pair=pair(alg), **instants(**other))


def bag_key(kid="270115-bag234", secret=bytes(range(32)), **other):
    return SealingKey(alg="A256KW", kid=kid, secret=secret, **instants(**other))


def snapshot(*keys, issuer=ISSUER):
    return Snapshot(Ring(keys or (signing_key(), bag_key())), issuer)


def access_token(**other):
    return AccessToken(
        **{
            "iss": ISSUER,
            "jti": "5BcDUOF6tO4hqwgD0MgNUw",
            "iat": NOW,
            "exp": NOW + 600,
            "sub": "123456789",
            "client_id": "123456789",
            "aud": ("https://api.example.com",),
            "scope": "read write",
            **other,
        }
    )


GRANT = Grant(
    family="kIwwCaKhxKExe5OEmFO7hQ",
    client=bytes(range(100, 116)),
    sub="248289761001",
    scope="openid profile email offline_access read write",
    resources=("https://api.example.com",),
    memory="5f9c1ad0c2b14b6e",
    auth_time=NOW - 30,
)


def authorization_code(**other):
    return AuthorizationCode(
        **{
            "iss": ISSUER,
            "jti": "zV2JFNlZPcXrSDDx8iT2Tw",
            "iat": NOW,
            "exp": NOW + 60,
            "grant": GRANT,
            "redirect_uri": bytes(range(16)),
            "challenge": bytes(range(200, 232)),
            "nonce": "n-0S6_WzA2Mj",
            **other,
        }
    )


def refresh_token(**other):
    return RefreshToken(
        **{
            "iss": ISSUER,
            "jti": "gGiPxPVAhFGVDgoDZTqTOg",
            "iat": NOW,
            "exp": NOW + 30 * DAY,
            "grant": GRANT,
            "until": NOW + 90 * DAY,
            "generation": 12,
            **other,
        }
    )


REQUEST = AuthorizationRequest(
    client_id="123456789",
    redirect_uri="https://client.example.com/callback",
    scope="openid read",
    state="af0ifjsldkj",
    challenge=bytes(range(200, 232)),
)


def front_bags(iss=ISSUER, iat=NOW, exp=NOW + 600):
    """One bag of each kind of the front."""
    common = {"iss": iss, "jti": "0kQX4ZcUu9qkRTfGHJ3H1w", "iat": iat, "exp": exp}
    ticket = LoginTicket(**common, request=REQUEST, browser="kIwwCaKhxKExe5OEmFO7hQ")
    login = Login("248289761001", NOW - 30, amr=("pwd",))
    return (
        PushedRequest(**common, client=bytes(range(100, 116)), request=REQUEST),
        ticket,
        Verdict(**common, ticket=ticket, login=login, scope="openid"),
        Browser(**common),
        Session(
            **common, sid="5f9c1ad0c2b14b6e", login=login, clients=(SessionClient(bytes(range(100, 116)), "openid"),)
        ),
        DeviceCode(**common, client_id="tv", scope="read"),
        DeviceApproval(**common, grant=GRANT),
        PersonalClaims(**common, sub="248289761001", names=("email",)),
        LogoutTicket(**common, browser="kIwwCaKhxKExe5OEmFO7hQ"),
        TokenTicket(**common, client_id="123456789", scopes=("read",), resources=("https://api.example.com",)),
        ApiTicket(**common, request=REQUEST),
    )


BAGS = (access_token(), authorization_code(), refresh_token(), *front_bags())
"""One of each kind."""


def other_spellings(segment):
    """Every text that differs from a base64url segment in its last character alone, and has the same octets."""
    spare = {0: 0, 2: 4, 3: 2}[len(segment) % 4]
    last = ALPHABET.index(segment[-1])
    return [segment[:-1] + ALPHABET[last | bits] for bits in range(1, 1 << spare)]
