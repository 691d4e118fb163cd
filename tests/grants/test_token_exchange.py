"""Token exchange (RFC 8693): what the rules allow, and what the new token then says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from service.bags.kinds import AccessToken
from service.grants.exchange_party import ACCESS_TOKEN, ID_TOKEN, JWT
from service.grants.plan import GrantRequest, Plan
from service.grants.token_exchange import token_exchange
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, BILLING, ISSUER, SEALED, VAULT
from tests.worlds.issuers import (
    EXCHANGE,
    IDP,
    PARTNER,
    RESOURCES,
    client,
    exchange,
    forget_subject,
    issuer,
    mint,
    read,
    revoke,
)
from tests.worlds.satchel import NOW, Satchel

TOML = "\n".join(
    [
        RESOURCES,
        client("app", EXCHANGE, "client_credentials", "refresh_token", scopes=["read", "write"]),
        client("gateway", EXCHANGE, "client_credentials", serves=[API, SEALED, VAULT]),
        client("idle", EXCHANGE),
        client("api", serves=[API]),
        client("vault", serves=[VAULT]),
        issuer(IDP, "token_exchange"),
        issuer(PARTNER, "token_exchange", subjects="ours", clients=["app"]),
        exchange("app", audiences=[VAULT], scopes=["vault"]),
        exchange("app", audiences=[API, BILLING], subjects=[ISSUER, IDP.iss, PARTNER.iss], scopes=["read"]),
        exchange("gateway", audiences=[BILLING], scopes=["read"], delegation=False),
        exchange("gateway", audiences=[API, SEALED], scopes=["read"], impersonation=False),
    ]
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("exchange"), TOML)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def ask(satchel: Satchel, subject: str, as_client: str = "app", **form: Any) -> Answer:
    given = {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN, **form}
    return satchel.post("/token", given, basic(as_client, "s"))


def exchanged(satchel: Satchel, subject: str, as_client: str = "app", **form: Any) -> AccessToken:
    answer = ask(satchel, subject, as_client, **form)
    assert answer.status == 200, answer.body
    return read(satchel, answer.json()["access_token"])


def refusal(satchel: Satchel, subject: str, as_client: str = "app", **form: Any) -> str:
    answer = ask(satchel, subject, as_client, **form)
    assert answer.status == 400, answer.body
    return str(answer.json()["error"])


def plan(satchel: Satchel, cnf: dict[str, str], **form: str) -> Plan:
    """The plan of a request that has proved `cnf`."""
    context = satchel.app.runtime.context
    values = {"subject_token_type": ACCESS_TOKEN, **form}
    app = context.registry.clients.find("app")
    request = GrantRequest(Form(values, {}), app, cnf, context.registry, context.snapshot, context.ports, satchel.now)
    return asyncio.run(token_exchange(request))


@pytest.mark.parametrize("format", ["jwt", "bag", "jwe"])
def test_a_token_of_ours_of_every_format_is_exchanged(satchel: Satchel, format: str) -> None:
    token = exchanged(satchel, mint(satchel, format), resource=VAULT)
    assert (token.sub, token.client_id, token.aud) == ("alice", "app", (VAULT,))
    assert token.scope == "vault"
    assert token.act is None


def test_the_answer_has_the_members_of_section_2_2_1(satchel: Satchel) -> None:
    answer = ask(satchel, mint(satchel), audience=BILLING).json()
    assert answer["issued_token_type"] == ACCESS_TOKEN
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, "read")
    assert "refresh_token" not in answer


def test_the_context_of_the_authentication_goes_along(satchel: Satchel) -> None:
    token = exchanged(satchel, mint(satchel, auth_time=NOW - 5, acr="high", amr=("pwd", "otp")), resource=VAULT)
    assert (token.auth_time, token.acr, token.amr) == (NOW - 5, "high", ("pwd", "otp"))


def test_a_served_resource_exchanges_what_is_sent_to_it(satchel: Satchel) -> None:
    assert exchanged(satchel, mint(satchel), "gateway", audience=BILLING).client_id == "gateway"


def test_of_two_rules_for_a_resource_the_one_that_lends_the_scope_counts(tmp_path: Path) -> None:
    text = "\n".join(
        [
            RESOURCES,
            client("app", EXCHANGE, "client_credentials", "refresh_token", scopes=["read", "write"]),
            exchange("app", audiences=[VAULT], scopes=["read"]),
            exchange("app", audiences=[VAULT], scopes=["vault"]),
        ]
    )
    satchel = Satchel(tmp_path, text)
    subject = mint(satchel)
    assert exchanged(satchel, subject, resource=VAULT, scope="vault").scope == "vault"
    assert exchanged(satchel, subject, resource=VAULT).scope == "read"  # the first one, where no scope is named
    assert refusal(satchel, subject, resource=VAULT, scope="vault admin") == "invalid_scope"


def test_resource_and_audience_name_the_same_things(satchel: Satchel) -> None:
    subject = mint(satchel)
    for form in ({"resource": BILLING}, {"audience": BILLING}, {"resource": BILLING, "audience": BILLING}):
        assert exchanged(satchel, subject, **form).aud == (BILLING,)
    assert exchanged(satchel, subject, resource=API, audience=BILLING).aud == (API, BILLING)
    assert exchanged(satchel, subject, audience=[API, BILLING]).aud == (API, BILLING)


def test_a_request_that_names_nothing_means_the_only_resource_of_a_rule(satchel: Satchel) -> None:
    assert exchanged(satchel, mint(satchel)).aud == (VAULT,)
    assert refusal(satchel, IDP.sign(), subject_token_type=JWT) == "invalid_target"


def test_several_resources_must_be_able_to_share_the_token(satchel: Satchel) -> None:
    assert refusal(satchel, mint(satchel), "gateway", audience=[API, SEALED], **acting(satchel)) == "invalid_target"


@pytest.mark.parametrize(("requested", "resource"), [(JWT, BILLING), (ACCESS_TOKEN, BILLING), (ACCESS_TOKEN, VAULT)])
def test_the_type_that_is_asked_for_is_issued(satchel: Satchel, requested: str, resource: str) -> None:
    answer = ask(satchel, mint(satchel), requested_token_type=requested, resource=resource).json()
    assert answer["issued_token_type"] == requested


@pytest.mark.parametrize("requested", [ID_TOKEN, "urn:ietf:params:oauth:token-type:refresh_token", "jwt"])
def test_other_types_are_not_issued(satchel: Satchel, requested: str) -> None:
    assert refusal(satchel, mint(satchel), requested_token_type=requested) == "invalid_request"


def test_a_sealed_token_is_no_jwt(satchel: Satchel) -> None:
    assert refusal(satchel, mint(satchel), requested_token_type=JWT, resource=VAULT) == "invalid_request"


def test_scope_narrows(satchel: Satchel) -> None:
    answer = ask(satchel, mint(satchel), resource=VAULT, scope="vault").json()
    assert read(satchel, answer["access_token"]).scope == "vault"
    assert "scope" not in answer


@pytest.mark.parametrize("subject_life", [1, 30, 599])
def test_the_new_token_never_outlives_the_subject_token(satchel: Satchel, subject_life: int) -> None:
    subject = mint(satchel, exp=NOW + subject_life)
    assert exchanged(satchel, subject, resource=BILLING).exp == NOW + subject_life


# Delegation


def acting(satchel: Satchel, **fields: Any) -> dict[str, str]:
    """The parameters of an actor token: by default the gateway's own."""
    actor = mint(satchel, **{"sub": "gateway", "client_id": "gateway", "scope": "", **fields})
    return {"actor_token": actor, "actor_token_type": ACCESS_TOKEN}


