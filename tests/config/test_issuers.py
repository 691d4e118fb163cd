"""What the configuration says of other issuers and of exchange, and how its faults are named."""

from pathlib import Path
from typing import Any

import pytest

from service.app import load
from service.config import ConfigError
from service.config.check_client_auth import NOT_FETCHABLE
from service.config.check_grants import grant_warnings
from tests.worlds.identifiers import API, ISSUER
from tests.worlds.issuers import EXCHANGE, IDP, JWT_BEARER, PARTNER, RESOURCES, SECRET, client, exchange, issuer
from tests.worlds.toml import value

CLIENTS = client("app", EXCHANGE, JWT_BEARER) + client("plain", "client_credentials")
PUBLIC = f'[[clients]]\nid = "spa"\nauth_methods = ["none"]\ngrants = ["{EXCHANGE}"]\n'
FORGED = {"keys": [{**IDP.jwks["keys"][0], "d": "AAAA"}]}
WEAK = {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "satchel.toml"
    file.write_text(RESOURCES + CLIENTS + text)
    try:
        load(file, {})
    except ConfigError as refused:
        return [str(problem) for problem in refused.problems]
    return []


@pytest.mark.parametrize(
    "text",
    [
        issuer(
            IDP, "jwt_bearer", "id_jag", "token_exchange", clients=["app"], audience="urn:us", algs=["EdDSA", "PS256"]
        ),
        issuer(IDP, "jwt_bearer", jwks=None, jwks_uri="https://idp.example/jwks"),
        issuer(IDP, "token_exchange") + exchange("app", audiences=[API], subjects=[ISSUER, IDP.iss], scopes=["read"]),
        exchange("app", audiences=[API]),
    ],
)
def test_what_is_good(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (issuer(IDP, "jwt_bearer") * 2, f"issuers[1].issuer: '{IDP.iss}' is used twice"),
        (
            issuer(IDP, "jwt_bearer").replace(IDP.iss, ISSUER),
            "issuers[0].issuer: is the issuer of this service, whose own tokens need no entry",
        ),
        (issuer(IDP, "jwt_bearer").replace(IDP.iss, "https://a#b"), "issuers[0].issuer: must have no fragment"),
        (issuer(IDP), "issuers[0].uses: must name at least one"),
        (issuer(IDP, "everything"), "issuers[0].uses[0]: Invalid enum value 'everything'"),
        (issuer(IDP, "jwt_bearer", jwks=None), "issuers[0].jwks: needs exactly one of jwks and jwks_uri"),
        (
            issuer(IDP, "jwt_bearer", jwks_uri="https://idp.example/jwks"),
            "issuers[0].jwks: needs exactly one of jwks and jwks_uri",
        ),
        (
            issuer(IDP, "jwt_bearer", jwks=None, jwks_uri="http://idp.example/jwks"),
            f"issuers[0].jwks_uri: {NOT_FETCHABLE}",
        ),
        (issuer(IDP, "jwt_bearer", clients=["x"]), "issuers[0].clients[0]: no client has the id 'x'"),
        (
            issuer(IDP, "jwt_bearer", algs=["ES256", "HS256", "none"]),
            "issuers[0].algs[1]: 'HS256' is not a public-key signature algorithm",
        ),
        (
            issuer(IDP, "jwt_bearer", algs=["none"]),
            "issuers[0].algs[0]: 'none' is not a public-key signature algorithm",
        ),
        (issuer(IDP, "jwt_bearer", jwks=FORGED), "issuers[0].jwks: private or symmetric key material"),
        (issuer(IDP, "jwt_bearer", jwks=WEAK), "issuers[0].jwks: RSA modulus is too short, too long or even"),
        (issuer(IDP, "jwt_bearer", jwks={"keys": []}), "issuers[0].jwks: has no key that verifies signatures"),
        (issuer(IDP, "jwt_bearer", jwks={"key": []}), "issuers[0].jwks: a JWK Set has a list of at most 64 keys"),
        (exchange("x", audiences=[API]), "exchanges[0].clients[0]: no client has the id 'x'"),
        (
            exchange("plain", audiences=[API]),
            f"exchanges[0].clients[0]: client 'plain' does not have the grant {EXCHANGE}",
        ),
        (
            PUBLIC + exchange("spa", audiences=[API]),
            "exchanges[0].clients[0]: must be a confidential client: a thief of a token could act as a public one",
        ),
        (exchange("app", audiences=["urn:x"]), "exchanges[0].audiences[0]: no resource has the identifier 'urn:x'"),
        (
            issuer(PARTNER, "jwt_bearer") + exchange("app", audiences=[API], subjects=[PARTNER.iss]),
            f"exchanges[0].subjects[0]: no issuer '{PARTNER.iss}' has the use token_exchange",
        ),
        (
            exchange("app", audiences=[API], impersonation=False, delegation=False),
            "exchanges[0]: allows nothing: set impersonation or delegation to true",
        ),
    ],
)
def test_a_fault_is_named_by_its_path(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems(tmp_path, text)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, issuer(IDP, jwks={"keys": []}, clients=["x"]) + exchange("x", audiences=["urn:x"]))
    assert len(found) == 5


def test_what_is_unwise_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    user = f'[[users.known]]\nid = "u"\npassword = {value("$argon2id$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43)}\n'
    file.write_text(RESOURCES + CLIENTS + client("legacy", "password") + user)
    warnings: dict[str, Any] = dict(grant_warnings(load(file, {})))
    assert list(warnings) == ["clients[0].grants", "clients[2].grants"]
    assert SECRET not in str(warnings)
