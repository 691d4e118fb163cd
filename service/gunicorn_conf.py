"""An alias, so that `-c python:service.gunicorn_conf` works. The settings are in service/server/gunicorn_conf.py."""

from service.server.gunicorn_conf import *  # noqa: F403 - gunicorn reads every name of the module
