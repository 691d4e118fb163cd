"""Runs the router on gunicorn: `python -m satchel_client.router --config router.toml`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from satchel_client.errors import ClientError
from satchel_client.router.app import Router
from satchel_client.router.config import Config, load


class Server(BaseApplication):
    """gunicorn with settings from the router's configuration. It reads no configuration file of its own."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        """Pass the settings to gunicorn."""
        listen = self._config.listen
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        settings = {
            "bind": f"{host}:{listen.port}",
            "workers": listen.workers,
            "worker_class": "asgi",
            "asgi_loop": "auto",  # uvloop if it is installed
            "asgi_lifespan": "on",
            "http_parser": "python",  # the C parser leaks memory with each connection
            "keepalive": 75,
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "proc_name": "satchel-router",
        }
        gunicorn: Any = self.cfg
        for name, value in settings.items():
            gunicorn.set(name, value)

    def load(self) -> Any:
        """Return the application of a worker."""
        return Router(self._config)


def main() -> None:
    """Serve until the process is stopped. If the configuration has problems, print them and exit with 1."""
    parser = argparse.ArgumentParser(prog="python -m satchel_client.router", description=__doc__)
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="configuration file of the router (TOML)"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    options = parser.parse_args()
    try:
        config = load(options.config)
    except ClientError as refused:
        sys.exit(str(refused))
    if not options.check:
        Server(config).run()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
