"""Two nodes with the same keys and one redis, asked in turns: a flow begun on one goes on at the other, at each step.

Person and client share the turns, so that no two steps that follow each other happen on the same node; each flow is
walked from either node.
"""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest

from tests.interop.nodes import Turns, two_nodes
from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.person import Person
from tests.worlds.pkce import VERIFIER
from tests.worlds.redis_servers import needs_redis

pytestmark = [pytest.mark.slow, needs_redis]

WEB = "http://localhost:8080/services/reservations/reserve/complete"
SPA, SIGNED_OUT = "http://127.0.0.1:5173/callback", "http://127.0.0.1:5173/signed-out"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPE = "openid profile offline_access read"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
APPLICATION = "http://127.0.0.1:5174/login"


class Flow:
    """A person and a client, who take turns with the nodes."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.alice = Person(turns.issuer, transport=turns)
        self.client = httpx.Client(base_url=turns.issuer, transport=turns, timeout=30)

    def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> dict[str, Any]:
        """What the client is answered."""
        return dict(self.client.post(path, data=form, headers=headers).json())

    def authorize(self, **parameters: str) -> dict[str, str]:
        """What the client is told by way of the browser, once alice has been wherever she was sent."""
        url = self.alice.authorize(f"{self.turns.issuer}/authorize?{urlencode(parameters)}")
        return query(url)

    def redeem(self, code: str, redirect_uri: str = SPA, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """What comes of a code; a client without `headers` is the public one."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        public = {} if headers else {"client_id": "spa"}
        return self.post("/token", headers, redirect_uri=redirect_uri, **form, **public)

    def sub(self, id_token: str) -> str:
        """Whom an ID token names, by the keys of whichever node is next."""
        keys = jwt.PyJWKSet.from_dict(self.client.get("/jwks").json())
        key = keys[jwt.get_unverified_header(id_token)["kid"]]
        audience, issuer = ["spa", "123456789"], self.turns.issuer
        return str(jwt.decode(id_token, key, ["RS256"], audience=audience, issuer=issuer)["sub"])


def asked(client_id: str = "spa", redirect_uri: str = SPA, **more: str) -> dict[str, str]:
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    parameters = {"client_id": client_id, "redirect_uri": redirect_uri, "scope": SCOPE, "state": "xyz"}
    return {"response_type": "code", **parameters, **pkce, **more}


def query(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turns]:
    with two_nodes(tmp_path_factory.mktemp("nodes"), DEMO) as turns:
        yield turns


@pytest.fixture(params=[0, 1], ids=["from one", "from two"])
def flow(request: pytest.FixtureRequest, nodes: Turns) -> Iterator[Flow]:
    nodes.begin(request.param)
    flow = Flow(nodes)
    with flow.client, flow.alice:
        yield flow


def test_code_userinfo_refresh_logout(flow: Flow) -> None:
    told = flow.authorize(**asked())
    assert (told["state"], told["iss"]) == ("xyz", flow.turns.issuer)
    tokens = flow.redeem(told["code"])
    assert flow.sub(tokens["id_token"]) == "alice"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert flow.client.get("/userinfo", headers=bearer).json()["name"] == "Alice Liddell"
    refresh = {"grant_type": "refresh_token", "client_id": "spa"}
    for _ in range(3):
        tokens = flow.post("/token", refresh_token=tokens["refresh_token"], **refresh)
        assert flow.sub(tokens["id_token"]) == "alice"
    hint = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": SIGNED_OUT, "state": "bye"}
    assert flow.alice.browser_request(f"{flow.turns.issuer}/logout?{urlencode(hint)}") == f"{SIGNED_OUT}?state=bye"
    assert flow.authorize(**asked(prompt="none"))["error"] == "login_required"
    nodes, steps = zip(*flow.turns.trace, strict=True)
    assert steps[:4] == ("GET /authorize", "POST /authorize/login", "GET /authorize/consent", "POST /authorize/consent")
    assert all(a != b for a, b in pairwise(nodes))


