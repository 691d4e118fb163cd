"""/userinfo (OpenID Connect Core section 5.3): an access token in Authorization, with GET or POST."""

from typing import Any

from service.decisions.decision import Decision
from service.decisions.form_request import FormRequest
from service.decisions.resource_server.userinfo import decide_userinfo
from service.protocol.challenge import EITHER, challenge
from service.protocol.errors import OAuthError
from service.web.answer import Answer, answer_of
from service.web.cors import Cors
from service.web.form_endpoints import FORM, FormEndpoint
from service.web.runtime import Runtime

_UNAUTHORIZED = frozenset({"invalid_token", "invalid_dpop_proof", "use_dpop_nonce"})


class UserinfoEndpoint(FormEndpoint):
    """The userinfo endpoint. It ignores the query, so a token in the query (RFC 6750 section 2.3) is not accepted."""

    methods = ("GET", "POST")

    def form_request(self, scope: dict[str, Any], headers: dict[bytes, bytes], body: bytes) -> FormRequest:
        """Return the request without HTTP. A POST may be empty and then needs no content type.

        Raises:
            OAuthError: invalid_request.
        """
        if scope["method"] == "GET" or not body:
            body, headers = b"", {**headers, b"content-type": FORM}
        return super().form_request({**scope, "query_string": b""}, headers, body)

    def rendered(self, decision: Decision, headers: dict[bytes, bytes]) -> Answer:
        """Return the response; errors have WWW-Authenticate (RFC 6750 section 3, RFC 9449 section 7.1)."""
        answer = answer_of(decision)
        error = decision.error
        if error is None or error.status >= 500:
            return answer
        others = [field for field in answer.headers if field[0] != b"www-authenticate"]
        again = (b"www-authenticate", _challenge(error, headers.get(b"authorization", b"")).encode())
        return Answer(401 if error.code in _UNAUTHORIZED else error.status, [*others, again], answer.body)


def _challenge(error: OAuthError, authorization: bytes) -> str:
    return challenge(error, dpop=authorization[:5].lower() == b"dpop ") if authorization else EITHER


def userinfo_endpoints(runtime: Runtime) -> dict[str, UserinfoEndpoint]:
    """Return the endpoint by path; nothing if OpenID Connect is disabled."""
    config = runtime.context.registry.config
    if not config.openid.enabled:
        return {}
    path = config.base_path + config.endpoints.userinfo
    return {path: UserinfoEndpoint("userinfo", decide_userinfo, runtime, Cors(config.clients))}
