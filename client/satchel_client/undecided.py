"""Neither yes nor no."""

from satchel_client.errors import ClientError


class Undecided(ClientError):
    """Whether the token is good cannot be found out now: a 503, not a 401, or clients would throw good tokens away."""
