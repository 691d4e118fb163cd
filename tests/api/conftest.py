"""The service whose decision API is called."""

from pathlib import Path

import pytest

from tests.api.calling import Calling


@pytest.fixture
def service(tmp_path: Path) -> Calling:
    return Calling(tmp_path)
