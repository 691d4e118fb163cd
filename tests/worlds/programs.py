"""Other people's programs that tests start, and where they are on this machine.

A test that starts one says so: `@pytest.mark.external("nginx")`, or `@pytest.mark.browser` for Chromium. It is skipped
where the program is missing.
"""

import os
import shutil

NAMES = {
    "redis-server": ("redis-server", "valkey-server"),
    "redis-cli": ("redis-cli", "valkey-cli"),
    "nginx": ("nginx",),
    "chromium": ("chromium",),
    "node": ("node",),
    "npm": ("npm",),
    "systemd-analyze": ("systemd-analyze",),
    "curl": ("curl",),
    "gcc": ("gcc", "cc"),
}
"""The names under which each program may be installed."""


def find(program: str) -> str | None:
    """The path of `program`, or None; daemons are found in /usr/sbin too, which is not on everybody's PATH."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    return next((found for name in NAMES[program] if (found := shutil.which(name, path=path))), None)


def path(program: str) -> str:
    """The path of `program`, which the test that asks is marked to need."""
    found = find(program)
    assert found is not None, f"{program} is not installed, and the test that needs it has no mark that says so"
    return found
