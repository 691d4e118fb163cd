"""Everything that can be refused is refused before anything is spent (decisions/token/settle.py; attack 114).

The tests let each step of minting fail in turn, whatever the steps are, and look at what the memory was asked to write.
"""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys import NoActiveKey
from satchel_jose.base64url import encode
from service.bags.snapshot import Snapshot
from service.decisions.authorize.consent import decide_consent
from service.decisions.form_request import FormRequest
from service.decisions.resource_server.userinfo import decide_userinfo
from service.decisions.token.code import code_for
from service.protocol.errors import OAuthError
from tests.worlds.client_proofs import ASSERTION_TYPE, HEAD, JWKS, assertion, client_toml
from tests.worlds.devices import Devices
from tests.worlds.dpop import Holder
from tests.worlds.http import Answer, granted
from tests.worlds.identifiers import API, ISSUER, SEALED, VAULT
from tests.worlds.openid import OpenId
from tests.worlds.pkce import CHALLENGE
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.watched_memory import watched

Send = Callable[[], Answer]
_MINTS = ("seal", "sign", "sign_claims", "sign_and_seal")


class Failing:
    """A snapshot whose n-th operation fails: there is no key, or (`long`) the text is too long to be opened again."""

    def __init__(self, inner: Snapshot, fails: int = 0, *, long: bool = False) -> None:
        self._inner, self._fails, self._long, self.operations = inner, fails, long, list[str]()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return found if name not in _MINTS else lambda *arguments: self._mint(name, found, *arguments)

    def _mint(self, name: str, operation: Callable[..., str], *arguments: Any) -> str:
        self.operations.append(name)
        if len(self.operations) != self._fails:
            return operation(*arguments)
        if self._long:
            return "x" * 9000
        raise NoActiveKey("sig", "ES256")


class Raising:
    """Code of the operator's that refuses."""

    async def tokens(self, plan: Any) -> Any:
        raise OAuthError("access_denied", "not today")

    async def claims(self, sub: str) -> dict[str, Any] | None:
        raise OAuthError("server_error", "the directory is down")


def with_snapshot(openid: OpenId, snapshot: Any) -> None:
    openid.app.runtime.context = openid.context._replace(snapshot=snapshot)


def code(openid: OpenId, client: str, resource: str, dpop: bool) -> Send:
    """A code for everything that can be issued."""
    proof = Holder().proof(openid.now) if dpop else None
    grant = openid.grant(client, scope="openid offline_access read vault sealed", resources=(resource,))
    text = code_for(openid.context, openid.now, grant, redirect_uri=None)
    return lambda: openid.send(client, {"grant_type": "authorization_code", "code": text}, proof)


def refresh(openid: OpenId, client: str, resource: str, dpop: bool) -> Send:
    """A refresh token that rotates."""
    text = granted(code(openid, client, resource, False)())["refresh_token"]
    proof = Holder().proof(openid.now) if dpop else None
    return lambda: openid.send(client, {"grant_type": "refresh_token", "refresh_token": text}, proof)


def machine(openid: OpenId, client: str, resource: str, dpop: bool) -> Send:
    """The client's own token: a proof is spent."""
    proof = Holder().proof(openid.now)
    form = {"grant_type": "client_credentials", "resource": resource}
    return lambda: openid.send(client, form, proof)


REQUESTS = {"code": code, "refresh": refresh, "machine": machine}
ROTATING = "[refresh]\nrotate_confidential = true"


@pytest.fixture(scope="module")
def openid(tmp_path_factory: pytest.TempPathFactory) -> OpenId:
    return OpenId(tmp_path_factory.mktemp("refused"), ROTATING)


@pytest.fixture(autouse=True)
def whole(openid: OpenId) -> Any:
    """The service is as it was after each test."""
    context = openid.context
    yield
    openid.app.runtime.context = context


