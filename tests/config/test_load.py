"""A configuration is refused with every fault named by its path, all at once."""

import json
from pathlib import Path

import pytest
from jwcrypto.jwk import JWK

from service.app import load
from service.config import Config, ConfigError
from tests.worlds.demo import DEMO

SECRET = 'secrets = [{ sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" }]'
GOOD = f"""
issuer = "https://as.example.com"
default_resource = "https://a.example.com"

[[resources]]
identifier = "https://a.example.com"
scopes = ["read", "write"]

[[clients]]
id = "c"
{SECRET}
grants = ["client_credentials"]
scopes = ["read"]
"""
PUBLIC = JWK.generate(kty="EC", crv="P-256", kid="k", use="enc")
INLINE = ", ".join(f"{name} = {json.dumps(value)}" for name, value in PUBLIC.export_public(as_dict=True).items())


def read(tmp_path: Path, toml: str, **environ: str) -> Config:
    file = tmp_path / "satchel.toml"
    file.write_text(toml)
    return load(file, environ)


def problems(tmp_path: Path, toml: str, **environ: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, toml, **environ)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    assert all(line.startswith(f"{tmp_path / 'satchel.toml'}: ") for line in lines)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_a_good_one(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert (config.issuer, config.demo, config.lifetimes.access_token) == ("https://as.example.com", False, 600)
    assert config.clients[0].auth_methods == ("client_secret_basic",)


def test_the_demo_is_good(tmp_path: Path) -> None:
    assert read(tmp_path, DEMO).demo


RESOURCE = '[[resources]]\nidentifier = "https://b.example.com"\n'
CLIENT = f'[[clients]]\nid = "d"\n{SECRET}\n'

BROKEN: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "nothing at all": ("", [("issuer", "is required")]),
    "unknown table": (GOOD + "[nonsense]\nx = 1", [("nonsense", "no such setting")]),
    "unknown field at depth": (
        GOOD.replace("{ sha256", "{ salt = 1, sha256"),
        [("clients[0].secrets[0].salt", "no such setting")],
    ),
    "unknown fields everywhere": (
        'colour = "red"\n' + GOOD.replace("[[clients]]", 'shape = "round"\n[[clients]]') + "[logging]\nloud = true\n",
        [("colour", "no such setting"), ("logging.loud", "no such setting"), ("resources[0].shape", "no such setting")],
    ),
    "wrong types": (
        GOOD.replace('id = "c"', "id = 7").replace('scopes = ["read", "write"]', 'scopes = "read"')
        + '[lifetimes]\naccess_token = "long"\n',
        [
            ("lifetimes.access_token", "Expected `int`, got `str`"),
            ("resources[0].scopes", "Expected `array`, got `str`"),
            ("clients[0].id", "Expected `str`, got `int`"),
        ],
    ),
    "tables that are none": (
        "lifetimes = 1\nclients = {}\nresources = [1]\n" + 'issuer = "https://as.example.com"',
        [("lifetimes", "expected a table"), ("clients", "expected an array"), ("resources[0]", "expected a table")],
    ),
    "missing": (
        'issuer = "https://as.example.com"\n[[resources]]\n[[clients]]\n[[clients]]\nsecrets = [{}]\n',
        [
            ("resources[0].identifier", "is required"),
            ("clients[0].id", "is required"),
            ("clients[1].id", "is required"),
        ],
    ),
    "values out of range": (
        GOOD.replace('["read", "write"]', '["two words", "ok"]').replace("2bb80d", "XYZ")
        + '[lifetimes]\naccess_token = 0\n[endpoints]\ntoken = "token"\njwks = "/a b"\n[logging]\nlevel = "loud"\n',
        [
            ("lifetimes.access_token", "Expected `int` >= 1"),
            ("endpoints.token", "matching regex"),
            ("endpoints.jwks", "matching regex"),
            ("logging.level", "Invalid enum value"),
            ("resources[0].scopes[0]", "matching regex"),
            ("clients[0].secrets[0].sha256", "matching regex"),
        ],
    ),
    "a line end behind what looks right": (
        GOOD.replace('"read", "write"', '"read\\n", "write"') + '[endpoints]\ntoken = "/token\\n"\n',
        [("endpoints.token", "matching regex"), ("resources[0].scopes[0]", "matching regex")],
    ),
    "secrets without an instant": (
        GOOD.replace("{ sha256", "{ not_after = 2027-01-01T00:00:00, sha256"),
        [("clients[0].secrets[0].not_after", "Expected `datetime` with a timezone")],
    ),
    "two of one name": (
        GOOD + GOOD[GOOD.index("[[resources]]") :],
        [("resources[1].identifier", "'https://a.example.com' is used twice"), ("clients[1].id", "'c' is used twice")],
    ),
    "names of nothing": (
        GOOD.replace('resource = "https://a', 'resource = "https://z')
        + 'resources = ["https://a.example.com", "https://x.example.com"]\nserves = ["https://y.example.com"]\n',
        [
            ("default_resource", "'https://z.example.com'"),
            ("clients[0].resources[1]", "'https://x.example.com'"),
            ("clients[0].serves[0]", "'https://y.example.com'"),
        ],
    ),
    "a client without a target": (
        GOOD.replace('default_resource = "https://a.example.com"', ""),
        [("clients[0].resources", "must name a resource")],
    ),
    "a public resource server": (
        GOOD.replace(SECRET, 'auth_methods = ["none"]').replace('"client_credentials"', "")
        + 'serves = ["https://a.example.com"]\n',
        [("clients[0].serves", "RFC 7662 section 2.1")],
    ),
    "a client without a secret": (GOOD.replace(SECRET, ""), [("clients[0].secrets", "needs a secret")]),
    "a client with an odd id": (GOOD.replace('id = "c"', 'id = "é"'), [("clients[0].id", "printable ASCII")]),
    "defaults beyond what is allowed": (
        GOOD + 'default_scopes = ["read", "write"]\n',
        [("clients[0].default_scopes", "'write'")],
    ),
    "policy": (
        GOOD + '[keys]\nsigning_algs = ["HS256", "ES256", "ES256"]\npublish_ahead = 10\nperiod = 5\nskew = -1\n',
        [
            ("keys.signing_algs[0]", "is not supported"),
            ("keys.signing_algs[2]", "twice"),
            ("keys.skew", "must be between"),
            ("keys.publish_ahead", "must be at least"),
            ("keys.period", "must be longer"),
        ],
    ),
    "no algorithm": (GOOD + "[keys]\nsigning_algs = []\n", [("keys.signing_algs", "at least one")]),
    "lives longer than keys": (
        GOOD.replace("[[clients]]", "lifetime = 86401\n[[clients]]") + "[lifetimes]\naccess_token = 2678401\n",
        [
            ("lifetimes.access_token", "keys.sig_life (86400)"),
            ("lifetimes.access_token", "keys.bag_life (2678400)"),
            ("resources[0].lifetime", "keys.sig_life (86400)"),
        ],
    ),
    "endpoints that clash": (
        GOOD + '[endpoints]\ntoken = "/same"\njwks = "/same"\nmetrics = "/healthz"\nintrospect = "/.well-known/x"\n',
        [
            ("endpoints", "2 endpoints have the path /same"),
            ("endpoints.metrics", "/healthz is reserved"),
            ("endpoints.introspect", "/.well-known/x is reserved"),
        ],
    ),
    "an identifier that is no URI": (
        GOOD.replace("https://a.example.com", "a.example.com"),
        [("resources[0].identifier", "absolute URI")],
    ),
    "an identifier with a fragment": (
        GOOD + '[[resources]]\nidentifier = "https://b.example.com#x"\n[[resources]]\nidentifier = "http://[::1"\n',
        [("resources[1].identifier", "fragment"), ("resources[2].identifier", "absolute URI")],
    ),
    "an algorithm without keys": (
        GOOD + RESOURCE + 'signing_alg = "RS256"\n',
        [("resources[1].signing_alg", "'RS256' is not one of keys.signing_algs")],
    ),
    "format jwe without a key": (
        GOOD + RESOURCE + 'format = "jwe"\n',
        [("resources[1].encryption_key", "needs the public key")],
    ),
    "a key without format jwe": (
        GOOD + RESOURCE + f"encryption_key = {{ {INLINE} }}\n",
        [("resources[1].encryption_key", "is used with format")],
    ),
    "a key file that is not there": (
        GOOD + RESOURCE + 'format = "jwe"\nencryption_key_file = "nowhere.json"\n',
        [("resources[1].encryption_key_file", "cannot be read"), ("resources[1].encryption_key", "needs")],
    ),
    "claims that are ours": (
        GOOD + RESOURCE + 'claims = { sub = "x", tier = "gold", cnf = {} }\n',
        [("resources[1].claims.sub", "sets this claim itself"), ("resources[1].claims.cnf", "sets this claim itself")],
    ),
    "a claim that a bag cannot hold": (
        GOOD + RESOURCE + f"claims = {{ deep = {{ n = [{10**30}] }} }}\n",
        [("resources[1].claims", "cannot hold")],
    ),
    "proxies": (
        GOOD + '[proxies]\ntrusted = ["10.0.0.0/8", "proxy.example.com", "10.0.0.1/8", "::1"]\n',
        [("proxies.trusted[1]", "must be an IP address"), ("proxies.trusted[2]", "must be an IP address")],
    ),
    "memory": (
        GOOD + '[memory]\nkind = "redis"\nurl = "http://127.0.0.1"\nmax_entries = 0\n',
        [("memory.url", "must start with"), ("memory.max_entries", "at least 1")],
    ),
    "faults of every kind of rule": (
        GOOD.replace("https://as.example.com", "http://as.example.com")
        + RESOURCE
        + 'format = "jwe"\nencryption_key = { kty = "oct", k = "AAAA" }\nclaims = { iss = "x" }\n'
        + CLIENT
        + 'serves = ["https://z.example.com"]\n[keys]\nsigning_algs = []\n[endpoints]\ntoken = "/jwks"\n',
        [
            ("issuer", "https"),
            ("keys.signing_algs", "at least one"),
            ("endpoints", "2 endpoints have the path"),
            ("clients[1].serves[0]", "no resource"),
            ("resources[1].encryption_key", "symmetric"),
            ("resources[1].claims.iss", "sets this claim itself"),
        ],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_fault_is_named_by_its_path(tmp_path: Path, name: str) -> None:
    toml, expected = BROKEN[name]
    found = problems(tmp_path, toml)
    assert sorted(path for path, _ in found) == sorted(path for path, _ in expected), found
    for path, fragment in expected:
        assert any(where == path and fragment in message for where, message in found), (path, fragment, found)


SYNTAX = ["issuer = \n", "\n[\n", 'issuer = "a"\nissuer = "b"\n', "\x00", "issuer = 'a' 'b'"]


@pytest.mark.parametrize("toml", SYNTAX)
def test_a_syntax_error_is_named_by_its_line(tmp_path: Path, toml: str) -> None:
    [(path, message)] = problems(tmp_path, toml)
    assert path == ""
    assert "line" in message


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "satchel.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="utf-8"):
        load(tmp_path / "satchel.toml", {})


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_what_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load(tmp_path / name, {})


ISSUERS = [
    "as.example.com",
    "https://",
    "https:///path",
    "http://as.example.com",
    "ftp://as.example.com",
    "https://as.example.com/",
    "https://as.example.com?x=1",
    "https://as.example.com#x",
    "https://user@as.example.com",
    "https://as.example.com:abc",
    "https://as.example.com:99999",
    "https://[::1",
    "https://as.example.com/{tenant}",
    "https://as.example.com/a b",
    "https://as.example.com\\n",
    "https://as.example.com//x",
    "http://127.0.0.1.example.com",
    "http://localhost@as.example.com",
]


@pytest.mark.parametrize("issuer", ISSUERS)
def test_a_bad_issuer(tmp_path: Path, issuer: str) -> None:
    found = problems(tmp_path, GOOD.replace("https://as.example.com", issuer))
    assert {path for path, _ in found} == {"issuer"}


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:1", "https://as.example.com:8443/a/b.c"]
)
def test_a_good_issuer(tmp_path: Path, issuer: str) -> None:
    assert read(tmp_path, GOOD.replace("https://as.example.com", issuer)).issuer == issuer


JWKS = {
    "private": PUBLIC.export(as_dict=True),
    "no kid": {name: value for name, value in PUBLIC.export_public(as_dict=True).items() if name != "kid"},
    "symmetric": {"kty": "oct", "k": "AAAA", "kid": "k"},
    "off the curve": PUBLIC.export_public(as_dict=True) | {"y": PUBLIC.export_public(as_dict=True)["x"]},
    "for signatures": PUBLIC.export_public(as_dict=True) | {"use": "sig"},
    "of another curve": JWK.generate(kty="OKP", crv="Ed25519", kid="k").export_public(as_dict=True),
    "weak": JWK.generate(kty="RSA", size=1024, kid="k").export_public(as_dict=True),
    "no JWK": {"a": 1},
}


@pytest.mark.parametrize("name", JWKS)
def test_a_key_that_nothing_can_be_sealed_to(tmp_path: Path, name: str) -> None:
    (tmp_path / "key.json").write_text(json.dumps(JWKS[name]))
    toml = GOOD + RESOURCE + 'format = "jwe"\nencryption_key_file = "key.json"\n'
    [(path, message)] = problems(tmp_path, toml)
    assert path == "resources[1].encryption_key"
    assert str(PUBLIC.export(as_dict=True)["d"]) not in message


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b'"x"'])
def test_a_key_file_that_is_no_key(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.json").write_bytes(content)
    toml = GOOD + RESOURCE + 'format = "jwe"\nencryption_key_file = "key.json"\n'
    assert ("resources[1].encryption_key_file" in {path for path, _ in problems(tmp_path, toml)}) is True


def test_a_key_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(PUBLIC.export_public())
    config = read(tmp_path, GOOD + RESOURCE + 'format = "jwe"\nencryption_key_file = "key.json"\n')
    assert config.resources[1].encryption_key == PUBLIC.export_public(as_dict=True)


def test_a_key_that_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(PUBLIC.export_public())
    toml = GOOD + RESOURCE + f'format = "jwe"\nencryption_key_file = "key.json"\nencryption_key = {{ {INLINE} }}\n'
    assert problems(tmp_path, toml) == [
        ("resources[1].encryption_key", "excludes encryption_key_file: set one of the two")
    ]


@pytest.mark.parametrize(
    "bind", ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000", "example.com:80", "127.0.0.1:1,0.0.0.0:1"]
)
def test_a_demo_listens_on_loopback_only(tmp_path: Path, bind: str) -> None:
    assert [path for path, _ in problems(tmp_path, DEMO, SATCHEL_BIND=bind)] == ["demo"]
    assert read(tmp_path, GOOD, SATCHEL_BIND=bind).issuer


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "localhost:1", "[::1]:8000", "127.0.0.1:1,[::1]:1", ""])
def test_a_demo_on_loopback(tmp_path: Path, bind: str) -> None:
    assert read(tmp_path, DEMO, SATCHEL_BIND=bind).demo