def test_the_actor_is_named(satchel: Satchel) -> None:
    token = exchanged(satchel, mint(satchel), "gateway", resource=SEALED, **acting(satchel))
    assert (token.sub, token.act) == ("alice", {"sub": "gateway"})


def test_introspection_shows_the_actor(satchel: Satchel) -> None:
    answer = ask(satchel, mint(satchel), "gateway", resource=API, **acting(satchel)).json()
    assert satchel.introspect(answer["access_token"], basic("api", "s")).json()["act"] == {"sub": "gateway"}


def test_the_new_token_never_outlives_the_actor_token(satchel: Satchel) -> None:
    token = exchanged(satchel, mint(satchel), "gateway", resource=API, **acting(satchel, exp=NOW + 10))
    assert token.exp == NOW + 10


def test_prior_actors_stay_named(satchel: Satchel) -> None:
    subject = mint(satchel, act={"sub": "first"})
    assert exchanged(satchel, subject, resource=BILLING).act == {"sub": "first"}
    token = exchanged(satchel, subject, "gateway", resource=API, **acting(satchel))
    assert token.act == {"sub": "gateway", "act": {"sub": "first"}}


def test_the_chain_of_actors_ends_at_eight(satchel: Satchel) -> None:
    act: dict[str, Any] | None = None
    for n in range(8):
        act = {"sub": f"s{n}"} if act is None else {"sub": f"s{n}", "act": act}
    subject = mint(satchel, act=act)
    assert exchanged(satchel, subject, resource=BILLING).act == act
    assert refusal(satchel, subject, "gateway", resource=API, **acting(satchel)) == "invalid_request"


