"""JWTs as authorization grants (RFC 7523 section 2.1) and identity assertions (ID-JAG)."""

import asyncio
from typing import Any

import pytest

from service.bags.foreign_keys import KeySet, import_jwks
from service.bags.kinds import AccessToken
from service.grants.jwt_bearer import jwt_bearer
from service.grants.plan import GrantRequest
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.ports import KeysUnavailable
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import API, BILLING, ISSUER, VAULT
from tests.worlds.issuers import (
    IDP,
    INVALID_ASSERTION,
    JWT_BEARER,
    PARTNER,
    RESOURCES,
    STRANGER,
    Issuer,
    client,
    forget_subject,
    issuer,
    read,
)
from tests.worlds.satchel import NOW, Satchel

ID_JAG = "oauth-id-jag+jwt"
REMOTE, BOTH, NARROW = (Issuer(f"https://{name}.example") for name in ("remote", "both", "narrow"))
TOML = "\n".join(
    [
        RESOURCES,
        client("app", JWT_BEARER, scopes=["read", "write", "vault"], resources=[API, BILLING, VAULT]),
        client("timid", JWT_BEARER, scopes=["read", "vault"], default_scopes=[], resources=[API, VAULT]),
        f'[[clients]]\nid = "spa"\nauth_methods = ["none"]\ngrants = ["{JWT_BEARER}"]\nscopes = ["read"]\n',
        issuer(IDP, "jwt_bearer"),
        issuer(PARTNER, "id_jag", subjects="ours", audience="urn:us"),
        issuer(BOTH, "jwt_bearer", "id_jag"),
        issuer(NARROW, "jwt_bearer", audience="urn:us", max_life=60, clients=["timid"], algs=["RS256", "ES256"]),
        issuer(STRANGER, "token_exchange"),
        issuer(REMOTE, "jwt_bearer", jwks=None, jwks_uri="https://remote.example/jwks"),
    ]
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("bearer"), TOML)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def ask(satchel: Satchel, assertion: str, as_client: str = "app", **form: Any) -> Answer:
    given = {"grant_type": JWT_BEARER, "assertion": assertion, **form}
    if as_client == "spa":
        return satchel.post("/token", {**given, "client_id": "spa"})
    return satchel.post("/token", given, basic(as_client, "s"))


def issued(satchel: Satchel, assertion: str, as_client: str = "app", **form: Any) -> AccessToken:
    answer = ask(satchel, assertion, as_client, **form)
    assert answer.status == 200, answer.body
    assert "refresh_token" not in answer.json()
    return read(satchel, answer.json()["access_token"])


def reason(satchel: Satchel, assertion: str, as_client: str = "app", **form: Any) -> str:
    answer = ask(satchel, assertion, as_client, **form)
    assert answer.status == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": INVALID_ASSERTION}
    return str(satchel.log[-1]["reason"])


def test_an_assertion_gives_a_token(satchel: Satchel) -> None:
    token = issued(satchel, IDP.sign())
    assert (token.sub, token.client_id, token.aud) == ("https://idp.example#bob", "app", (API,))
    assert token.scope == "read"


def test_a_public_client_may_present_one(satchel: Satchel) -> None:
    assert issued(satchel, IDP.sign(), "spa").client_id == "spa"


def test_scopes_are_the_issuers_and_the_clients(satchel: Satchel) -> None:
    assert issued(satchel, IDP.sign(), resource=VAULT).scope == "read vault"
    assert issued(satchel, IDP.sign(), resource=VAULT, scope="vault").scope == "vault"
    assert issued(satchel, IDP.sign(), "timid").scope == ""
    for scope in ("write", "read write", "bill"):
        assert ask(satchel, IDP.sign(), scope=scope).json()["error"] == "invalid_scope"


def test_resources_are_the_clients(satchel: Satchel) -> None:
    assert issued(satchel, IDP.sign(), resource=BILLING).aud == (BILLING,)
    assert ask(satchel, IDP.sign(), "timid", resource=BILLING).json()["error"] == "invalid_target"


@pytest.mark.parametrize("typ", [None, "JWT"])
@pytest.mark.parametrize("aud", [ISSUER, [ISSUER]])
def test_the_shapes_that_are_good(satchel: Satchel, typ: str | None, aud: Any) -> None:
    assert issued(satchel, IDP.sign(typ, aud=aud))


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": ISSUER + "/token"}, "wrong aud"),
        ({"aud": ISSUER + "/"}, "wrong aud"),
        ({"aud": [ISSUER, "https://other.example"]}, "wrong aud"),
        ({"aud": []}, "wrong aud"),
        ({"aud": None}, "wrong aud"),
        ({"aud": "app"}, "wrong aud"),
        ({"exp": None}, "no exp"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": NOW + 3661}, "lives too long"),
        ({"iat": NOW - 3500, "exp": NOW + 101}, "lives too long"),
        ({"iat": NOW + 61}, "not yet valid"),
        ({"nbf": NOW + 61}, "not yet valid"),
        ({"jti": None}, "no jti"),
        ({"jti": ""}, "no jti"),
        ({"sub": None}, "sub is missing, too long or not printable, or the id of a client"),
        ({"sub": "x" * 256}, "sub is missing, too long or not printable, or the id of a client"),
        ({"sub": "a\nb"}, "sub is missing, too long or not printable, or the id of a client"),
        ({"cnf": {"jkt": "other"}}, "bound to another key"),
        ({"iss": "https://nobody.example"}, "not an issuer that is configured for this use"),
        ({"iss": None}, "not an issuer that is configured for this use"),
        ({"iss": ISSUER}, "not an issuer that is configured for this use"),
        ({"iss": IDP.iss + "/"}, "not an issuer that is configured for this use"),
        ({"iss": PARTNER.iss}, "not an issuer that is configured for this use"),
        ({"iss": BOTH.iss}, "bad signature"),
    ],
)
def test_what_an_assertion_must_not_say(satchel: Satchel, claims: dict[str, Any], why: str) -> None:
    assert reason(satchel, IDP.sign(**claims)) == why


