"""TCP ports on this machine's loopback interface, for servers that live as long as one command."""

import random
import socket

# Below the range systems take client ports from (Linux from 32768, macOS from 49152): a client
# that keeps connecting to a stopped server's port inside that range can be given that very port,
# meet itself, and keep the server from coming back.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port nobody listened on a moment ago. Raises `OSError` when none can be found."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free TCP port on loopback in {_PORTS}")


def answers(port: int) -> bool:
    """Whether somebody accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
