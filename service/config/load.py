"""Reading the configuration file: all problems are collected, each with the path of its setting, and raised at once."""

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec

from service.config.check import semantic_problems
from service.config.check_api import api_problems
from service.config.check_client_auth import client_auth_problems
from service.config.check_front import front_problems
from service.config.check_grants import grant_problems
from service.config.check_openid import openid_problems
from service.config.parties import Resource
from service.config.tables import Config, Proxies, UsersFile, UsersSettings

UNREADABLE = (OSError, ValueError, RecursionError)
"""What reading a TOML file raises: no such file, no UTF-8, no TOML, a number of 5,000 digits, 5,000 nested arrays."""


class Problem(NamedTuple):
    """One problem: the path of the setting, such as `clients[1].scopes`, and a message."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(Exception):
    """The configuration is refused. The text has one line per problem; `problems` has them one by one."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = problems


def load(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] = os.environ,
    *rules: Callable[[Config], Iterable[tuple[str, str]]],
) -> Config:
    """Return the configuration in the TOML file at `path`.

    The environment variable `PORT` replaces `{port}` in the issuer. `SATCHEL_STATE` is the directory of keys and memory
    if the file does not name one. Relative paths in the file are relative to the directory of the file. `rules` are
    checked in addition to the rules of this package; each yields (path, message).

    Raises:
        ConfigError: the file cannot be read or has problems; all problems are named.
    """
    file = Path(path)
    try:
        tables = _tables(file)
    except UNREADABLE as fault:
        raise ConfigError(str(file), [Problem("", _why(fault))]) from None
    problems: list[Problem] = []
    config = _convert(tables, Config, "", problems)
    if not problems:
        config = _located(config, file.absolute().parent, environ, problems)
        ours = (semantic_problems, client_auth_problems, grant_problems, front_problems, openid_problems, api_problems)
        for rule in (*ours, *rules):
            problems += _asked(rule, config, problems)
    if problems:
        raise ConfigError(str(file), problems)
    return config  # type: ignore[no-any-return]


def _tables(file: Path) -> dict[str, Any]:
    """Return the tables in a TOML file; raises one of UNREADABLE."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _why(fault: Exception) -> str:
    return "tables or arrays are nested too deeply" if isinstance(fault, RecursionError) else str(fault)


def _asked(
    rule: Callable[[Config], Iterable[tuple[str, str]]], config: Config, known: list[Problem]
) -> Iterator[Problem]:
    """Yield the problems that `rule` finds. A rule may rely on what earlier rules have checked.

    So a rule that fails is no news where a problem is known. Where none is, the failure itself is the problem: a faulty
    configuration is never a traceback.
    """
    try:
        yield from [Problem(*problem) for problem in rule(config)]
    except Exception as fault:
        if not known:
            yield Problem("", f"cannot be checked by {rule.__name__}: {type(fault).__name__}: {_why(fault)}")


def _located(config: Config, base: Path, environ: Mapping[str, str], problems: list[Problem]) -> Config:
    """Return `config` with the port in the issuer, absolute paths, and the contents of the files that it names."""
    state = Path(environ.get("SATCHEL_STATE") or "var").absolute()

    def place(setting: str, path: str, default: Path | None = None) -> str:
        if "\0" in path:
            problems.append(Problem(setting, "has a NUL character"))
        return str(base / path) if path else str(default or "")

    replace = msgspec.structs.replace
    memory = place("memory.path", config.memory.path, state / "memory" / "memory.sqlite")
    keys = config.keys.with_signing_alg("RS256") if config.openid.enabled else config.keys
    return replace(
        config,
        issuer=config.issuer.replace("{port}", environ.get("PORT") or "8000"),
        keys=replace(
            keys,
            directory=place("keys.directory", config.keys.directory, state / "keys"),
            master_key_file=place("keys.master_key_file", config.keys.master_key_file),
        ),
        memory=replace(config.memory, path=memory),
        users=_with_file(config.users, base, problems),
        pages=replace(config.pages, templates=place("pages.templates", config.pages.templates)),
        proxies=_with_authorities(config.proxies, base, problems),
        resources=tuple(
            _with_key(resource, f"resources[{n}]", base, problems) for n, resource in enumerate(config.resources)
        ),
    )


def _with_file(users: UsersSettings, base: Path, problems: list[Problem]) -> UsersSettings:
    if not users.file:
        return users
    if users.known:
        problems.append(Problem("users.known", "excludes users.file: set one of the two"))
    try:
        tables = _tables(base / users.file)
    except UNREADABLE as fault:
        problems.append(Problem("users.file", f"cannot be read: {_why(fault)}"))
        return users
    file = _convert(tables, UsersFile, "users.file", problems)
    return msgspec.structs.replace(users, known=() if file is None else file.users)


def _with_authorities(proxies: Proxies, base: Path, problems: list[Problem]) -> Proxies:
    if not proxies.authorities_file:
        return proxies
    if proxies.authorities:
        problems.append(Problem("proxies.authorities", "excludes authorities_file: set one of the two"))
    try:
        pem = (base / proxies.authorities_file).read_text(encoding="ascii")
    except (OSError, ValueError) as fault:
        problems.append(Problem("proxies.authorities_file", f"cannot be read: {fault}"))
        return proxies
    if not pem.strip():
        problems.append(Problem("proxies.authorities_file", "the file is empty"))
    return msgspec.structs.replace(proxies, authorities=pem)


def _with_key(resource: Resource, path: str, base: Path, problems: list[Problem]) -> Resource:
    if not resource.encryption_key_file:
        return resource
    if resource.encryption_key:
        problems.append(Problem(f"{path}.encryption_key", "excludes encryption_key_file: set one of the two"))
    try:
        key = msgspec.json.decode((base / resource.encryption_key_file).read_bytes(), type=dict[str, Any])
    except (OSError, ValueError, RecursionError) as fault:
        problems.append(Problem(f"{path}.encryption_key_file", f"cannot be read: {_why(fault)}"))
        return resource
    return msgspec.structs.replace(resource, encryption_key=key)


def _convert(value: Any, kind: Any, path: str, problems: list[Problem]) -> Any:
    """Return `value` as an instance of `kind`. Each mismatch is added to `problems`, and the conversion goes on."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _convert_table(value, kind, path, problems)
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    arguments = get_args(bare)
    if get_origin(bare) is tuple and isinstance(arguments[0], type) and issubclass(arguments[0], msgspec.Struct):
        if not isinstance(value, list):
            problems.append(Problem(path, "expected an array of tables"))
            return ()
        return tuple(_convert(item, arguments[0], f"{path}[{n}]", problems) for n, item in enumerate(value))
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        message, _, inner = str(fault).partition(" - at `$")
        problems.append(Problem(path + inner.rstrip("`"), message))
        return None


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _convert_table(value: Any, kind: type[msgspec.Struct], path: str, problems: list[Problem]) -> Any:
    if not isinstance(value, dict):
        problems.append(Problem(path, "expected a table"))
        return None
    before = len(problems)
    fields = _fields(kind)
    prefix = f"{path}." if path else ""
    problems += [Problem(prefix + name, "no such setting") for name in value if name not in fields]
    members = {}
    for name, field in fields.items():
        if name in value:
            members[field.name] = _convert(value[name], field.type, prefix + name, problems)
        elif field.required:
            problems.append(Problem(prefix + name, "is required"))
    return kind(**members) if len(problems) == before else None