def test_a_rule_may_forbid_the_one_or_the_other(satchel: Satchel) -> None:
    subject = mint(satchel)
    assert refusal(satchel, subject, "gateway", resource=API) == "invalid_target"
    assert refusal(satchel, subject, "gateway", resource=BILLING, **acting(satchel)) == "invalid_target"


# may_act (section 4.4)


@pytest.mark.parametrize(
    "may_act",
    [
        {"sub": "gateway"},
        {"sub": "gateway", "iss": ISSUER},
        {"sub": "gateway", "client_id": "gateway"},
    ],
)
@pytest.mark.parametrize("format", ["jwt", "bag"])
def test_may_act_names_who_may(satchel: Satchel, may_act: Any, format: str) -> None:
    subject = mint(satchel, format, claims={"may_act": may_act})
    assert exchanged(satchel, subject, "gateway", resource=API, **acting(satchel)).act == {"sub": "gateway"}
    assert exchanged(satchel, subject, "gateway", resource=BILLING).act is None


@pytest.mark.parametrize(
    "may_act",
    [
        {"sub": "other"},
        {"sub": "gateway", "iss": IDP.iss},
        {"sub": "gateway", "email": "g@example.com"},
        {"iss": ISSUER},
        {},
        "gateway",
        [{"sub": "gateway"}],
        False,
    ],
)
@pytest.mark.parametrize("format", ["jwt", "bag"])
def test_may_act_refuses_all_others(satchel: Satchel, may_act: Any, format: str) -> None:
    subject = mint(satchel, format, claims={"may_act": may_act})
    assert refusal(satchel, subject, "gateway", resource=API, **acting(satchel)) == "invalid_request"
    assert refusal(satchel, subject, "gateway", resource=BILLING) == "invalid_request"


def test_may_act_of_another_issuer_means_its_own_subjects(satchel: Satchel) -> None:
    subject = IDP.sign(may_act={"sub": "robot"})
    form = {"resource": BILLING, "subject_token_type": JWT, "actor_token_type": JWT}
    token = exchanged(satchel, subject, **form, actor_token=IDP.sign(sub="robot"))
    assert token.act == {"sub": "https://idp.example#robot"}
    assert refusal(satchel, subject, **form, actor_token=PARTNER.sign(sub="robot")) == "invalid_request"
    assert refusal(satchel, subject, resource=BILLING, subject_token_type=JWT) == "invalid_request"
    ours = IDP.sign(may_act={"iss": ISSUER, "sub": "app"})
    assert exchanged(satchel, ours, resource=BILLING, subject_token_type=JWT).sub == "https://idp.example#bob"


# Other issuers


@pytest.mark.parametrize(
    ("kind", "typ"),
    [
        (JWT, "JWT"),
        (JWT, None),
        (JWT, "at+jwt"),
        (ACCESS_TOKEN, "at+jwt"),
        (ACCESS_TOKEN, "application/at+jwt"),
        (ACCESS_TOKEN, "JWT"),
        (ID_TOKEN, "JWT"),
    ],
)
def test_another_issuers_token_is_exchanged(satchel: Satchel, kind: str, typ: str | None) -> None:
    token = exchanged(satchel, IDP.sign(typ, scope="read secret"), resource=BILLING, subject_token_type=kind)
    assert (token.sub, token.scope, token.aud) == ("https://idp.example#bob", "read", (BILLING,))
    assert token.exp == NOW + 300


