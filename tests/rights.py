"""What becomes of a bag or token, on another node, when a right behind it is withdrawn: one table, read by people too.

docs/revocation.md has the same table; tests/test_rights_matrix.py tries every cell and compares the two.
"""

GOOD, LESS, REFUSED = "goes on", "**less**", "**ends**"

RIGHTS = {
    "scope": "a scope is taken from the client",
    "resource": "the resource is taken from the client",
    "grant": "the grant types are taken from the client",
    "redirect URI": "the redirect URI is taken from the client",
    "client": "the client is taken from the configuration",
    "user": "the user is taken from the configuration",
    "key": "the key that made it is revoked",
    "session": "the person logs out",
    "family": "the family is revoked",
    "subject": "everything issued for the subject is revoked",
    "all to the client": "everything issued to the client is revoked",
    "everything": "everything issued is revoked",
}
"""Each right, and how it is withdrawn."""

BAGS = ("code", "refresh token", "access token", "/userinfo", "exchanged token", "session", "pushed request")
"""An access token is introspected; at /userinfo it is used; an exchanged token is one that was made from it."""

TABLE: dict[str, tuple[str, ...]] = {
    "scope": (LESS, LESS, LESS, GOOD, GOOD, GOOD, REFUSED),
    "resource": (REFUSED, REFUSED, REFUSED, GOOD, GOOD, GOOD, REFUSED),
    "grant": (REFUSED, REFUSED, GOOD, GOOD, GOOD, GOOD, REFUSED),
    "redirect URI": (REFUSED, GOOD, GOOD, GOOD, GOOD, GOOD, REFUSED),
    "client": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, GOOD, REFUSED),
    "user": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, GOOD),
    "key": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED),
    "session": (GOOD, GOOD, GOOD, GOOD, GOOD, REFUSED, GOOD),
    "family": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, GOOD, GOOD),
    "subject": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, GOOD),
    "all to the client": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, GOOD, GOOD),
    "everything": (REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, GOOD),
}
"""For each right, what becomes of each of BAGS."""


def page() -> str:
    """The table as docs/revocation.md has it."""
    lines = [f"| withdrawn | {' | '.join(BAGS)} |", f"|---|{'---|' * len(BAGS)}"]
    lines += [f"| {RIGHTS[right]} | {' | '.join(cells)} |" for right, cells in TABLE.items()]
    return "\n".join(lines) + "\n"
