#!/usr/bin/env python3
"""Prints a public header with its comments as Doxygen reads them: the first one is about the file, others about
the declaration behind them or the member before them."""
import re
import sys

NO_DOCUMENT = re.compile(r"^\s*(#|})|NOLINT")
BEHIND_CODE = re.compile(r"^(\s*[^\s/].*?)(//|/\*)(?= )")
ALONE = re.compile(r"^(\s*)(//|/\*)(?= |$)")
OPENERS = {"//": "///", "/*": "/**"}


def documented(line):
    if NO_DOCUMENT.search(line):
        return line
    line = ALONE.sub(lambda found: found[1] + OPENERS[found[2]], line)
    return BEHIND_CODE.sub(lambda found: found[1] + OPENERS[found[2]] + "<", line)


def main():
    with open(sys.argv[1], encoding="utf-8") as header:
        text = header.read()
    opener = text[:2]
    text = text.replace(opener, f"{opener} @file\n{' *' if opener == '/*' else opener}", 1)
    sys.stdout.write("\n".join(map(documented, text.split("\n"))))


if __name__ == "__main__":
    main()
