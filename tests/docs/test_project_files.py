"""The project files that every reader expects: a license that the packages name and carry; a diagram for each theme."""

import re
import tomllib

from tests.worlds.demo import ROOT

LICENSE = (ROOT / "LICENSE").read_text()
PROJECTS = [file.parent for file in (ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml"))]


def test_every_distribution_has_the_license() -> None:
    assert "Apache License" in LICENSE
    for directory in PROJECTS:
        project = tomllib.loads((directory / "pyproject.toml").read_text())["project"]
        assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"]), directory
        assert (directory / "LICENSE").read_text() == LICENSE, directory


def test_the_diagram_is_the_same_in_light_and_dark() -> None:
    light, dark = ((ROOT / "docs" / "images" / f"overview-{theme}.svg").read_text() for theme in ("light", "dark"))
    style = re.compile(r"<style>.*</style>", re.DOTALL)
    assert style.sub("", light) == style.sub("", dark)
    assert light != dark
    assert "http" not in light.replace('xmlns="http://www.w3.org/2000/svg"', "")  # nothing is loaded from elsewhere
    assert all(f"docs/images/overview-{theme}.svg" in (ROOT / "README.md").read_text() for theme in ("light", "dark"))
