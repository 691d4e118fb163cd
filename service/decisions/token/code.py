"""Minting authorization codes (RFC 6749 section 4.1.2), for whoever has a resource owner's consent."""

from service.bags.ids import fresh_id, single_use_id
from service.bags.kinds import AuthorizationCode, Grant
from service.decisions.context import Context
from service.protocol.digests import client_digest, uri_digest


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
    """Return a code for `sub` (the subject) towards the client `client_id`, without a session, as `code_for` does.

    `dpop_jkt` is the thumbprint of the DPoP key that must redeem it (RFC 9449 section 10); `auth_time` is in seconds.

    Raises:
        MemoryUnavailable: the memory that is to know whether the code was used cannot be asked.
        NoActiveKey
    """
    grant = Grant(
        family=fresh_id(),
        client=client_digest(client_id),
        sub=sub,
        scope=" ".join(scopes),
        resources=resources,
        memory=context.memory.identity,
        auth_time=auth_time,
        acr=acr,
        amr=amr,
        cnf={"jkt": dpop_jkt} if dpop_jkt else {},
    )
    return code_for(context, now, grant, redirect_uri=redirect_uri, challenge=challenge, nonce=nonce)


def code_for(
    context: Context, now: float, grant: Grant, *, redirect_uri: str | None, challenge: bytes = b"", nonce: str = ""
) -> str:
    """Return a code for `grant`, good once for lifetimes.code seconds.

    `redirect_uri` is the one of the request, if it had one; `challenge` the 32 octets of an S256 code_challenge.

    Raises:
        NoActiveKey
    """
    code = AuthorizationCode(
        iss=context.snapshot.issuer,
        jti=single_use_id(),
        iat=int(now),
        exp=int(now) + context.registry.config.lifetimes.code,
        grant=grant,
        redirect_uri=b"" if redirect_uri is None else uri_digest(redirect_uri),
        challenge=challenge,
        nonce=nonce,
    )
    return context.snapshot.seal(code, now)
