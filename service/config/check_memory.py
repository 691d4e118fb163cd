"""What a configuration loses with the memory `none`; each warning is (path, message)."""

from collections.abc import Iterator

from service.config.tables import Config


def memory_warnings(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for settings that promise what the memory `none` does not keep."""
    if config.memory.kind != "none":
        return
    yield (
        "memory.kind",
        "none: codes, refresh tokens, assertions and proofs can be used again until they expire, nothing can be "
        "revoked, and a copied session cookie outlives a logout",
    )
    if config.users.known or config.hooks.authenticate_user or config.hooks.object:
        yield "login", "failures_per_user and failures_per_address need a memory: guesses at passwords are not limited"
    for n, client in enumerate(config.clients):
        if client.public and "refresh_token" in client.grants:
            yield (
                f"clients[{n}].grants",
                "a public client has refresh tokens, and without a memory their reuse is not detected "
                "(RFC 9700 section 4.14.2)",
            )
    idle = {
        "without_memory": config.without_memory,
        "refresh.rotate_confidential": config.refresh.rotate_confidential,
        "memory.accept_identity": config.memory.accept_identity,
        "memory.accept_older_tokens": config.memory.accept_older_tokens,
        "memory.quotas": config.memory.quotas,
    }
    yield from ((path, "has no effect: memory.kind is none") for path, value in idle.items() if value)
