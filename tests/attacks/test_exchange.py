"""Attacks 62 and 63: assertions that are not assertions, and every way to get more out of an exchange than went in."""

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.bags.kinds import AccessToken, AuthorizationCode, Grant, RefreshToken
from service.bags.snapshot import Snapshot
from service.grants.exchange_party import ACCESS_TOKEN, ID_TOKEN, JWT
from service.protocol.digests import client_digest
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, BILLING, ISSUER, SEALED, VAULT
from tests.worlds.issuers import (
    EXCHANGE,
    IDP,
    INVALID_ASSERTION,
    JWT_BEARER,
    PARTNER,
    RESOURCES,
    STRANGER,
    Issuer,
    client,
    exchange,
    issuer,
    mint,
    read,
)
from tests.worlds.satchel import NOW, Satchel

REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
SAML2 = "urn:ietf:params:oauth:token-type:saml2"
TYPES = (ACCESS_TOKEN, JWT, ID_TOKEN, REFRESH_TOKEN, SAML2)
TOML = "\n".join(
    [
        RESOURCES,
        client("app", EXCHANGE, JWT_BEARER, scopes=["read", "write"]),
        client("gateway", EXCHANGE, serves=[API]),
        client("unruled", EXCHANGE, serves=[API]),
        client("outsider", EXCHANGE, serves=[BILLING]),
        client("plain", "client_credentials"),
        issuer(IDP, "token_exchange"),
        issuer(PARTNER, "jwt_bearer", "id_jag"),
        exchange("app", audiences=[VAULT, SEALED], scopes=["vault", "bill"]),
        exchange("app", audiences=[BILLING], subjects=[ISSUER, IDP.iss], scopes=["read"]),
        exchange("gateway", audiences=[BILLING], scopes=["read"], delegation=False),
        exchange("outsider", audiences=[API, BILLING]),
    ]
)


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("attack"), TOML)


def ask(satchel: Satchel, as_client: str = "app", **form: Any) -> Answer:
    satchel.lines.clear()
    given = {"grant_type": EXCHANGE, "subject_token_type": ACCESS_TOKEN, **form}
    return satchel.post("/token", {name: value for name, value in given.items() if value}, basic(as_client, "s"))


def refusal(satchel: Satchel, as_client: str = "app", **form: Any) -> tuple[str, str]:
    answer = ask(satchel, as_client, **form)
    assert answer.status == 400, answer.body
    return answer.json()["error"], satchel.log[-1]["reason"]


def sealed(satchel: Satchel, kind: str) -> str:
    """A bag of ours that is no access token."""
    snapshot = Snapshot(satchel.store.load(), ISSUER)
    grant = Grant("f", client_digest("app"), "alice", "read")
    head = (ISSUER, "j", NOW, NOW + 60)
    bag = AuthorizationCode(*head, grant) if kind == "code" else RefreshToken(*head, grant, "", NOW + 60)
    return snapshot.seal(bag, NOW)


# 62: jwt-bearer with what is not an assertion


def bearer(satchel: Satchel, assertion: str) -> str:
    satchel.lines.clear()
    answer = satchel.post("/token", {"grant_type": JWT_BEARER, "assertion": assertion}, basic("app", "s"))
    assert answer.status == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": INVALID_ASSERTION}
    return str(satchel.log[-1]["reason"])


@pytest.mark.parametrize("format", ["jwt", "bag", "jwe"])
def test_our_own_tokens_are_no_assertions(satchel: Satchel, format: str) -> None:
    bearer(satchel, mint(satchel, format, aud=(ISSUER,)))


@pytest.mark.parametrize("kind", ["code", "refresh"])
def test_our_own_bags_are_no_assertions(satchel: Satchel, kind: str) -> None:
    bearer(satchel, sealed(satchel, kind))


