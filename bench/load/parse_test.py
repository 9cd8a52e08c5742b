#!/usr/bin/env python3
"""Unit tests of what the load benchmark reads and computes. Run: bench/load/parse_test.py"""

import argparse
import os
import socket
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import configs  # noqa: E402
import loads  # noqa: E402
import measure  # noqa: E402
import parse  # noqa: E402
import pictures  # noqa: E402
import procs  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import suite  # noqa: E402
import variants  # noqa: E402

WRK_CLEAN = """Running 1s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.93ms  227.41us   6.88ms   94.33%
    Req/Sec    69.34k     3.12k   74.22k    80.00%
  Latency Distribution
     50%    0.90ms
     75%    0.98ms
     90%    1.09ms
     99%    1.73ms
  69012 requests in 1.00s, 31.46MB read
Requests/sec:  68893.12
Transfer/sec:     31.41MB
"""
WRK_ERRORS = (
    WRK_CLEAN.replace("99%    1.73ms", "99%    1.20s").replace(
        "Requests/sec",
        "  Socket errors: connect 1, read 22, write 0, timeout 333\n"
        "  Non-2xx or 3xx responses: 4567\nRequests/sec",
    )
)


class Duration(unittest.TestCase):
    def test_knows_every_unit_wrk_prints(self):
        for text, expected in (
            ("0.00us", 0.0),
            ("873.00us", 873.0),
            ("1.20ms", 1200.0),
            ("2.05s", 2.05e6),
            ("1.50m", 90e6),
            ("1.00h", 3600e6),
        ):
            self.assertAlmostEqual(parse.duration_us(text), expected, msg=text)

    def test_refuses_everything_else(self):
        for text in ("", "12", "1.2", "ms", "1.2 ms", "-1.00ms", "1.2k", "nan"):
            with self.assertRaises(ValueError, msg=text):
                parse.duration_us(text)


class WrkOutput(unittest.TestCase):
    def test_reads_a_clean_run(self):
        result = parse.wrk_output(WRK_CLEAN)
        self.assertEqual(result.requests, 69012)
        self.assertAlmostEqual(result.bytes_read, 31.46 * 1024 * 1024)
        self.assertAlmostEqual(result.p50_us, 900)
        self.assertAlmostEqual(result.p99_us, 1730)
        self.assertEqual(sum(result.errors.values()), 0)

    def test_reads_every_error_counter(self):
        result = parse.wrk_output(WRK_ERRORS)
        self.assertAlmostEqual(result.p99_us, 1.2e6)
        self.assertEqual(
            result.errors,
            {"connect": 1, "read": 22, "write": 0, "timeout": 333, "status": 4567},
        )

    def test_refuses_a_run_without_summary(self):
        with self.assertRaises(ValueError):
            parse.wrk_output("unable to connect to 127.0.0.1:1 Connection refused\n")


class ProcFiles(unittest.TestCase):
    def test_stat_survives_blanks_and_parentheses_in_the_name(self):
        for name in ("httptp", "nginx: worker", "a) S 1 (b"):
            stat = parse.proc_stat(
                f"77 ({name}) R 42 77 77 0 -1 4194304 100 0 0 0 150 350 9 8 20 0 1 0 5 0 0\n"
            )
            self.assertEqual(
                (stat.ppid, stat.state, stat.user_ticks, stat.sys_ticks), (42, "R", 150, 350)
            )

    def test_stat_refuses_a_short_line(self):
        with self.assertRaises(ValueError):
            parse.proc_stat("77 (httptp) R 42")

    def test_schedstat_gives_the_time_on_the_cpu(self):
        self.assertEqual(parse.schedstat_ns("1234567890 55 6\n"), 1234567890)
        with self.assertRaises(ValueError):
            parse.schedstat_ns("1234567890\n")

    def test_busy_ticks_leaves_out_idle_and_guest(self):
        text = (
            "cpu  9 9 9 9 9 9 9 9 9 9\n"
            "cpu0 1 2 4 1000 2000 8 16 32 64 128\n"
            "cpu1 100 0 0 0 0 0 0 0 0 0\n"
            "cpu10 7 0 0 0 0 0 0 0 0 0\n"
        )
        self.assertEqual(parse.busy_ticks(text, [0]), 63)
        self.assertEqual(parse.busy_ticks(text, [0, 1]), 163)
        with self.assertRaises(ValueError):
            parse.busy_ticks(text, [2])

    def test_io_gives_what_was_read(self):
        self.assertEqual(parse.read_chars("rchar: 4711\nwchar: 5\nsyscr: 6\n"), 4711)
        with self.assertRaises(ValueError):
            parse.read_chars("wchar: 5\n")

    def test_own_cpu_time_can_be_read(self):
        reading = procs.read_cpu([os.getpid()])
        self.assertGreaterEqual(reading.user_ticks + reading.sys_ticks, 0)
        self.assertIn(os.getpid(), procs.tree(os.getppid()))


