"""The device flow (RFC 8628), from the device's codes to its tokens."""

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.bags.kinds import AccessToken, AuthorizationRequest, DeviceCode
from service.config import ConfigError
from service.decisions.authorize.consent import decide_consent
from service.decisions.authorize.device_code import approval_for, user_code_id
from service.decisions.authorize.login_ticket import ticket_for
from service.decisions.decision import Action
from service.decisions.device.authorization import decide_device_authorization
from service.decisions.device.page import decide_device, decide_device_code
from service.decisions.pages import ConsentPage, DevicePage, LoginPage
from service.grants.device_code import approval_id
from service.protocol.errors import OAuthError
from tests.worlds.devices import Devices, toml
from tests.worlds.dpop import Holder
from tests.worlds.http import basic, granted, refused
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.watched_memory import watched


@pytest.fixture
def devices(tmp_path: Path) -> Devices:
    return Devices(tmp_path)


def access(devices: Satchel, answer: dict[str, Any]) -> AccessToken:
    return devices.context.snapshot.open(answer["access_token"], (AccessToken,), devices.now)


# --- the codes (section 3.2)


def test_a_device_gets_codes(devices: Devices) -> None:
    answer = devices.begin()
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", answer.user_code)
    assert answer.verification_uri == ISSUER + "/device"
    assert answer.verification_uri_complete == f"{ISSUER}/device?user_code={answer.user_code}"
    assert (answer.expires_in, answer.interval) == (900, 5)
    device = devices.context.snapshot.open(answer.device_code, (DeviceCode,), NOW)
    assert (device.client_id, device.scope, device.resources) == ("tv", "read", (API,))
    assert (device.exp, device.memory) == (NOW + 900, devices.context.memory.identity)


def test_a_client_that_can_proves_who_it_is(devices: Devices) -> None:
    decision = devices.ask(decide_device_authorization, {}, "radio")
    assert (decision.client_id, decision.auth_method, decision.error) == ("radio", "client_secret_basic", None)
    decision = devices.ask(decide_device_authorization, {"client_id": "radio"})
    assert decision.action is Action.INVALID_CLIENT


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "spa"}, "unauthorized_client"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example.com"}, "invalid_target"),
        ({"authorization_details": '[{"type":"payment"}]'}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"house","amount":1}]'}, "invalid_authorization_details"),
    ],
)
def test_a_device_may_ask_for_what_its_client_may(devices: Devices, form: dict[str, str], error: str) -> None:
    decision = devices.ask(decide_device_authorization, {"client_id": "tv", **form})
    assert decision.error is not None
    assert decision.error.code == error