def test_a_demo_for_the_world(tmp_path: Path) -> None:
    toml = DEMO.replace("http://127.0.0.1:{port}", "https://as.example.com")
    assert problems(tmp_path, toml) == [("issuer", "must be on a loopback host, because demo = true")]


def test_the_issuer_follows_the_port(tmp_path: Path) -> None:
    assert read(tmp_path, DEMO, PORT="9000").issuer == "http://127.0.0.1:9000"
    assert read(tmp_path, DEMO).issuer == "http://127.0.0.1:8000"
    assert {path for path, _ in problems(tmp_path, DEMO, PORT="none")} == {"issuer"}


def test_the_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(tmp_path, GOOD, SATCHEL_STATE=str(tmp_path / "state"))
    assert Path(config.keys.directory) == tmp_path / "state" / "keys"
    assert tmp_path / "state" in Path(config.memory.path).parents
    monkeypatch.chdir(tmp_path)
    config = read(tmp_path, GOOD)
    assert Path(config.keys.directory) == tmp_path / "var" / "keys"
    assert tmp_path / "var" in Path(config.memory.path).parents


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "master").write_bytes(bytes(range(32)))
    (tmp_path / "master").chmod(0o600)
    tables = '[keys]\ndirectory = "ring"\nmaster_key_file = "master"\n[memory]\npath = "deep/memory.db"\n'
    config = read(tmp_path, GOOD + tables, SATCHEL_STATE="/elsewhere")
    assert Path(config.keys.directory) == tmp_path / "ring"
    assert Path(config.keys.master_key_file) == tmp_path / "master"
    assert Path(config.memory.path) == tmp_path / "deep" / "memory.db"


def test_a_configuration_shows_no_secret(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD + '[memory]\nkind = "redis"\nurl = "redis://:hunter2@127.0.0.1"\n')
    assert "2bb80d537b1d" not in repr(config)
    assert "hunter2" not in repr(config)


def test_a_problem_shows_no_secret(tmp_path: Path) -> None:
    digest = "2bb80d537b1d"
    for toml in (GOOD.replace("2bb80d", "2bb80d537b1d-"), GOOD.replace("sha256", "sha512")):
        assert digest not in str(problems(tmp_path, toml))


def test_a_grant_that_nobody_knows(tmp_path: Path) -> None:
    named = problems(tmp_path, GOOD.replace("client_credentials", "client_credential"))
    assert [path for path, _ in named] == ["clients[0].grants"]


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_master_key_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "master").write_bytes(content)
        (tmp_path / "master").chmod(0o600)
    named = problems(tmp_path, GOOD + '[keys]\nmaster_key_file = "master"\n')
    assert [path for path, _ in named] == ["keys.master_key_file"]