@pytest.mark.parametrize("typ", ["jwt", "at+jwt", "dpop+jwt", "logout+jwt", "JOSE"])
def test_another_kind_of_jwt_is_refused(satchel: Satchel, typ: str) -> None:
    assert reason(satchel, IDP.sign(typ)) == "wrong typ"


def test_the_audience_the_life_and_the_clients_of_an_issuer(satchel: Satchel) -> None:
    assert issued(satchel, NARROW.sign(aud="urn:us", exp=NOW + 60), "timid").sub == "https://narrow.example#bob"
    assert reason(satchel, NARROW.sign(exp=NOW + 60), "timid") == "wrong aud"
    assert reason(satchel, NARROW.sign(aud="urn:us"), "timid") == "lives too long"
    assert reason(satchel, NARROW.sign(aud="urn:us", exp=NOW + 60)) == "the client may not present this issuer's tokens"


def test_an_assertion_is_good_once(satchel: Satchel) -> None:
    assertion = IDP.sign(jti="once")
    assert issued(satchel, assertion)
    assert reason(satchel, assertion) == "assertion replayed"
    assert reason(satchel, IDP.sign(jti="once", sub="carol")) == "assertion replayed"
    assert issued(satchel, BOTH.sign(jti="once"))
    satchel.now = NOW + 359.0
    assert reason(satchel, assertion) == "assertion replayed"
    satchel.now = NOW + 360.0
    assert reason(satchel, assertion) == "expired"


def test_a_refused_assertion_is_not_spent(satchel: Satchel) -> None:
    assertion = IDP.sign(jti="later")
    assert ask(satchel, assertion, scope="write").status == 400
    assert ask(satchel, assertion, "timid", resource=BILLING).status == 400
    assert reason(satchel, IDP.sign(jti="later", aud="https://other.example")) == "wrong aud"
    assert issued(satchel, assertion)


def test_issuer_and_jti_cannot_be_shifted_into_each_other(satchel: Satchel) -> None:
    """Attack 60: no choice of the one can imitate another pair."""
    assert issued(satchel, IDP.sign(jti='a","b'))
    assert issued(satchel, IDP.sign(jti="a"))
    assert issued(satchel, IDP.sign(jti="a ,b"))


def test_two_issuers_one_sub_two_people(satchel: Satchel) -> None:
    subs = {issued(satchel, party.sign(sub="1")).sub for party in (IDP, BOTH)}
    assert subs == {"https://idp.example#1", "https://both.example#1"}


def test_no_sub_imitates_another_issuers(satchel: Satchel) -> None:
    assert issued(satchel, IDP.sign(sub="a#b%c é")).sub == "https://idp.example#a%23b%25c%20%C3%A9"


def test_a_not_before_of_the_subject_holds(satchel: Satchel) -> None:
    forget_subject(satchel, "https://idp.example#gone")
    satchel.now += 5
    assert ask(satchel, IDP.sign(sub="gone")).json()["error"] == "invalid_grant"
    assert ask(satchel, IDP.sign(sub="gone", iat=None)).json()["error"] == "invalid_grant"
    assert issued(satchel, IDP.sign(sub="gone", iat=NOW + 1))


# Identity assertions


def id_jag(party: Issuer = PARTNER, **claims: Any) -> str:
    return party.sign(ID_JAG, **{"client_id": "app", "resource": BILLING, "scope": "read", **claims})


def test_an_identity_assertion_gives_a_token(satchel: Satchel) -> None:
    token = issued(satchel, id_jag())
    assert (token.sub, token.client_id, token.aud, token.scope) == ("bob", "app", (BILLING,), "read")


def test_its_resource_bounds_the_request(satchel: Satchel) -> None:
    assert issued(satchel, id_jag(resource=[API, BILLING]), resource=API).aud == (API,)
    assert issued(satchel, id_jag(resource=[API, BILLING])).aud == (API, BILLING)
    assert issued(satchel, id_jag(resource=None), resource=VAULT).aud == (VAULT,)
    assert ask(satchel, id_jag(), resource=API).json()["error"] == "invalid_target"
    assert ask(satchel, id_jag(resource="https://elsewhere.example")).json()["error"] == "invalid_target"


