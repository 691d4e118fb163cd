"""Sender constraints: the DPoP key (RFC 9449) or client certificate (RFC 8705) that a request proves."""

from hashlib import sha256

import msgspec

from satchel_jose.base64url import encode
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.bags.nonce import check_nonce, make_nonce
from service.config import Client
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.decisions.form_request import FormRequest
from service.decisions.throttle import network
from service.memory import owners
from service.protocol.dpop import check_proof
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId

_UNBOUND: tuple[dict[str, str], tuple[OneTimeId, ...]] = ({}, ())


def sender_constraint(
    decision: Decision, context: Context, client: Client, form_request: FormRequest, now: float
) -> tuple[dict[str, str], tuple[OneTimeId, ...]]:
    """Return the `cnf` of the tokens to issue, and the ids to spend for the proof.

    If a DPoP nonce is needed, a fresh one is written into `decision`.

    Raises:
        OAuthError: invalid_dpop_proof, use_dpop_nonce; invalid_request if a required certificate is missing.
    """
    if form_request.dpop is None and not client.dpop_bound_access_tokens:
        if not client.tls_client_certificate_bound_access_tokens:
            return _UNBOUND
        return _certificate(form_request), ()
    # The certificate is required beside a DPoP proof too: otherwise a thief of the client secret could bind the token
    # to a key of the thief's own.
    bound = _certificate(form_request) if client.tls_client_certificate_bound_access_tokens else {}
    if form_request.dpop is None:
        raise OAuthError("invalid_dpop_proof", "the client must send a DPoP proof in the DPoP header")
    proved, one_time_ids = prove_key(
        decision, context, client, form_request, context.registry.config.endpoints.token, now
    )
    return {**bound, **proved}, one_time_ids


def _certificate(form_request: FormRequest) -> dict[str, str]:
    if form_request.certificate is None:
        raise OAuthError("invalid_request", "the client must present its TLS certificate")
    return {"x5t#S256": encode(sha256(form_request.certificate).digest()).decode("ascii")}


def prove_possession(
    decision: Decision,
    context: Context,
    client: Client,
    token: AccessToken,
    text: str,
    form_request: FormRequest,
    path: str,
    now: float,
) -> tuple[OneTimeId, ...]:
    """Check that `form_request`, sent to the resource at `path`, proves the key that the access token is bound to.

    `token` is the content of the access token, `text` its text. Return the ids to be spent for the proof.

    Raises:
        BadBag: the request does not prove the key.
        OAuthError: invalid_dpop_proof, use_dpop_nonce.
    """
    one_time_ids: tuple[OneTimeId, ...] = ()
    proved = {} if form_request.certificate is None else _certificate(form_request)
    if "jkt" in token.cnf and form_request.dpop is not None:
        key, one_time_ids = prove_key(decision, context, client, form_request, path, now, access_token=text)
        proved |= key
    if not token.cnf.items() <= proved.items():
        raise BadBag("bound to another key")
    return one_time_ids


def prove_key(
    decision: Decision,
    context: Context,
    client: Client,
    form_request: FormRequest,
    path: str,
    now: float,
    *,
    access_token: str | None = None,
) -> tuple[dict[str, str], tuple[OneTimeId, ...]]:
    """Return the `cnf` of the DPoP key that `form_request` proves at `path`, and the ids to spend for the proof.

    With `access_token`, the proof must have its hash (RFC 9449 section 7).

    Raises:
        OAuthError: invalid_dpop_proof, use_dpop_nonce.
    """
    ring = context.snapshot.ring
    url = form_request.url or context.registry.config.issuer + path
    proof = check_proof(form_request.dpop or "", form_request.method, url, now, access_token=access_token)
    if client.dpop_nonce or form_request.nonce_required or proof.nonce is not None:
        decision.dpop_nonce = make_nonce(ring, now)
        if proof.nonce is None or not check_nonce(ring, proof.nonce, now):
            raise OAuthError("use_dpop_nonce", "the DPoP proof must have the nonce from the DPoP-Nonce header")
    # Anybody can send requests in the name of a public client, so the address counts too.
    room = owners(client=client.id, address=network(form_request.address) if client.public else "")
    return {"jkt": proof.jkt}, (msgspec.structs.replace(proof.one_time_id, owners=room),)
