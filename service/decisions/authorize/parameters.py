"""The parameters of an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1)."""

import re

import msgspec

from satchel_jose.base64url import decode
from service.bags.errors import BadBag
from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.decisions.context import Context
from service.protocol.authorization_details import read_details
from service.protocol.claims_parameter import read_claims
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.pkce import challenge_octets

RESPONSE_MODES = ("query", "fragment", "form_post")
PROMPTS = ("none", "login", "consent", "select_account")
MAX_BYTES = 4000
"""Maximum length of an encoded request, in bytes, so that every bag that holds one stays short enough to be opened."""

_MAX_AGE = re.compile(r"[0-9]{1,10}")


def read_parameters(
    context: Context, client: Client, form: Form, redirect_uri: str, now: float
) -> AuthorizationRequest:
    """Return the validated request of `form` at `now` (seconds since the epoch); `redirect_uri` is validated already.

    Raises:
        OAuthError
    """
    response_mode = _response_mode(form)
    if "authorization_code" not in client.grants:
        raise OAuthError("unauthorized_client", "the client is not registered for the grant authorization_code")
    registry = context.registry
    audiences, scopes, _ = registry.entitlements.consentable(client, form.all("resource"), form.get("scope"))
    named = form.get("redirect_uri") is not None
    openid = "openid" in scopes
    if openid and not named:
        raise OAuthError("invalid_request", "redirect_uri is missing; the scope openid requires it")
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
        resource_named=bool(form.all("resource")),
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
        raise OAuthError(
            "invalid_request",
            f"the request has more than {MAX_BYTES} bytes; shorten state, claims, authorization_details or login_hint",
        )
    return request


def _response_mode(form: Form) -> str:
    if form.require("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    mode = form.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise OAuthError("invalid_request", "response_mode must be query, fragment or form_post")
    return mode


def _challenge(client: Client, form: Form) -> bytes:
    challenge, method = form.get("code_challenge"), form.get("code_challenge_method")
    if challenge is not None:
        return challenge_octets(challenge, method)
    if method is not None or client.public or client.require_pkce:
        raise OAuthError("invalid_request", "code_challenge is missing; the client must use PKCE with S256")
    return b""


def _thumbprint(jkt: str) -> str:
    try:
        if jkt and len(decode(jkt.encode("ascii"))) != 32:
            raise BadBag("length")
    except (BadBag, UnicodeEncodeError):
        raise OAuthError("invalid_request", "dpop_jkt must be a SHA-256 thumbprint (RFC 7638) in base64url") from None
    return jkt


def _prompt(text: str) -> tuple[str, ...]:
    prompts = tuple(dict.fromkeys(text.split()))
    if any(prompt not in PROMPTS for prompt in prompts):
        raise OAuthError("invalid_request", f"prompt accepts {', '.join(PROMPTS)}")
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt must not combine none with other values")
    return prompts


def _max_age(text: str | None) -> int:
    if text is None:
        return -1
    if _MAX_AGE.fullmatch(text) is None:
        raise OAuthError("invalid_request", "max_age must be a whole number of seconds")
    return int(text)


def _hint(context: Context, client: Client, hint: str | None, now: float) -> str:
    """Return the `sub` of an id_token_hint: an ID token that this service issued to `client`, even an expired one."""
    if hint is None:
        return ""
    try:
        claims = context.snapshot.open_id_token(hint, now)
        audience = claims.get("aud")
        if client.id not in (audience if isinstance(audience, list) else [audience]):
            raise BadBag("another client's ID token")
        return str(claims["sub"])
    except BadBag as fault:
        raise OAuthError(
            "invalid_request", "id_token_hint must be an ID token that was issued to the client", reason=fault.reason
        ) from None
