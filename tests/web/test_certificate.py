"""The certificate's header in each of its forms (RFC 9440, nginx, envoy), and whom it is believed from."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config import Proxies
from service.protocol.errors import OAuthError
from service.web.certificate import HEADERS, certificate_reader
from tests.worlds.certificates import certificate, escaped_pem, rfc9440

DER = certificate()
PEM = escaped_pem(DER)
PLAIN = base64.b64encode(DER).decode()


def scope(*headers: tuple[str, str], client: Any = ("192.0.2.7", 5)) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode("latin-1")) for name, value in headers], "client": client}


def reader(form: str, *trusted: str) -> Any:
    read = certificate_reader(Proxies(trusted=trusted or ("192.0.2.0/24",), certificate_header=form))  # type: ignore[arg-type]
    assert read is not None
    return read


def read(form: str, value: str) -> bytes | None:
    return reader(form)(scope((HEADERS[form][0].decode(), value)))  # type: ignore[no-any-return]


GOOD = [
    ("rfc9440", f":{PLAIN}:"),
    ("rfc9440", f" :{PLAIN}:\t"),
    ("nginx", PEM),
    ("nginx", PEM.replace("%20", " ").replace("%2B", "+").replace("%2F", "/")),
    ("envoy", f'Cert="{PEM}"'),
    ("envoy", f'By=spiffe://a/b;Hash={"0" * 64};Cert="{PEM}";Subject="CN=a,O=\\"b;c\\"";URI=spiffe://c/d'),
    ("envoy", f"cert={PEM}"),
    ("envoy", f'Subject="";Cert="{PEM}"'),
    ("envoy", f'By=spiffe://a/b;By=spiffe://a/c;Hash=0;Cert="{PEM}";DNS=a.example.com;DNS=b.example.com'),
]


@pytest.mark.parametrize(("form", "value"), GOOD)
def test_a_certificate(form: str, value: str) -> None:
    assert read(form, value) == DER


@pytest.mark.parametrize("form", HEADERS)
def test_none(form: str) -> None:
    assert reader(form)(scope()) is None
    assert read(form, "") is None


def test_envoy_without_one() -> None:
    assert read("envoy", f"By=spiffe://a/b;Hash={'0' * 64}") is None


MALFORMED = [
    ("rfc9440", PLAIN),
    ("rfc9440", f":{PLAIN}"),
    ("rfc9440", f"{PLAIN}:"),
    ("rfc9440", ":"),
    ("rfc9440", "::"),
    ("rfc9440", f":{PLAIN}:;a=1"),
    ("rfc9440", f":{PLAIN}:, :{PLAIN}:"),
    ("rfc9440", f":{PLAIN[:-1]}:"),
    ("rfc9440", f":{PLAIN[:40]} {PLAIN[40:]}:"),
    ("rfc9440", f":{PLAIN[:40]}-{PLAIN[41:]}:"),
    ("rfc9440", ":é:"),
    ("nginx", PLAIN),
    ("nginx", PEM + PEM),
    ("nginx", PEM.replace("CERTIFICATE", "TRUSTED")),
    ("nginx", "-----BEGIN CERTIFICATE----------END CERTIFICATE-----"),
    ("nginx", quote("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----")),
    ("nginx", PEM.replace("-----END", "")),
    ("nginx", "%ff" + PEM),
    ("nginx", f"x{PEM}"),
    ("nginx", "(null)"),
    ("envoy", PEM),
    ("envoy", f'Cert="{PEM}",Cert="{PEM}"'),
    ("envoy", f'Hash=0,Cert="{PEM}"'),
    ("envoy", f'Cert="{PEM}",'),
    ("envoy", f'Cert="{PEM}";Cert="{PEM}"'),
    ("envoy", f'Cert="{PEM}";cert=x'),
    ("envoy", f'Cert="{PEM}'),
    ("envoy", f'Cert="{PEM}"x'),
    ("envoy", "Cert="),
    ("envoy", 'Cert=""'),
    ("envoy", f';Cert="{PEM}"'),
    ("envoy", '="x"'),
    ("envoy", "Cert"),
]


@pytest.mark.parametrize(("form", "value"), MALFORMED)
def test_malformed(form: str, value: str) -> None:
    with pytest.raises(OAuthError) as caught:
        read(form, value)
    assert (caught.value.code, caught.value.status) == ("invalid_request", 400)


@given(st.sampled_from(sorted(HEADERS)), st.text(st.characters(max_codepoint=255), min_size=1))
def test_any_text_is_a_certificate_or_refused(form: str, value: str) -> None:
    try:
        assert read(form, value) is None or value
    except OAuthError as refusal:
        assert refusal.code == "invalid_request"  # noqa: PT017


@pytest.mark.parametrize("form", HEADERS)
def test_twice(form: str) -> None:
    """Which of the two is the proxy's, and which the client's?"""
    name = HEADERS[form][0].decode()
    good = {"rfc9440": f":{PLAIN}:", "nginx": PEM, "envoy": f'Cert="{PEM}"'}[form]
    assert reader(form)(scope((name, good))) == DER
    with pytest.raises(OAuthError):
        reader(form)(scope((name, good), (name, good)))


TRUSTED = ("192.0.2.7", "2001:db8::/32", "127.0.0.1")


@pytest.mark.parametrize("peer", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::9", "127.0.0.1"])
def test_those_who_are_believed(peer: str) -> None:
    assert reader("rfc9440", *TRUSTED)(scope(("client-cert", f":{PLAIN}:"), client=(peer, 1))) == DER


@pytest.mark.parametrize("peer", ["192.0.2.8", "::1", "2001:db9::1", "", "localhost", "fe80::1%eth0", None])
@pytest.mark.parametrize("value", [f":{PLAIN}:", "malformed"])
def test_those_who_are_not(peer: str | None, value: str) -> None:
    client = None if peer is None else (peer, 1)
    assert reader("rfc9440", *TRUSTED)(scope(("client-cert", value), client=client)) is None


@pytest.mark.parametrize("name", ["client_cert", "x-client-cert", "x-ssl-client-cert", "client-cert-chain"])
def test_only_the_configured_header(name: str) -> None:
    assert reader("rfc9440")(scope((name, f":{PLAIN}:"))) is None


def test_nothing_is_read_where_nothing_is_configured() -> None:
    assert certificate_reader(Proxies(trusted=("0.0.0.0/0",))) is None


def test_the_helpers_agree() -> None:
    assert rfc9440(DER) == f":{PLAIN}:"
