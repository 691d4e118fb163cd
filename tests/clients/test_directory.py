"""The look-up of clients by their ids (RFC 6749 section 2)."""

from pathlib import Path

import pytest

from tests.worlds.refresh_chains import RefreshChains


def test_a_client_is_found_by_its_id(tmp_path: Path) -> None:
    service = RefreshChains(tmp_path)
    clients = service.context.registry.clients
    for client in service.config.clients:
        assert clients.find(client.id) is client


@pytest.mark.parametrize("other", ["", "nobody", "WEB", "web ", "web\x00", "w", "weba", "https://web.example.com"])
def test_an_id_is_compared_exactly(tmp_path: Path, other: str) -> None:
    assert RefreshChains(tmp_path).context.registry.clients.find(other) is None
