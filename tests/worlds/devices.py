"""A service with devices, people and a login application, driven decision by decision; its clock stands still."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from service.bags.kinds import Bag
from service.config.check_grants import DEVICE_CODE
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.login import decide_login
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.decisions.device.authorization import decide_device_authorization
from service.decisions.device.page import decide_device, decide_device_code
from service.decisions.form_request import FormRequest
from service.decisions.pages import ConsentPage, DeviceDonePage, DevicePage, LoginPage
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.satchel import Satchel
from tests.worlds.toml import confidential, configuration, public, user


def toml(top: str) -> str:
    """The configuration; `top` is for what comes before its arrays of tables."""
    return configuration(
        top,
        issuer=ISSUER,
        default_resource=API,
        resources=[
            {"identifier": API, "scopes": ["read", "write"], "titles": {"read": "Read everything"}},
            {"identifier": VAULT, "scopes": ["vault"], "format": "bag"},
        ],
        detail_types=[{"type": "payment", "title": "Pay a bill", "members": ["amount", "to"], "required": ["amount"]}],
        **{"users.known": [user("u-1", name="alice", claims={"name": "Alice"}), user("u-2", name="bob")]},
        clients=[
            public(
                "tv",
                name="The television",
                grants=[DEVICE_CODE, "refresh_token"],
                scopes=["read", "write", "vault", "openid", "offline_access"],
                default_scopes=["read"],
                resources=[API, VAULT],
                authorization_details_types=["payment"],
            ),
            confidential("radio", grants=[DEVICE_CODE], scopes=["read"], consent="implicit"),
            public(
                "spa",
                name="A page",
                grants=["authorization_code", "password"],
                redirect_uris=["https://spa.example.com/callback"],
                scopes=["read", "write", "openid", "email"],
            ),
            confidential("backend", grants=["password"], scopes=["read"]),
            confidential("login"),
            confidential("rs", serves=[API, VAULT]),
        ],
    )


Decide = Callable[[Context, Any, float], Awaitable[Decision]]


class Devices(Satchel):
    """The service in this process, and one browser with its two cookies."""

    def __init__(self, directory: Path, top: str = "") -> None:
        super().__init__(directory, toml(top))
        self.browser = self.session = ""
        self.address = "192.0.2.1"

    def ask(self, decide: Decide, form: dict[str, Any], client: str = "", **more: Any) -> Decision:
        """A decision on a form that `client` posts with its secret; without one, it says itself who it is."""
        authorization = basic(client, "secret")["Authorization"] if client else None
        form_request = FormRequest(urlencode(form, doseq=True).encode(), authorization, address=self.address, **more)
        return asyncio.run(decide(self.context, form_request, self.now))

    def browser_request(self, decide: Decide, **parameters: str) -> Decision:
        """A decision on what the browser sends; it keeps the cookies that it gets."""
        browser_request = BrowserRequest(urlencode(parameters).encode(), self.session, self.browser, self.address)
        decision = asyncio.run(decide(self.context, browser_request, self.now))
        self.session = self.session if decision.session is None else decision.session
        self.browser = self.browser if decision.browser is None else decision.browser
        return decision

    def begin(self, **form: Any) -> Any:
        """The codes of a new device."""
        decision = self.ask(decide_device_authorization, {"client_id": "tv", **form})
        assert decision.error is None, decision.error
        return decision.answer

    def enter(self, user_code: str) -> Decision:
        """What comes of entering a code on the page."""
        page = self.browser_request(decide_device).answer
        assert isinstance(page, DevicePage)
        return self.browser_request(decide_device_code, user_code=user_code, check=page.check)

    def log_in(self, page: LoginPage, username: str = "alice") -> Decision:
        """What comes of logging in."""
        return self.browser_request(decide_login, ticket=page.ticket, username=username, password="wonderland")

    def answer(self, user_code: str, answer: str) -> DeviceDonePage:
        """The end of the flow, once the code has been entered and somebody has logged in and answered."""
        decision = self.enter(user_code)
        if isinstance(decision.answer, LoginPage):
            decision = self.log_in(decision.answer)
        assert isinstance(decision.answer, ConsentPage), (decision, decision.error)
        decision = self.browser_request(decide_consent, ticket=decision.answer.ticket, answer=answer)
        assert isinstance(decision.answer, DeviceDonePage), decision.error
        return decision.answer

    def poll(self, device_code: str, client: str = "tv", dpop: str | None = None, **form: Any) -> Answer:
        """What the device is told."""
        form = {"grant_type": DEVICE_CODE, "device_code": device_code, **form}
        headers = {} if dpop is None else {"DPoP": dpop}
        if client != "radio":
            return self.post("/token", {**form, "client_id": client}, headers)
        return self.post("/token", form, {**headers, **basic(client, "secret")})

    def seal(self, bag: Bag) -> str:
        """A bag of the service's own."""
        return self.context.snapshot.seal(bag, self.now)

    @property
    def reason(self) -> str:
        """Why the last request over HTTP was refused, from the log."""
        return str([line for line in self.log if "endpoint" in line][-1].get("reason", ""))
