"""Minting authorization codes (RFC 6749 section 4.1.2)."""

from service.bags.ids import fresh_id, single_use_id
from service.bags.kinds import AuthorizationCode, Grant
from service.bags.snapshot import MAX_CHARS
from service.decisions.context import Context
from service.protocol.digests import client_digest, uri_digest
from service.protocol.errors import OAuthError


def mint_code(
    context: Context,
    now: float,
    *,
    client_id: str,
    sub: str,
    scopes: tuple[str, ...],
    resources: tuple[str, ...] = (),
    redirect_uri: str | None = None,
    challenge: bytes = b"",
    nonce: str = "",
    dpop_jkt: str = "",
    auth_time: int = 0,
    acr: str = "",
    amr: tuple[str, ...] = (),
) -> str:
    """Return a code for subject `sub` and client `client_id` that belongs to no session; see `code_for`.

    `dpop_jkt` is the thumbprint of the DPoP key that must redeem the code (RFC 9449 section 10); `auth_time` is in
    seconds since the epoch.

    Raises:
        MemoryUnavailable: the memory, which will record the use of the code, cannot be reached.
        NoActiveKey
    """
    grant = Grant(
        family=fresh_id(),
        client=client_digest(client_id),
        sub=sub,
        scope=" ".join(scopes),
        resources=resources,
        resource_named=bool(resources),
        memory=context.memory.identity,
        auth_time=auth_time,
        acr=acr,
        amr=amr,
        cnf={"jkt": dpop_jkt} if dpop_jkt else {},
    )
    return code_for(context, now, grant, redirect_uri=redirect_uri, challenge=challenge, nonce=nonce)


def code_for(
    context: Context,
    now: float,
    grant: Grant,
    *,
    redirect_uri: str | None,
    challenge: bytes = b"",
    nonce: str = "",
    jti: str = "",
) -> str:
    """Return a code for `grant` that can be redeemed once, within `lifetimes.code` seconds.

    `redirect_uri` is the parameter of the request (None if absent); `challenge` is the 32 bytes of an S256
    code_challenge. `jti` is the id of the code; empty: a new one.

    Raises:
        OAuthError: invalid_request if the code would be too long to be opened.
        NoActiveKey
    """
    code = AuthorizationCode(
        iss=context.snapshot.issuer,
        jti=jti or single_use_id(),
        iat=int(now),
        exp=int(now) + context.registry.config.lifetimes.code,
        grant=grant,
        redirect_uri=b"" if redirect_uri is None else uri_digest(redirect_uri),
        challenge=challenge,
        nonce=nonce,
    )
    text = context.snapshot.seal(code, now)
    if len(text) > MAX_CHARS:
        raise OAuthError("invalid_request", "the code would be too long")
    return text