def test_a_taken_user_code_is_not_given_twice(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter([*["BBBB-BBBB"] * 4, "CCCC-CCCC"])  # one more for each request, to measure its bag
    monkeypatch.setattr("service.decisions.device.authorization.fresh_user_code", lambda: next(codes))
    assert [devices.begin().user_code for _ in range(2)] == ["BBBB-BBBB", "CCCC-CCCC"]
    monkeypatch.setattr("service.decisions.device.authorization.fresh_user_code", lambda: "BBBB-BBBB")
    decision = devices.ask(decide_device_authorization, {"client_id": "tv"})
    assert decision.action is Action.TEMPORARILY_UNAVAILABLE


def test_without_a_memory_there_is_no_device_flow(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"clients\[0\]\.grants: the device flow stores approvals in the memory"):
        Devices(tmp_path, '[memory]\nkind = "none"\n')
    satchel = Devices(tmp_path)

    class Forgetful:
        name = identity = "none"

    satchel.app.runtime.context = satchel.context._replace(memory=Forgetful())
    decision = satchel.ask(decide_device_authorization, {"client_id": "tv"})
    assert decision.error is not None
    assert (decision.error.code, decision.error.reason) == ("unauthorized_client", "memory.kind is none")


def test_without_people_there_is_none_either(make_satchel: Any) -> None:
    tables = re.sub(r"(?s)\[\[users\.known\]\].*?(?=\[\[clients\]\])", "", toml(""))
    with pytest.raises(ConfigError, match=r"clients\[0\]\.grants: nobody can log in for the device flow"):
        make_satchel(tables)


# --- the person (section 3.3)


def test_a_person_allows_it(devices: Devices) -> None:
    codes = devices.begin(scope="read write")
    page = devices.enter(codes.user_code).answer
    assert isinstance(page, LoginPage)
    assert page.client.id == "tv"
    consent = devices.log_in(page).answer
    assert isinstance(consent, ConsentPage)
    assert (consent.client.name, consent.user, consent.user_code) == ("The television", "Alice", codes.user_code)
    assert consent.scopes == (("read", "Read everything"), ("write", "write"))
    assert devices.answer(codes.user_code, "allow").approved
    answer = granted(devices.poll(codes.device_code))
    token = access(devices, answer)
    assert (token.sub, token.client_id, token.scope, token.aud) == ("u-1", "tv", "read write", (API,))
    assert (token.auth_time, token.amr) == (NOW, ("pwd",))
    assert answer["refresh_token"]
    line = devices.log[-1]
    assert (line["client_id"], line["grant_type"]) == ("tv", "urn:ietf:params:oauth:grant-type:device_code")


def test_the_refresh_token_goes_on(devices: Devices) -> None:
    codes = devices.begin(resource=[API, VAULT], scope="read vault")
    devices.answer(codes.user_code, "allow")
    first = granted(devices.poll(codes.device_code, resource=API))
    assert access(devices, first).scope == "read"
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "tv"}
    second = access(devices, granted(devices.post("/token", {**form, "resource": VAULT})))
    assert (second.sub, second.scope, second.aud) == ("u-1", "vault", (VAULT,))
    assert second.family == access(devices, first).family


def test_a_person_denies_it(devices: Devices) -> None:
    codes = devices.begin()
    assert not devices.answer(codes.user_code, "deny").approved
    refused(devices.poll(codes.device_code), "access_denied")
    devices.now += 5
    refused(devices.poll(codes.device_code), "access_denied")


@pytest.mark.parametrize("typed", ["{0}", "{1}", " {2} ", "{3}"])
def test_case_and_separators_do_not_matter(devices: Devices, typed: str) -> None:
    code = devices.begin().user_code
    typed = typed.format(code, code.lower(), code.replace("-", " "), code.replace("-", "").lower())
    assert isinstance(devices.enter(typed).answer, LoginPage)


def test_the_link_fills_the_code_in_and_does_nothing_more(devices: Devices) -> None:
    code = devices.begin().user_code
    page = devices.browser_request(decide_device, user_code=code.lower()).answer
    assert (page.user_code, page.fault) == (code, "")
    assert devices.browser_request(decide_device, user_code="<script>").answer.user_code == ""


@pytest.mark.parametrize("typed", ["BBBB-BBBB", "", "12345", "<b>BBBB-BBBB</b>", "é"])
def test_a_wrong_code_is_asked_for_again(devices: Devices, typed: str) -> None:
    devices.begin()
    decision = devices.enter(typed)
    assert isinstance(decision.answer, DevicePage)
    assert decision.answer.fault.startswith("This code is wrong or has expired")
    assert decision.answer.user_code in ("", typed)


def test_a_code_is_good_for_its_time(devices: Devices) -> None:
    codes = devices.begin()
    devices.now += 899
    assert isinstance(devices.enter(codes.user_code).answer, LoginPage)
    devices.now += 1
    assert isinstance(devices.enter(codes.user_code).answer, DevicePage)
    refused(devices.poll(codes.device_code), "expired_token")


def test_a_code_that_expires_meanwhile_is_answered_by_nobody(devices: Devices) -> None:
    codes = devices.begin()
    devices.now += 890
    page = devices.log_in(devices.enter(codes.user_code).answer).answer
    devices.now += 10
    decision = devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    assert decision.action is Action.BAD_REQUEST


