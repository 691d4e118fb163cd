"""A Django API on ASGI, protected by access tokens:

    ISSUER=… gunicorn -k asgi --chdir client/examples django_asgi_api:app

In a larger project, the same code goes into asgi.py.
"""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, JsonResponse
from django.urls import path
from satchel_client import AsyncVerifier, Protection, Requirement, ResourceMetadata
from satchel_client.asgi_protect import TOKEN, Protect

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8000")
AUDIENCE = "https://api.example.com"


def policy(method: str, path: str) -> Requirement | None:
    """Return the required scope of a request; None: no token is needed."""
    if path == "/health":
        return None
    return Requirement("write" if method == "PUT" else "read")


async def health(request: ASGIRequest) -> HttpResponse:
    """Report that the API runs. No token is needed."""
    return JsonResponse({"ok": True})


async def room(request: ASGIRequest, number: int) -> HttpResponse:
    """Show a room, or change it."""
    if request.method == "PUT":
        return HttpResponse(status=204)
    return JsonResponse({"room": number, "seen_by": request.scope[TOKEN].subject})


urlpatterns = [path("health", health), path("rooms/<int:number>", room)]
settings.configure(ROOT_URLCONF=__name__)
app = Protect(
    get_asgi_application(),
    AsyncVerifier(ISSUER, AUDIENCE),
    Protection(policy, metadata=ResourceMetadata(resource=AUDIENCE, authorization_servers=(ISSUER,)), origin=AUDIENCE),
)
