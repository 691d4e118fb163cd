"""Middleware for WSGI applications (Flask, Django, Falcon, …; PEP 3333) that requires a valid token.

    app.wsgi_app = Protect(app.wsgi_app, Verifier(issuer, audience), Protection(policy))

The application finds the AccessToken in `environ["satchel.token"]`; it is None where the policy asks for none.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from satchel_client.errors import ClientError
from satchel_client.presented import Presented
from satchel_client.protection import Protection
from satchel_client.verifier import Verifier

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN = "satchel.token"


class Protect:
    """Protects `app`."""

    def __init__(self, app: "WSGIApplication", verifier: Verifier, protection: Protection | None = None) -> None:
        self.app = app
        self.verifier = verifier
        self.protection = protection or Protection()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        method, path = environ["REQUEST_METHOD"], raw_path(environ)
        answer = self.protection.document(method, path.decode("utf-8", "replace"))
        if answer is None:
            try:
                requirement = self.protection.policy(method, path.decode("utf-8", "replace"))
                environ[TOKEN] = None
                if requirement is not None:
                    environ[TOKEN] = self.verifier.verify(_present(environ, self.protection), requirement)
            except ClientError as error:
                answer = self.protection.refuse(error)
            else:
                return self.app(environ, start_response)
        headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [] if method == "HEAD" else [answer.body]


def _present(environ: dict[str, Any], protection: Protection) -> Presented:
    """Return the token of a request. WSGI servers join repeated headers with commas, which tokens cannot have."""

    def header(name: str) -> list[str]:
        value = environ.get("HTTP_" + name.upper().replace("-", "_"))
        return [] if value is None else [value]

    return protection.present(environ["REQUEST_METHOD"], raw_path(environ), header)


def raw_path(environ: dict[str, Any]) -> bytes:
    """Return the path of a request, percent-decoded."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return path.encode("latin-1")
