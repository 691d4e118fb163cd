"""The three distributions, as their users install them: wheels, in an environment with nothing else in it."""

import shutil
import subprocess
import sys
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.worlds.demo import ROOT

SOURCES = {"satchel_jose": "jose", "satchel_client": "client", "satchel": "."}
NEEDED = {
    "satchel_jose": {"cryptography", "msgspec"},
    "satchel_client": {"satchel-jose", "httpx", "cryptography", "msgspec"},
}
"""What each may need, whatever is asked for beside it."""

SIGN_AND_VERIFY = """
import pathlib, sys, time
import keys, satchel_client, satchel_jose
from keys import Policy, Ring, jwks, rotate
from satchel_client.verifier import Verifier
from service.bags.kinds import AccessToken
from service.bags.snapshot import Snapshot

for package in (keys, satchel_client, satchel_jose):
    assert pathlib.Path(package.__file__).is_relative_to(sys.prefix), package
assert (pathlib.Path(satchel_jose.__file__).parent / "py.typed").exists()
assert (pathlib.Path(satchel_client.__file__).parent / "py.typed").exists()
now, issuer, api = int(time.time()), "https://as.example.com", "https://api.example.com"
ring = rotate(Ring(), Policy(), now)
token = AccessToken(iss=issuer, jti="j", iat=now, exp=now + 60, sub="alice", client_id="c", aud=(api,), scope="read")
text = Snapshot(ring, issuer).sign(token, "ES256", now)
print(Verifier(issuer, api, jwks=jwks(ring, now)).verify(text).subject)
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(directory: Path) -> None:
    """Put the three wheels into `directory`, built of a copy: a build leaves traces beside its source."""
    copy = directory / "source"
    files = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).split("\0")
    for file in filter(None, files):
        if (file.startswith(("jose/", "client/", "keys/", "service/")) or "/" not in file) and (ROOT / file).is_file():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, copy / file)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run(*wheel, "--wheel-dir", directory, *(copy / source for source in SOURCES.values()))


def install(wheels: Path, place: Path) -> Path:
    """Make an environment of the wheels and what they need, as locked; return its interpreter."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    (wheels / "locked").write_text(locked())
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--constraint", wheels / "locked", *sorted(wheels.glob("*.whl")))
    return python


def locked() -> str:
    """The versions of the lock file; without hashes, which pip would ask of the wheels too."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return "\n".join(line.removesuffix(" \\") for line in lines if "==" in line and not line.startswith("#"))


def metadata(wheels: Path, name: str) -> tuple[list[str], str]:
    """The files of a wheel, and its core metadata."""
    [path] = wheels.glob(f"{name}-[0-9]*.whl")
    with ZipFile(path) as wheel:
        files = wheel.namelist()
        [about] = [file for file in files if file.endswith(".dist-info/METADATA")]
        return files, wheel.read(about).decode()


@pytest.mark.slow
@pytest.mark.external
def test_wheels_of_all_three_install_into_an_empty_environment(tmp_path: Path) -> None:
    build(tmp_path)
    for name in SOURCES:
        files, text = metadata(tmp_path, name)
        tops = {file.partition("/")[0] for file in files if ".dist-info/" not in file}
        assert tops == ({"keys", "service"} if name == "satchel" else {name})
        assert any(file.endswith("LICENSE") for file in files)
        about = Parser().parsestr(text)
        needs = [need for need in about.get_all("Requires-Dist", []) if "extra ==" not in need]
        named = {need.partition(">")[0].partition("<")[0].strip() for need in needs}
        assert named == NEEDED.get(name, named)
    python, elsewhere = install(tmp_path, tmp_path / "environment"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(python, "-m", "pip", "check")
    assert run(python, "-I", "-c", SIGN_AND_VERIFY, cwd=elsewhere).strip() == "alice"
    shown = run(python, "-I", "-m", "keys", "init", "--directory", elsewhere / "keys", cwd=elsewhere)
    assert "ES256" in shown
    assert "A256KW" in shown
    run(python, "-I", "-m", "satchel_client.router", "--help", cwd=elsewhere)
