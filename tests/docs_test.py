#!/usr/bin/env python3
"""Compares docs/metrics.md, docs/flags.md and the man page with what the built httptp serves and prints.

HT_BIN_DIR names the folder of the programs; default: build/release/bin. The man page is in ../man.
"""
import http.client
import json
import os
import pathlib
import re
import select
import subprocess
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("HT_BIN_DIR", ROOT / "build/release/bin"))
HTTPTP = BIN / "httptp"
MAN_PAGE = BIN.parent / "man" / "httptp.1"
PATIENCE_S = 30  # for what should happen at once; a sanitizer build on a loaded machine is slow

RULE = re.compile(r"^\|[-:| ]+\|$")
CODE = re.compile(r"`([^`]+)`")
SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(\{[^}]*\})? \S+$")
METRICS_ON = re.compile(r"metrics on 127\.0\.0\.1:(\d+)\s")


def table_rows(document, first_header):
    """The cells of the one table whose first header cell is that, without header and rule."""
    rows = None
    for line in (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            if rows:
                return rows
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if rows is not None:
            if not RULE.match(line):
                rows.append(cells)
        elif cells[0] == first_header:
            rows = []
    if not rows:
        raise AssertionError(f"docs/{document}: no table that begins with {first_header}")
    return rows


def names_in(rows, column):
    return [name for cells in rows for name in CODE.findall(cells[column])]


class RunningHttptp:
    """One httptp, ended by stop() whatever happens."""

    def __init__(self, *flags):
        self.output = ""
        self.process = subprocess.Popen([HTTPTP, *flags], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait_output(self, pattern):
        """Reads standard error until `pattern` is in it."""
        deadline = time.monotonic() + PATIENCE_S
        stream = self.process.stderr.fileno()
        while not (found := pattern.search(self.output)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise AssertionError(f"httptp did not print {pattern.pattern}:\n{self.output}")
            piece = os.read(stream, 65536)
            if not piece:
                raise AssertionError(f"httptp ended before {pattern.pattern}:\n{self.output}")
            self.output += piece.decode(errors="replace")
        return found

    def stop(self):
        """Ends the process. Returns its exit code, negative when a signal ended it."""
        self.process.terminate()
        try:
            _, rest = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, rest = self.process.communicate()
        self.output += (rest or b"").decode(errors="replace")
        return self.process.returncode


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = table_rows("metrics.md", "/expvar")
        httptp = RunningHttptp("-in=127.0.0.1:0", "-expvarAddr=127.0.0.1:0", "-out=127.0.0.1:9",
                               "-workers=1")
        try:
            port = int(httptp.wait_output(METRICS_ON).group(1))
            cls.expvar = json.loads(cls.fetch(port, "/expvar"))
            cls.prometheus = cls.fetch(port, "/prometheus").splitlines()
        finally:
            code = httptp.stop()
        if code != 0:
            raise AssertionError(f"httptp ended with {code}:\n{httptp.output}")

    @staticmethod
    def fetch(port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status != 200:
                raise AssertionError(f"{path}: {answer.status} {body}")
            return body
        finally:
            connection.close()

    def test_no_name_stands_twice(self):
        for column in (0, 1):
            names = names_in(self.rows, column)
            self.assertEqual(len(names), len(set(names)))

    def test_expvar_names_are_the_documented_ones(self):
        self.assertEqual(set(self.expvar), set(names_in(self.rows, 0)))

    def test_prometheus_names_are_the_documented_ones(self):
        served = set()
        for line in self.prometheus:
            if not line or line.startswith("#"):
                continue
            sample = SAMPLE.match(line)
            self.assertIsNotNone(sample, line)
            labels = sample.group(2) or ""
            served.add(sample.group(1) + ("" if labels.startswith("{le=") else labels))
        self.assertEqual(served, set(names_in(self.rows, 1)))

    def test_prometheus_types_are_the_documented_ones(self):
        documented = {}
        for cells in self.rows:
            for name in CODE.findall(cells[1]):
                family = name.split("{")[0]
                if cells[2] == "histogram":
                    family = re.sub(r"_(bucket|sum|count)$", "", family)
                self.assertEqual(documented.setdefault(family, cells[2]), cells[2], family)
        served = [line.split()[2:4] for line in self.prometheus if line.startswith("# TYPE ")]
        self.assertEqual(dict(served), documented)
        self.assertEqual(len(served), len(documented))  # a family has one TYPE line


def printed_by(*command):
    """What a program prints; it must end well and say nothing on standard error."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=True)
    if done.stderr:
        raise AssertionError(f"{command}: {done.stderr}")
    return done.stdout


def documented_flags():
    """(group, flag, kind, default, needs restart) of docs/flags.md, in its order."""
    group, flags = None, []
    for line in (ROOT / "docs/flags.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            group = line[4:]
        elif group and line.startswith("| `-"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            default = "" if cells[2] == "empty" else CODE.fullmatch(cells[2]).group(1)
            flags.append((group, CODE.match(cells[0]).group(1), cells[1], default,
                          cells[0].endswith("†")))
        elif line.startswith("## "):
            group = None
    return flags


class Flags(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.table = []  # as documented_flags()
        cls.variables = {}
        for line in printed_by(BIN / "httptp_flags", "table").splitlines():
            group, name, kind, default, variable, restart = line.split("\t")
            cls.table.append((group, "-" + name, kind, default, restart == "restart"))
            cls.variables["-" + name] = variable

    def test_the_reference_has_the_table(self):
        self.assertTrue(self.table)
        self.assertEqual(documented_flags(), self.table)

    def test_the_help_has_the_table(self):
        group, printed = None, []
        for line in printed_by(HTTPTP, "-help").splitlines():
            if heading := re.fullmatch(r"(\S.*):", line):
                group = heading.group(1)
            elif flag := re.match(r"  (-\w+)", line):
                printed.append((group, flag.group(1)))
        self.assertEqual(printed, [row[:2] for row in self.table])

    def test_the_man_page_has_the_table(self):
        page = printed_by("groff", "-man", "-Tutf8", "-ww", MAN_PAGE)
        text = re.sub(r".\x08|\x1b\[[0-9;]*m", "", page)  # as on a terminal without bold
        named = re.findall(r"^ {7}(-\w+)(?: [A-Z]+)?$", text, re.MULTILINE)
        self.assertEqual(named, [row[1] for row in self.table])
        self.assertNotIn("@OPTIONS@", text)

    def test_variables_in_documents_are_those_of_flags(self):
        known = set(self.variables.values())
        for document in (ROOT / "docs/flags.md", ROOT / "README.md"):
            for name in re.findall(r"HTTPTP_[A-Z_]+[A-Z]", document.read_text(encoding="utf-8")):
                self.assertIn(name, known, document)


if __name__ == "__main__":
    unittest.main()
