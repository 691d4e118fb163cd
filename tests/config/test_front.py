"""What the authorization endpoint and its pages need of the configuration, each fault named by its path."""

from pathlib import Path

import pytest

from service.app import load
from service.config import ConfigError
from service.config.check_front import front_warnings

SECRET = 'secrets = [{ sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" }]'
GOOD = f"""
issuer = "https://as.example.com"
default_resource = "https://a.example.com"

[login]
url = "https://login.example.com/begin"
client = "login"

[[resources]]
identifier = "https://a.example.com"
scopes = ["read"]
titles = {{ read = "Read what is yours" }}

[[detail_types]]
type = "payment"
members = ["amount", "note"]
required = ["amount"]

[[clients]]
id = "login"
{SECRET}

[[clients]]
id = "web"
{SECRET}
grants = ["authorization_code"]
redirect_uris = ["https://app.example.com/back?tenant=1"]
authorization_details_types = ["payment"]

[[clients]]
id = "public"
auth_methods = ["none"]
grants = ["authorization_code"]
redirect_uris = ["http://127.0.0.1/back"]
"""


def read(tmp_path: Path, toml: str) -> list[tuple[str, str]]:
    file = tmp_path / "satchel.toml"
    file.write_text(toml)
    try:
        load(file, {})
    except ConfigError as refused:
        return [(problem.path, problem.message) for problem in refused.problems]
    return []


def test_a_good_one(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ('client = "login"', "", "login", "url and client must be set together"),
        ('url = "https://login.example.com/begin"', "", "login", "url and client must be set together"),
        ('client = "login"', 'client = "nobody"', "login.client", "no client has the id 'nobody'"),
        ('client = "login"', 'client = "public"', "login.client", "must be a confidential client"),
        ("https://login.example.com/begin", "http://login.example.com", "login.url", "must be an https URL"),
        ("https://login.example.com/begin", "javascript:alert(1)", "login.url", "must be an https URL"),
        ("https://login.example.com/begin", "https://login.example.com/?a=1", "login.url", "must have no query"),
        ("https://login.example.com/begin", "https://login.example.com/#a", "login.url", "must be an https URL"),
        ("[login]", '[pages]\nlogo = "data:image/png;base64,AAAA"\n[login]', "pages.logo", "must be an https URL"),
        ("[login]", '[pages]\ntemplates = "nowhere"\n[login]', "pages.templates", "is not a directory"),
        ("titles = { read", "titles = { reed", "resources[0].titles", "'reed' is not one of the resource's scopes"),
        ('members = ["amount"', 'members = ["type", "amount"', "detail_types[0].members", "must not contain 'type'"),
        ('required = ["amount"]', 'required = ["sum"]', "detail_types[0].required", "'sum' is not one of the members"),
        (
            "[[clients]]",
            '[[detail_types]]\ntype = "payment"\n[[clients]]',
            "detail_types[1].type",
            "'payment' is used twice",
        ),
        (
            'authorization_details_types = ["payment"]',
            'authorization_details_types = ["payment", "medical"]',
            "clients[1].authorization_details_types[1]",
            "no entry of detail_types has the type 'medical'",
        ),
        (
            "authorization_details_types",
            "require_signed_request_object = true\nauthorization_details_types",
            "clients[1].require_signed_request_object",
            "needs the client's public keys",
        ),
        *(
            (
                "authorization_details_types",
                f'request_object_signing_alg = "{alg}"\nauthorization_details_types',
                "clients[1].request_object_signing_alg",
                f"'{alg}' is not a public-key signature algorithm",
            )
            for alg in ("none", "HS256", "ES257", "es256")
        ),
        *(
            ("back?tenant=1", f"back?{name}=1", "clients[1].redirect_uris[0]", f"must not have '{name}' in its query")
            for name in ("code", "state", "iss", "error", "error_description")
        ),
        ("back?tenant=1", "back?%63ode", "clients[1].redirect_uris[0]", "must not have 'code' in its query"),
        *(
            ("[login]", f"[lifetimes]\n{name} = 99999999\n[login]", f"lifetimes.{name}", "is longer than keys.bag_life")
            for name in ("pushed_request", "login", "session", "device_code")
        ),
        ("[login]", "[lifetimes]\nid_token = 99999999\n[login]", "lifetimes.id_token", "is longer than keys.sig_life"),
        *(
            (
                "[login]",
                f'[endpoints]\ntoken = "{path}"\n[login]',
                "endpoints.token",
                f"{path} is reserved: it is a page below",
            )
            for path in ("/authorize/login", "/authorize/consent", "/ticket/issue", "/ticket/fail", "/logout/confirm")
        ),
    ],
)
def test_what_is_broken(tmp_path: Path, old: str, new: str, path: str, message: str) -> None:
    assert old in GOOD
    (problem,) = read(tmp_path, GOOD.replace(old, new, 1))
    assert problem[0] == path
    assert problem[1].startswith(message)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "java\\tscript:alert(1)",
        "https://app.example.com/back#fragment",
        "http://app.example.com/back",
        "/back",
        "https://app.example.com:0/back",
    ],
)
def test_71_a_redirect_uri_that_cannot_be_followed(tmp_path: Path, uri: str) -> None:
    named = read(tmp_path, GOOD.replace("https://app.example.com/back?tenant=1", uri))
    assert [path for path, _ in named] == ["clients[1].redirect_uris[0]"]


def test_what_is_allowed_and_unwise(tmp_path: Path) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(GOOD)
    assert not list(front_warnings(load(file, {})))
    file.write_text(GOOD.replace("http://127.0.0.1/back", "https://x.example.com/back") + 'consent = "implicit"\n')
    assert [path for path, _ in front_warnings(load(file, {}))] == ["clients[2].consent"]
    file.write_text(
        GOOD.replace("[login]\n", "").replace('url = "https://login.example.com/begin"\nclient = "login"', "")
    )
    assert [path for path, _ in front_warnings(load(file, {}))] == ["clients[1].grants", "clients[2].grants"]
