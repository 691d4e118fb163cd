"""The commands of the operator: `python -m service {check,client,code,explain,password,reference,revoke}`."""

import argparse
import os
import sys
import time
from getpass import getpass

from keys import KeyStoreError, NoActiveKey
from service.app import key_store, load
from service.commands import code, revoke
from service.config import ConfigError
from service.config.check_client_auth import client_auth_warnings
from service.config.check_front import front_warnings
from service.config.check_grants import grant_warnings
from service.config.check_memory import memory_warnings
from service.config.reference import reference
from service.errors import error_reference
from service.explain import explain
from service.memory import MemoryFull, MemoryUnavailable
from service.new_client import new_client
from service.protocol import passwords
from service.protocol.errors import OAuthError
from service.web.events import configure_events

PAGES = {"reference": reference, "errors": error_reference}
"""Commands that print a page of docs/."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Return the exit code: 0 success, 1 failure (with a message on standard error), 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    parser.add_argument(
        "--config", default=os.environ.get("CONFIG") or "demo.toml", help="configuration file (default: %(default)s)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="list all problems of the configuration")
    client = commands.add_parser("client", help="print the TOML entry of a new client, and its secret")
    client.add_argument("id")
    client.add_argument("--grants", default="client_credentials", help="grant types, separated by commas")
    client.add_argument("--scopes", default="", help="scopes, separated by commas")
    token = commands.add_parser("explain", help="show the contents of a bag or token, and whether it is valid")
    token.add_argument("token", help="the token, or - for standard input")
    call_back = commands.add_parser(
        "revoke", help="revoke everything issued so far to a client, for a subject, or at all"
    )
    call_back.add_argument("--client", default="", help="client id")
    call_back.add_argument("--subject", default="", help="sub of a user or client")
    call_back.add_argument("--family", default="", help="family: the part of a token's jti before the dot")
    call_back.add_argument("--all", action="store_true", help="everything")
    mint = commands.add_parser("code", help="print an authorization code without a login (demo configurations only)")
    mint.add_argument("client")
    mint.add_argument("subject")
    mint.add_argument("--scope", default="", help="as in an authorization request")
    mint.add_argument("--redirect-uri", default="", help="as in an authorization request")
    mint.add_argument("--challenge", default="", help="S256 code_challenge")
    commands.add_parser("password", help="read a password and print its Argon2id hash, for a user or a client")
    commands.add_parser("reference", help="print the reference of the configuration file")
    commands.add_parser("errors", help="print the reference of errors and log reasons")
    options = parser.parse_args(arguments)
    configure_events("warning", lambda line: print(line.decode(), file=sys.stderr))  # standard output is for results
    if options.command in PAGES:
        print(PAGES[options.command](), end="")
        return 0
    if options.command == "password":
        return _hash_password()
    try:
        config = load(options.config)
        if options.command == "check":
            rules = (memory_warnings, grant_warnings, client_auth_warnings, front_warnings)
            for path, message in (warning for rule in rules for warning in rule(config)):
                print(f"warning: {path}: {message}")
            print(f"{options.config}: no problems")
        elif options.command == "client":
            print(new_client(config, options.id, options.grants.split(","), options.scopes.split(",")))
        elif options.command == "revoke":
            print(revoke(config, options.client, options.subject, options.family, options.all))
        elif options.command == "code":
            print(code(config, options.client, options.subject, options.scope, options.redirect_uri, options.challenge))
        else:
            text = sys.stdin.read() if options.token == "-" else options.token
            print(explain(key_store(config).load(), config.issuer, text.strip(), time.time()))
    except OAuthError as refused:
        print(refused.description, file=sys.stderr)
        return 1
    except (ConfigError, KeyStoreError, NoActiveKey, MemoryUnavailable, MemoryFull, ValueError) as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


def _hash_password() -> int:
    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        print("the password is empty", file=sys.stderr)
        return 1
    print(passwords.hash(password))
    return 0


if __name__ == "__main__":
    sys.exit(main())
