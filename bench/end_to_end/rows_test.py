#!/usr/bin/env python3
"""Unit tests of what bench/end_to_end/run reads and computes. Run: bench/end_to_end/rows_test.py"""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import rows  # noqa: E402

LINE = (
    '{"name": "EndToEndGetNoDelay1", "transport": "tcp", "requests": 20322, "ns": 14940.0,'
    ' "cpu_ns": 7000.5, "allocations": 0.0001, "wire_bytes": 433.0, "p50_us": 13.4, "p99_us": 31.0}'
)


def row(ns=1000.0, cpu_ns=500.0, p99_us=0.0, allocations=0.0):
    return {
        "ns": ns,
        "cpu_ns": cpu_ns,
        "allocations": allocations,
        "wire_bytes": 433.0,
        "p50_us": 0.0,
        "p99_us": p99_us,
    }


def nginx(cpu_us, errors=()):
    return {"cpu_us": cpu_us, "errors": list(errors)}


class Output(unittest.TestCase):
    def test_reads_a_line_for_each_benchmark(self):
        found = rows.parse(LINE + "\n" + LINE.replace("NoDelay1", "NoDelay10") + "\n")
        self.assertEqual(set(found), {"EndToEndGetNoDelay1", "EndToEndGetNoDelay10"})
        self.assertEqual(found["EndToEndGetNoDelay1"]["cpu_ns"], 7000.5)

    def test_refuses_everything_else(self):
        for text in (
            "end_to_end_bench: connection refused",
            LINE[:-20],
            LINE.replace('"ns"', '"us"'),
            LINE.replace("20322", "0"),
            "[]",
        ):
            with self.assertRaises(ValueError, msg=text):
                rows.parse(text)

    def test_knows_the_benchmarks_of_the_program_in_their_order(self):
        with open(os.path.join(HERE, "benchmarks.cc"), encoding="utf-8") as file:
            names = re.findall(r'\{\.name = "(\w+)"', file.read())
        self.assertEqual(list(rows.NAMES), names)


class Ratios(unittest.TestCase):
    ROUNDS = [
        {"nginx": nginx(20.0), "tcp": {"A": row(cpu_ns=800.0)}},
        {"nginx": nginx(30.0), "tcp": {"A": row(cpu_ns=1000.0)}},
        {"nginx": nginx(90.0, ["load: read 3"]), "tcp": {"A": row(cpu_ns=1.0)}},
        {"tcp": {"A": row(cpu_ns=1.0)}},
        {"nginx": nginx(None), "tcp": {"A": row()}},
        {"nginx": nginx(20.0), "pipe": {"A": row()}},
        {"nginx": nginx(20.0), "tcp": {"A": row(cpu_ns=0.0)}},
    ]

    def test_nginx_is_divided_by_a_request_of_the_same_clean_round(self):
        self.assertEqual(rows.nginx_ratios(self.ROUNDS, "tcp", "A"), [25.0, 30.0])

    def test_a_lone_request_is_divided_by_the_ping_pong(self):
        lone = {rows.LONE: row(p99_us=30.0)}
        rounds = [
            {"tcp": {**lone, rows.PING_PONG: row(p99_us=20.0)}},
            {"tcp": lone},
            {"tcp": {rows.PING_PONG: row(p99_us=20.0)}},
            {"pipe": {**lone, rows.PING_PONG: row(p99_us=10.0)}},
        ]
        self.assertEqual(rows.lone_ratios(rounds, "tcp"), [1.5])
        self.assertEqual(rows.lone_ratios(rounds, "pipe"), [3.0])

    def test_lines_give_median_least_and_most(self):
        rounds = [
            {"nginx": nginx(cost), "tcp": {"EndToEndGetCompressFlate": row(cpu_ns=1000.0)}}
            for cost in (11.0, 14.0, 13.0)
        ]
        (line,) = rows.ratio_lines(rounds, "tcp")
        self.assertTrue(line.startswith("tcp, flate"), line)
        self.assertTrue(line.endswith(" 13.0 (11.0–14.0)"), line)
        self.assertEqual(rows.ratio_lines(rounds, "pipe"), [])


class Tables(unittest.TestCase):
    def test_a_row_has_medians_and_the_go_figure(self):
        name = "EndToEndGetNoDelay1000"
        rounds = [
            {"tcp": {name: row(ns=ns, cpu_ns=cpu, allocations=taken)}}
            for ns, cpu, taken in ((1000.0, 900.0, 0), (1300.0, 950.0, 0.0004), (1200.0, 800.0, 1))
        ]
        head, _line, only = rows.table(rounds, "tcp").splitlines()
        self.assertIn("Go ns/op", head)
        cells = [cell.strip() for cell in only.strip("|").split("|")]
        self.assertEqual(
            cells,
            [name, "1200 (1000–1300)", "900 (800–950)", "217.5", "0", "433", "-", "4457"],
        )

    def test_megabytes_are_those_of_the_body(self):
        self.assertAlmostEqual(rows.mb_per_s(4346), 60.05, delta=0.01)
        self.assertAlmostEqual(rows.mb_per_s(13257), 19.69, delta=0.01)

    def test_nginx_is_left_out_where_it_had_errors(self):
        rounds = [{"nginx": nginx(20.0)}, {"nginx": nginx(90.0, ["read 3"])}, {"tcp": {}}]
        self.assertEqual(
            rows.nginx_line(rounds), "nginx: 20.0 µs of CPU for a proxied request"
        )
        self.assertIsNone(rows.nginx_line(rounds[1:]))
        self.assertEqual(rows.errors_of(rounds), ["round 2, nginx: read 3"])


if __name__ == "__main__":
    unittest.main()
