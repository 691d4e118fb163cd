"""What client/README.md shows works as it stands."""

import re

import pytest

from tests.worlds.demo import ROOT
from tests.worlds.gunicorn import Running

README = (ROOT / "client" / "README.md").read_text()


@pytest.mark.slow
def test_the_examples_of_the_readme(running: Running) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("https://as.example.com", running.url), names)
    token = names["checked"]
    assert token.subject == "123456789"
    for opened in ("http", "verifier"):
        names[opened].close()


def test_every_file_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / "client" / path).is_file(), path
    for module in re.findall(r"satchel_client\.([a-z_0-9]+)", README):
        place = ROOT / "client" / "satchel_client" / module
        assert place.with_suffix(".py").is_file() or place.is_dir(), module