def test_its_scope_bounds_the_token(satchel: Satchel) -> None:
    assert issued(satchel, id_jag(resource=VAULT, scope="vault admin write")).scope == "vault"
    assert issued(satchel, id_jag(resource=VAULT, scope=None)).scope == "read vault"
    assert issued(satchel, id_jag(resource=VAULT, scope="")).scope == ""
    for asked in ("vault", "read vault"):
        answer = ask(satchel, id_jag(resource=VAULT), scope=asked)
        assert answer.json()["error"] == "invalid_scope"


def test_it_overrides_the_clients_default_scopes(satchel: Satchel) -> None:
    assert issued(satchel, id_jag(client_id="timid", resource=API), "timid").scope == "read"


def test_who_acts_stays_named(satchel: Satchel) -> None:
    assert issued(satchel, id_jag(act={"sub": "agent"})).act == {"sub": "agent"}
    assert issued(satchel, IDP.sign(act={"sub": "agent"})).act == {"sub": "https://idp.example#agent"}


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"client_id": "timid"}, "the identity assertion is another client's, or the client is public"),
        ({"client_id": None}, "the identity assertion is another client's, or the client is public"),
        ({"client_id": ["app"]}, "the identity assertion is another client's, or the client is public"),
        ({"iat": None}, "no iat"),
        ({"jti": None}, "no jti"),
        ({"aud": "urn:us"}, "wrong aud"),
        ({"resource": []}, "resource is neither a string nor a list of strings"),
        ({"resource": {"a": 1}}, "resource is neither a string nor a list of strings"),
        ({"resource": [1]}, "resource is neither a string nor a list of strings"),
        ({"scope": ["read"]}, "scope is not a string"),
        ({"authorization_details": []}, "authorization_details in an identity assertion is not supported"),
        ({"sub": "timid"}, "sub is missing, too long or not printable, or the id of a client"),
        ({"act": "agent"}, "act is malformed"),
    ],
)
def test_what_an_identity_assertion_must_not_say(satchel: Satchel, claims: dict[str, Any], why: str) -> None:
    assert reason(satchel, id_jag(**claims)) == why


def test_a_public_client_cannot_use_one(satchel: Satchel) -> None:
    assert "client is public" in reason(satchel, id_jag(client_id="spa", resource=None), "spa")


def test_the_two_kinds_never_cross(satchel: Satchel) -> None:
    assert reason(satchel, id_jag(IDP)) == "not an issuer that is configured for this use"
    assert reason(satchel, PARTNER.sign(client_id="app")) == "not an issuer that is configured for this use"
    assert reason(satchel, STRANGER.sign()) == "not an issuer that is configured for this use"
    assert "another client" in reason(satchel, BOTH.sign(ID_JAG))
    assert issued(satchel, id_jag(BOTH)).sub == issued(satchel, BOTH.sign()).sub


def test_metadata_names_the_profile(satchel: Satchel, make_satchel: Any) -> None:
    path = "/.well-known/oauth-authorization-server"
    profiles = satchel.get(path).json()["authorization_grant_profiles_supported"]
    assert profiles == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert "authorization_grant_profiles_supported" not in make_satchel(RESOURCES).get(path).json()


# Keys that are fetched


class Remote:
    """The port that fetches keys, with what it was asked for."""

    def __init__(self, keys: KeySet | None) -> None:
        self.known = keys
        self.asked: list[tuple[str, str | None]] = []

    async def keys(self, uri: str, kid: str | None) -> KeySet:
        self.asked.append((uri, kid))
        if self.known is None:
            raise KeysUnavailable("connection refused")
        return self.known


def planned(satchel: Satchel, remote: Remote, assertion: str) -> str:
    context = satchel.app.runtime.context
    client = context.registry.clients.find("app")
    ports = context.ports._replace(remote_keys=remote)
    form = Form({"assertion": assertion}, {})
    request = GrantRequest(form, client, {}, context.registry, context.snapshot, ports, satchel.now)
    return asyncio.run(jwt_bearer(request)).subject


def test_keys_come_from_the_jwks_uri(satchel: Satchel) -> None:
    remote = Remote(import_jwks(REMOTE.jwks))
    assert planned(satchel, remote, REMOTE.sign()) == "https://remote.example#bob"
    assert remote.asked == [("https://remote.example/jwks", "k1")]


def test_nothing_is_fetched_for_others(satchel: Satchel) -> None:
    remote = Remote(None)
    assert planned(satchel, remote, IDP.sign()) == "https://idp.example#bob"
    for assertion in (STRANGER.sign(), IDP.sign(iss="https://evil.example"), REMOTE.sign("at+jwt"), "a.b.c"):
        with pytest.raises(OAuthError, match="invalid_grant"):
            planned(satchel, remote, assertion)
    assert remote.asked == []


def test_keys_that_cannot_be_had_are_not_the_clients_fault(satchel: Satchel) -> None:
    with pytest.raises(OAuthError) as refused:
        planned(satchel, Remote(None), REMOTE.sign())
    assert (refused.value.code, refused.value.reason) == ("temporarily_unavailable", "connection refused")