def test_a_session_does_not_answer_for_the_person(devices: Devices) -> None:
    """Section 5.4: the code may be somebody else's; even a client whose consent is implicit is asked about."""
    devices.answer(devices.begin().user_code, "allow")
    codes = devices.ask(decide_device_authorization, {}, "radio").answer
    page = devices.enter(codes.user_code).answer
    assert isinstance(page, ConsentPage)
    assert page.user_code == codes.user_code
    refused(devices.poll(codes.device_code, "radio"), "authorization_pending")


def test_a_code_is_answered_once(devices: Devices) -> None:
    codes = devices.begin()
    page = devices.log_in(devices.enter(codes.user_code).answer).answer
    devices.answer(codes.user_code, "deny")
    assert "was used before" in devices.enter(codes.user_code).answer.fault
    decision = devices.browser_request(decide_consent, ticket=page.ticket, answer="allow")
    assert decision.action is Action.BAD_REQUEST
    assert decision.error is not None
    assert "used before" in decision.error.description
    refused(devices.poll(codes.device_code), "access_denied")


def test_authorization_details_are_shown_and_carried(devices: Devices) -> None:
    codes = devices.begin(authorization_details='[{"type":"payment","amount":5}]')
    page = devices.log_in(devices.enter(codes.user_code).answer).answer
    assert page.details == (("Pay a bill", {"type": "payment", "amount": 5}),)
    devices.answer(codes.user_code, "allow")
    answer = granted(devices.poll(codes.device_code))
    assert access(devices, answer).authorization_details == [{"type": "payment", "amount": 5}]


@pytest.mark.parametrize("client_id", ["gone", "spa"])
def test_a_code_of_a_client_that_has_lost_the_grant_or_is_gone(devices: Devices, client_id: str) -> None:
    device = devices.seal(DeviceCode(ISSUER, "x", NOW, NOW + 900, client_id, "read", user_code="BBBB-BBBB")).encode()
    asyncio.run(devices.context.memory.put(user_code_id("BBBB-BBBB"), device, NOW + 900, use="device"))
    assert isinstance(devices.enter("BBBB-BBBB").answer, DevicePage)


def test_an_answer_is_for_the_clients_own_device(devices: Devices) -> None:
    codes, radio = devices.begin(), devices.context.registry.clients.find("radio")
    assert radio is not None
    ticket = ticket_for(devices.context, AuthorizationRequest("radio", "", "read"), NOW)
    ticket = msgspec.structs.replace(ticket, device=codes.user_code)
    with pytest.raises(OAuthError, match="invalid_request"):
        asyncio.run(approval_for(devices.context, ticket, radio, None, NOW))
    refused(devices.poll(codes.device_code), "authorization_pending")


# --- the device asks (section 3.5)


def test_it_waits_and_slows_down(devices: Devices) -> None:
    codes = devices.begin()
    refused(devices.poll(codes.device_code), "authorization_pending")
    refused(devices.poll(codes.device_code), "slow_down")
    devices.now += 4.9
    refused(devices.poll(codes.device_code), "slow_down")
    devices.now += 0.1
    refused(devices.poll(codes.device_code), "authorization_pending")
    other = devices.begin()
    refused(devices.poll(other.device_code), "authorization_pending")


def test_a_device_code_is_good_once(devices: Devices) -> None:
    codes = devices.begin(scope="read offline_access")
    devices.answer(codes.user_code, "allow")
    first = granted(devices.poll(codes.device_code))
    refused(devices.poll(codes.device_code), "slow_down")
    devices.now += 5
    refused(devices.poll(codes.device_code))
    assert devices.reason == "code replayed"
    introspected = devices.introspect(first["access_token"], basic("rs", "secret"))
    assert introspected.json() == {"active": False}
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "tv"}
    refused(devices.post("/token", form))


def test_a_device_code_is_the_clients_own(devices: Devices) -> None:
    codes = devices.begin()
    devices.answer(codes.user_code, "allow")
    refused(devices.poll(codes.device_code, "radio"))
    assert devices.reason == "another client's device code"
    devices.now += 900
    refused(devices.poll(codes.device_code, "radio"))  # no word of its time either
    devices.now -= 900
    granted(devices.poll(codes.device_code))


