"""Every kind of bag and token against every right that can be withdrawn, on another node (attack 109)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keys import revoke
from service.app import create_app
from service.bags.ids import fresh_id
from service.bags.kinds import SID_CHARS, Grant, Login
from service.config import Client, Config
from service.decisions.authorize.request import RefusedToPerson, read_request
from service.decisions.browser_request import BrowserRequest
from service.decisions.resource_server.revoke import revoke_issued
from service.decisions.session.session import new_session, open_session, session_cookie
from service.decisions.token.code import code_for
from service.grants.exchange_party import ACCESS_TOKEN
from service.memory import REVOKED
from service.protocol.digests import client_digest
from service.protocol.form import parse
from service.protocol.revocation_check import state_id
from tests.rights import BAGS, GOOD, LESS, REFUSED, RIGHTS, TABLE, page
from tests.worlds.authorization_requests import REDIRECT, TOML, AuthorizationRequests
from tests.worlds.demo import ROOT
from tests.worlds.http import basic, form_bytes, granted
from tests.worlds.identifiers import API, SEALED, VAULT
from tests.worlds.issuers import EXCHANGE
from tests.worlds.toml import confidential, tables

WEB, RS = basic("web", "secret"), basic("rs", "secret")
SCOPE = "openid read write offline_access"
MORE = tables("clients", confidential("rs", grants=[EXCHANGE], serves=[API, SEALED])) + tables(
    "exchanges", {"clients": ["rs"], "audiences": [SEALED], "scopes": ["read"]}
)


class Bags(AuthorizationRequests):
    """One of each of BAGS, made by one node; `other_node` is where they are used."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, toml=TOML + MORE)
        session = new_session(self.context, Login("alice", int(self.now)), self.now)
        self.sid, self.session = session.sid, session_cookie(self.context, session, self.now)
        self.family = session.sid + fresh_id()[:SID_CHARS]
        self.code = self._code()
        tokens = granted(self._redeem(self._code()))
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]
        form = {"grant_type": EXCHANGE, "subject_token": self.access, "subject_token_type": ACCESS_TOKEN}
        self.exchanged = granted(self.post("/token", {**form, "resource": SEALED}, RS))["access_token"]
        self.pushed_uri = self.push(scope="read write")
        self.now += 1

    def _code(self) -> str:
        memory, client = self.context.memory.identity, client_digest("web")
        grant = Grant(self.family, client, "alice", SCOPE, (API,), memory=memory, auth_time=int(self.now))
        return code_for(self.context, self.now, grant, redirect_uri=REDIRECT)

    def _redeem(self, code: str) -> Any:
        return self.post("/token", {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}, WEB)

    def other_node(self, change: Callable[[Config], Config]) -> None:
        """Go on as another node, on the same keys and memory."""
        memory = self.context.memory
        self.app = create_app(
            change(self.config), store=self.store, memory=memory, clock=lambda: self.now, write=self.lines.append
        )

    def use(self, bag: str) -> str:
        """What becomes of a bag at its next use."""
        match bag:
            case "code":
                return told(self._redeem(self.code), SCOPE)
            case "refresh token":
                form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
                return told(self.post("/token", form, WEB), SCOPE)
            case "access token":
                return told(self.introspect(self.access, RS), SCOPE)
            case "exchanged token":
                return told(self.introspect(self.exchanged, RS), "read")
            case "/userinfo":
                answer = self.get("/userinfo", {"Authorization": f"Bearer {self.access}"})
                return GOOD if answer.status == 200 else REFUSED
            case "session":
                request = BrowserRequest(b"", self.session, "")
                return GOOD if asyncio.run(open_session(self.context, request, self.now)) is not None else REFUSED
        form = {"client_id": "web", "request_uri": self.pushed_uri}
        try:
            asyncio.run(read_request(self.context, parse(form_bytes(form)), self.now))
        except RefusedToPerson:
            return REFUSED
        return GOOD


def told(answer: Any, scope: str) -> str:
    """What an answer of /token or /introspect amounts to."""
    body = answer.json()
    if answer.status != 200 or body.get("active") is False:
        return REFUSED
    return GOOD if body["scope"] == scope else LESS


def without(**members: Any) -> Callable[[Bags], None]:
    """The client `web` as another node has it."""

    def changed(client: Client) -> Client:
        return msgspec.structs.replace(client, **members) if client.id == "web" else client

    return lambda bags: bags.other_node(
        lambda config: msgspec.structs.replace(config, clients=tuple(map(changed, config.clients)))
    )


def without_client(bags: Bags) -> None:
    bags.other_node(
        lambda config: msgspec.structs.replace(
            config, clients=tuple(client for client in config.clients if client.id != "web")
        )
    )


def without_user(bags: Bags) -> None:
    bags.other_node(
        lambda config: msgspec.structs.replace(config, users=msgspec.structs.replace(config.users, known=()))
    )


def without_keys(bags: Bags) -> None:
    """Every key that was there when the bags were made is revoked."""
    with bags.store.lock():
        ring = bags.store.load()
        for key in ring.keys:
            if key.activates <= bags.now:
                ring = revoke(ring, key.kid, bags.config.keys, int(bags.now))
        bags.store.save(ring)
    bags.other_node(lambda config: config)


def called_back(**named: str) -> Callable[[Bags], None]:
    def act(bags: Bags) -> None:
        family = {"family": bags.family} if named.pop("family", "") else {}
        keys = bags.context.snapshot.ring.keys
        asyncio.run(revoke_issued(bags.context.memory, bags.config, bags.now, **named, **family, keys=keys))
        bags.other_node(lambda config: config)

    return act


def logged_out(bags: Bags) -> None:
    memory, until = bags.context.memory, int(bags.now) + 99_999
    asyncio.run(memory.put(state_id(bags.sid), b"", until, REVOKED, use="revocation"))
    bags.other_node(lambda config: config)


WITHDRAW: dict[str, Callable[[], Callable[[Bags], None]]] = {
    "scope": lambda: without(scopes=("read", "vault", "openid", "offline_access")),
    "resource": lambda: without(resources=(VAULT,)),
    "grant": lambda: without(grants=("client_credentials",)),
    "redirect URI": lambda: without(redirect_uris=("https://elsewhere.example.com/",)),
    "client": lambda: without_client,
    "user": lambda: without_user,
    "key": lambda: without_keys,
    "session": lambda: logged_out,
    "family": lambda: called_back(family="its own"),
    "subject": lambda: called_back(subject="alice"),
    "all to the client": lambda: called_back(client="web"),
    "everything": lambda: called_back(),
}


@pytest.fixture
def bags(tmp_path: Path) -> Bags:
    return Bags(tmp_path / "bags")


def test_109_everything_goes_on_while_nothing_is_withdrawn(bags: Bags) -> None:
    bags.other_node(lambda config: config)
    assert {bag: bags.use(bag) for bag in BAGS} == dict.fromkeys(BAGS, GOOD)


@pytest.mark.parametrize("right", RIGHTS)
def test_109_what_becomes_of_each(bags: Bags, right: str) -> None:
    WITHDRAW[right]()(bags)
    assert {bag: bags.use(bag) for bag in BAGS} == dict(zip(BAGS, TABLE[right], strict=True))


def test_the_tables_are_whole() -> None:
    assert list(RIGHTS) == list(TABLE) == list(WITHDRAW)
    assert all(len(cells) == len(BAGS) for cells in TABLE.values())


def test_the_page_for_people_has_the_same_table() -> None:
    assert page() in (ROOT / "docs" / "revocation.md").read_text()
