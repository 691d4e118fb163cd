"""The arrows between the rooms that must never exist: every import, name and module of the source is looked at."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    "satchel_jose": 0,
    "keys": 0,
    "service.config": 0,
    "service.memory": 0,
    "service.bags": 1,
    "service.protocol": 1,
    "service.clients": 1,
    "service.client_auth": 2,
    "service.grants": 2,
    "service.decisions": 3,
    "service.decision_api": 4,
    "service.web": 4,
    "service.server": 5,
    "service": 5,
}
HTTP = {"falcon", "gunicorn", "http", "asgiref", "starlette", "werkzeug", "flask", "wsgiref"}
HTTP_ROOMS = {"service.web", "service.app", "service.server"}
GUNICORN_ROOM = "service.server"
CRYPTO = {"cryptography", "jwcrypto"}
CRYPTO_ROOMS = {"satchel_jose", "keys", "service.bags"}
PASSWORDS = "service.protocol.passwords"
"""The one module beside them with cryptography: it hashes passwords, and touches no token."""
JOSE_NEEDS = {"satchel_jose", "cryptography", "msgspec"} | sys.stdlib_module_names
"""What the distribution under both sides may import."""
CLIENT = "client.satchel_client"
CLIENT_NEEDS = {"satchel_client", "httpx", "_typeshed"} | JOSE_NEEDS
"""What the distribution of the other side may import anywhere in it."""
CLIENT_GUESTS = {
    f"{CLIENT}.falcon": "falcon",
    f"{CLIENT}.requests_auth": "requests",
    f"{CLIENT}.router.__main__": "gunicorn",
}
"""Its modules for programs that have more installed."""
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
CLOCKS_AND_DICE = {"time", "random"}
CLOCK_CALLS = {"now", "utcnow", "today"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}
TABLES = {"service.grants": "GRANTS", "service.client_auth": "METHODS"}
"""Rooms of alternatives, with the name of the table in the room's `__init__` that lists them."""


def within(module: str, room: str) -> bool:
    """Whether `module` is `room` or inside it."""
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> str | None:
    """The room of one of our modules; None for a module of somebody else."""
    return max((room for room in FLOORS if within(module, room)), key=len, default=None)


def module_of(path: Path, root: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Every name that a source imports, with its module, wherever in the source; relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: None if is_package and node.level == 1 else (is_package - node.level)]
                base = ".".join([*above, base] if base else above)
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            first = node.args[0] if node.args else None
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield str(first.value)