@pytest.mark.parametrize("text", ["", "x", "a.b.c.d.e"])
def test_what_is_no_device_code(devices: Devices, text: str) -> None:
    refused(devices.poll(text), "invalid_grant" if text else "invalid_request")


def test_it_is_for_clients_with_the_grant(devices: Devices) -> None:
    refused(devices.poll(devices.begin().device_code, "spa"), "unauthorized_client")


def test_an_approval_out_of_the_ring_is_expired(devices: Devices) -> None:
    codes = devices.begin()
    device = devices.context.snapshot.open(codes.device_code, (DeviceCode,), NOW)
    asyncio.run(devices.context.memory.put(approval_id(device.jti), b"garbage", NOW + 900, use="device"))
    refused(devices.poll(codes.device_code), "expired_token")


def test_a_device_that_shows_a_key_is_bound_to_it(devices: Devices) -> None:
    holder, thief, url = Holder(), Holder(), ISSUER + "/device_authorization"
    proof = holder.proof(NOW, url)
    decision = devices.ask(decide_device_authorization, {"client_id": "tv"}, dpop=proof)
    assert decision.error is None
    again = devices.ask(decide_device_authorization, {"client_id": "tv"}, dpop=proof)
    assert again.error is not None
    assert again.error.code == "invalid_dpop_proof"
    codes: Any = decision.answer
    devices.answer(codes.user_code, "allow")
    refused(devices.poll(codes.device_code))
    devices.now += 5
    refused(devices.poll(codes.device_code, dpop=thief.proof(devices.now)))
    devices.now += 5
    answer = granted(devices.poll(codes.device_code, dpop=holder.proof(devices.now)))
    assert answer["token_type"] == "DPoP"


def test_the_refresh_token_of_a_public_client_is_bound_to_the_key_it_came_with(devices: Devices) -> None:
    codes, holder = devices.begin(), Holder()
    devices.answer(codes.user_code, "allow")
    first = granted(devices.poll(codes.device_code, dpop=holder.proof(NOW)))
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "tv"}
    refused(devices.post("/token", form))
    granted(devices.post("/token", form, {"DPoP": holder.proof(NOW)}))


# --- the memory


def test_a_device_code_of_another_memory_is_refused_and_logged(devices: Devices, tmp_path: Path) -> None:
    codes = devices.begin()
    device = devices.context.snapshot.open(codes.device_code, (DeviceCode,), NOW)
    stranger = devices.seal(msgspec.structs.replace(device, memory="elsewhere"))
    refused(devices.poll(stranger))
    assert devices.reason == "wrong memory"
    assert [line["bag"] for line in devices.log if line.get("event") == "bag belongs to another memory"] == [
        "elsewhere"
    ]


def test_an_approval_older_than_what_the_memory_remembers(devices: Devices) -> None:
    codes = devices.begin()
    devices.answer(codes.user_code, "allow")
    memory = watched(devices)
    memory.forgot_until = NOW + 1
    devices.now += 1
    refused(devices.poll(codes.device_code))
    assert devices.reason == "older than the memory"


def test_a_memory_that_is_down_or_full(devices: Devices) -> None:
    codes, page = devices.begin(), devices.browser_request(decide_device).answer
    memory = watched(devices)
    for memory.down, memory.full in ((True, set[str]()), (False, {"device"})):
        decision = devices.ask(decide_device_authorization, {"client_id": "tv"})
        assert decision.action is Action.TEMPORARILY_UNAVAILABLE
        decision = devices.browser_request(decide_device_code, user_code="BBBB-BBBB", check=page.check)
        assert decision.action is Action.TEMPORARILY_UNAVAILABLE
        refused(devices.poll(codes.device_code), "temporarily_unavailable", 503)
    memory.full = set()
    refused(devices.poll(codes.device_code), "authorization_pending")
