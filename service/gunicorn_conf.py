"""The alias behind `-c python:service.gunicorn_conf`; the settings are in service/server/gunicorn_conf.py."""

from service.server.gunicorn_conf import *  # noqa: F403 - gunicorn reads every name of the module
