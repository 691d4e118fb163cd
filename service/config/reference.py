"""Generates docs/configuration.md from the tables of the configuration."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec

from service.config.tables import Config

_HEAD = """# Configuration

Satchel reads one TOML file. `make check CONFIG=file` lists every problem with the path of the setting. Unknown settings
are refused. `make docs` generates this page from the tables in `service/config/`.
"""


def reference() -> str:
    """Return the text of docs/configuration.md."""
    return "\n".join([_HEAD, *_table("", Config)])


def _table(name: str, kind: type[msgspec.Struct], array: bool = False) -> Iterator[str]:
    about = (kind.__doc__ or "").partition("\n\n")[0]
    yield f"## {f'`[[{name}]]`' if array else f'`[{name}]`' if name else 'Top level'}\n\n{about}\n"
    yield "| setting | type | default | meaning |\n|---|---|---|---|"
    below = []
    for field in msgspec.structs.fields(kind):
        bare, meaning = _unwrapped(field.type)
        path = f"{name}.{field.encode_name}" if name else field.encode_name
        inner = get_args(bare)[0] if get_origin(bare) is tuple else bare
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            below.append((path, inner, inner is not bare))
            continue
        default = "required" if field.required else f"`{_toml(field.default)}`"
        yield f"| `{field.encode_name}` | {_type(bare)} | {default} | {meaning} |"
    yield ""
    for path, inner, is_array in below:
        yield from _table(path, inner, is_array)


def _unwrapped(kind: Any) -> tuple[Any, str]:
    """Return the type without annotations, and the description from the annotations."""
    if get_origin(kind) is not Annotated:
        return kind, ""
    bare, *metas = get_args(kind)
    meaning = next((meta.description for meta in metas if getattr(meta, "description", None)), "")
    return bare, meaning.replace("|", "\\|")


def _type(kind: Any) -> str:
    kind = _unwrapped(kind)[0]
    arguments = [argument for argument in get_args(kind) if argument is not type(None)]
    if get_origin(kind) is tuple:
        return f"array of {_type(arguments[0])}"
    if get_origin(kind) is dict:
        return "table"
    if arguments and all(isinstance(argument, str) for argument in arguments):
        return " or ".join(f"`{argument}`" for argument in arguments)
    if arguments:
        return " or ".join(_type(argument) for argument in arguments)
    return {str: "text", int: "integer", bool: "boolean"}.get(kind) or str(kind.__name__)


def _toml(value: Any) -> str:
    if value is None or value is msgspec.NODEFAULT:
        return "none"
    return msgspec.json.encode(value).decode()
