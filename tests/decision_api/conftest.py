"""The service whose decision API is called."""

from pathlib import Path

import pytest

from tests.worlds.decision_api import DecisionApi


@pytest.fixture
def service(tmp_path: Path) -> DecisionApi:
    return DecisionApi(tmp_path)
