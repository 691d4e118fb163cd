"""The parameters of an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1)."""

import re

import msgspec

from service.bags.base64url import decode
from service.bags.errors import BadBag
from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.decisions.context import Context
from service.protocol.authorization_details import read_details
from service.protocol.claims_parameter import read_claims
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.pkce import challenge_octets

RESPONSE_MODES = ("query", "form_post")
PROMPTS = ("none", "login", "consent", "select_account")
MAX_BYTES = 4000
"""Bytes of the longest request, so that every bag that carries it can be opened again."""

_MAX_AGE = re.compile(r"[0-9]{1,10}")


def read_parameters(
    context: Context, client: Client, form: Form, redirect_uri: str, now: float
) -> AuthorizationRequest:
    """Return the request in `form`, which is answered at `redirect_uri`, at `now` (seconds since the epoch).

    Raises:
        OAuthError
    """
    response_mode = _response_mode(form)
    if "authorization_code" not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not ask for authorization codes")
    registry = context.registry
    audiences, scopes, _ = registry.entitlements.consentable(client, form.all("resource"), form.get("scope"))
    named = form.get("redirect_uri") is not None
    openid = "openid" in scopes
    if openid and not named:
        raise OAuthError("invalid_request", "redirect_uri is missing")
    details = form.get("authorization_details")
    request = AuthorizationRequest(
        client_id=client.id,
        redirect_uri=redirect_uri,
        scope=" ".join(scopes),
        state=form.get("state") or "",
        response_mode=response_mode,
        named=named,
        challenge=_challenge(client, form),
        nonce=form.get("nonce") or "",
        resources=tuple(audience.identifier for audience in audiences),
        dpop_jkt=_thumbprint(form.get("dpop_jkt") or ""),
        prompt=_prompt(form.get("prompt") or ""),
        max_age=_max_age(form.get("max_age")),
        login_hint=form.get("login_hint") or "",
        acr_values=tuple((form.get("acr_values") or "").split()),
        claims=read_claims(form.get("claims") or "{}") if openid else {},
        authorization_details=(
            [] if details is None else read_details(details, registry.detail_types, client.authorization_details_types)
        ),
        ui_locales=form.get("ui_locales") or "",
        hint_sub=_hint(context, client, form.get("id_token_hint"), now),
    )
    if len(msgspec.msgpack.encode(request)) > MAX_BYTES:
        raise OAuthError("invalid_request", f"the request has more than {MAX_BYTES} bytes")
    return request


def _response_mode(form: Form) -> str:
    if form.require("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    mode = form.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise OAuthError("invalid_request", "response_mode must be query or form_post")
    return mode


def _challenge(client: Client, form: Form) -> bytes:
    challenge, method = form.get("code_challenge"), form.get("code_challenge_method")
    if challenge is not None:
        return challenge_octets(challenge, method)
    if method is not None or client.public or client.require_pkce:
        raise OAuthError("invalid_request", "code_challenge is missing")
    return b""


def _thumbprint(jkt: str) -> str:
    try:
        if jkt and len(decode(jkt.encode("ascii"))) != 32:
            raise BadBag("length")
    except (BadBag, UnicodeEncodeError):
        raise OAuthError("invalid_request", "dpop_jkt is not a SHA-256 thumbprint") from None
    return jkt


def _prompt(text: str) -> tuple[str, ...]:
    prompts = tuple(dict.fromkeys(text.split()))
    if any(prompt not in PROMPTS for prompt in prompts):
        raise OAuthError("invalid_request", "prompt has a value that is not known here")
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt=none stands alone")
    return prompts


def _max_age(text: str | None) -> int:
    if text is None:
        return -1
    if _MAX_AGE.fullmatch(text) is None:
        raise OAuthError("invalid_request", "max_age is not a number of seconds")
    return int(text)


def _hint(context: Context, client: Client, hint: str | None, now: float) -> str:
    """Return the `sub` of an ID token that we have issued to `client`, expired or not."""
    if hint is None:
        return ""
    try:
        claims = context.snapshot.open_id_token(hint, now)
        audience = claims.get("aud")
        if client.id not in (audience if isinstance(audience, list) else [audience]):
            raise BadBag("another client's")
        return str(claims["sub"])
    except BadBag as fault:
        raise OAuthError(
            "invalid_request", "id_token_hint is not an ID token for the client", reason=fault.reason
        ) from None
