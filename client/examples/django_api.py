"""A Django API protected by access tokens: `ISSUER=… gunicorn --chdir client/examples django_api:app`.

In a larger project, the same code goes into wsgi.py.
"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from satchel_client import Protection, Requirement, ResourceMetadata, Verifier
from satchel_client.wsgi_protect import TOKEN, Protect

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"


def policy(method: str, path: str) -> Requirement | None:
    """Return the required scope of a request; None: no token is needed."""
    if path == "/health":
        return None
    return Requirement("write" if method == "PUT" else "read")


def health(request: HttpRequest) -> HttpResponse:
    """Report that the API runs. No token is needed."""
    return JsonResponse({"ok": True})


def room(request: HttpRequest, number: int) -> HttpResponse:
    """Show a room, or change it."""
    if request.method == "PUT":
        return HttpResponse(status=204)
    return JsonResponse({"room": number, "seen_by": request.META[TOKEN].subject})


urlpatterns = [path("health", health), path("rooms/<int:number>", room)]
settings.configure(ROOT_URLCONF=__name__)
app = Protect(
    get_wsgi_application(),
    Verifier(ISSUER, AUDIENCE),
    Protection(policy, metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)), origin=AUDIENCE),
)
