"""on_issued and on_refused: told behind the answer's back, bounded, and by default JSON lines."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from service.bags.kinds import RefreshToken
from service.decisions.decision import Decision
from service.decisions.form_request import FormRequest
from service.decisions.token.decide import decide_token
from service.hooks import TokenIssued, TokenRefused
from tests.worlds.demo import CXF, DEMO
from tests.worlds.http import form_bytes
from tests.worlds.operator_object import MODULE, failures, own
from tests.worlds.satchel import Satchel

GOOD = {"grant_type": "client_credentials", "scope": "read"}
BAD = {"grant_type": "client_credentials", "scope": "nothing-of-yours"}


async def ask(satchel: Satchel, **form: Any) -> Decision:
    form_request = FormRequest(form_bytes(form), CXF["Authorization"])
    return await decide_token(satchel.context, form_request, satchel.now)


def asked(satchel: Satchel, *forms: dict[str, Any]) -> None:
    """Ask in one event loop, and stop as the server does."""

    async def run() -> None:
        for form in forms:
            await ask(satchel, **form)
        audit: Any = satchel.context.ports.audit
        await audit.process_shutdown({}, {})

    asyncio.run(run())


def dropped() -> float:
    return REGISTRY.get_sample_value("satchel_audit_events_dropped_total") or 0.0


def test_tokens_issued(tmp_path: Path) -> None:
    told: list[TokenIssued] = []
    satchel = own(tmp_path, on_issued=told.append)
    code = satchel.code(scopes=("openid", "read", "offline_access"))
    asked(satchel, GOOD, {"grant_type": "authorization_code", "code": code}, BAD)
    first, second = told
    assert first == TokenIssued(
        time=satchel.now,
        client_id="123456789",
        auth_method="client_secret_basic",
        grant_type="client_credentials",
        subject="123456789",
        audiences=("https://api.example.com",),
        scopes=("read",),
        jti=first.jti,
        expires=int(satchel.now) + 600,
        format="jwt",
        refresh_jti="",
        has_id_token=False,
    )
    assert (second.subject, second.has_id_token, second.grant_type) == ("alice", True, "authorization_code")
    assert second.jti
    assert second.refresh_jti


def test_requests_refused(tmp_path: Path) -> None:
    told: list[TokenRefused] = []

    async def on_refused(event: TokenRefused) -> None:
        told.append(event)

    satchel = own(tmp_path, on_refused=on_refused)
    asked(satchel, GOOD, BAD, {"grant_type": "authorization_code", "code": "x"})
    assert [event.error for event in told] == ["invalid_scope", "invalid_grant"]
    assert told[1].reason != ""
    assert told[0] == TokenRefused(
        time=satchel.now,
        client_id="123456789",
        auth_method="client_secret_basic",
        grant_type="client_credentials",
        error="invalid_scope",
        reason=told[0].reason,
    )


def test_a_step_of_a_flow_is_no_refusal(tmp_path: Path) -> None:
    told: list[TokenRefused] = []
    satchel = own(tmp_path, on_refused=told.append)
    grant_type = "urn:ietf:params:oauth:grant-type:device_code"
    device = satchel.post("/device_authorization", {"client_id": "tv"}).json()["device_code"]

    async def poll() -> None:
        form_request = FormRequest(form_bytes({"grant_type": grant_type, "client_id": "tv", "device_code": device}))
        for _ in range(2):
            await decide_token(satchel.context, form_request, satchel.now)
        audit: Any = satchel.context.ports.audit
        await audit.process_shutdown({}, {})

    asyncio.run(poll())
    assert [event.error for event in told] == ["slow_down"]


@pytest.mark.parametrize("sort", ["async", "sync"])
def test_nobody_waits_for_it(tmp_path: Path, sort: str) -> None:
    gate = threading.Event()

    async def waits(event: TokenIssued) -> None:
        await asyncio.to_thread(gate.wait, 10)

    satchel = own(tmp_path, on_issued=waits if sort == "async" else lambda event: gate.wait(10))

    async def run() -> float:
        started = time.monotonic()
        for _ in range(20):
            assert (await ask(satchel, **GOOD)).error is None
        took = time.monotonic() - started
        gate.set()
        return took

    assert asyncio.run(run()) < 3


def test_too_many_are_counted_and_dropped(tmp_path: Path) -> None:
    told: list[Any] = []
    before = dropped()
    satchel = own(tmp_path, "events = 3", on_issued=told.append)

    async def run() -> None:
        decision = await ask(satchel, **GOOD)
        audit: Any = satchel.context.ports.audit
        for _ in range(5):  # without letting go of the event loop, so that nobody can be told meanwhile
            audit(decision, satchel.now)
        assert dropped() - before == 3
        await audit.process_shutdown({}, {})

    asyncio.run(run())
    assert len(told) == 3
    asked(satchel, GOOD)
    assert len(told) == 4


def test_failures_are_logged_and_the_rest_is_told(tmp_path: Path) -> None:
    told: list[Any] = []
    all_told = asyncio.Event()

    async def on_issued(event: TokenIssued) -> None:
        told.append(event)
        if len(told) == 1:
            raise LookupError("hush")
        if len(told) == 2:
            await asyncio.sleep(60)
        all_told.set()

    satchel = own(tmp_path, "timeout = 0.1", on_issued=on_issued)

    async def run() -> None:
        for _ in range(3):
            await ask(satchel, **GOOD)
        await asyncio.wait_for(all_told.wait(), 10)

    asyncio.run(run())
    assert len(told) == 3
    name = f"{MODULE}:Hooks.on_issued"
    assert failures(satchel) == [(name, "LookupError"), (name, "took longer than 0.1 s")]
    assert b"hush" not in b"".join(satchel.lines)


def test_a_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    before = dropped()

    async def on_issued(event: TokenIssued) -> None:
        await asyncio.sleep(0.2)

    satchel = own(tmp_path, "timeout = 0.5", on_issued=on_issued)
    started = time.monotonic()
    asked(satchel, *[GOOD] * 10)
    assert time.monotonic() - started < 2
    assert 5 <= dropped() - before <= 9


def test_json_lines(make_satchel: Any) -> None:
    """By default, each token request's line is its event."""
    satchel = make_satchel(DEMO)
    code = satchel.code(scopes=("openid", "read", "offline_access"), auth_time=int(satchel.now))
    answer = satchel.post("/token", {"grant_type": "authorization_code", "code": code}, CXF).json()
    refresh = satchel.context.snapshot.open(answer["refresh_token"], (RefreshToken,), satchel.now)
    issued = satchel.log[-1]
    assert (
        issued.items()
        >= {
            "endpoint": "token",
            "client_id": "123456789",
            "auth_method": "client_secret_basic",
            "grant_type": "authorization_code",
            "subject": "alice",
            "audiences": ["https://api.example.com", satchel.config.issuer],  # for /userinfo
            "scopes": ["openid", "read", "offline_access"],
            "expires": int(satchel.now) + 600,
            "format": "jwt",
            "refresh_jti": refresh.jti,
            "has_id_token": True,
        }.items()
    )
    assert set(TokenIssued.__struct_fields__) <= set(issued)
    satchel.post("/token", BAD, CXF)
    assert satchel.log[-1]["error"] == "invalid_scope"
    assert set(TokenRefused.__struct_fields__) <= set(satchel.log[-1])
    assert not any(line.get("event", "").startswith("token ") for line in satchel.log)
    assert satchel.context.ports.audit is None


