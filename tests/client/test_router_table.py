"""What the router forwards, where to, and with which headers; and the configurations that it refuses."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from satchel_client.errors import ClientError
from satchel_client.router.config import Config, Route, Server, load
from satchel_client.router.headers import VIA, of_request, of_response
from satchel_client.router.table import Table, Target, leads_astray, sources, targets

from tests.worlds.demo import ROOT

GOOD = """
[servers.main]
issuer = "https://as.example.com"
client_id = "me"
secret_env = "SECRET"

[[routes]]
prefix = "/v1/pets"
target = "https://pets.internal:8443/base"
server = "main"
"""


def target(prefix: str, url: str = "https://pets.example.com", **more: Any) -> Target:
    config = Config(
        {"main": Server("me", token_endpoint="https://as.example.com/token", method="none")},
        (Route(prefix, url, "main", **more),),
    )
    return targets(config, sources(config))[0]


def test_the_longest_prefix_of_whole_segments_decides() -> None:
    table = Table([target("/v1"), target("/v1/pets"), target("/v2/")])
    for path, expected in {
        b"/v1": b"/v1",
        b"/v1/": b"/v1",
        b"/v1/petshop": b"/v1",
        b"/v1/pets": b"/v1/pets",
        b"/v1/pets/7": b"/v1/pets",
        b"/v2": b"/v2",
        b"/v2/x": b"/v2",
    }.items():
        found = table.find(path)
        assert found is not None
        assert found.prefix == expected
    for path in (b"/v12", b"/", b"", b"/V1", b"/v%31", b"/v1%2Fpets", b"v1"):
        assert table.find(path) is None
    everything = Table([target("/")]).find(b"/anything")
    assert everything is not None


@pytest.mark.parametrize(
    ("made", "path", "query", "expected"),
    [
        (("/v1",), b"/v1/a%20b", b"c=%26&d", "https://pets.example.com/v1/a%20b?c=%26&d"),
        (("/v1", "https://pets.example.com:8443/base/"), b"/v1/a", b"", "https://pets.example.com:8443/base/v1/a"),
        (
            ("/", "https://pets.example.com"),
            b"//evil.example.com/x",
            b"",
            "https://pets.example.com//evil.example.com/x",
        ),
        (("/", "https://pets.example.com"), b"/@evil.example.com", b"", "https://pets.example.com/@evil.example.com"),
    ],
)
def test_path_and_query_go_on_as_they_came(made: Any, path: bytes, query: bytes, expected: str) -> None:
    assert str(target(*made).address(path, query)) == expected


def test_a_prefix_can_be_stripped() -> None:
    stripped = target("/pets", "https://pets.example.com/v2", strip_prefix=True)
    assert str(stripped.address(b"/pets/7", b"")) == "https://pets.example.com/v2/7"
    assert str(stripped.address(b"/pets", b"q")) == "https://pets.example.com/v2/?q"


@pytest.mark.slow
@given(st.binary(max_size=60), st.binary(max_size=30))
def test_no_path_leads_to_another_host(path: bytes, query: bytes) -> None:
    for row in (target("/"), target("/", strip_prefix=True)):
        if leads_astray(b"/" + path):
            continue
        try:
            url = row.address(b"/" + path, query)
        except (ValueError, httpx.InvalidURL):
            continue
        assert (url.scheme, url.host, url.port, url.userinfo) == ("https", "pets.example.com", None, b"")


@pytest.mark.parametrize(
    "path",
    [b"/v1/../admin", b"/v1/%2e%2E/admin", b"/v1/.%2e", b"/./v1", b"/v1/..", b"/v1%2f..%2fadmin", b"/v1\\..\\admin",
     b"/v1/%2e%2e%5cadmin", b"", b"v1", b"*", b"http://evil.example.com/"],
)  # fmt: skip
def test_dot_segments_lead_astray(path: bytes) -> None:
    assert leads_astray(path)


@pytest.mark.parametrize("path", [b"/", b"/v1/a..b", b"/v1/...", b"/v1/.well-known", b"//x", b"/v1/%252e%252e"])
def test_other_dots_do_not(path: bytes) -> None:
    assert not leads_astray(path)


def test_the_token_goes_in_authorization_unless_the_caller_has_its_own() -> None:
    assert of_request([(b"accept", b"a")], b"h", b"Bearer t") == (
        [(b"host", b"h"), (b"accept", b"a"), VIA, (b"authorization", b"Bearer t")],
        True,
    )
    assert of_request([(b"authorization", b"Basic x")], b"h", b"Bearer t") == (
        [(b"host", b"h"), (b"authorization", b"Basic x"), VIA, (b"x-scope-token", b"Bearer t")],
        False,
    )


def test_a_caller_never_chooses_x_scope_token_nor_host() -> None:
    sent = [(b"x-scope-token", b"Bearer evil"), (b"host", b"evil.example.com"), (b"x-scope-token", b"2")]
    assert of_request(sent, b"h", b"Bearer t")[0] == [(b"host", b"h"), VIA, (b"authorization", b"Bearer t")]


def test_hop_by_hop_headers_end_here() -> None:
    hops = [
        (b"connection", b"keep-alive, X-Mine , content-length"),
        (b"x-mine", b"1"),
        (b"keep-alive", b"1"),
        (b"proxy-authorization", b"Basic x"),
        (b"proxy-authenticate", b"Basic"),
        (b"proxy-connection", b"close"),
        (b"te", b"trailers"),
        (b"trailer", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
    ]
    kept = [(b"content-length", b"3"), (b"cookie", b"a"), (b"cookie", b"b")]
    assert of_request([*hops, *kept, (b"expect", b"100-continue")], b"h", b"t")[0][1:-2] == kept
    upper = [(name.title(), value) for name, value in [*hops[:1], *hops[1:], *kept]]
    assert of_response(upper) == [*kept, VIA]


def test_a_good_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    file = tmp_path / "router.toml"
    file.write_text(GOOD)
    config = load(file)
    assert config.listen.host == "127.0.0.1"
    assert config.servers["main"].settings().token_renew_before_expired == 60
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "surprise = 1\n", "surprise"),
        ("client_id", "client_name", "client_name"),
        ('secret_env = "SECRET"', "", "needs a secret"),
        ('secret_env = "SECRET"', 'secret_env = "NOT_SET"', "needs a secret"),
        ('secret_env = "SECRET"', 'secret_file = "/nonexistent"', "No such file"),
        ('secret_env = "SECRET"', 'method = "magic"', "magic"),
        ('secret_env = "SECRET"', 'method = "private_key_jwt"\nkey_file = "/dev/null"', "private key"),
        ('secret_env = "SECRET"', 'secret_env = "SECRET"\ncache_capacity = 0', "capacity"),
        ("https://as.example.com", "http://as.example.com", "https URL"),
        ('issuer = "https://as.example.com"', "", "https URL"),
        ("/v1/pets", "v1/pets", "prefix must"),
        ("/v1/pets", "/v1/../pets", "prefix must"),
        ("/v1/pets", "/v1//pets", "prefix must"),
        ("/v1/pets", "/v1/p%65ts", "prefix must"),
        ("/v1/pets", "/metrics", "prefix must not be /healthz or /metrics"),
        ("/v1/pets", "/healthz/", "prefix must not be /healthz or /metrics"),
        ("https://pets.internal", "http://pets.internal", "insecure = true"),
        ("https://pets.internal", "https://user:pw@pets.internal", "without query"),
        ("8443/base", "8443/base?x=y", "without query"),
        ("https://pets.internal", "ftp://pets.internal", "http or https"),
        ('server = "main"', 'server = "other"', "no entry of servers has the name other"),
        ('server = "main"', 'server = "main"\ntls = {ca_file = "/nonexistent"}', "TLS file"),
        (GOOD[GOOD.index("[[routes]]") :], "", "routes"),
        (GOOD[GOOD.index("[[routes]]") :], "routes = []", "routes"),
        ("", "listen = {host = '0.0.0.0'}\n", "not loopback"),
        (GOOD[GOOD.index("[[routes]]") :], GOOD[GOOD.index("[[routes]]") :] * 2, "prefix is used twice"),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_refused_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, expected: str
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    file = tmp_path / "router.toml"
    file.write_text(GOOD.replace(old, new, 1) if old else new + GOOD)
    with pytest.raises(ClientError) as caught:
        load(file)
    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("more", ['listen = {host = "0.0.0.0", exposed = true}', 'listen = {host = "::1"}'])
def test_where_it_may_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    file = tmp_path / "router.toml"
    file.write_text(f"{more}\n{GOOD}")
    assert load(file).routes[0].prefix == "/v1/pets"


def test_the_documented_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_SECRET", "s")
    monkeypatch.setenv("PARTNER_SECRET", "s")
    file = tmp_path / "router.toml"
    file.write_text((ROOT / "client" / "ROUTER.md").read_text().partition("```toml\n")[2].partition("```")[0])
    config = load(file)
    table = Table(targets(config, sources(config)))
    found = table.find(b"/partner/x")
    assert found is not None
    assert str(found.address(b"/partner/x", b"")) == "https://api.partner.example/v3/x"
