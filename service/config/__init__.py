"""The configuration: one TOML file, read into frozen Structs, every fault named by its path."""

from service.config.load import ConfigError, Problem, load
from service.config.parties import Client, Exchange, Issuer, Resource, Secret
from service.config.tables import Config, Endpoints, KnownUser, Lifetimes, Logging, Proxies

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
