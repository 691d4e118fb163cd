"""Packages from npm, for other people's clients on node."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.worlds import programs


def npm_directory(directory: Path, package: str, script: Path) -> Path:
    """`directory`, with `package` installed and `script` beside it; a skip that says why, where that cannot be had."""
    node, npm = programs.path("node"), programs.path("npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < 18:
        pytest.skip(f"node {version.strip()} is too old: {package} needs 18 or later")
    (directory / "package.json").write_text('{"private": true}')
    install = [npm, "install", package, "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(install, cwd=directory, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm install took longer than a minute")
    if done.returncode:
        pytest.skip(f"npm could not install {package}")
    shutil.copy(script, directory)
    return directory
