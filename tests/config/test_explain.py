"""Telling what a token is, offline: kind, contents, verdict, reason."""

import io
import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from keys import Ring
from service.__main__ import main
from service.bags.kinds import AuthorizationCode, Bag, Grant, RefreshToken
from service.bags.snapshot import Snapshot
from service.explain import explain
from tests.worlds.demo import DEMO
from tests.worlds.introspection import CLIENT_CREDENTIALS, FORMATS, M2M, TOML, identifier
from tests.worlds.satchel import NOW, Satchel

ISSUER = "https://as.example.com"
GRANT = Grant("family", b"client digest", "alice", "read")
BAGS: list[Bag] = [
    AuthorizationCode(ISSUER, "jti-1", NOW, NOW + 60, GRANT, b"redirect"),
    RefreshToken(ISSUER, "jti-2", NOW, NOW + 60, GRANT),
]


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("explain"), TOML)


@pytest.fixture(scope="module")
def ring(satchel: Satchel) -> Ring:
    return satchel.store.load()


def told(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def issue(satchel: Satchel, name: str) -> str:
    form = {**CLIENT_CREDENTIALS, "resource": identifier(name)}
    return str(satchel.post("/token", form, M2M).json()["access_token"])


TYPES = {"jwt": "at+jwt", "eddsa": "at+jwt", "bag": "at+bag", "jwe": "at+jwt, encrypted to its resource server"}


@pytest.mark.parametrize("name", FORMATS)
def test_an_access_token(satchel: Satchel, ring: Ring, name: str) -> None:
    lines = told(explain(ring, ISSUER, issue(satchel, name), NOW))
    assert lines["kind"] == f"AccessToken ({TYPES[name]})"
    assert lines["verdict"] == "valid"
    assert lines["sub"] == '"m2m"'
    assert json.loads(lines["aud"]) == [identifier(name)]
    assert lines["exp"] == f"{NOW + 600}  (2027-01-15 08:10:00 UTC)"


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: type(bag).__name__)
def test_each_kind_of_bag(ring: Ring, bag: Bag) -> None:
    token = Snapshot(ring, ISSUER).seal(bag, NOW)
    lines = told(explain(ring, ISSUER, token, NOW))
    assert lines["kind"] == f"{type(bag).__name__} ({bag.TYP})"
    assert (lines["verdict"], lines["jti"]) == ("valid", f'"{bag.jti}"')


@pytest.mark.parametrize("name", FORMATS)
def test_an_expired_token_is_shown_with_its_verdict(satchel: Satchel, ring: Ring, name: str) -> None:
    lines = told(explain(ring, ISSUER, issue(satchel, name), NOW + 600))
    assert (lines["verdict"], lines["sub"]) == ("refused: expired", '"m2m"')


def test_another_issuers_token(satchel: Satchel, ring: Ring) -> None:
    lines = told(explain(ring, "https://other.example.com", issue(satchel, "jwt"), NOW))
    assert (lines["kind"], lines["verdict"]) == ("unknown", "refused: issuer")
    assert json.loads(lines["payload"].removesuffix(" (not verified)"))["iss"] == ISSUER


def test_a_token_of_other_keys(satchel: Satchel) -> None:
    lines = told(explain(Ring(), ISSUER, issue(satchel, "jwt"), NOW))
    assert lines["kind"] == "unknown"
    assert lines["verdict"].startswith("refused: ")
    assert json.loads(lines["header"].removesuffix(" (not verified)"))["typ"] == "at+jwt"


def test_a_token_whose_signature_was_changed(satchel: Satchel, ring: Ring) -> None:
    token = issue(satchel, "jwt")
    other = ("B" if token[-20] != "B" else "C").join((token[:-20], token[-19:]))
    assert told(explain(ring, ISSUER, other, NOW))["verdict"] == "refused: not authentic"


NESTED = urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
GARBAGE = ["", "x", "...", "a.b.c", "a.b.c.d.e", "é.é.é", "\ud800", "." * 10_000, f"{NESTED}.{NESTED}.x", "e30.e30.e30"]


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage(ring: Ring, token: str) -> None:
    lines = told(explain(ring, ISSUER, token, NOW))
    assert lines["kind"] == "unknown"
    assert lines["verdict"].startswith("refused: ")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    satchel = Satchel(tmp_path, DEMO)
    token = satchel.token()
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "var"))
    monkeypatch.setattr("time.time", lambda: float(NOW))
    assert main(["--config", str(satchel.file), "explain", token]) == 0
    assert told(capsys.readouterr().out)["verdict"] == "valid"
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    assert main(["--config", str(satchel.file), "explain", "-"]) == 0
    assert told(capsys.readouterr().out)["verdict"] == "valid"
    assert main(["--config", str(satchel.file), "explain", "garbage"]) == 0
    assert "refused" in capsys.readouterr().out


def test_the_command_without_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(DEMO)
    monkeypatch.setenv("SATCHEL_STATE", str(tmp_path / "none"))
    assert main(["--config", str(file), "explain", "x"]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_an_id_token(ring: Ring) -> None:
    claims = json.dumps({"iss": ISSUER, "sub": "alice", "aud": "app", "iat": NOW, "exp": NOW + 60}).encode()
    token = Snapshot(ring, ISSUER).sign_claims("JWT", claims, "ES256", NOW)
    lines = told(explain(ring, ISSUER, token, NOW))
    assert (lines["kind"], lines["verdict"], lines["sub"]) == ("ID token (JWT)", "valid", '"alice"')
    assert told(explain(ring, ISSUER, token, NOW + 60))["verdict"].startswith("refused: expired")
    assert told(explain(ring, "https://other.example.com", token, NOW))["kind"] == "unknown"
