#!/usr/bin/env python3
"""Compares docs/shuttle-cli.md, the help and the man page of shuttle-cli with its table of commands and flags.

HT_BIN_DIR names the folder of the programs; default: build/release/bin. The man page is in ../man.
"""
import re
import unittest

from docs_test import BIN, CODE, ROOT, printed_by, table_rows

CLI = BIN / "shuttle-cli"
MAN_PAGE = BIN.parent / "man" / "shuttle-cli.1"
ZEROS = ("", "0", "0s", "false")  # defaults that go without saying


def documented_flags():
    """(group, flag, kind, default) of docs/shuttle-cli.md, in its order."""
    group, flags = None, []
    for line in (ROOT / "docs/shuttle-cli.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            group = line[4:]
        elif line.startswith("| `-"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            flags.append((group, CODE.match(cells[0]).group(1), cells[1], cells[2].strip("`")))
    return flags


class ShuttleCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands, cls.flags = [], []
        for line in printed_by(BIN / "shuttle_cli_flags", "table").splitlines():
            cells = line.split("\t")
            if cells[0] == "command":
                cls.commands.append((cells[1], cells[2]))
            else:
                default = "" if cells[3] in ZEROS else cells[3]
                cls.flags.append((cells[0], "-" + cells[1], cells[2], default))

    def test_the_reference_has_the_commands(self):
        self.assertTrue(self.commands)
        rows = []
        for line in (ROOT / "docs/shuttle-cli.md").read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\| `([a-z]+)` \| (?:`(.*?)`)? \|", line):
                rows.append((match.group(1), (match.group(2) or "").replace("\\|", "|")))
        self.assertEqual(rows, self.commands)

    def test_the_reference_has_the_flags(self):
        self.assertTrue(self.flags)
        self.assertEqual(documented_flags(), self.flags)

    def test_the_reference_has_the_exit_codes_of_the_man_page(self):
        source = (ROOT / "packaging/man/shuttle-cli.1.scd").read_text(encoding="utf-8")
        codes = re.findall(r"^\*(\d+)\*$", source, re.MULTILINE)
        self.assertEqual([row[0] for row in table_rows("shuttle-cli.md", "exit code")], codes)

    def test_the_help_has_the_table(self):
        group, commands, flags = None, [], []
        for line in printed_by(CLI, "-help").splitlines():
            if heading := re.fullmatch(r"(\S.*):", line):
                group = heading.group(1)
            elif flag := re.match(r"  (-[\w-]+)", line):
                flags.append((group, flag.group(1)))
            elif command := re.match(r"  (\w\S*)", line):
                commands.append(command.group(1))
        self.assertEqual(commands, [name for name, _ in self.commands])
        self.assertEqual(flags, [row[:2] for row in self.flags])

    def test_the_man_page_has_the_table(self):
        page = printed_by("groff", "-man", "-Tutf8", "-ww", MAN_PAGE)
        text = re.sub(r".\x08|\x1b\[[0-9;]*m", "", page)  # as on a terminal without bold
        self.assertNotIn("@OPTIONS@", text)
        named = re.findall(r"^ {7}(-[\w-]+)(?: [A-Z]+)?$", text, re.MULTILINE)
        self.assertEqual(named, [row[1] for row in self.flags])
        commands = text[text.index("\nCOMMANDS\n"):text.index("\nOPTIONS\n")]
        entries = re.findall(r"^ {7}(\w+)(?: ([^a-z\n].*?))??(?: \[flags\])?$", commands, re.MULTILINE)
        self.assertEqual(entries, self.commands)


if __name__ == "__main__":
    unittest.main()
