"""Every text that the service says to clients or to its log, found by the syntax of the source.

The texts are the literals that reach OAuthError, BadBag and their like: directly, by way of a variable, or by way of a
function that hands its parameter on. What differs from case to case is "…". An argument that cannot be traced to
literals is a fault of the caller, unless it hands on a text that was found where it came from.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.docs.literals import HANDED_ON, texts

SOURCES = ("service", "keys", "jose/satchel_jose")
ANY = "any"
"""The code of a description whose code is not a literal."""


class Message(NamedTuple):
    """A text: its role (`description`, `reason`, `api` or `events`), the error code of a description, and its file."""

    role: str
    code: str
    text: str
    place: str


class Sink(NamedTuple):
    """A callable that says some of its parameters, in their roles; `code` is the error code, if it is always one."""

    parameters: tuple[str, ...]
    roles: dict[str, str]
    code: str = ""


SAID = {
    "OAuthError": Sink(("code", "description"), {"description": "description", "reason": "reason"}),
    "refusal": Sink(("status", "description"), {"description": "description"}, "invalid_request"),
    **dict.fromkeys(
        ("BadBag", "Rejected", "MemoryUnavailable", "MemoryRefused"), Sink(("reason",), {"reason": "reason"})
    ),
    "KeysUnavailable": Sink(("reason",), {"reason": "reason"}),
    "CallersFault": Sink(("message",), {"message": "api"}),
}
LOCAL = {("service/web/decision_api.py", "_refusal"): Sink(("status", "message"), {"message": "api"})}
SPEAKING = {"MemoryFull", "NoActiveKey"}
"""Exceptions that say the same each time."""
ANSWERING = {"unfit", "_unfit"}
"""Functions that answer with a reason, or with nothing."""
LEVELS = {"info", "warning", "error", "exception", "critical"}


class Source:
    """The modules of the project at `root`."""

    def __init__(self, root: Path) -> None:
        self.modules = {
            path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
            for top in SOURCES
            for path in sorted((root / top).rglob("*.py"))
        }
        self.functions = {
            module: {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            for module, tree in self.modules.items()
        }
        self.sinks = {("", name): sink for name, sink in SAID.items()} | LOCAL
        while self._find_sinks():
            pass

    def sink(self, module: str, call: ast.Call) -> Sink | None:
        """Return what `call` says."""
        function = call.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        return self.sinks.get((module, name)) or (
            None if name in self.functions[module] else self.sinks.get(("", name))
        )

    def calls(self) -> Iterator[tuple[str, ast.Call, list[ast.AST], Sink]]:
        """Yield each call that says something, with the functions that it stands in, the module last."""
        for module, tree in self.modules.items():
            for call, scopes in _calls(tree, [tree]):
                sink = self.sink(module, call)
                if sink is not None:
                    yield module, call, scopes, sink

    def _find_sinks(self) -> bool:
        """Add the functions that hand a parameter on to a sink; tell whether there were any."""
        known = len(self.sinks)
        for module, call, scopes, sink in list(self.calls()):
            function = scopes[0]
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name == "__init__":
                continue
            parameters = _parameters(function)
            bound = _bound(call, sink)
            roles = {
                value.id: sink.roles[name]
                for name, value in bound.items()
                if name in sink.roles and isinstance(value, ast.Name) and value.id in parameters
            }
            if roles:
                more = self.sinks.get((module, function.name), Sink(parameters, {}, _code(bound, sink)))
                more = more._replace(roles={**roles, **more.roles})
                self.sinks[module, function.name] = more
                if not function.name.startswith("_"):
                    self.sinks["", function.name] = more
        return len(self.sinks) > known

    def messages(self) -> Iterator[Message]:
        """Yield every text.

        Raises:
            AssertionError: something is said that is not a literal.
        """
        for module, call, scopes, sink in self.calls():
            bound = _bound(call, sink)
            function = scopes[0]
            parameters = _parameters(function) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ()
            for name, value in bound.items():
                if name not in sink.roles or (isinstance(value, ast.Name) and value.id in parameters):
                    continue
                found = texts(value, scopes)
                said = ast.unparse(value)
                assert found is not None or HANDED_ON.fullmatch(said), f"{module}:{value.lineno}: {said} is no literal"
                for text in filter(None, found or ()):
                    code = _code(bound, sink) if sink.roles[name] == "description" else ""
                    yield Message(sink.roles[name], code, text, module)
        for module, tree in self.modules.items():
            yield from _events(module, tree)
            yield from _speaking(module, tree)
            yield from _notes(module, tree)
            yield from _answers(module, tree)


def _calls(node: ast.AST, scopes: list[ast.AST]) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        scopes = [node, *scopes]
    if isinstance(node, ast.Call):
        yield node, scopes
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, scopes)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    named = [*function.args.args, *function.args.kwonlyargs]
    return tuple(each.arg for each in named if each.arg != "self")


def _bound(call: ast.Call, sink: Sink) -> dict[str, ast.expr]:
    by_place = dict(zip(sink.parameters, call.args, strict=False))
    return by_place | {each.arg: each.value for each in call.keywords if each.arg}


def _code(bound: dict[str, ast.expr], sink: Sink) -> str:
    code = bound.get("code")
    return str(code.value) if isinstance(code, ast.Constant) else sink.code or ANY


def _events(module: str, tree: ast.AST) -> Iterator[Message]:
    """Yield the events that are logged, by name."""
    for call, _ in _calls(tree, []):
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in LEVELS and ast.unparse(function.value) == "log":
            yield from (Message("events", "", text, module) for text in texts(call.args[0], []) or [])


def _speaking(module: str, tree: ast.AST) -> Iterator[Message]:
    for kind in ast.walk(tree):
        if isinstance(kind, ast.ClassDef) and kind.name in SPEAKING:
            for call, _ in _calls(kind, []):
                if ast.unparse(call.func) == "super().__init__":
                    yield from (Message("reason", "", text, module) for text in texts(call.args[0], []) or [])


def _notes(module: str, tree: ast.AST) -> Iterator[Message]:
    """Yield what decisions note for the log without a refusal: `decision.note = …`, also out of a function's answer."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            elements = target.elts if isinstance(target, ast.Tuple) else [target]
            for place, element in enumerate(elements):
                if isinstance(element, ast.Attribute) and element.attr == "note":
                    values = [node.value] if len(elements) == 1 else _elements(node.value, place, functions)
                    found = [texts(value, [tree]) for value in values]
                    yield from (Message("reason", "", text, module) for each in found for text in each or () if text)


def _elements(value: ast.expr, place: int, functions: dict[str, Any]) -> list[ast.expr]:
    """Return the element at `place` of a tuple, or of each tuple that the called function returns."""
    value = value.value if isinstance(value, ast.Await) else value
    if isinstance(value, ast.Tuple):
        return [value.elts[place]]
    assert isinstance(value, ast.Call)
    returned = [node.value for node in ast.walk(functions[ast.unparse(value.func)]) if isinstance(node, ast.Return)]
    either = [
        part for node in returned for part in ([node.body, node.orelse] if isinstance(node, ast.IfExp) else [node])
    ]
    return [each.elts[place] for each in either if isinstance(each, ast.Tuple)]


def _answers(module: str, tree: ast.AST) -> Iterator[Message]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in ANSWERING:
            returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
            found = [texts(value, [function, tree]) for value in returned]
            yield from (Message("reason", "", text, module) for each in found for text in each or () if text)
