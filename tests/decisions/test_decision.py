"""A decision is an object with an action; it knows nothing of HTTP."""

from typing import get_args

import pytest

from service.decisions.decision import Action, Decision
from service.protocol.errors import ErrorCode, OAuthError

ACTIONS = {
    "invalid_client": Action.INVALID_CLIENT,
    "server_error": Action.INTERNAL_SERVER_ERROR,
    "temporarily_unavailable": Action.TEMPORARILY_UNAVAILABLE,
}


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_a_refusal_has_its_action_and_keeps_what_is_known(code: ErrorCode) -> None:
    decision = Decision(Action.OK, client_id="c", auth_method="client_secret_basic", grant_type="client_credentials")
    error = OAuthError(code, "told", reason="logged")
    assert decision.refuse(error) is decision
    assert decision.error is error
    assert decision.action is ACTIONS.get(code, Action.BAD_REQUEST)
    assert (decision.client_id, decision.grant_type) == ("c", "client_credentials")


def test_an_action_is_a_plain_word() -> None:
    assert all(action == action.name for action in Action)
