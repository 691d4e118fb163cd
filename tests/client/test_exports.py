"""`satchel_client` exports what its users import. README and examples use these names and the integrations only."""

import ast
import re

import pytest
import satchel_client

from tests.worlds.demo import ROOT

EXPORTED = {
    *("ClientCredentials", "ClientSecretBasic", "JWTBearer", "Prover", "RefreshToken", "SigningKey", "Token"),
    *("TokenAuth", "TokenExchange", "TokenSource", "client_secret_jwt", "private_key_jwt"),
    *("NOTHING", "AccessToken", "AsyncVerifier", "Introspection", "Presented", "Protection", "Requirement"),
    *("ResourceMetadata", "Verifier", "read_own_keys"),
    *("ClientError", "InsufficientAuthentication", "InsufficientScope", "InvalidToken", "TokenUnavailable"),
    "Undecided",
}
INTEGRATIONS = {"asgi_protect", "wsgi_protect", "falcon", "asgi_outgoing", "wsgi_outgoing", "requests_auth"}
"""Modules that users import beside the package: each is for one framework."""
EXAMPLES = sorted((ROOT / "client" / "examples").glob("*.py"))
README = re.findall(r"```python\n(.*?)```", (ROOT / "client" / "README.md").read_text(), re.DOTALL)


def test_the_list_of_exports() -> None:
    assert set(satchel_client.__all__) == EXPORTED
    assert all(hasattr(satchel_client, name) for name in EXPORTED)


@pytest.mark.parametrize("source", [*(file.read_text() for file in EXAMPLES), *README])
def test_what_is_shown_to_users_imports_the_exports(source: str) -> None:
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if (node.module or "").split(".")[0] == "satchel_client"]
    assert ours
    for node in ours:
        module = (node.module or "").partition(".")[2]
        assert module in INTEGRATIONS if module else {alias.name for alias in node.names} <= EXPORTED