def own_id_token(satchel: Satchel, typ: str | None) -> str:
    """A JWT signed with our own key, of a kind that an ID token has, for us."""
    key = satchel.store.load().signer("ES256", NOW)
    head = {"alg": "ES256", "kid": key.kid, **({"typ": typ} if typ else {})}
    claims = {"iss": ISSUER, "sub": "alice", "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": "x"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    signature = base64.urlsafe_b64encode(key.sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


@pytest.mark.parametrize("typ", [None, "JWT"])
def test_our_own_id_token_is_no_assertion(satchel: Satchel, typ: str | None) -> None:
    assert bearer(satchel, own_id_token(satchel, typ)) == "not an issuer that is configured for this use"


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt"])
@pytest.mark.parametrize("kind", [ACCESS_TOKEN, JWT, ID_TOKEN])
def test_our_own_id_token_is_not_exchanged(satchel: Satchel, typ: str | None, kind: str) -> None:
    form = {"subject_token": own_id_token(satchel, typ), "subject_token_type": kind, "resource": BILLING}
    error, why = refusal(satchel, **form)
    assert error == "invalid_request"
    assert why == (
        "wrong typ" if (typ, kind) == ("at+jwt", ID_TOKEN) else "not an issuer that is configured for this use"
    )


@pytest.mark.parametrize("party", [STRANGER, IDP])
def test_a_foreign_issuer_gives_no_assertion(satchel: Satchel, party: Issuer) -> None:
    assert bearer(satchel, party.sign()) == "not an issuer that is configured for this use"


def test_an_issuer_cannot_borrow_anothers_name(satchel: Satchel) -> None:
    assert bearer(satchel, IDP.sign(iss=PARTNER.iss)) == "bad signature"
    form = {"subject_token_type": JWT, "resource": BILLING}
    assert refusal(satchel, subject_token=PARTNER.sign(iss=IDP.iss), **form) == ("invalid_request", "bad signature")


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_no_signature_and_the_public_key_as_a_secret(satchel: Satchel, alg: str) -> None:
    claims = {"iss": PARTNER.iss, "sub": "bob", "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": "x"}
    secret = None if alg == "none" else PARTNER.jwks["keys"][0]["x"]
    token = jwt.encode(claims, secret, alg, {"kid": "k1"})
    assert bearer(satchel, token) == "alg is not allowed"


# 63: token exchange


@pytest.mark.parametrize("kind", ["code", "refresh"])
@pytest.mark.parametrize("token_type", TYPES)
def test_codes_and_refresh_tokens_are_not_exchanged(satchel: Satchel, kind: str, token_type: str) -> None:
    token = sealed(satchel, kind)
    assert (
        refusal(satchel, subject_token=token, subject_token_type=token_type, resource=BILLING)[0] == "invalid_request"
    )
    actor = {"actor_token": token, "actor_token_type": token_type}
    assert refusal(satchel, subject_token=mint(satchel), **actor, resource=BILLING)[0] == "invalid_request"


OWN = [("jwt", ACCESS_TOKEN), ("jwt", JWT), ("bag", ACCESS_TOKEN), ("jwe", ACCESS_TOKEN)]


@pytest.mark.parametrize("format", ["jwt", "bag", "jwe"])
@pytest.mark.parametrize("token_type", [*TYPES, "", "access_token", ACCESS_TOKEN.upper(), ACCESS_TOKEN + " " + JWT])
def test_only_the_right_type_opens(satchel: Satchel, format: str, token_type: str) -> None:
    answer = ask(satchel, subject_token=mint(satchel, format), subject_token_type=token_type, resource=BILLING)
    assert answer.status == (200 if (format, token_type) in OWN else 400)
    assert answer.status == 200 or answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("typ", ["oauth-id-jag+jwt", "dpop+jwt", "client-authentication+jwt", "AT+JWT", "jwt"])
@pytest.mark.parametrize("token_type", [ACCESS_TOKEN, JWT, ID_TOKEN])
def test_other_kinds_of_jwt_are_not_exchanged(satchel: Satchel, typ: str, token_type: str) -> None:
    form = {"subject_token": IDP.sign(typ), "subject_token_type": token_type, "resource": BILLING}
    assert refusal(satchel, **form) == ("invalid_request", "wrong typ")


def test_an_access_token_of_another_issuer_is_no_id_token(satchel: Satchel) -> None:
    form = {"subject_token": IDP.sign("at+jwt"), "subject_token_type": ID_TOKEN, "resource": BILLING}
    assert refusal(satchel, **form) == ("invalid_request", "wrong typ")


@pytest.mark.parametrize("name", ["subject_token", "subject_token_type"])
def test_what_is_required(satchel: Satchel, name: str) -> None:
    form = {"subject_token": mint(satchel), "subject_token_type": ACCESS_TOKEN, "resource": BILLING, name: ""}
    assert refusal(satchel, **form) == ("invalid_request", f"{name} is missing")


@pytest.mark.parametrize("name", ["actor_token", "actor_token_type"])
def test_actor_token_and_its_type_go_together(satchel: Satchel, name: str) -> None:
    form = {"actor_token": mint(satchel), "actor_token_type": ACCESS_TOKEN, name: ""}
    assert refusal(satchel, subject_token=mint(satchel), resource=BILLING, **form)[0] == "invalid_request"


@pytest.mark.parametrize("as_client", ["unruled", "plain"])
def test_no_rule_no_exchange(satchel: Satchel, as_client: str) -> None:
    subject = mint(satchel, client_id=as_client)
    assert refusal(satchel, as_client, subject_token=subject, resource=BILLING)[0] == "unauthorized_client"


@pytest.mark.parametrize("party", ["subject", "actor"])
def test_a_stolen_token_is_no_use_to_a_client_that_has_nothing_to_do_with_it(satchel: Satchel, party: str) -> None:
    stolen = mint(satchel)
    own = mint(satchel, client_id="outsider")
    form = {"subject_token": stolen if party == "subject" else own, "resource": BILLING}
    form |= {"actor_token": stolen, "actor_token_type": ACCESS_TOKEN} if party == "actor" else {}
    why = "neither issued to the client nor sent to a resource that it serves"
    assert refusal(satchel, "outsider", **form) == ("invalid_request", why)
    assert ask(satchel, "outsider", subject_token=own, resource=BILLING).status == 200


@pytest.mark.parametrize(
    ("resource", "audience"),
    [
        ([API], []),
        ([], [API]),
        ([BILLING, API], []),
        ([BILLING], [API]),
        ([BILLING, VAULT], []),
        ([VAULT], [SEALED]),
        ([BILLING + "/"], []),
        ([BILLING.upper()], []),
        ([], ["app"]),
        ([ISSUER], []),
        (["*"], []),
        ([f"{BILLING} {API}"], []),
        ([f"{BILLING},{API}"], []),
        (["https://unknown.example"], [BILLING]),
    ],
)
def test_audience_widening(satchel: Satchel, resource: list[str], audience: list[str]) -> None:
    form = {"subject_token": mint(satchel), "resource": resource, "audience": audience}
    assert refusal(satchel, **form)[0] == "invalid_target"


@pytest.mark.parametrize(
    ("has", "asks", "resource"),
    [
        ("read", "bill", BILLING),
        ("read", "read bill", BILLING),
        ("read write", "vault", BILLING),
        ("write", "write", BILLING),
        ("", "read", VAULT),
        ("read", "read", VAULT),
        ("read", "admin", VAULT),
        ("read", "read vault write", VAULT),
        ("vaul", "VAULT", VAULT),
    ],
)
def test_scope_widening(satchel: Satchel, has: str, asks: str, resource: str) -> None:
    form = {"subject_token": mint(satchel, scope=has), "scope": asks, "resource": resource}
    assert refusal(satchel, **form)[0] == "invalid_scope"


def test_a_rule_lends_its_scopes_to_its_own_resources_only(satchel: Satchel) -> None:
    subject = mint(satchel, scope="read vault")
    token = read(satchel, ask(satchel, subject_token=subject, resource=BILLING).json()["access_token"])
    assert token.scope == "read"


def test_a_chain_of_exchanges_gains_nothing(satchel: Satchel) -> None:
    subject = mint(satchel, exp=NOW + 100, scope="read")
    for _ in range(3):
        subject = ask(satchel, subject_token=subject, resource=BILLING).json()["access_token"]
        satchel.now += 10
    token = read(satchel, subject)
    satchel.now = float(NOW)
    assert (token.exp, token.scope, token.aud, token.sub) == (NOW + 100, "read", (BILLING,), "alice")


@pytest.mark.parametrize("exp", [NOW, NOW - 1, NOW - 60])
def test_an_expired_subject_token(satchel: Satchel, exp: int) -> None:
    assert refusal(satchel, subject_token=mint(satchel, exp=exp), resource=BILLING)[0] == "invalid_request"
    foreign = {"subject_token": IDP.sign(exp=exp), "subject_token_type": JWT, "resource": BILLING}
    assert refusal(satchel, **foreign)[0] == "invalid_request"
    actor = {"actor_token": mint(satchel, exp=exp), "actor_token_type": ACCESS_TOKEN}
    assert refusal(satchel, subject_token=mint(satchel), **actor, resource=BILLING)[0] == "invalid_request"


def test_a_fraction_of_a_second_is_not_lived_longer(satchel: Satchel) -> None:
    form = {"subject_token": IDP.sign(exp=NOW + 9.9), "subject_token_type": JWT, "resource": BILLING}
    assert read(satchel, ask(satchel, **form).json()["access_token"]).exp == NOW + 9


def test_subjects_of_an_issuer_that_no_rule_names(satchel: Satchel) -> None:
    form = {"subject_token": IDP.sign(), "subject_token_type": JWT}
    assert refusal(satchel, **form, resource=VAULT)[0] == "invalid_target"
    assert refusal(satchel, "gateway", **form, resource=BILLING) == ("invalid_request", "no rule for the subject token")


@pytest.mark.parametrize("aud", ["app", BILLING, [ISSUER, "app"], ISSUER + "/token", None])
def test_a_foreign_token_that_is_not_for_us(satchel: Satchel, aud: Any) -> None:
    form = {"subject_token": IDP.sign(aud=aud), "subject_token_type": ID_TOKEN, "resource": BILLING}
    assert refusal(satchel, **form) == ("invalid_request", "wrong aud")


def test_a_delegated_token_cannot_be_washed_of_its_actors(satchel: Satchel) -> None:
    subject = mint(satchel, act={"sub": "robot"})
    for _ in range(2):
        subject = ask(satchel, subject_token=subject, resource=BILLING).json()["access_token"]
        assert read(satchel, subject).act == {"sub": "robot"}


def test_an_actor_cannot_hide_behind_another(satchel: Satchel) -> None:
    actor = {"actor_token": mint(satchel, act={"sub": "hidden"}), "actor_token_type": ACCESS_TOKEN}
    refused = refusal(satchel, subject_token=mint(satchel), **actor, resource=BILLING)
    assert refused == ("invalid_request", "the actor token has an act claim of its own, which the new token would lose")


def test_may_act_does_not_get_lost_on_the_way(satchel: Satchel) -> None:
    """A token whose `may_act` names another is refused whether there is an actor token or not."""
    subject = mint(satchel, claims={"may_act": {"sub": "gateway"}})
    for more in ({}, {"actor_token": mint(satchel), "actor_token_type": ACCESS_TOKEN}):
        assert refusal(satchel, subject_token=subject, **more, resource=BILLING) == ("invalid_request", "may_act")


def test_a_tampered_token(satchel: Satchel) -> None:
    for format in ("jwt", "bag", "jwe"):
        token = mint(satchel, format)
        flipped = token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:]
        assert refusal(satchel, subject_token=flipped, resource=BILLING)[0] == "invalid_request"


def test_refusals_tell_no_more_than_garbage_does(satchel: Satchel) -> None:
    bad = [
        "x",
        mint(satchel, exp=NOW),
        sealed(satchel, "code"),
        STRANGER.sign(),
        mint(satchel, client_id="plain", aud=(VAULT,)),
    ]
    answers = {ask(satchel, subject_token=token, resource=BILLING).body for token in bad}
    assert len(answers) == 1


# No combination widens anything

SCOPES = ["read", "write", "bill", "vault", "admin"]
RESOURCE_IDS = [API, BILLING, VAULT, SEALED, "https://unknown.example"]
RULED = {"app": [{VAULT, SEALED}, {BILLING}], "gateway": [{BILLING}], "outsider": [{API, BILLING}]}
MEANING = {API: {"read", "write"}, BILLING: {"read", "bill"}, VAULT: {"vault", "read"}, SEALED: {"read"}}
LENT = {frozenset({VAULT, SEALED}): {"vault", "bill"}, frozenset({BILLING}): {"read"}}


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    as_client=st.sampled_from(sorted(RULED)),
    format=st.sampled_from(["jwt", "bag", "jwe"]),
    foreign=st.booleans(),
    has=st.sets(st.sampled_from(SCOPES)),
    asks=st.none() | st.lists(st.sampled_from(SCOPES), min_size=1),
    resource=st.lists(st.sampled_from(RESOURCE_IDS), max_size=3),
    audience=st.lists(st.sampled_from(RESOURCE_IDS), max_size=3),
    life=st.integers(1, 1200),
    actor_life=st.none() | st.integers(1, 1200),
)
def test_no_combination_widens(
    satchel: Satchel,
    as_client: str,
    format: str,
    foreign: bool,
    has: set[str],
    asks: list[str] | None,
    resource: list[str],
    audience: list[str],
    life: int,
    actor_life: int | None,
) -> None:
    said = {"exp": NOW + life, "scope": " ".join(sorted(has))}
    token = IDP.sign(**said) if foreign else mint(satchel, format, client_id=as_client, **said)
    form: dict[str, Any] = {"subject_token": token, "resource": resource, "audience": audience}
    if actor_life is not None:
        actor = mint(satchel, client_id=as_client, sub="robot", exp=NOW + actor_life)
        form |= {"actor_token": actor, "actor_token_type": ACCESS_TOKEN}
    if asks is not None:
        form["scope"] = " ".join(asks)
    answer = ask(satchel, as_client, **form)
    assert answer.status in (200, 400)
    if answer.status == 400:
        assert answer.json()["error"] in {"invalid_request", "invalid_target", "invalid_scope"}
        return
    new: AccessToken = read(satchel, answer.json()["access_token"])
    rules = [rule for rule in RULED[as_client] if set(new.aud) <= rule]
    assert rules
    assert set(resource + audience) in ({*new.aud}, set())
    most = set(LENT.get(frozenset(rules[0]), set()))
    if foreign:
        most &= {"read", "vault"}
    elif set(new.aud) <= {API}:  # the resource of the subject token
        most |= has
    assert set(new.scope.split()) <= most & set().union(*(MEANING[identifier] for identifier in new.aud))
    assert asks is None or set(new.scope.split()) <= set(asks)
    assert new.exp <= NOW + min(life, life if actor_life is None else actor_life)
    assert (new.act is None) is (actor_life is None)
    assert new.sub == ("https://idp.example#bob" if foreign else "alice")


def test_the_file_of_the_configuration_is_as_the_property_says(satchel: Satchel, tmp_path: Path) -> None:
    ruled: dict[str, list[set[str]]] = {}
    for rule in satchel.config.exchanges:
        for name in rule.clients:
            ruled.setdefault(name, []).append(set(rule.audiences))
    assert ruled == RULED
    assert {frozenset(rule.audiences): set(rule.scopes) for rule in satchel.config.exchanges if rule.scopes} == LENT
    assert {one.identifier: set(one.scopes) for one in satchel.config.resources} == MEANING
