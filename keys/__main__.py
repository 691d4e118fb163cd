"""`python -m keys`: creates, shows, rotates and revokes keys. Exit codes: 0 success, 1 failure, 2 wrong usage."""

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from keys.configuration import Configuration, ConfigurationError, read_configuration
from keys.files import KeyStoreError
from keys.key import Key
from keys.policy import Policy
from keys.ring import Ring
from keys.rotation import UnknownKid, revoke, rotate

_COMMANDS = {
    "init": "create the first keys; does nothing if there are keys already",
    "show": "show all keys",
    "rotate": "create the next standby key when it is due, and delete expired keys; safe to run at any time",
    "revoke": "remove the key KID at once; its standby key takes over at once",
}
_INSTANTS = ("created", "activates", "retires", "expires")
_NEXT = {"standby": "activates", "active": "retires", "retired": "expires"}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    default_directory = Path(os.environ.get("SATCHEL_STATE") or "var") / "keys"
    now = int(time.time())
    try:
        if options.config:
            configuration = read_configuration(options.config, default_directory)
        else:
            configuration = Configuration(Policy(), options.directory or default_directory)
        ring = _run(options, configuration, now)
    except (ConfigurationError, KeyStoreError, UnknownKid) as error:
        print(error, file=sys.stderr)
        return 1
    print(_as_json(ring, now) if options.json else _as_table(ring, now))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m keys",
        description="Manages the keys of a token service.",
        epilog="\n".join(f"  {name:8}{text}" for name, text in _COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("kid", metavar="KID", nargs="?", help="the key to revoke")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration file, of which the [keys] table is read"
    )
    where.add_argument("--directory", type=Path, help="directory of the keys (default: $SATCHEL_STATE/keys, var/keys)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--force", action="store_true", help="rotate: switch to the standby key as soon as it was published long enough"
    )
    parser.add_argument("--rewrap", action="store_true", help="rotate: encrypt plain key files under the master key")
    options = parser.parse_intermixed_args(arguments)
    if (options.command == "revoke") != (options.kid is not None):
        parser.error("revoke needs a KID, and the other commands take none")
    if options.command != "rotate" and (options.force or options.rewrap):
        parser.error("--force and --rewrap are options of rotate")
    return options


def _run(options: argparse.Namespace, configuration: Configuration, now: int) -> Ring:
    store, policy = configuration.store(), configuration.policy
    if options.command == "show":
        return store.load()
    with store.lock():
        ring = store.load(accept_plain=options.rewrap)
        if options.command == "init" and ring.keys:
            return ring
        if options.command == "revoke":
            ring = revoke(ring, options.kid, policy, now)
        else:
            ring = rotate(ring, policy, now, force=options.force)
        store.save(ring)
    return ring


def _as_json(ring: Ring, now: int) -> str:
    return json.dumps({"now": now, "keys": [_row(key, now) for key in _in_chains(ring)]}, indent=2)


def _as_table(ring: Ring, now: int) -> str:
    heads = ("kid", "purpose", "alg", "state", *_INSTANTS, "next")
    rows: list[tuple[str, ...]] = [heads]
    for key in _in_chains(ring):
        row = _row(key, now)
        instants = (_utc(getattr(key, name)) for name in _INSTANTS)
        rows.append((key.kid, key.purpose, key.alg, str(row["state"]), *instants, str(row["next"])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _in_chains(ring: Ring) -> list[Key]:
    return sorted(ring.keys, key=lambda key: (key.purpose, key.alg, key.activates))


def _row(key: Key, now: int) -> dict[str, str | int]:
    instants = {name: getattr(key, name) for name in _INSTANTS}
    state = key.state(now)
    upcoming = _NEXT.get(state)
    due = f"{upcoming} in {_span(getattr(key, upcoming) - now)}" if upcoming else "deleted by the next rotation"
    return {"kid": key.kid, "purpose": key.purpose, "alg": key.alg, "state": state, **instants, "next": due}


def _utc(instant: int) -> str:
    return datetime.datetime.fromtimestamp(instant, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _span(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


if __name__ == "__main__":
    sys.exit(main())
