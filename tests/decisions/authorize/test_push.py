"""Pushed authorization requests (RFC 9126): judged as they come, carried in a bag, good for one client and one use."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from service.bags.kinds import PushedRequest
from service.decisions.authorize.pushed_request import PREFIX, spent_id
from service.decisions.decision import Action, Decision
from service.memory import MemoryUnavailable
from service.protocol.limits import MAX_URL
from tests.worlds.authorization_requests import (
    LONG,
    LOOPBACK,
    PAYMENT,
    REDIRECT,
    TOML,
    AuthorizationRequests,
    details,
    parameters,
    request_object,
)
from tests.worlds.dpop import Holder
from tests.worlds.identifiers import ISSUER
from tests.worlds.watched_memory import watched

PAR = ISSUER + "/par"


@pytest.fixture
def asking(tmp_path: Path) -> AuthorizationRequests:
    return AuthorizationRequests(tmp_path / "asking")


def opened(asking: AuthorizationRequests, request_uri: str) -> PushedRequest:
    return asking.context.snapshot.open(request_uri.removeprefix(PREFIX), (PushedRequest,), asking.now)


def refused(decision: Decision, code: str) -> str:
    assert (decision.answer, decision.error and decision.error.code) == (None, code)
    assert decision.error is not None
    return decision.error.description


def test_what_is_pushed_is_what_is_asked(asking: AuthorizationRequests) -> None:
    decision = asking.pushed(**parameters(client_id=None, authorization_details=details(PAYMENT)))
    assert (decision.action, decision.client_id, decision.auth_method) == (Action.CREATED, "web", "client_secret_basic")
    assert decision.answer.keys() == {"request_uri", "expires_in"}
    assert decision.answer["expires_in"] == 60
    request_uri = decision.answer["request_uri"]
    client, request, jti = asking.read(client_id="web", request_uri=request_uri)
    assert (client.id, jti) == ("web", opened(asking, request_uri).jti)
    assert request == asking.ask(authorization_details=details(PAYMENT))


def test_the_bag_is_for_one_client_and_one_memory(asking: AuthorizationRequests) -> None:
    bag = opened(asking, asking.push())
    assert (bag.request.client_id, bag.memory) == ("", asking.context.memory.identity)
    assert (bag.iat, bag.exp) == (asking.now, asking.now + 60)


def test_a_public_client_pushes_too(asking: AuthorizationRequests) -> None:
    request_uri = asking.push("spa", redirect_uri=LOOPBACK)
    assert asking.read(client_id="spa", request_uri=request_uri)[1].redirect_uri == LOOPBACK


def test_a_client_that_must_push(asking: AuthorizationRequests) -> None:
    assert asking.read(client_id="pusher", request_uri=asking.push("pusher"))[1].client_id == "pusher"


def test_a_request_object_is_pushed(asking: AuthorizationRequests) -> None:
    request_uri = asking.pushed(request=request_object()).answer["request_uri"]
    assert asking.read(client_id="web", request_uri=request_uri)[1] == asking.ask()
    assert asking.pushed(request=request_object(scope="admin")).error.code == "invalid_scope"
    refused(asking.pushed(request=request_object(iss="other")), "invalid_request_object")
    refused(asking.pushed("signer", **parameters(client_id=None)), "invalid_request")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("invalid_request", {"request_uri": PREFIX + "x"}),
        ("invalid_request", {"redirect_uri": "https://evil.example.com"}),
        ("invalid_request", {"client_id": "other"}),
        ("invalid_request", {"code_challenge_method": "plain"}),
        ("unsupported_response_type", {"response_type": "token"}),
        ("invalid_scope", {"scope": "admin"}),
        ("invalid_target", {"resource": "https://nobody.example.com"}),
        ("invalid_authorization_details", {"authorization_details": "[]"}),
        ("invalid_client", {"client_assertion": "e30.e30.e30"}),
    ],
)
def test_what_is_wrong_is_said_at_once(asking: AuthorizationRequests, code: str, changes: dict[str, Any]) -> None:
    code = "invalid_request" if "client_assertion" in changes else code  # two mechanisms at once
    refused(asking.pushed(**parameters(**{"client_id": None, **changes})), code)


def test_the_client_proves_itself(asking: AuthorizationRequests) -> None:
    refused(asking.pushed("nobody", **parameters(client_id=None)), "invalid_client")


@pytest.mark.parametrize("client", ["other", "spa"])
def test_another_client_cannot_use_it(asking: AuthorizationRequests, client: str) -> None:
    told = asking.unproved(client_id=client, request_uri=asking.push())
    assert told == (
        "invalid_request_uri",
        "request_uri is unknown, expired or was used before; push the request again",
    )


def test_it_expires(asking: AuthorizationRequests) -> None:
    request_uri = asking.push()
    asking.now += 59
    asking.read(client_id="web", request_uri=request_uri)
    asking.now += 1
    assert asking.unproved(client_id="web", request_uri=request_uri)[0] == "invalid_request_uri"


def test_one_that_was_answered_is_refused(asking: AuthorizationRequests) -> None:
    request_uri = asking.push()
    bag = opened(asking, request_uri)
    asyncio.run(asking.context.memory.put(spent_id(bag.jti), b"1", bag.exp, use="par"))
    assert asking.unproved(client_id="web", request_uri=request_uri)[0] == "invalid_request_uri"


def test_one_of_another_memory_is_refused(asking: AuthorizationRequests) -> None:
    bag = opened(asking, asking.push())

    def seal(**changes: Any) -> str:
        return PREFIX + asking.context.snapshot.seal(msgspec.structs.replace(bag, **changes), asking.now)

    assert asking.unproved(client_id="web", request_uri=seal(memory="other"))[0] == "invalid_request_uri"
    memory = watched(asking)
    memory.forgot_until = bag.iat + 1
    assert asking.unproved(client_id="web", request_uri=seal())[0] == "invalid_request_uri"
    memory.forgot_until = bag.iat
    assert asking.read(client_id="web", request_uri=seal())[2] == bag.jti
    assert memory.verbs == ["get", "get"]


def test_without_the_memory_nothing_is_known(asking: AuthorizationRequests) -> None:
    request_uri = asking.push()
    watched(asking).down = True
    with pytest.raises(MemoryUnavailable):
        asking.read(client_id="web", request_uri=request_uri)
    decision = asking.pushed(**parameters(client_id=None))
    refused(decision, "temporarily_unavailable")
    assert decision.action is Action.TEMPORARILY_UNAVAILABLE


def test_a_former_memorys_is_accepted_where_configured(tmp_path: Path) -> None:
    asking = AuthorizationRequests(
        tmp_path / "moved", toml=TOML.replace("[openid]", '[memory]\naccept_identity = ["former"]\n[openid]')
    )
    bag = msgspec.structs.replace(opened(asking, asking.push()), memory="former")
    request_uri = PREFIX + asking.context.snapshot.seal(bag, asking.now)
    assert asking.read(client_id="web", request_uri=request_uri)[2] == bag.jti


def test_a_proof_binds_the_code_to_its_key(asking: AuthorizationRequests) -> None:
    holder = Holder()
    request_uri = asking.push(dpop=holder.proof(asking.now, PAR))
    assert asking.read(client_id="web", request_uri=request_uri)[1].dpop_jkt == holder.jkt
    both = asking.push(dpop=holder.proof(asking.now, PAR), dpop_jkt=holder.jkt)
    assert asking.read(client_id="web", request_uri=both)[1].dpop_jkt == holder.jkt


def test_a_proof_that_is_not_good(asking: AuthorizationRequests) -> None:
    holder, good = Holder(), parameters(client_id=None)
    refused(asking.pushed(dpop=holder.proof(asking.now, ISSUER + "/token"), **good), "invalid_dpop_proof")
    other = {**good, "dpop_jkt": Holder().jkt}
    assert refused(asking.pushed(dpop=holder.proof(asking.now, PAR), **other), "invalid_request").startswith("dpop_jkt")
    once = holder.proof(asking.now, PAR)
    assert asking.pushed(dpop=once, **good).error is None
    refused(asking.pushed(dpop=once, **good), "invalid_dpop_proof")


def test_a_proof_with_a_nonce(asking: AuthorizationRequests) -> None:
    holder, good = Holder(), parameters(client_id=None)
    first = asking.pushed("nonced", holder.proof(asking.now, PAR), **good)
    refused(first, "use_dpop_nonce")
    assert asking.pushed("nonced", holder.proof(asking.now, PAR, nonce=first.dpop_nonce), **good).error is None


def test_its_url_is_never_too_long(asking: AuthorizationRequests) -> None:
    def url(client: str, request_uri: str) -> str:
        return f"{ISSUER}/authorize?" + urlencode({"client_id": client, "request_uri": request_uri})

    usual = {"nonce": "n" * 43, "login_hint": "ada@example.com", "ui_locales": "de-CH en", "max_age": "3600"}
    assert len(url("web", asking.push(**usual))) < 1100
    assert len(url(LONG, asking.push(LONG, redirect_uri=REDIRECT, **usual))) <= MAX_URL
    longest = max(
        n for n in range(0, 1300, 10) if asking.pushed(**parameters(client_id=None, login_hint="h" * n)).error is None
    )
    assert len(url("web", asking.push(login_hint="h" * longest))) in range(MAX_URL - 15, MAX_URL + 1)
    told = refused(asking.pushed(**parameters(client_id=None, login_hint="h" * (longest + 10))), "invalid_request")
    assert told.startswith("the authorization URL would have 20")
    assert told.endswith("more than 2000: shorten state, claims, authorization_details or login_hint")
