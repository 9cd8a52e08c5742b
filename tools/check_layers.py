#!/usr/bin/env python3
"""Checks that modules include only what stands below them, and that sans-I/O modules do no I/O.

The levels are those of docs/architecture.md. Exit code 1 and one line for each offence.
"""
import pathlib
import re
import sys

LEVEL = {
    "base": 0,
    "event": 1, "metrics": 1, "http": 1, "compress": 1,
    "net": 2, "teleport": 2, "route": 2,
    "tls": 3, "service": 3,
    "upstream": 4, "health": 4, "fetch": 4,
    "proxy": 5, "relay": 5,
    "acme": 6,
    "config": 7,
    "server": 8, "cli": 8,
    "admin": 9, "live": 9, "api": 9,
}
SANS_IO = {"http", "compress", "teleport", "route"}
BANNED_IN_SANS_IO = ("sys/socket", "sys/epoll", "netinet/", "unistd.h", "thread", "fcntl.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def offences(root):
    """Yields one line of text for each include that must not be."""
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        name = path.relative_to(root)
        module = name.parts[1]
        is_test = path.name.endswith("_test.cc") or path.name.startswith("test_")
        if module not in LEVEL:
            yield f"{name}: module {module} has no level; give it one in tools/check_layers.py"
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = found.group(1)
            other = target.split("/")[0]
            if other in LEVEL and other != module and LEVEL[other] >= LEVEL[module]:
                yield (f"{name}:{number}: {module} (level {LEVEL[module]}) includes "
                       f"{other} (level {LEVEL[other]})")
            if module in SANS_IO and not is_test and target.startswith(BANNED_IN_SANS_IO):
                yield f"{name}:{number}: {module} does no I/O, but includes {target}"


def self_test():
    """Sees the check fail on a tree made to offend it."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src/http").mkdir(parents=True)
        (root / "src/odd").mkdir()
        (root / "src/http/a.h").write_text('#include "proxy/exchange.h"\n#include <sys/socket.h>\n#include "base/error.h"\n')
        (root / "src/odd/b.cc").write_text("")
        found = list(offences(root))
    assert len(found) == 3, found


def main():
    self_test()
    found = list(offences(pathlib.Path(__file__).resolve().parent.parent))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