def alternatives(root: Path) -> set[str]:
    """The modules behind the entries of TABLES: alternatives to each other."""
    found = set()
    for room, table in TABLES.items():
        path = root / room.replace(".", "/") / "__init__.py"
        tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        sources = dict.fromkeys(imports(tree, room, is_package=True))
        for node in ast.walk(tree):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
            if any(isinstance(target, ast.Name) and target.id == table for target in targets):
                listed = {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
                ours = [name.split(".") for name in sources if within(name, room)]
                found |= {f"{room}.{parts[2]}" for parts in ours if parts[-1] in listed}
    return found


def violations(root: Path) -> list[str]:
    """Every forbidden thing in the source under `root`, as text with the file's path."""
    found = []
    apart = alternatives(root)
    for package in ("jose/satchel_jose", "keys", "service", "client"):
        for path in sorted((root / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            module = module_of(path, root).removeprefix("jose.")
            named = list(imports(tree, module, path.name == "__init__.py"))
            rules = [
                *_imports(module, named),
                *_alternatives(module, named, apart),
                *_names(module, tree),
                *_module_name(module),
            ]
            found += [f"{path.relative_to(root)}: {rule}" for rule in rules]
    return found


def _imports(module: str, named: list[str]) -> Iterator[str]:
    if within(module, "client"):
        yield from (f"imports {name}" for name in named if room_of(name) not in (None, "satchel_jose"))
        if within(module, CLIENT):
            allowed = CLIENT_NEEDS | {CLIENT_GUESTS.get(module)}
            yield from (f"imports {name}, unneeded" for name in named if name.partition(".")[0] not in allowed)
        return
    room = room_of(module)
    assert room is not None, module
    if room == "satchel_jose":
        yield from (f"imports {name}, unneeded" for name in named if name.partition(".")[0] not in JOSE_NEEDS)
    for name in named:
        other = room_of(name)
        top = name.partition(".")[0]
        if other is not None and FLOORS[other] > FLOORS[room]:
            yield f"imports {name}, up a floor"
        if room == "keys" and within(name, "service"):
            yield f"imports {name}: keys knows nothing of the service"
        if top in HTTP and not any(within(module, allowed) for allowed in HTTP_ROOMS):
            yield f"imports {name}: HTTP belongs to the web"
        if top == "gunicorn" and room != GUNICORN_ROOM:
            yield f"imports {name}: gunicorn belongs to service/server"
        if top in CRYPTO and room not in CRYPTO_ROOMS and module != PASSWORDS:
            yield f"imports {name}: cryptography belongs to keys and bags"
        if top in CLOCKS_AND_DICE and 1 <= FLOORS[room] <= 3:
            yield f"imports {name}: now is an argument"


def _alternatives(module: str, named: list[str], apart: set[str]) -> Iterator[str]:
    if module in apart:
        for name in named:
            if any(within(name, other) for other in apart - {module}):
                yield f"imports {name}: alternatives do not know each other"


def _names(module: str, tree: ast.AST) -> Iterator[str]:
    room = room_of(module)
    if room is None or not 1 <= FLOORS[room] <= 3:
        return
    for node in ast.walk(tree):
        named = {node.attr} if isinstance(node, ast.Attribute) else set()
        if isinstance(node, ast.ImportFrom):
            named = {alias.name for alias in node.names}
        if named & ENVIRONMENT:
            yield "reads the environment"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS:
            yield f"reads a clock at line {node.lineno}"


def _module_name(module: str) -> Iterator[str]:
    for part in module.split("."):
        if part in NAMELESS:
            yield f"{part} names no idea"


def test_the_source_keeps_its_floors() -> None:
    assert violations(ROOT) == []


def test_every_room_is_really_there() -> None:
    places = {"satchel_jose": ROOT / "jose", "keys": ROOT, "service": ROOT}
    looked_at = {room_of(module_of(path, root)) for top, root in places.items() for path in (root / top).rglob("*.py")}
    assert looked_at == set(FLOORS)


PLANTED = [
    ("jose/satchel_jose/jwk.py", "from keys import Ring", "imports keys.Ring, unneeded"),
    ("jose/satchel_jose/jwk.py", "import service.bags.sign", "up a floor"),
    ("jose/satchel_jose/jwk.py", "from jwcrypto.jwk import JWK", "unneeded"),
    ("jose/satchel_jose/jwk.py", "from satchel_client.http import Request", "unneeded"),
    ("keys/ring.py", "import service.config", "keys knows nothing"),
    ("keys/ring.py", "from service import memory", "keys knows nothing"),
    ("keys/ring.py", "def late():\n    import service.bags.seal", "up a floor"),
    ("service/config/load.py", "from service.protocol.form import parse", "up a floor"),
    ("service/memory/none.py", "from ..bags import seal", "up a floor"),
    ("service/bags/seal.py", "from service.grants import GRANTS", "up a floor"),
    ("service/protocol/form.py", "import service.web.answer", "up a floor"),
    ("service/grants/__init__.py", "from ..decisions import token", "up a floor"),
    ("service/decisions/token/decide.py", "from service.web import answer", "up a floor"),
    ("service/decisions/token/decide.py", "import service.app", "up a floor"),
    ("service/web/gate.py", "from service.app import create_app", "up a floor"),
    ("service/web/gate.py", "from importlib import import_module\nimport_module('service.app')", "up a floor"),
    ("service/decisions/token/decide.py", "import falcon.asgi", "HTTP belongs"),
    ("service/explain.py", "from falcon import Request", "HTTP belongs"),
    ("service/protocol/form.py", "if True:\n    from http import HTTPStatus", "HTTP belongs"),
    ("service/web/gate.py", "import gunicorn.http", "gunicorn belongs"),
    ("service/app.py", "from gunicorn.app.base import BaseApplication", "gunicorn belongs"),
    ("service/client_auth/secrets.py", "from cryptography.hazmat.primitives import hashes", "cryptography belongs"),
    ("service/web/gate.py", "import jwcrypto.jwk", "cryptography belongs"),
    ("service/protocol/digests.py", "import cryptography", "cryptography belongs"),
    ("service/bags/ids.py", "from time import time", "now is an argument"),
    ("service/decisions/token/settle.py", "import random", "now is an argument"),
    ("service/grants/password.py", "import os\nos.environ['X']", "environment"),
    ("service/protocol/scopes.py", "from os import getenv", "environment"),
    ("service/protocol/scopes.py", "import datetime\ndatetime.datetime.now()", "clock"),
    ("service/web/utils.py", "", "names no idea"),
    ("service/common/thing.py", "", "names no idea"),
    ("client/verifier.py", "from keys import Ring", "imports keys"),
    ("client/verifier.py", "import service.bags.sign", "imports service"),
    ("client/satchel_client/verifier.py", "import falcon", "imports falcon, unneeded"),
    ("client/satchel_client/router/app.py", "from gunicorn.app.base import BaseApplication", "unneeded"),
    ("client/satchel_client/requests_auth.py", "import jwcrypto.jwk", "imports jwcrypto.jwk, unneeded"),
]


@pytest.mark.parametrize(("file", "source", "expected"), PLANTED)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, source: str, expected: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    found = violations(tmp_path)
    assert any(str(path.relative_to(tmp_path)) in line and expected in line for line in found), found


GRANTS = """
from collections.abc import Callable
from service.grants.one import one
from service.grants import two
from service.grants.plan import Plan

GRANTS: dict[str, Callable[[], Plan]] = {"one": one, "two": two}
"""


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("one", "from service.grants.two import rule", True),
        ("one", "from service.grants import two", True),
        ("one", "from . import two", True),
        ("two", "def late():\n    from .one import one", True),
        ("one", "from service.grants.shared import rule", False),
        ("shared", "from service.grants.one import one", False),
    ],
)
def test_alternatives_do_not_know_each_other(tmp_path: Path, module: str, source: str, expected: bool) -> None:
    room = tmp_path / "service" / "grants"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text(GRANTS)
    (room / f"{module}.py").write_text(source)
    assert any("alternatives" in line for line in violations(tmp_path)) is expected


def test_the_tables_of_alternatives_are_found() -> None:
    assert {
        "service.grants.client_credentials",
        "service.client_auth.client_secret_basic",
        "service.client_auth.client_secret_post",
    } <= alternatives(ROOT)


ALLOWED = [
    (
        "jose/satchel_jose/jwk.py",
        "import msgspec\nfrom cryptography.exceptions import InvalidSignature\nimport hashlib",
    ),
    ("keys/pair.py", "from satchel_jose.algorithms import ALGORITHMS"),
    ("client/satchel_client/jwks.py", "from satchel_jose.jwk import read_public_jwk"),
    (
        "service/config/tables.py",
        "from keys import Policy\nfrom service.memory import MemorySettings\nimport os\nos.environ",
    ),
    (
        "service/bags/seal.py",
        "from cryptography.exceptions import InvalidTag\nfrom keys import Ring\nimport os\nos.urandom(1)",
    ),
    (
        "service/grants/password.py",
        "from service.grants.plan import Plan\nfrom service.protocol.errors import OAuthError",
    ),
    ("service/grants/__init__.py", "from service.grants.password import password"),
    ("service/web/gate.py", "import falcon\nimport time\nfrom . import answer\nfrom ..decisions import token"),
    ("service/app.py", "import service.web.gate\nimport time"),
    ("service/server/worker.py", "from gunicorn.workers.base import Worker"),
    ("client/satchel_client/verifier.py", "import httpx\nfrom satchel_client.jwks import JWKS\nimport ssl"),
    ("client/satchel_client/falcon.py", "import falcon.asgi"),
    ("client/examples/with_flask.py", "import flask"),
]


@pytest.mark.parametrize(("file", "source"), ALLOWED)
def test_what_is_allowed_is_not_found(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert violations(tmp_path) == []
