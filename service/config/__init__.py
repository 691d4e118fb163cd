"""The configuration: one TOML file, read into frozen Structs, every fault named by its path."""

from service.config.load import ConfigError, Problem, load
from service.config.tables import (
    Client,
    Config,
    Endpoints,
    Exchange,
    Issuer,
    KnownUser,
    Lifetimes,
    Logging,
    Proxies,
    Resource,
    Secret,
)

__all__ = [
    "Client",
    "Config",
    "ConfigError",
    "Endpoints",
    "Exchange",
    "Issuer",
    "KnownUser",
    "Lifetimes",
    "Logging",
    "Problem",
    "Proxies",
    "Resource",
    "Secret",
    "load",
]
