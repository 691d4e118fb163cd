"""What a client may be granted: scopes that mean something at its audiences (RFC 6749 section 3.3)."""

from pathlib import Path

import pytest

from service.config import Client
from service.protocol.audience import meaningful_scopes, resource_scopes
from service.protocol.errors import OAuthError
from service.protocol.scopes import OPENID_SCOPES
from tests.worlds.audiences import BAG, A, B, registry

SCOPES = ("read", "openid", "email", "offline_access", "other")


def test_the_scopes_of_openid_connect_mean_something_where_a_person_consents(tmp_path: Path) -> None:
    who = Client(id="c", scopes=SCOPES)
    entitlements = registry(tmp_path, openid=True).entitlements
    asked = entitlements.consentable(who, (), "email openid read")
    assert (asked.scopes, asked.requested) == (("email", "openid", "read"), ("email", "openid", "read"))
    assert entitlements.consentable(who, (), None).scopes == ("read", "openid", "email", "offline_access")
    assert meaningful_scopes(asked.audiences) == {"read", *OPENID_SCOPES}
    assert resource_scopes(asked.audiences) == {"read"}


def test_they_mean_nothing_without_a_person_or_without_openid_connect(tmp_path: Path) -> None:
    who = Client(id="c", scopes=SCOPES)
    entitlements = registry(tmp_path, openid=True).entitlements
    assert entitlements.of(who, (), "openid read").scopes == ("read",)
    assert entitlements.of(who, (), None).scopes == ("read",)
    assert registry(tmp_path, openid=False).entitlements.consentable(who, (), "openid read").scopes == ("read",)


def test_only_what_the_client_may_ask_for(tmp_path: Path) -> None:
    entitlements = registry(tmp_path, openid=True).entitlements
    with pytest.raises(OAuthError, match="invalid_scope"):
        entitlements.consentable(Client(id="c", scopes=("read", "openid")), (), "openid email")


def test_a_person_may_be_asked_for_resources_that_share_no_token(tmp_path: Path) -> None:
    entitlements = registry(tmp_path).entitlements
    who = Client(id="c", resources=(A, BAG), scopes=("read",))
    assert [audience.identifier for audience in entitlements.consentable(who, (A, BAG), None).audiences] == [
        A,
        BAG,
    ]
    with pytest.raises(OAuthError, match="invalid_target"):
        entitlements.of(who, (A, BAG), None)
    with pytest.raises(OAuthError, match="invalid_target"):
        entitlements.consentable(who, (A, B), None)