def test_its_scope_is_limited_by_the_issuer_and_widened_by_the_rule(make_satchel: Any) -> None:
    rules = [
        exchange("app", audiences=[VAULT], subjects=[IDP.iss], scopes=["vault", "read"]),
    ]
    parts = [RESOURCES, client("app", EXCHANGE), issuer(IDP, "token_exchange", scopes=["vault"]), *rules]
    own = make_satchel("\n".join(parts))
    token = exchanged(own, IDP.sign(scope="read"), subject_token_type=JWT)
    assert token.scope == "vault"


def test_an_issuer_that_speaks_for_our_users_is_taken_at_its_word(satchel: Satchel) -> None:
    assert exchanged(satchel, PARTNER.sign(sub="alice"), resource=API, subject_token_type=JWT).sub == "alice"
    assert refusal(satchel, PARTNER.sign(sub="app"), resource=API, subject_token_type=JWT) == "invalid_request"


def test_actors_of_another_issuer_are_called_by_its_name(satchel: Satchel) -> None:
    act = {"sub": "robot", "act": {"iss": "https://third.example", "sub": "r#2"}}
    token = exchanged(satchel, IDP.sign(act=act), resource=API, subject_token_type=JWT)
    assert token.act == {"sub": "https://idp.example#robot", "act": {"sub": "https://third.example#r%232"}}


@pytest.mark.parametrize("act", ["robot", {}, {"sub": 1}, {"sub": "x", "iss": "a#b"}, {"sub": "x", "act": []}])
def test_actors_that_cannot_be_named_are_refused(satchel: Satchel, act: Any) -> None:
    assert refusal(satchel, IDP.sign(act=act), resource=API, subject_token_type=JWT) == "invalid_request"


# Revocation


def test_revoking_the_family_kills_what_was_exchanged(satchel: Satchel) -> None:
    subject = mint(satchel)
    token = exchanged(satchel, subject, resource=API)
    assert token.family == read(satchel, subject).family
    assert exchanged(satchel, mint(satchel, jti="alone"), resource=API).family == "alone"


def test_a_revoked_token_is_not_exchanged(satchel: Satchel) -> None:
    subject, actor = mint(satchel, jti="dead"), acting(satchel, jti="dead-actor")
    assert ask(satchel, subject, resource=BILLING).status == 200
    revoke(satchel, "dead")
    assert refusal(satchel, subject, resource=BILLING) == "invalid_request"
    revoke(satchel, "dead-actor")
    assert refusal(satchel, mint(satchel), "gateway", resource=API, **actor) == "invalid_request"


def test_a_not_before_of_the_subject_reaches_other_issuers_tokens(satchel: Satchel) -> None:
    forget_subject(satchel, "https://idp.example#gone")
    satchel.now += 5
    for claims in ({"sub": "gone"}, {"sub": "gone", "iat": None}):
        assert refusal(satchel, IDP.sign(**claims), resource=API, subject_token_type=JWT) == "invalid_request"
    assert ask(satchel, IDP.sign(sub="gone", iat=NOW + 1), resource=API, subject_token_type=JWT).status == 200


# Sender constraint


def test_a_bound_token_is_exchanged_with_a_proof_of_its_key_only(satchel: Satchel) -> None:
    bound = mint(satchel, cnf={"jkt": "one"})
    assert plan(satchel, {"jkt": "one"}, subject_token=bound).cnf == {"jkt": "one"}
    for cnf in ({}, {"jkt": "two"}, {"x5t#S256": "one"}):
        with pytest.raises(OAuthError, match="invalid_request"):
            plan(satchel, cnf, subject_token=bound)
        with pytest.raises(OAuthError, match="invalid_request"):
            plan(satchel, cnf, subject_token=mint(satchel), actor_token=bound, actor_token_type=ACCESS_TOKEN)


@pytest.mark.parametrize("cnf", [{"jkt": "one"}, {"jwk": {"kty": "EC"}}, "one", None, []])
def test_a_bound_token_of_another_issuer_too(satchel: Satchel, cnf: Any) -> None:
    claims = {} if cnf is None else {"cnf": cnf}
    form = {"resource": API, "subject_token_type": JWT}
    answer = ask(satchel, IDP.sign(**claims), **form)
    assert answer.status == (200 if cnf is None else 400)


def test_the_new_token_is_bound_to_the_key_that_was_proved(satchel: Satchel) -> None:
    assert plan(satchel, {"jkt": "one"}, subject_token=mint(satchel)).cnf == {"jkt": "one"}
