"""One table of algorithms, one base64url, one strict JSON: nothing outside of jose/ lists or copies them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from satchel_jose.algorithms import ALGORITHMS

ROOT = Path(__file__).parents[2]
SOURCES = ("keys", "service", "client/satchel_client")
DEFAULTS = {
    "keys/configuration.py": {"RS256"},
    "keys/policy.py": {"ES256"},
    "service/config/load.py": {"RS256"},
    "service/config/parties.py": {"ES256", "RS256", "EdDSA"},
    "client/satchel_client/client_auth.py": {"HS256"},
    "client/satchel_client/signing.py": {"ES256", "HS256"},
}
"""What is used unless somebody chooses otherwise: the only names of algorithms outside of the table."""
COPIES = {"encode_dss_signature", "b2a_base64", "urlsafe_b64encode", "urlsafe_b64decode", "JSONDecoder"}
"""What a second ECDSA verification, base64url or strict JSON would be made of."""


def files() -> Iterator[tuple[str, ast.Module]]:
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def named(tree: ast.AST) -> set[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and value in ALGORITHMS}


def used(tree: ast.AST) -> set[str]:
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return COPIES & (attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def test_only_defaults_name_an_algorithm() -> None:
    assert {file: names for file, tree in files() if (names := named(tree))} == DEFAULTS


def test_nothing_is_copied() -> None:
    assert {file: names for file, tree in files() if (names := used(tree))} == {}


@pytest.mark.parametrize(
    "source", ['ALGS = {"ES256", "RS256"}', 'HASHES = {"ES384": sha384}', 'alg.startswith("HS512")']
)
def test_a_planted_list_is_found(source: str) -> None:
    assert named(ast.parse(source))


@pytest.mark.parametrize("source", ["binascii.b2a_base64(b'')", "encode_dss_signature(r, s)", "json.JSONDecoder()"])
def test_a_planted_copy_is_found(source: str) -> None:
    assert used(ast.parse(source))
