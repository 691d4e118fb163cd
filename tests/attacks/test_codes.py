"""Attacks 31, 38, 40, 41, 52: what is tried with authorization codes."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from satchel_jose.base64url import encode
from service.bags.kinds import KINDS, AccessToken, AuthorizationCode, Bag, Grant, RefreshToken
from service.bags.snapshot import Snapshot
from service.decisions.form_request import FormRequest
from service.decisions.token.decide import decide_token
from tests.worlds.bags import front_bags, other_spellings
from tests.worlds.dpop import Holder
from tests.worlds.http import basic, form_bytes, granted, refused
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import REDIRECT, RESOURCES, RS, RefreshChains
from tests.worlds.satchel import NOW


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "codes")


def spellings(text: str) -> list[str]:
    """What a forgiving decoder would take for the same code."""
    segments = text.split(".")
    last_characters = [
        ".".join([*segments[:at], other, *segments[at + 1 :]])
        for at, segment in enumerate(segments)
        if segment
        for other in other_spellings(segment)
    ]
    return [*last_characters, text + "=", text + "==", text + " ", " " + text, text + "\n", text + ".", f'"{text}"']


# --- 38


@pytest.mark.parametrize("client", ["web", "spa"])
@pytest.mark.parametrize("form", RESOURCES)
def test_38_a_replayed_code_takes_its_tokens_along(sessions: RefreshChains, client: str, form: str) -> None:
    code = sessions.code(client)
    tokens = granted(sessions.redeem(code, client, resource=RESOURCES[form]))
    later = granted(sessions.refresh(tokens["refresh_token"], client))
    assert sessions.active(tokens["access_token"])
    refused(sessions.redeem(code, client))
    assert sessions.reason == "code replayed"
    assert not sessions.active(tokens["access_token"])
    assert not sessions.active(later["access_token"])
    for dead in (tokens, later):
        refused(sessions.refresh(dead["refresh_token"], client))
    refused(sessions.redeem(code, client))
    assert sessions.reason == "revoked"


def test_38_in_the_last_second_and_after_it(sessions: RefreshChains) -> None:
    code = sessions.code()
    tokens = granted(sessions.redeem(code))
    sessions.now += 60
    refused(sessions.redeem(code))  # expired: revokes nothing
    assert sessions.active(tokens["access_token"])
    sessions.now -= 0.5
    refused(sessions.redeem(code))
    assert not sessions.active(tokens["access_token"])


def test_38_a_replay_that_proves_nothing_revokes_nothing(sessions: RefreshChains) -> None:
    """Otherwise whoever sees a code in a log could end the session that it began."""
    code = sessions.code("web", challenge=CHALLENGE, redirect_uri=REDIRECT)
    right = {"code_verifier": VERIFIER, "redirect_uri": REDIRECT}
    tokens = granted(sessions.redeem(code, **right))
    for client, form in (
        ("other", right),
        ("spa", right),
        ("web", {**right, "code_verifier": "x" * 43}),
        ("web", {"redirect_uri": REDIRECT}),
        ("web", {**right, "redirect_uri": REDIRECT + "/"}),
    ):
        refused(sessions.redeem(code, client, **form))
    refused(sessions.post("/token", {"grant_type": "authorization_code", "code": code, **right}), "invalid_client", 401)
    assert sessions.active(tokens["access_token"])
    granted(sessions.refresh(tokens["refresh_token"]))


def test_38_another_code_of_the_same_consent_is_another_session(sessions: RefreshChains) -> None:
    one, two = sessions.code(), sessions.code()
    tokens = granted(sessions.redeem(two))
    granted(sessions.redeem(one))
    refused(sessions.redeem(one))
    assert sessions.active(tokens["access_token"])


def test_39_other_spellings_of_a_code_are_no_code(sessions: RefreshChains) -> None:
    """One code, one text: a second spelling could not even be spent, so it revokes nothing."""
    code = sessions.code()
    for text in spellings(code):
        answer = sessions.redeem(text)
        assert answer.status == 400, text
        assert answer.json()["error"] in ("invalid_grant", "invalid_request")
    tokens = granted(sessions.redeem(code))
    for text in spellings(code):
        assert sessions.redeem(text).status == 400
    assert sessions.active(tokens["access_token"])


# --- 40


@pytest.mark.parametrize(
    ("client", "form"),
    [
        ("other", {}),
        ("spa", {}),
        ("web", {"redirect_uri": REDIRECT + "/"}),
        ("web", {"redirect_uri": ""}),
        ("web", {"code_verifier": "x" * 43}),
        ("web", {"code_verifier": VERIFIER + "A"}),
        ("web", {"code_verifier": encode(CHALLENGE).decode()}),
        ("web", {"code_verifier": ""}),
    ],
)
def test_40_wrong_client_redirect_uri_or_verifier(sessions: RefreshChains, client: str, form: dict[str, str]) -> None:
    code = sessions.code("web", challenge=CHALLENGE, redirect_uri=REDIRECT)
    right = {"code_verifier": VERIFIER, "redirect_uri": REDIRECT}
    answer = sessions.redeem(code, client, **{**right, **form})
    refused(answer)
    if client != "web":
        assert answer == sessions.redeem("garbage", client, **right)  # the answer does not tell whose code it is
    granted(sessions.redeem(code, **right))


def test_40_a_client_whose_secret_is_wrong_spends_nothing(sessions: RefreshChains) -> None:
    code = sessions.code()
    form = {"grant_type": "authorization_code", "code": code, "client_id": "web", "client_secret": "wrong"}
    refused(sessions.post("/token", form), "invalid_client", 401)
    granted(sessions.redeem(code))


# --- 41


@pytest.mark.parametrize("client", ["web", "spa"])
@pytest.mark.parametrize("verifier", [VERIFIER, "x" * 43, "x"])
def test_41_a_verifier_without_a_challenge(sessions: RefreshChains, client: str, verifier: str) -> None:
    """Somebody took the challenge out of the authorization request (RFC 9700 section 4.8.2)."""
    refused(sessions.redeem(sessions.code(client, challenge=b""), client, code_verifier=verifier))
    assert sessions.reason == ("PKCE downgrade" if client == "web" else "a public client's code without PKCE")


def test_41_a_public_client_without_pkce(sessions: RefreshChains) -> None:
    """Even where whoever minted the code forgot to ask for it (RFC 9700 section 2.1.1)."""
    refused(sessions.redeem(sessions.code("spa", challenge=b""), "spa", code_verifier=None))
    assert sessions.reason == "a public client's code without PKCE"


@pytest.mark.parametrize("length", [42, 129])
def test_41_verifiers_of_42_and_129_characters(sessions: RefreshChains, length: int) -> None:
    verifier = "v" * length
    code = sessions.code(challenge=sha256(verifier.encode()).digest())
    refused(sessions.redeem(code, code_verifier=verifier))


def test_41_plain(sessions: RefreshChains) -> None:
    """The challenge, sent as the verifier, with the method that would make them equal."""
    code = sessions.code(challenge=CHALLENGE)
    text = encode(CHALLENGE).decode()
    refused(sessions.redeem(code, code_verifier=text, code_challenge_method="plain"))
    refused(sessions.redeem(code, code_challenge=text, code_challenge_method="plain"))
    granted(sessions.redeem(code, code_verifier=VERIFIER, code_challenge_method="plain"))


def test_44_parameters_that_are_sent_twice(sessions: RefreshChains) -> None:
    code, mine = sessions.code("spa"), sessions.code("spa")
    form = {"grant_type": "authorization_code", "client_id": "spa", "code": [code, mine]}
    refused(sessions.post("/token", form), "invalid_request")
    granted(sessions.redeem(code, "spa"))
    granted(sessions.redeem(mine, "spa"))


# --- 52


@pytest.mark.parametrize(
    "resource",
    ["https://unknown.example.com", API + "//", API.upper(), "https://api.example.com:443", "x", VAULT, [API, VAULT]],
)
def test_52_resources_that_are_unknown_or_wider_than_the_consent(sessions: RefreshChains, resource: Any) -> None:
    code = sessions.code(resources=(API,))
    refused(sessions.redeem(code, resource=resource), "invalid_target")
    tokens = granted(sessions.redeem(code))
    assert sessions.seen(tokens["access_token"])["aud"] == API


# --- 31: every kind of bag and token at every parameter that takes one


def everything(sessions: RefreshChains) -> dict[str, str]:
    """A genuine text of every kind that we issue, all of them about alice and the client web."""
    snapshot, alg = sessions.context.snapshot, "ES256"
    texts = {kind.__name__: sealed(sessions, kind) for kind in KINDS}
    token = bag(sessions, AccessToken)
    texts["signed"] = snapshot.sign(token, alg, sessions.now)
    texts["nested"] = granted(sessions.redeem(sessions.code(), resource=RESOURCES["jwe"]))["access_token"]
    headers = {**RS, "Accept": "application/token-introspection+jwt"}
    texts["introspection"] = sessions.post("/introspect", {"token": texts["signed"]}, headers).body.decode()
    texts["proof"] = Holder().proof(sessions.now)
    return texts


FRONT = {type(sample): sample for sample in front_bags()}


def bag(sessions: RefreshChains, kind: type[Bag]) -> Bag:
    """A bag of `kind` that would be good where it belongs."""
    code = sessions.context.snapshot.open(sessions.code(), (AuthorizationCode,), sessions.now)
    common: dict[str, Any] = {"iss": ISSUER, "jti": code.jti, "iat": code.iat, "exp": code.exp}
    fields = {field.name for field in msgspec.structs.fields(kind)}
    more: dict[str, Any] = {"grant": code.grant, "sub": "alice", "client_id": "web", "aud": (API,), "scope": "read"}
    if kind not in (AccessToken, AuthorizationCode, RefreshToken):
        return msgspec.structs.replace(FRONT[kind], **common)
    if kind is RefreshToken:
        common["until"] = code.exp + 3600
    return kind(**common, **{name: value for name, value in more.items() if name in fields})


def sealed(sessions: RefreshChains, kind: type[Bag]) -> str:
    return sessions.context.snapshot.seal(bag(sessions, kind), sessions.now)


ACCEPTED = {
    ("authorization_code", "code"): {"AuthorizationCode"},
    ("refresh_token", "refresh_token"): {"RefreshToken"},
    ("revoke", "token"): {"AccessToken", "signed", "nested", "RefreshToken"},
    ("introspect", "token"): {"AccessToken", "signed", "nested"},
}


@pytest.mark.parametrize(("where", "parameter"), ACCEPTED)
def test_31_the_kind_matrix(sessions: RefreshChains, where: str, parameter: str) -> None:
    passed = set()
    for name, text in everything(sessions).items():
        if where == "revoke":
            assert sessions.revoke(text).status == 200
            effect = "reason" not in sessions.log[-1]
        elif where == "introspect":
            effect = sessions.active(text)
        else:
            answer = sessions.send("/token", "web", {"grant_type": where, parameter: text})
            effect = answer.status == 200
            if not effect:
                refused(answer)
        if effect:
            passed.add(name)
    assert passed == ACCEPTED[where, parameter]


def test_31_nothing_is_a_client_or_a_secret_or_a_verifier(sessions: RefreshChains) -> None:
    for text in everything(sessions).values():
        for form in ({"client_id": text, "client_secret": "x"}, {"client_id": "web", "client_secret": text}):
            refused(sessions.post("/token", {"grant_type": "client_credentials", **form}), "invalid_client", 401)
        refused(sessions.redeem(sessions.code(challenge=CHALLENGE), code_verifier=text))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_31_a_kind_under_the_header_of_another(sessions: RefreshChains, kind: type[Bag]) -> None:
    """With the right content key, even: the header is authenticated."""
    for other in KINDS:
        if other is not kind:
            header = sealed(sessions, other).partition(".")[0]
            text = f"{header}.{sealed(sessions, kind).partition('.')[2]}"
            refused(sessions.redeem(text))
            refused(sessions.refresh(text))
            assert not sessions.active(text)


def test_37_a_code_of_another_issuer_with_our_keys(sessions: RefreshChains) -> None:
    staging = Snapshot(sessions.context.snapshot.ring, "https://staging.example.com")
    theirs = msgspec.structs.replace(bag(sessions, AuthorizationCode), iss="https://staging.example.com")
    refused(sessions.redeem(staging.seal(theirs, sessions.now)))
    assert sessions.reason == "issuer"


def test_a_code_without_a_memory_is_not_taken(sessions: RefreshChains) -> None:
    grant = bag(sessions, AuthorizationCode).grant  # type: ignore[attr-defined]
    for memory in ("", "none", "embedded", sessions.context.memory.identity.upper() + "x"):
        other: Grant = msgspec.structs.replace(grant, memory=memory)
        code = msgspec.structs.replace(bag(sessions, AuthorizationCode), grant=other)
        refused(sessions.redeem(sessions.context.snapshot.seal(code, sessions.now)))
        assert sessions.reason == "wrong memory"


def test_39_in_one_process(sessions: RefreshChains) -> None:
    """A hundred requests that run into each other at every await."""
    code = sessions.code()
    body = form_bytes({"grant_type": "authorization_code", "code": code})
    form_request = FormRequest(body, basic("web", "secret")["Authorization"])

    async def race() -> list[Any]:
        return await asyncio.gather(*[decide_token(sessions.context, form_request, NOW) for _ in range(100)])

    decisions = asyncio.run(race())
    winners = [decision for decision in decisions if decision.error is None]
    assert len(winners) == 1
    assert {decision.error.code for decision in decisions if decision.error is not None} == {"invalid_grant"}
    assert not sessions.active(winners[0].answer.access_token)  # a replay is a replay, however fast
