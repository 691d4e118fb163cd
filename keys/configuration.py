"""Reads the `[keys]` table of a configuration file (TOML 1.0), for the command `python -m keys`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from keys.master import read_master_key
from keys.policy import Policy
from keys.store import KeyStore


class ConfigurationError(Exception):
    """The configuration is refused. The message has one problem per line, each with the path of its setting."""


@dataclass(frozen=True, slots=True)
class Configuration:
    policy: Policy
    directory: Path
    master_key_file: Path | None = None

    def store(self) -> KeyStore:
        """Return the configured key store; raises KeyStoreError if the master key cannot be read."""
        return KeyStore(self.directory, read_master_key(self.master_key_file) if self.master_key_file else None)


def read_configuration(path: Path, default_directory: Path) -> Configuration:
    """Return the configuration of keys in the TOML file at `path`; raises ConfigurationError.

    If OpenID Connect is enabled there, RS256 is added to the algorithms. Relative paths are relative to the directory
    of the file.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from None
    try:
        policy = msgspec.convert(tables.get("keys", {}), Policy)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise ConfigurationError(f"{path}: keys{place.rstrip('`')}: {text}") from None
    if problems := policy.problems():
        raise ConfigurationError("\n".join(f"{path}: {place}: {fault}" for place, fault in problems))
    openid = tables.get("openid")
    if isinstance(openid, dict) and openid.get("enabled") is True:
        policy = policy.with_signing_alg("RS256")
    here = path.absolute().parent
    return Configuration(
        policy,
        here / policy.directory if policy.directory else default_directory,
        here / policy.master_key_file if policy.master_key_file else None,
    )
