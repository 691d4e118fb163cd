"""The configuration: one TOML file, read into frozen Structs, every fault named by its path."""

from service.config.load import ConfigError, Problem, load
from service.config.parties import Client, ClientSecret, Exchange, Issuer, Resource
from service.config.tables import Config, Endpoints, KnownUser, Lifetimes, Logging, Proxies

__all__ = [
    "Client",
    "ClientSecret",
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
    "load",
]
