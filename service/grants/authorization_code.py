"""The authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636)."""

from hmac import compare_digest

from service.bags.errors import BadBag
from service.bags.kinds import AuthorizationCode
from service.grants.plan import GrantRequest, Plan
from service.grants.plan_for_code import plan_for
from service.protocol.digests import client_digest, uri_digest
from service.protocol.errors import OAuthError
from service.protocol.pkce import check_verifier
from service.protocol.redirect_uri import is_registered


async def authorization_code(request: GrantRequest) -> Plan:
    """Return the plan for an authorization code.

    Raises:
        OAuthError: invalid_grant if the code cannot be redeemed by this request; invalid_request, invalid_target,
            invalid_authorization_details.
    """
    code = open_code(request)
    check_pkce(code, request)
    return plan_for(code, request)


def open_code(request: GrantRequest) -> AuthorizationCode:
    """Return the content of the code in `request`, after checking its client and redirect_uri.

    Raises:
        OAuthError: invalid_grant, invalid_request.
    """
    form = request.form
    try:
        code = request.snapshot.open(form.require("code"), (AuthorizationCode,), request.now)
    except BadBag as fault:
        raise _invalid_code(fault.reason) from None
    if not compare_digest(code.grant.client, client_digest(request.client.id)):
        raise _invalid_code("another client's code")
    redirect_uri = form.get("redirect_uri")
    if not compare_digest(code.redirect_uri, b"" if redirect_uri is None else uri_digest(redirect_uri)):
        raise OAuthError("invalid_grant", "redirect_uri must be the same as in the authorization request")
    if redirect_uri is not None and not is_registered(redirect_uri, request.client.redirect_uris):
        raise _invalid_code("the redirect URI is no longer registered")
    return code


def check_pkce(code: AuthorizationCode, request: GrantRequest) -> None:
    """Check that `request` comes from the program that requested `code` (RFC 7636 section 4.6).

    Raises:
        OAuthError: invalid_grant.
    """
    if request.client.public and not code.challenge:
        raise _invalid_code("a public client's code without PKCE")
    check_verifier(code.challenge, request.form.get("code_verifier"))


def _invalid_code(reason: str) -> OAuthError:
    """Return the refusal of a code; the description is the same for each reason, so that it reveals none."""
    description = "the code is wrong, expired or belongs to another client; start a new authorization request"
    return OAuthError("invalid_grant", description, reason=reason)
