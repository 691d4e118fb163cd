"""People with browsers for the tests of login, consent and what comes after; every request goes to the decisions."""

import asyncio
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from service.bags.kinds import AuthorizationCode, Bag, Grant, Login, LoginTicket, Session, Verdict
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.decide import decide_authorization
from service.decisions.authorize.login import decide_login
from service.decisions.browser_request import BrowserRequest
from service.decisions.decision import Action, Decision
from service.decisions.pages import ConsentPage, LoginPage
from service.memory import Memory
from service.protocol.ports import User
from tests.worlds.authorization_requests import LOOPBACK, REDIRECT, AuthorizationRequests, parameters, toml
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import ISSUER
from tests.worlds.pkce import VERIFIER
from tests.worlds.toml import confidential, public, tables, user

B = TypeVar("B", bound=Bag)

APPLICATION = "https://login.example.com/begin"
WITH_APPLICATION = f'[login]\nurl = "{APPLICATION}"\nclient = "other"\n'
_CODE = ["authorization_code"]
_MORE = tables(
    "clients",
    confidential(
        "own",
        redirect_uris=[REDIRECT],
        grants=_CODE,
        scopes=["read", "write", "openid", "email", "offline_access"],
        consent="implicit",
    ),
    public("page", redirect_uris=["https://page.example.com/cb"], grants=_CODE, scopes=["read"]),
    confidential("pair", redirect_uris=[REDIRECT], grants=_CODE, scopes=["read", "openid"], subject_type="pairwise"),
) + tables(
    "users.known",
    user("u-1", name="alice", claims={"name": "Alice Liddell"}),
    user("u-2", name="bob"),
)


class Hooked:
    """Users that only a login tells of."""

    def __init__(self, **members: Any) -> None:
        self.user = User(**{"sub": "u-1", **members})

    async def authenticate(self, username: str, password: str) -> User | None:
        return self.user if password == "wonderland" else None

    def may_exist(self, sub: str) -> bool:
        return True

    async def claims(self, sub: str) -> dict[str, Any] | None:
        return None


class BuiltInPages(AuthorizationRequests):
    """The service in this process."""

    def __init__(self, directory: Path, more: str = "", memory: Memory | None = None) -> None:
        text = toml({"read": "Read your tea leaves"}, pairwise_salt="a salt of thirty-two characters!")
        super().__init__(directory, memory, text + _MORE + more)

    def told_by(self, users: Hooked) -> None:
        """Ask `users` from now on."""
        self.app.runtime.context = self.context._replace(ports=self.context.ports._replace(users=users))

    def opened(self, text: str, kind: type[B]) -> B:
        """What is in a bag."""
        return self.context.snapshot.open(text, (kind,), self.now)

    def grant(self, decision: Decision) -> Grant:
        """What stands in the code that `decision` sends to the client."""
        return self.opened(answered(decision)["code"], AuthorizationCode).grant

    def redeem(self, decision: Decision, client: str = "web") -> Answer:
        """What the client gets for its code."""
        form = {"grant_type": "authorization_code", "code": answered(decision)["code"], "code_verifier": VERIFIER}
        uri = {"spa": LOOPBACK, "page": "https://page.example.com/cb"}.get(client, REDIRECT)
        form |= {"redirect_uri": uri}
        if client in ("spa", "page"):
            return self.post("/token", {**form, "client_id": client})
        return self.post("/token", form, basic(client, "secret"))

    def verdict(self, location: str, sub: str = "u-1", **members: Any) -> str:
        """The query with which a login application sends a browser back that it was given at `location`."""
        text = parse_qs(urlsplit(location).query)["ticket"][0]
        ticket, now = self.opened(text, LoginTicket), int(self.now)
        usual = {"login": Login(sub, now, "silver", ("otp",)), "scope": ticket.request.scope}
        bag = Verdict(ISSUER, "v", now, ticket.exp, ticket, **{**usual, **members})
        return urlencode({"resume": self.context.snapshot.seal(bag, now)})


class Browser:
    """Somebody's browser: it keeps cookies."""

    def __init__(self, service: BuiltInPages, address: str = "192.0.2.1") -> None:
        self.service = service
        self.address = address
        self.session = ""
        self.browser = ""

    def _send(self, decide: Any, parameters: str) -> Decision:
        browser_request = BrowserRequest(parameters.encode(), self.session, self.browser, self.address)
        decision: Decision = asyncio.run(decide(self.service.context, browser_request, self.service.now))
        self.session = self.session if decision.session is None else decision.session
        self.browser = self.browser if decision.browser is None else decision.browser
        return decision

    def get(self, query: str) -> Decision:
        """Open /authorize with a query."""
        return self._send(decide_authorization, query)

    def ask(self, **changes: Any) -> Decision:
        """Come from a client with a good request, with changes."""
        if changes.get("client_id") == "page":
            changes = {"redirect_uri": "https://page.example.com/cb", "scope": "read", **changes}
        elif changes.get("client_id") == "spa":
            changes = {"redirect_uri": LOOPBACK, **changes}
        return self.get(urlencode(parameters(**changes), doseq=True))

    def log_in(self, page: Decision | str, username: str = "alice", password: str = "wonderland") -> Decision:
        """Send the login page."""
        ticket = page if isinstance(page, str) else login_page(page).ticket
        return self._send(decide_login, urlencode({"ticket": ticket, "username": username, "password": password}))

    def answer(self, page: Decision | str, answer: str = "allow") -> Decision:
        """Send the consent page."""
        ticket = page if isinstance(page, str) else consent_page(page).ticket
        return self._send(decide_consent, urlencode({"ticket": ticket, "answer": answer}))

    def through(self, username: str = "alice", **changes: Any) -> Decision:
        """Ask, log in and allow."""
        return self.answer(self.log_in(self.ask(**changes), username))

    @property
    def signed_in(self) -> Session:
        """The session in the cookie."""
        return self.service.opened(self.session, Session)


def login_page(decision: Decision) -> LoginPage:
    """The login page that `decision` shows."""
    assert decision.action is Action.INTERACTION, (decision, decision.error and decision.error.reason)
    assert isinstance(decision.answer, LoginPage)
    return decision.answer


def consent_page(decision: Decision) -> ConsentPage:
    """The consent page that `decision` shows."""
    assert decision.action is Action.INTERACTION, (decision, decision.error and decision.error.reason)
    assert isinstance(decision.answer, ConsentPage)
    return decision.answer


def answered(decision: Decision) -> dict[str, str]:
    """The parameters that `decision` sends to the client's redirect_uri."""
    if decision.action is Action.FORM:
        return dict(decision.answer.fields)
    assert decision.action is Action.LOCATION, (decision, decision.error and decision.error.reason)
    assert decision.answer.startswith(("https://app.example.com/back?tenant=1&", LOOPBACK, "https://page.example.com/"))
    query = parse_qs(urlsplit(decision.answer).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items() if name != "tenant"}


def told(decision: Decision) -> str:
    """The error that the client is told, beside `iss` and without a code."""
    fields = answered(decision)
    assert fields.keys() <= {"error", "error_description", "state", "iss"}
    assert decision.error is not None
    assert (fields["iss"], fields["error"]) == (ISSUER, decision.error.code)
    return fields["error"]


def shown(decision: Decision) -> tuple[str, str]:
    """Code and reason of the error that the person is shown; nobody is sent anywhere."""
    assert decision.error is not None
    assert decision.action not in (Action.LOCATION, Action.FORM, Action.INTERACTION, Action.OK)
    assert decision.answer is None
    return decision.error.code, decision.error.reason
