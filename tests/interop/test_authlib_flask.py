"""A web site on Flask whose logins are Authlib's, unchanged: it reads the OpenID Connect metadata and does the rest."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask
from joserfc.errors import InvalidClaimError

from tests.interop.signer import REDIRECT
from tests.worlds.gunicorn import Running
from tests.worlds.person import Person

pytestmark = pytest.mark.slow

SPA = "http://127.0.0.1:5173/callback"
SIGNED_OUT = "http://127.0.0.1:5173/signed-out"


@pytest.fixture
def alice(running: Running) -> Iterator[Person]:
    with Person(running.url) as person:
        yield person


class Site:
    """The web site, of the public client at `SPA`, else of the one with a secret; `asking` adds to its requests."""

    def __init__(self, issuer: str, redirect_uri: str = SPA, **asking: str) -> None:
        app = Flask("site")
        app.secret_key = "of the tests"
        app.testing = True  # what Authlib raises is raised here
        public = redirect_uri == SPA
        self.client_id = "spa" if public else "123456789"
        self.satchel = OAuth(app).register(
            "satchel",
            client_id=self.client_id,
            client_secret=None if public else "987654321",
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "none" if public else "client_secret_basic",
            },
        )
        self.token: dict[str, Any] = {}
        self.asking = asking
        self.browser = app.test_client()

        @app.get("/login")
        def login() -> Any:
            return self.satchel.authorize_redirect(redirect_uri, **self.asking)

        @app.route(urlsplit(redirect_uri).path, methods=["GET", "POST"])
        def callback() -> Any:
            self.token = self.satchel.authorize_access_token()
            return dict(self.satchel.userinfo(token=self.token))

        @app.get("/logout")
        def logout() -> Any:
            return self.satchel.logout_redirect(SIGNED_OUT, self.token["id_token"])

        @app.get("/signed-out")
        def signed_out() -> Any:
            return dict(self.satchel.validate_logout_response())

    def log_in(self, person: Person) -> Any:
        """What the callback answers, once the person has been to Satchel and back."""
        return self.come_back(person.authorize(self.browser.get("/login").location))

    def come_back(self, url: str) -> Any:
        """What is answered at `url`."""
        parts = urlsplit(url)
        return self.browser.get(f"{parts.path}?{parts.query}").json


@pytest.mark.parametrize("redirect_uri", [SPA, REDIRECT])
def test_login(running: Running, alice: Person, redirect_uri: str) -> None:
    site = Site(running.url, redirect_uri)
    told = site.log_in(alice)
    assert (told["sub"], told["name"], told["email"]) == ("alice", "Alice Liddell", "alice@wonderland.example")
    claims = site.token["userinfo"]  # of the ID token, whose signature, nonce and at_hash Authlib has checked
    assert (claims["iss"], claims["aud"], claims["sub"]) == (running.url, site.client_id, "alice")
    assert claims["at_hash"]


def test_form_post(running: Running, alice: Person) -> None:
    """A browser would leave Flask's cookie at home when another site posts, unless it is told `SameSite=None`."""
    site = Site(running.url, REDIRECT, response_mode="form_post")
    alice.authorize(site.browser.get("/login").location)
    fields = alice.posted()
    assert site.browser.post(urlsplit(fields.pop("action")).path, data=fields).json["sub"] == "alice"


def test_an_id_token_with_another_nonce(running: Running, alice: Person) -> None:
    site = Site(running.url)
    site.log_in(alice)
    with pytest.raises(InvalidClaimError, match="nonce"):
        site.satchel.parse_id_token(site.token, nonce="another")


def test_single_sign_on_and_logout(running: Running, alice: Person) -> None:
    site = Site(running.url, REDIRECT)
    site.log_in(alice)
    silent = Site(running.url, REDIRECT, prompt="none")
    assert silent.log_in(alice)["sub"] == "alice"
    assert silent.token["userinfo"]["sid"] == site.token["userinfo"]["sid"]
    page = Site(running.url)
    page.log_in(alice)
    url = alice.browser_request(page.browser.get("/logout").location)
    assert url.startswith(SIGNED_OUT)
    assert page.come_back(url) == {"post_logout_redirect_uri": SIGNED_OUT}
    with pytest.raises(OAuthError) as caught:
        silent.log_in(alice)
    assert caught.value.error == "login_required"
