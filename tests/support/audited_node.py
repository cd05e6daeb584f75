"""The node's program, told on by Python's audit hook: what it opens, starts and connects to.

Each event is a line of standard error, ``AUDIT event argument``.
"""

from __future__ import annotations

import os
import sys

WATCHED = ("subprocess.", "os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn", "pty.")
WATCHED += ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo")
WATCHED += ("urllib.", "http.", "pickle.", "webbrowser.", "sqlite3.")
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.symlink", "shutil.")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITING:
            os.write(2, f"AUDIT write {path!r}\n".encode())
    elif event.startswith(WATCHED) or event.startswith(CHANGES):
        os.write(2, f"AUDIT {event} {arguments!r}\n".encode())


def audit() -> None:
    """From now on; a hook can not be taken back."""
    sys.dont_write_bytecode = True  # Python's own cache of modules is none of the node's doing
    sys.addaudithook(_hook)


if __name__ == "__main__":
    from convlstm_perception.ros.node import main

    audit()
    sys.exit(main())