def test_single_sign_on(flow: Flow) -> None:
    scope = {"scope": "openid read"}
    first = flow.redeem(flow.authorize(**asked("123456789", WEB, **scope))["code"], WEB, CXF)
    again = flow.redeem(flow.authorize(**asked("123456789", WEB, prompt="none", **scope))["code"], WEB, CXF)
    assert flow.sub(first["id_token"]) == flow.sub(again["id_token"]) == "alice"


def test_pushed_request(flow: Flow) -> None:
    pushed = flow.post("/par", CXF, **asked("123456789", WEB))
    by = {"client_id": "123456789", "request_uri": pushed["request_uri"]}
    code = flow.authorize(**by)["code"]
    assert flow.sub(flow.redeem(code, WEB, CXF)["id_token"]) == "alice"
    flow.authorize(**by)
    assert "used before" in flow.alice.page


def test_device(flow: Flow) -> None:
    started = flow.post("/device_authorization", client_id="tv")
    poll = {"grant_type": DEVICE_CODE, "client_id": "tv", "device_code": started["device_code"]}
    assert flow.post("/token", **poll)["error"] == "authorization_pending"
    assert flow.post("/token", **poll)["error"] == "slow_down"
    flow.alice.authorize(started["verification_uri_complete"])
    assert "Television" in flow.alice.page
    time.sleep(started["interval"])
    tokens = flow.post("/token", **poll)
    assert tokens["scope"] == "read"
    form = {"grant_type": "refresh_token", "client_id": "tv", "refresh_token": tokens["refresh_token"]}
    assert flow.post("/token", **form)["scope"] == "read"


def test_what_was_used_on_one_node_is_used_up_on_the_other(flow: Flow) -> None:
    """The requests of a replay follow each other, so they meet different nodes."""
    flow.alice.browser_request(f"{flow.turns.issuer}/authorize?{urlencode(asked())}")
    flow.alice.log_in()
    page, url = flow.alice.page, flow.alice.url
    code = query(flow.alice.submit(answer="allow"))["code"]
    flow.alice.page, flow.alice.url = page, url
    flow.alice.submit(answer="deny")  # the other node knows of the answer
    assert "this page has expired" in flow.alice.page
    tokens = flow.redeem(code)
    assert flow.redeem(code)["error"] == "invalid_grant"
    refresh = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": tokens["refresh_token"]}
    assert flow.post("/token", **refresh)["error"] == "invalid_grant"  # of the family whose code came twice


@pytest.fixture(scope="module")
def login_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turns]:
    login = f'\n[login]\nurl = "{APPLICATION}"\nclient = "api"\n'
    with two_nodes(tmp_path_factory.mktemp("login"), DEMO + login) as turns:
        yield turns


@pytest.mark.parametrize("first", [0, 1], ids=["from one", "from two"])
def test_login_application(login_nodes: Turns, first: int) -> None:
    login_nodes.begin(first)
    flow = Flow(login_nodes)
    with flow.client, flow.alice:
        url = flow.alice.browser_request(f"{flow.turns.issuer}/authorize?{urlencode(asked())}")
        assert url.startswith(APPLICATION)
        ticket = query(url)["ticket"]
        assert flow.post("/ticket", API_SERVER, ticket=ticket)["client_id"] == "spa"
        issued = flow.post("/ticket/issue", API_SERVER, ticket=ticket, subject="alice", amr="hwk")
        code = query(flow.alice.browser_request(issued["redirect_to"]))["code"]
        assert "code" in query(flow.alice.browser_request(issued["redirect_to"]))  # a double click, at the other node
        assert flow.sub(flow.redeem(code)["id_token"]) == "alice"
        other = flow.post("/ticket/issue", API_SERVER, ticket=ticket, subject="alice", scope="openid")
        flow.alice.browser_request(other["redirect_to"])
        assert "this page has expired" in flow.alice.page
