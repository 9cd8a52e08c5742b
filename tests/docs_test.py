#!/usr/bin/env python3
"""Compares docs/metrics.md and docs/flags.md with what the built httptp serves and prints.

HT_BIN_DIR names the folder of the program; default: build/release/bin.
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
HTTPTP = pathlib.Path(os.environ.get("HT_BIN_DIR", ROOT / "build/release/bin")) / "httptp"
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


class Flags(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The rows begin with the flag; its default is the third cell.
        cls.documented = {CODE.findall(cells[0])[0]: cells
                          for cells in table_rows("flags.md", "flag")}
        printed = subprocess.run([HTTPTP, "-help"], stdin=subprocess.DEVNULL, capture_output=True,
                                 text=True, timeout=PATIENCE_S, check=True).stderr
        # "  -name kind", and the help in the line below.
        cls.printed = {name: (kind or "bool", text) for name, kind, text in
                       re.findall(r"^  (-\w+)(?: (\w+))?\n    \t(.*)$", printed, re.MULTILINE)}

    def test_flags_are_the_documented_ones(self):
        self.assertTrue(self.printed)
        self.assertEqual(set(self.printed), set(self.documented))

    def test_kinds_are_the_documented_ones(self):
        self.assertEqual({name: kind for name, (kind, _) in self.printed.items()},
                         {name: cells[1] for name, cells in self.documented.items()})

    def test_defaults_are_the_documented_ones(self):
        for name, (_, text) in self.printed.items():
            shown = re.search(r" \(default (\S+)\)$", text)
            cell = self.documented[name][2]
            with self.subTest(flag=name):
                if shown is None:  # the zero of its kind is not shown
                    self.assertIn(cell, ("empty", "`0s`", "`false`"))
                else:
                    self.assertEqual(cell, f"`{shown.group(1)}`")


if __name__ == "__main__":
    unittest.main()
