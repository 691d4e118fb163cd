"""The project files that every reader expects: a license that the packages name and carry."""

import tomllib

from tests.satchel import ROOT

LICENSE = (ROOT / "LICENSE").read_text()
PROJECTS = [file.parent for file in (ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml"))]


def test_every_distribution_has_the_license() -> None:
    assert "Apache License" in LICENSE
    for directory in PROJECTS:
        project = tomllib.loads((directory / "pyproject.toml").read_text())["project"]
        assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"]), directory
        assert (directory / "LICENSE").read_text() == LICENSE, directory