def test_no_audit(make_satchel: Any) -> None:
    satchel = make_satchel(DEMO + "\n[hooks]\naudit = false\n")
    satchel.post("/token", GOOD, CXF)
    assert satchel.log[-1]["jti"]
    assert not {"subject", "audiences", "scopes", "expires"} & set(satchel.log[-1])
    assert satchel.context.ports.audit is None


def test_json_lines_of_their_own(make_satchel: Any) -> None:
    """Where requests have no lines, events have."""
    satchel = make_satchel(DEMO + "\n[logging]\nrequests = false\n")
    asked(satchel, GOOD, BAD)
    issued, refused = [line for line in satchel.log if line.get("event", "").startswith("token ")]
    assert (
        issued.items()
        >= {
            "event": "token issued",
            "level": "info",
            "instant": satchel.now,
            "client_id": "123456789",
            "subject": "123456789",
            "scopes": ["read"],
            "audiences": ["https://api.example.com"],
        }.items()
    )
    assert (refused["event"], refused["error"], refused["client_id"]) == ("token refused", "invalid_scope", "123456789")


def test_a_method_takes_the_place_of_its_line(tmp_path: Path) -> None:
    told: list[TokenIssued] = []
    satchel = own(tmp_path, toml=DEMO + "\n[logging]\nrequests = false\n", on_issued=told.append)
    asked(satchel, GOOD, BAD)
    assert len(told) == 1
    assert [line["event"] for line in satchel.log if "event" in line] == ["token refused"]
