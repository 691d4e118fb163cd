"""The texts that an expression of the source can have."""

import ast
import re
from collections.abc import Iterator

HANDED_ON = re.compile(r"(\w+\.)+(reason|description)|str\(\w+\)|.*fault.*|.*\.unfit\(.*\)|(_message|not_kept)\(.*\)")
"""Expressions whose text was found where it came from."""


def texts(node: ast.expr, scopes: list[ast.AST]) -> list[str] | None:
    """Return the texts that an expression can have; None: it cannot be told."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)]
    if isinstance(node, ast.IfExp):
        return _all([node.body, node.orelse], scopes)
    if isinstance(node, ast.BoolOp):
        return _all(node.values, scopes)
    if isinstance(node, ast.Name):
        values = _assigned(node.id, scopes)
        return _all(values, scopes) if values else None
    return None


def _all(nodes: list[ast.expr], scopes: list[ast.AST]) -> list[str] | None:
    found = [texts(node, scopes) for node in nodes if not HANDED_ON.fullmatch(ast.unparse(node)) or _literal(node)]
    return None if None in found else [text for some in found for text in some or []]


def _literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr | ast.IfExp)


def _assigned(name: str, scopes: list[ast.AST]) -> list[ast.expr]:
    """Return what is assigned to `name` in the innermost scope that assigns it."""
    return next(filter(None, (list(_assignments(name, scope, scopes)) for scope in scopes)), [])


def _assignments(name: str, scope: ast.AST, scopes: list[ast.AST]) -> Iterator[ast.expr]:
    """Yield what `scope` assigns to `name`; of a table, what stands at its place in each row."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Subscript):
                for place, element in enumerate(target.elts):
                    if isinstance(element, ast.Name) and element.id == name:
                        yield from (row.elts[place] for row in _rows(node.value.value, scopes))


def _rows(table: ast.expr, scopes: list[ast.AST]) -> Iterator[ast.Tuple]:
    tables = _assigned(table.id, scopes) if isinstance(table, ast.Name) else [table]
    return (row for each in tables for row in ast.walk(each) if isinstance(row, ast.Tuple))
