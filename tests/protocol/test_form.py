"""The form reader (RFC 6749 appendix B): what is one form, and nothing else."""

import string
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.protocol.errors import OAuthError
from service.protocol.form import MAX_FIELDS, REPEATABLE, parse, unquote


def refused(body: bytes) -> str:
    with pytest.raises(OAuthError) as caught:
        parse(body)
    assert caught.value.code == "invalid_request"
    assert caught.value.status == 400
    return caught.value.description


def test_a_form() -> None:
    form = parse(b"grant_type=client_credentials&scope=read+write&state=%C3%A9%2B%26%3D&empty=&bare&=nameless")
    assert form.get("grant_type") == "client_credentials"
    assert form.get("scope") == "read write"
    assert form.get("state") == "é+&="
    assert form.require("state") == "é+&="


@pytest.mark.parametrize("body", [b"", b"scope=", b"scope", b"other=x", b"other=x&", b"=x"])
def test_a_parameter_without_a_value_is_absent(body: bytes) -> None:
    form = parse(body)
    assert form.get("scope") is None
    with pytest.raises(OAuthError, match="invalid_request") as caught:
        form.require("scope")
    assert caught.value.description == "scope is missing"


def test_only_the_first_equals_sign_parts_name_and_value() -> None:
    assert parse(b"a=b=c").get("a") == "b=c"


@pytest.mark.parametrize("body", [b"a=1&a=1", b"a=1&a=2", b"a=&a=1", b"a=1&%61=2", b"a&a", b"&&", b"=1&=2"])
def test_a_repeated_parameter(body: bytes) -> None:
    assert refused(body) == "a parameter is sent more than once"


@pytest.mark.parametrize("name", sorted(REPEATABLE))
def test_a_repeatable_parameter_keeps_its_order(name: str) -> None:
    body = f"{name}=b&x=1&{name}=a&{name}=&{name}=b".encode()
    assert parse(body).all(name) == ["b", "a", "b"]
    assert parse(body).get(name) is None
    assert parse(b"x=1").all(name) == []


@pytest.mark.parametrize(
    "value",
    [b"%", b"%4", b"%zz", b"%%41", b"a\x00b", b"\xff", b"\xc3\xa9", b"a\tb", b"a\r\nb", b"\x7f", b"%u0041"],
)
def test_what_is_not_urlencoded(value: bytes) -> None:
    assert refused(b"a=" + value) == "a parameter is not form-urlencoded: write special characters as %XX"
    assert refused(value + b"=1") == "a parameter is not form-urlencoded: write special characters as %XX"


@pytest.mark.parametrize("value", [b"%FF", b"%C3", b"%C3%28", b"%ED%A0%80", b"%C0%AF", b"%F5%80%80%80", b"x%80"])
def test_escapes_that_are_not_utf_8(value: bytes) -> None:
    assert refused(b"a=" + value) == "a parameter is not UTF-8"


@pytest.mark.parametrize("value", [b"%00", b"x%00y", b"%0D%0A", b"%09", b"%1f", b"%7F"])
def test_control_characters(value: bytes) -> None:
    assert refused(b"a=" + value) == "a parameter has a control character"
    assert refused(value + b"=a") == "a parameter has a control character"


def test_the_number_of_parameters_is_bounded() -> None:
    fields = [b"p%d=1" % n for n in range(MAX_FIELDS)]
    assert parse(b"&".join(fields)).get(f"p{MAX_FIELDS - 1}") == "1"
    assert refused(b"&".join([*fields, b"q=1"])) == "the request has more than 100 parameters"
    assert refused(b"&" * 65_535) == "the request has more than 100 parameters"


def test_a_value_is_never_told_in_the_error() -> None:
    for body in (b"a=s3cret&a=s3cret", b"a=s3cret%00", b"s3cret=%FF", b"a=s3cret%"):
        with pytest.raises(OAuthError) as caught:
            parse(body)
        assert "s3cret" not in f"{caught.value!r}{caught.value}{caught.value.description}{caught.value.reason}"


def outcome(body: bytes) -> str:
    try:
        parse(body)
    except OAuthError as error:
        return error.code
    return "a form"


EITHER = ("a form", "invalid_request")
names = st.text(st.characters(blacklist_categories=["Cs"], min_codepoint=0x20, blacklist_characters="\x7f"), min_size=1)
values = st.text(st.characters(blacklist_categories=["Cs"], min_codepoint=0x20, blacklist_characters="\x7f"))
forms = st.dictionaries(names.filter(lambda name: name not in REPEATABLE), values, max_size=20)


@given(st.binary(max_size=300))
@example(b"\x00")
@example(b"%")
@example(b"a=%C3%A9&resource=%FF")
def test_any_octets_are_a_form_or_invalid_request(body: bytes) -> None:
    assert outcome(body) in EITHER


@given(st.lists(st.sampled_from(["a", "=", "&", "%", "4", "1", "+", "%41", "%C3%A9", "%00", "resource", "é", " "])))
def test_any_mix_of_a_forms_parts_is_a_form_or_invalid_request(parts: list[str]) -> None:
    assert outcome("".join(parts).encode()) in EITHER


@given(forms)
def test_what_urlencode_writes_is_read_back(values: dict[str, str]) -> None:
    form = parse(urlencode(values).encode())
    assert {name: form.get(name) for name in values} == {name: value or None for name, value in values.items()}


@given(forms, st.booleans())
def test_agreement_with_urllib(values: dict[str, str], plus: bool) -> None:
    body = urlencode(values, quote_via=quote_plus if plus else quote)
    form = parse(body.encode())
    theirs = dict(parse_qsl(body, strict_parsing=bool(body), errors="strict"))
    assert {name: form.get(name) for name in values if values[name]} == theirs


@given(forms, st.data())
def test_a_changed_form_is_a_form_or_invalid_request(values: dict[str, str], data: st.DataObject) -> None:
    body = bytearray(urlencode(values).encode() or b"a=1")
    at = data.draw(st.integers(0, len(body) - 1))
    change = data.draw(st.sampled_from(["set", "cut", "double", "insert"]))
    octet = data.draw(st.integers(0, 255))
    if change == "set":
        body[at] = octet
    elif change == "cut":
        del body[at:]
    elif change == "double":
        body = body + b"&" + body
    else:
        body.insert(at, octet)
    assert outcome(bytes(body)) in EITHER


@given(st.text(string.ascii_letters + string.digits + "-._~!$'()*,/:;?@[]{}|^`\\<>"))
def test_plain_text_is_itself(text: str) -> None:
    assert unquote(text) == text


@pytest.mark.parametrize("body", [b"scope=read write", b"scope=read+write\n", b"scope=read%20write\r\n"])
def test_spaces_as_they_are_and_a_newline_at_the_end(body: bytes) -> None:
    """oidc-agent sends raw spaces; `curl -d @file` sends the newline at the end of the file."""
    assert parse(body).get("scope") == "read write"
