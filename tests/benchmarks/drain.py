"""``python -m tests.benchmarks.drain PORT COUNT``: so many connections that read and forget. Knows no WebSocket."""

from __future__ import annotations

import select
import socket
import sys


def main() -> None:
    """Read until the first of them is closed."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    by_number = {each.fileno(): each for each in sockets}
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    while all(by_number[number].recv(1 << 16) for number, _ in poll.poll()):
        pass


if __name__ == "__main__":
    main()
