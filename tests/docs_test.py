#!/usr/bin/env python3
"""Compares docs/metrics.md, docs/flags.md, docs/shuttle.md and the man pages with what the built programs
serve, print and accept.

HT_BIN_DIR names the folder of the programs; default: build/release/bin. The man pages are in ../man.
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
MAN = BIN.parent / "man"
PATIENCE_S = 30  # for what should happen at once; a sanitizer build on a loaded machine is slow

RULE = re.compile(r"^\|[-:| ]+\|$")
CODE = re.compile(r"`([^`]+)`")
SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(\{[^}]*\})? \S+$")
METRICS_ON = re.compile(r"metrics on 127\.0\.0\.1:(\d+)\s")
ADMIN_ON = re.compile(r"Admin server listening on 127\.0\.0\.1:(\d+)\s")


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


class Running:
    """One process of a program, ended by stop() whatever happens."""

    def __init__(self, program, *flags):
        self.output = ""
        self.process = subprocess.Popen([BIN / program, *flags], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait_output(self, pattern):
        """Reads standard error until `pattern` is in it."""
        deadline = time.monotonic() + PATIENCE_S
        stream = self.process.stderr.fileno()
        while not (found := pattern.search(self.output)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise AssertionError(f"it did not print {pattern.pattern}:\n{self.output}")
            piece = os.read(stream, 65536)
            if not piece:
                raise AssertionError(f"it ended before {pattern.pattern}:\n{self.output}")
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
        httptp = Running("httptp", "-in=127.0.0.1:0", "-expvarAddr=127.0.0.1:0", "-out=127.0.0.1:9",
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


def documented_flags(document):
    """(group, flag, kind, default, needs restart) of a document's tables, in its order."""
    group, flags = None, []
    for line in (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines():
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


def text_of_man_page(page):
    """As on a terminal without bold."""
    return re.sub(r".\x08|\x1b\[[0-9;]*m", "", printed_by("groff", "-man", "-Tutf8", "-ww", MAN / page))


class FlagsOf:
    """Of one program: its document, its help and its man page have the table of its flags."""

    PROGRAM = None
    DOCUMENT = None

    @classmethod
    def setUpClass(cls):
        cls.table = []  # as documented_flags()
        cls.variables = {}
        for line in printed_by(BIN / f"{cls.PROGRAM}_flags", "table").splitlines():
            group, name, kind, default, variable, restart = line.split("\t")
            cls.table.append((group, "-" + name, kind, default, restart == "restart"))
            cls.variables["-" + name] = variable

    def test_the_reference_has_the_table(self):
        self.assertTrue(self.table)
        self.assertEqual(documented_flags(self.DOCUMENT), self.table)

    def test_the_help_has_the_table(self):
        group, printed = None, []
        for line in printed_by(BIN / self.PROGRAM, "-help").splitlines():
            if heading := re.fullmatch(r"(\S.*):", line):
                group = heading.group(1)
            elif flag := re.match(r"  (-[\w-]+)", line):
                printed.append((group, flag.group(1)))
        self.assertEqual(printed, [row[:2] for row in self.table])

    def test_the_man_page_has_the_table(self):
        text = text_of_man_page(f"{self.PROGRAM}.1")
        named = re.findall(r"^ {7}(-[\w-]+)(?: [A-Z]+)?$", text, re.MULTILINE)
        self.assertEqual(named, [row[1] for row in self.table])
        self.assertNotIn("@OPTIONS@", text)

    def test_variables_in_documents_are_those_of_flags(self):
        prefix = self.PROGRAM.upper() + "_"
        known = set(self.variables.values())
        self.assertTrue(all(name.startswith(prefix) for name in known))
        for document in (ROOT / "docs" / self.DOCUMENT, ROOT / "README.md"):
            for name in re.findall(prefix + "[A-Z_]+[A-Z]", document.read_text(encoding="utf-8")):
                self.assertIn(name, known, document)


class HttptpFlags(FlagsOf, unittest.TestCase):
    PROGRAM = "httptp"
    DOCUMENT = "flags.md"


class ShuttleFlags(FlagsOf, unittest.TestCase):
    PROGRAM = "shuttle"
    DOCUMENT = "shuttle.md"


# A table of docs/shuttle.md, by its first header cell, and the schema that describes the same.
SCHEMAS = {"global": "Config", "service": "ServiceConfig", "backend": "BackendConfig",
           "listener": "ListenerConfig", "check": "Check", "limit": "Limits"}
# Fields whose defaults are those of another table.
NESTED = {"check": "check", "limits": "limit", "client_limits": "limit"}


class ShuttleFields(unittest.TestCase):
    """The fields of documents in docs/shuttle.md, and its examples, are what the program takes."""

    @classmethod
    def setUpClass(cls):
        cls.tables = {first: table_rows("shuttle.md", first) for first in SCHEMAS}
        cls.shuttle = Running("shuttle", "-admin=127.0.0.1:0", "-workers=1")
        try:
            cls.port = int(cls.shuttle.wait_output(ADMIN_ON).group(1))
            status, text = cls.ask("GET", "/_openapi.json")
            assert status == 200, text
            cls.schemas = json.loads(text)["components"]["schemas"]
        except BaseException:
            cls.shuttle.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        code = cls.shuttle.stop()
        assert code == 0, cls.shuttle.output

    @classmethod
    def ask(cls, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", cls.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def dry_run(self, path, document):
        text = document if isinstance(document, str) else json.dumps(document)
        status, answer = self.ask("PUT", path + "?dry_run=1", text)
        self.assertEqual(status, 200, f"{path} {text}: {answer}")
        return json.loads(answer)

    def put(self, path, document):
        status, answer = self.ask("PUT", path, json.dumps(document))
        self.assertEqual(status, 200, answer)

    @staticmethod
    def described_type(schema):
        """A property of the OpenAPI document in the words of docs/shuttle.md."""
        if "$ref" in schema or "additionalProperties" in schema:
            return "object"
        if "oneOf" in schema:
            return "duration"
        if schema["type"] == "array":
            item = schema["items"]
            kind = item["$ref"].rsplit("/", 1)[1] if "$ref" in item else item["type"]
            return "list of " + {"string": "texts", "integer": "numbers", "ServiceConfig": "services",
                                 "BackendConfig": "backends", "ListenerConfig": "listeners"}[kind]
        return {"string": "text", "integer": "number", "boolean": "switch"}[schema["type"]]

    def defaults(self, first):
        """The documented defaults as a document."""
        document = {}
        for cells in self.tables[first]:
            name = CODE.fullmatch(cells[0]).group(1)
            if name in NESTED:
                document[name] = self.defaults(NESTED[name])
            elif cells[2]:
                document[name] = json.loads(CODE.fullmatch(cells[2]).group(1))
        return document

    def test_fields_and_types_are_those_of_the_description(self):
        for first, schema in SCHEMAS.items():
            described = [(name, self.described_type(field))
                         for name, field in self.schemas[schema]["properties"].items()]
            documented = [(CODE.fullmatch(cells[0]).group(1), cells[1]) for cells in self.tables[first]]
            self.assertEqual(documented, described, first)

    def test_every_field_is_known_and_has_its_default(self):
        self.put("/plain", {"backends": [{"name": "b", "address": "127.0.0.1:9"}],
                            "listeners": [{"address": "127.0.0.1:0"}]})
        service = self.defaults("service") | {"name": "plain"}
        service["backends"] = [self.defaults("backend") | {"name": "b", "address": "127.0.0.1:9"}]
        service["listeners"] = [self.defaults("listener") | {"address": "127.0.0.1:0"}]
        document = self.defaults("global") | {"services": [service]}
        self.assertEqual(self.dry_run("/_config", document), {"changes": [], "warnings": []})

    def test_a_field_that_is_not_documented_is_warned_of(self):
        odd = {"zzz": 1}
        service = odd | {"name": "odd", "check": odd, "limits": odd, "listeners": [odd | {"address": ":0"}],
                         "backends": [odd | {"name": "b", "address": "127.0.0.1:9"}]}
        warnings = self.dry_run("/_config", odd | {"services": [service]})["warnings"]
        self.assertEqual(len(warnings), 6, warnings)

    def test_the_man_page_names_every_field(self):
        words = set(re.findall(r"[\w-]+", text_of_man_page("shuttle.json.5")))
        for first, rows in self.tables.items():
            self.assertEqual([name for name in names_in(rows, 0) if name not in words], [], first)

    def test_examples_are_accepted(self):
        for name in ("web", "db"):
            self.put("/" + name, {})
        for document in ("docs/shuttle.md", "README.md", "packaging/man/shuttle.1.scd"):
            text = (ROOT / document).read_text(encoding="utf-8")
            examples = re.findall(r"curl -X PUT localhost:9090(\S*) -d '([^']*)'", text)
            self.assertTrue(examples, document)
            for path, body in examples:
                self.assertEqual(self.dry_run(path, body)["warnings"], [], body)

    def test_whole_documents_are_accepted(self):
        blocks = re.findall(r"^```(?:json)?\n(\{\n.*?\n\})\n```",
                            (ROOT / "docs/shuttle.md").read_text(encoding="utf-8") +
                            (ROOT / "packaging/man/shuttle.json.5.scd").read_text(encoding="utf-8"),
                            re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 2)
        for block in blocks:
            self.assertEqual(self.dry_run("/_config", block)["warnings"], [], block)


if __name__ == "__main__":
    unittest.main()