def refused_unspent(openid: OpenId, send: Send, snapshot: Any) -> None:
    """Send a request that `snapshot` makes fail: it is refused, and the memory is asked to write nothing."""
    context = openid.context
    memory = watched(openid)
    with_snapshot(openid, snapshot)
    answer = send()
    assert answer.status >= 400, snapshot.operations
    assert [verb for verb in memory.verbs if verb != "get"] == [], (snapshot.operations, answer.json())
    openid.app.runtime.context = context


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(list(REQUESTS)),
    client=st.sampled_from(["web", "pair-a", "for-p256", "es256"]),
    resource=st.sampled_from([API, VAULT, SEALED]),
    dpop=st.booleans(),
    long=st.booleans(),
    data=st.data(),
)
def test_114_a_request_that_cannot_be_minted_spends_nothing(
    openid: OpenId, kind: str, client: str, resource: str, dpop: bool, long: bool, data: st.DataObject
) -> None:
    context = openid.context
    probe = Failing(context.snapshot)
    send = REQUESTS[kind](openid, client, resource, dpop)
    twin = REQUESTS[kind](openid, client, resource, dpop)
    with_snapshot(openid, probe)
    granted(twin())
    openid.app.runtime.context = context
    # Only tokens that come back to us must fit: an ID token may be as long as it is.
    steps = [n for n, name in enumerate(probe.operations, 1) if not long or name != "sign_claims"]
    if long and kind != "machine":
        steps = [steps[-1]]  # an earlier one may be a part of a later one
    fails = data.draw(st.sampled_from(steps))
    refused_unspent(openid, send, Failing(context.snapshot, fails, long=long))
    assert send().status == 200  # the same request, once it can be carried out


@pytest.mark.parametrize("kind", ["code", "refresh"])
@pytest.mark.parametrize("part", ["customize", "users"])
def test_114_code_of_the_operators_that_refuses_spends_nothing(openid: OpenId, kind: str, part: str) -> None:
    send = REQUESTS[kind](openid, "web", API, True)
    context = openid.context
    ports = context.ports._replace(**{part: Raising()})
    openid.app.runtime.context = context._replace(ports=ports)
    memory = watched(openid)
    assert send().status >= 400
    assert [verb for verb in memory.verbs if verb != "get"] == []
    openid.app.runtime.context = context
    assert send().status == 200


def test_114_a_poll_of_a_device_spends_its_proof_with_the_code(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    codes, holder = devices.begin(scope="read"), Holder()
    devices.answer(codes.user_code, "allow")
    memory, proof = watched(devices), holder.proof(NOW)
    assert devices.poll(codes.device_code, dpop=proof, resource=VAULT).status == 400
    assert [verb for verb in memory.verbs if verb != "get"] == []
    assert devices.poll(codes.device_code, dpop=proof).status == 200


def test_114_an_approval_that_fails_does_not_spend_the_ticket(tmp_path: Path) -> None:
    devices = Devices(tmp_path)
    codes = devices.begin(scope="read")
    page = devices.log_in(devices.enter(codes.user_code).answer).answer
    context = devices.context
    snapshot: Any = Failing(context.snapshot, 2)
    devices.app.runtime.context = context._replace(snapshot=snapshot)
    memory = watched(devices)
    decision = devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    assert decision.error is not None
    assert snapshot.operations == ["seal", "seal"]  # the cookie, and the approval
    assert [verb for verb in memory.verbs if verb != "get"] == []


def test_114_userinfo_spends_a_proof_only_for_an_answer(openid: OpenId) -> None:
    holder = Holder()
    token = openid.tokens(dpop=holder.proof(NOW), scope="read")["access_token"]
    memory = watched(openid)
    ath = encode(sha256(token.encode()).digest()).decode()
    proof = holder.proof(NOW, ISSUER + "/userinfo", htm="GET", ath=ath)
    request = FormRequest(b"", f"DPoP {token}", proof, method="GET")
    decision = asyncio.run(decide_userinfo(openid.context, request, NOW))
    assert decision.error is not None
    assert memory.verbs == ["get"]


ASSERTED = ["/introspect", "/revoke", "/par"]


@pytest.mark.parametrize("path", ASSERTED)
def test_114_an_assertion_is_spent_last(tmp_path: Path, path: str) -> None:
    """A request without its parameter is refused, and its assertion is good for the request with it."""
    settings_of = {"redirect_uris": ["https://c.example.com/"], "grants": ["authorization_code"]}
    satchel = Satchel(tmp_path, HEAD + client_toml("signer", "private_key_jwt", jwks=JWKS, **settings_of))
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion("signer")}
    request = {"response_type": "code", "code_challenge": encode(CHALLENGE).decode(), "code_challenge_method": "S256"}
    good = {"/par": {**request, "redirect_uri": "https://c.example.com/"}}.get(path, {"token": "x"})
    assert satchel.post(path, proof).status == 400
    assert satchel.post(path, {**proof, **good}).status in (200, 201)
    assert satchel.post(path, {**proof, **good}).status == 401  # and once only
