"""The sender constraint that a token request proves: a DPoP key (RFC 9449) or a client certificate (RFC 8705)."""

from hashlib import sha256

from service.bags.base64url import encode
from service.bags.nonce import check_nonce, make_nonce
from service.config import Client
from service.decisions.decision import Decision
from service.decisions.desk import Desk, Incoming
from service.protocol.dpop import check_proof
from service.protocol.errors import OAuthError
from service.protocol.spend import Spend

_NOTHING: tuple[dict[str, str], tuple[Spend, ...]] = ({}, ())


def sender_constraint(
    decision: Decision, desk: Desk, client: Client, incoming: Incoming, now: float
) -> tuple[dict[str, str], tuple[Spend, ...]]:
    """Return the `cnf` of the tokens to be issued, and what must be spent for it.

    Where a nonce is due, `decision` carries a fresh one.

    Raises:
        OAuthError: invalid_dpop_proof, use_dpop_nonce; invalid_request where the client must prove something and
            does not.
    """
    if incoming.dpop is None and not client.dpop_bound_access_tokens:
        if not client.tls_client_certificate_bound_access_tokens:
            return _NOTHING
        return _certificate(incoming), ()
    # Who must show a certificate must show it with a proof too: else a stolen secret could choose a key of its own.
    bound = _certificate(incoming) if client.tls_client_certificate_bound_access_tokens else {}
    if incoming.dpop is None:
        raise OAuthError("invalid_dpop_proof", "the client must use DPoP")
    proved, spends = _dpop(decision, desk, client, incoming.dpop, now)
    return {**bound, **proved}, spends


def _certificate(incoming: Incoming) -> dict[str, str]:
    if incoming.certificate is None:
        raise OAuthError("invalid_request", "a client certificate is required")
    return {"x5t#S256": encode(sha256(incoming.certificate).digest()).decode("ascii")}


def _dpop(
    decision: Decision, desk: Desk, client: Client, header: str, now: float
) -> tuple[dict[str, str], tuple[Spend, ...]]:
    config, ring = desk.registry.config, desk.snapshot.ring
    proof = check_proof(header, "POST", config.issuer + config.endpoints.token, now)
    if client.dpop_nonce or proof.nonce is not None:
        decision.dpop_nonce = make_nonce(ring, now)
        if proof.nonce is None or not check_nonce(ring, proof.nonce, now):
            raise OAuthError("use_dpop_nonce", "the DPoP proof needs a nonce of this server")
    return {"jkt": proof.jkt}, (proof.spend,)