class CpuBetween(unittest.TestCase):
    def test_splits_the_exact_time_as_the_ticks_say(self):
        hz = procs.TICKS_PER_SECOND
        cpu = procs.cpu_between(
            procs.CpuReading(10**9, 0, 0), procs.CpuReading(3 * 10**9, hz // 2, hz + hz // 2)
        )
        self.assertAlmostEqual(cpu.user_s, 0.5)
        self.assertAlmostEqual(cpu.sys_s, 1.5)

    def test_takes_the_ticks_when_the_exact_time_lost_a_thread(self):
        hz = procs.TICKS_PER_SECOND
        cpu = procs.cpu_between(
            procs.CpuReading(10**9, 0, 0), procs.CpuReading(10**9 // 2, hz, hz)
        )
        self.assertAlmostEqual(cpu.total_s, 2.0)

    def test_time_that_no_tick_has_seen_counts(self):
        cpu = procs.cpu_between(procs.CpuReading(0, 0, 0), procs.CpuReading(10**7, 0, 0))
        self.assertAlmostEqual(cpu.total_s, 0.01)


class Pages(unittest.TestCase):
    def test_stub_status(self):
        page = (
            "Active connections: 3 \nserver accepts handled requests\n 10 10 4711 \n"
            "Reading: 0 Writing: 1 Waiting: 2 \n"
        )
        self.assertEqual(parse.stub_status_requests(page), 4711)
        with self.assertRaises(ValueError):
            parse.stub_status_requests("<html>404</html>")

    def test_expvar_link_counters_at_the_top_or_one_object_deeper(self):
        self.assertEqual(
            parse.expvar_link('{"linkBytesRawSent": 5, "cmdline": ["httptp"]}'),
            {"linkBytesRawSent": 5},
        )
        self.assertEqual(
            parse.expvar_link('{"httptp": {"linkBytesWireReceived": 7}, "n": 1}'),
            {"linkBytesWireReceived": 7},
        )

    def test_expvar_without_link_counters_is_empty(self):
        self.assertEqual(parse.expvar_link('{"linkBytesRawSent": "many"}'), {})
        for text in ("[]", "not found", ""):
            with self.assertRaises(ValueError, msg=text):
                parse.expvar_link(text)

    def test_cpu_lists(self):
        self.assertEqual(parse.cpu_list("0"), [0])
        self.assertEqual(parse.cpu_list("0-2,8,1"), [0, 1, 2, 8])
        for text in ("", "a", "2-1", "-1", "0,"):
            with self.assertRaises(ValueError, msg=text):
                parse.cpu_list(text)


class HttpLoad(unittest.TestCase):
    OUTPUT = (
        '{"answers": 100, "body_bytes": 25600, "request_bytes": 5000, "response_bytes": 31000,'
        ' "received_bytes": 32000, "resumed": 90, "unfinished": 0, "seconds": 1.5, "latency_us":'
        ' {"count": 80, "p50": 120, "p99": 400}, "failures": {}}'
    )

    def test_reads_what_it_prints(self):
        result = parse.http_load_output(self.OUTPUT)
        self.assertEqual((result.answers, result.resumed, result.seconds), (100, 90, 1.5))
        self.assertEqual(
            (result.request_bytes, result.response_bytes, result.received_bytes),
            (5000, 31000, 32000),
        )
        self.assertEqual(result.latency_us, {"p50": 120, "p99": 400})
        self.assertEqual(result.failures, {})

    def test_what_was_not_answered_is_a_failure(self):
        text = self.OUTPUT.replace('"unfinished": 0', '"unfinished": 7')
        text = text.replace('"failures": {}', '"failures": {"cannot send": 2}')
        self.assertEqual(
            parse.http_load_output(text).failures, {"cannot send": 2, "unanswered at the end": 7}
        )

    def test_refuses_everything_else(self):
        for text in ("", "[]", "{}", "http_load: bad argument", self.OUTPUT[:-2]):
            with self.assertRaises(ValueError, msg=text):
                parse.http_load_output(text)

    def test_full_and_resumed_handshakes_are_not_taken_for_each_other(self):
        for resumed, connections, good in ((True, 10, True), (True, 9, False), (False, 10, False)):
            load = loads.HttpLoad(connections, [], resumed)
            self.assertEqual(not load.result(self.OUTPUT).failures, good)

    def test_counters_are_zero_before_the_load_has_made_them(self):
        with tempfile.TemporaryDirectory() as folder:
            path = loads.counters_path(folder)
            self.assertEqual(loads.read_counters(path)["answers"], 0)
            self.assertFalse(loads.HttpLoad(1, []).has_begun(path))
            with open(path, "wb") as file:
                file.write(b"".join(n.to_bytes(8, "little") for n in (5, 4, 3, 2, 1)))
            self.assertEqual(
                loads.read_counters(path),
                {"answers": 5, "body_bytes": 4, "resumed": 3, "failures": 2, "open": 1},
            )
            self.assertTrue(loads.HttpLoad(1, []).has_begun(path))


class Starting(unittest.TestCase):
    def test_a_port_that_somebody_else_has_is_not_the_process_listening(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            processes = procs.Processes(folder)
            process = processes.start("sleep", ["sleep", "0.2"], os.sched_getaffinity(0))
            try:
                with self.assertRaises(procs.StartError) as raised:
                    procs.wait_listening(process, [other.getsockname()[1]])
                self.assertTrue(raised.exception.process_ended)
            finally:
                processes.stop_all()


class Kernel(unittest.TestCase):
    def test_memory_of_a_process(self):
        page = "55d0-7ffc ---p 00000000 00:00 0  [rollup]\nRss:   1000 kB\nPss:    800 kB\n"
        self.assertEqual(parse.pss_bytes(page), 800 * 1024)
        with self.assertRaises(ValueError):
            parse.pss_bytes("Rss: 1 kB\n")

    def test_bytes_of_all_connections_listed(self):
        text = (
            "0 0 127.0.0.1:1 127.0.0.1:2\n\t bbr bytes_sent:10 bytes_acked:9 bytes_received:7\n"
            "0 0 127.0.0.1:3 127.0.0.1:2\n\t bbr bytes_sent:5 bytes_received:1 segs_out:3\n"
        )
        self.assertEqual(parse.socket_bytes(text), (15, 8))
        self.assertEqual(parse.socket_bytes(""), (0, 0))


class Suite(unittest.TestCase):
    OPTIONS = dict(
        scenarios=list(suite.SCENARIOS),
        bodies=None,
        connections=None,
        rates=None,
        variants=None,
        corpora={"demo": None},
    )

    def test_every_case_has_its_own_name_and_known_variants(self):
        cases = suite.cases(argparse.Namespace(**self.OPTIONS))
        names = [(case.scenario, case.name) for case in cases]
        self.assertEqual(len(names), len(set(names)))
        for case in cases:
            self.assertLessEqual(set(case.variants), set(variants.NAMES))
            self.assertLessEqual(set(case.references), {*case.variants, suite.BEST})

    def test_only_the_variants_asked_for(self):
        options = {**self.OPTIONS, "variants": ["httptp"], "scenarios": ["large"], "bodies": [9]}
        (case,) = suite.cases(argparse.Namespace(**options))
        self.assertEqual((case.variants, case.body_bytes), (["httptp"], 9))

    def test_a_variant_may_say_its_workers(self):
        self.assertEqual(variants.split("chain-flate-2w"), ("chain-flate", 2))
        self.assertEqual(variants.split("haproxy-h2"), ("haproxy-h2", None))
        self.assertTrue(variants.is_chain("chain-flate-2w"))
        self.assertEqual(variants.programs_of("nginx-gzip"), ["nginx"])
        self.assertEqual(variants.programs_of("raw"), ["raw_relay"])


class AnswerHead(unittest.TestCase):
    def test_waits_for_the_empty_line(self):
        head = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 256\r\n\r\n"
        for cut in range(len(head)):
            self.assertIsNone(parse.answer_head(head[:cut]))
        answer = parse.answer_head(head + b"body")
        self.assertEqual(
            (answer.status, answer.head_bytes, answer.body_bytes), (200, len(head), 256)
        )

    def test_refuses_what_has_no_length_or_is_not_http(self):
        for text in (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
            b"hello\r\n\r\n",
        ):
            with self.assertRaises(ValueError, msg=text):
                parse.answer_head(text)


class Bodies(unittest.TestCase):
    def test_have_exactly_the_size_asked_for(self):
        for size in (1, 63, 64, 256, configs.LITERAL_BODY_BYTES_MAX, 4096, 65536):
            body = configs.make_body(size)
            self.assertEqual(len(body), size)
            self.assertEqual(body, configs.make_body(size))
            # Must not end nginx's quoted string or look like one of its variables.
            self.assertFalse(set(body) & set("'$\\"))

    def test_match_with_any_id_and_nothing_else_changed(self):
        body = configs.make_body(256)
        received = body.replace("@", "f").encode("ascii")
        self.assertTrue(configs.body_matches(body, received))
        self.assertFalse(configs.body_matches(body, received[:-1] + b"#"))
        self.assertFalse(configs.body_matches(body, received[:-1]))


class Report(unittest.TestCase):
    @staticmethod
    def sample(cpu_us, errors=()):
        return measure.Sample(errors=list(errors), cpu_us={"sum": (cpu_us / 4, cpu_us * 3 / 4)})

    def test_ratios_are_paired_by_round_and_skip_rounds_with_errors(self):
        rounds = [
            {"nginx": self.sample(20), "httptp": self.sample(10)},
            {"nginx": self.sample(10), "httptp": self.sample(10)},
            {"nginx": self.sample(10, ["wrk: read 1"]), "httptp": self.sample(99)},
            {"httptp": self.sample(99)},
        ]
        self.assertEqual(report.paired_ratios(rounds, "httptp", "nginx"), [0.5, 1.0])
        self.assertEqual(report.paired_ratios(rounds, "httptp", "haproxy"), [])

    def test_the_best_peer_is_chosen_in_each_round(self):
        rounds = [
            {"nginx": self.sample(20), "haproxy": self.sample(10), "httptp": self.sample(5)},
            {"nginx": self.sample(10), "haproxy": self.sample(20), "httptp": self.sample(20)},
            {"nginx": self.sample(10), "httptp": self.sample(20)},
        ]
        self.assertEqual(report.paired_ratios(rounds, "httptp", suite.BEST), [0.5, 2.0])

    @staticmethod
    def case(rounds, **more):
        more = {"references": ["nginx"], "body_bytes": 256, **more}
        return suite.Case("small", "256 bytes", list(rounds[0]), rounds=rounds, **more)

    def test_missing_figures_are_a_dash_and_errors_mark_the_row(self):
        case = self.case([{"chain-flate": measure.Sample(errors=["no start"])}])
        text = report.case_text(case)
        self.assertIn("**1 of 1 rounds**", text)
        self.assertIn("- round 1, chain-flate: no start", text)
        self.assertIn("| chain-flate | - | - | - | - |", text)
        self.assertTrue(report.has_errors([case]))

    def test_large_answers_have_a_price_a_megabyte(self):
        case = self.case([{"nginx": self.sample(100)}], body_bytes=1000000)
        self.assertIn("| CPU µs/MB (min–max) |", report.case_text(case))
        self.assertNotIn("µs/MB", report.case_text(self.case([{"nginx": self.sample(1)}])))

    def test_idle_connections_have_their_memory(self):
        sample = measure.Sample(memory={"before": 1 << 20, "after": 3 << 20, "each": 2048.0})
        case = self.case([{"httptp": sample}], idle=True)
        self.assertIn("| httptp | 2.00 | 1.00 | 3.00 |", report.case_text(case))
        self.assertIn("small, 256 bytes: httptp 2.00 KiB each", report.ratio_lines([case]))

    def test_ratios_stand_in_lines(self):
        case = self.case([{"nginx": self.sample(20), "httptp": self.sample(10)}])
        self.assertEqual(
            report.ratio_lines([case]), ["small, 256 bytes: httptp / nginx 0.50"]
        )

    def test_results_come_back_from_their_file_and_replace_the_same_cases(self):
        first = self.case([{"nginx": self.sample(20), "httptp": self.sample(10)}])
        again = self.case([{"nginx": self.sample(30, ["wrk: read 1"])}])
        other = self.case([{"nginx": self.sample(40)}])
        other.name = "other"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.json")
            results.write(path, [first, other])
            results.write(path, [again])
            found = results.read(path)
        self.assertEqual([case.name for case in found], ["256 bytes", "other"])
        self.assertEqual(found[0].rounds[0]["nginx"].errors, ["wrk: read 1"])
        self.assertAlmostEqual(found[0].rounds[0]["nginx"].cpu_total_us(), 30)
        self.assertAlmostEqual(found[1].rounds[0]["nginx"].cpu_total_us(), 40)

    def test_a_document_gets_the_tables_of_its_scenarios(self):
        case = self.case([{"nginx": self.sample(20)}])
        case.taken = {"date": "today", "commit": "c", "rounds": 1, "seconds": 2, "load": "0.1"}
        text = "before\n<!-- small -->\nold\n<!-- end -->\nbetween\n<!-- tls -->\n<!-- end -->\n"
        filled = report.fill_document(text, [case])
        self.assertNotIn("old", filled)
        self.assertIn("| nginx | 20.0 |", filled)
        self.assertTrue(filled.startswith("before\n<!-- small -->"))
        self.assertIn("<!-- end -->\nbetween\n<!-- tls -->\n\n<!-- end -->\n", filled)
        self.assertEqual(report.fill_document(filled, [case]), filled)

    def test_pictures_are_well_formed_and_hold_every_bar(self):
        text = pictures.bar_chart(
            "a < b", "note", [("one", [("nginx", [1.0, 3.0]), ("httptp", [2.0]), ("raw", [])])]
        )
        root = xml.etree.ElementTree.fromstring(text)
        bars = root.findall("{http://www.w3.org/2000/svg}rect")
        self.assertEqual([bar.get("class") for bar in bars], ["peer", "ours"])
        self.assertEqual(bars[0].get("width"), bars[1].get("width"))

    def test_figures_keep_three_digits(self):
        for value, text in ((None, "-"), (0.7512, "0.75"), (21.64, "21.6"), (63423.2, "63423")):
            self.assertEqual(report.figure(value), text)


if __name__ == "__main__":
    unittest.main()
