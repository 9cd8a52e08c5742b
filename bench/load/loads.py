"""The programs that put load on a variant: how they are started, and what they say.

Both kinds know at any moment how much has been answered, because CPU time is divided by what was
answered in the same window.
"""

import mmap
import os
import struct

import parse
import procs
import window

_WRK_TIMEOUT_SECONDS = 10  # an answer later than this is an error
_COUNTERS = struct.Struct("5Q")  # counters.h
FAILURES_SHOWN = 5


class Wrk:
    """wrk: the cheapest load there is, closed loop, keep-alive, answers of one length."""

    program = "wrk"

    def __init__(self, body_bytes, connections):
        self.body_bytes = body_bytes
        self.connections = connections
        self._answer_bytes = None

    def prepare(self, port, body):
        """Looks at one answer, byte for byte, before the load begins."""
        self._answer_bytes = window.check_first(port, self.body_bytes, body)

    def argv(self, options, port, _counters):
        threads = min(len(options.load_cpus), self.connections)
        return [
            options.programs["wrk"],
            f"-t{threads}",
            f"-c{self.connections}",
            f"-d{round(window.load_seconds(options))}s",
            f"--timeout={_WRK_TIMEOUT_SECONDS}s",
            "--latency",
            f"http://127.0.0.1:{port}/{self.body_bytes}",
        ]

    def has_begun(self, _counters):
        return True  # it needs no time to get ready

    def answered(self, process, _counters):
        """Answers wrk has received, parts included: whole ones would come in bursts where bodies
        are large and many under way."""
        return procs.read_chars(process.pid) / self._answer_bytes

    def result(self, text):
        wrk = parse.wrk_output(text)
        result = parse.LoadResult(
            answers=wrk.requests,
            latency_us={"p50": wrk.p50_us, "p99": wrk.p99_us},
            failures={name: count for name, count in wrk.errors.items() if count},
        )
        # That needs answers of one length: wrk's totals must agree but for what is under way.
        whole = wrk.bytes_read / self._answer_bytes
        if not 0.99 * wrk.requests - 1 <= whole <= 1.01 * (wrk.requests + self.connections):
            result.failures[f"bytes of {whole:.0f} answers in {wrk.requests}"] = 1
        return result


class HttpLoad:
    """http_load beside this file: paced, TLS, a connection a request, recorded traffic. It checks
    its answers itself."""

    program = "http_load"

    def __init__(self, connections, flags, resumed=None):
        self.connections = connections
        self._flags = list(flags)
        self._resumed = resumed  # whether TLS sessions must be resumed; None: either

    def prepare(self, port, body):
        pass

    def argv(self, options, port, counters):
        margin_ms = int(1000 * max(window.SETTLE_SECONDS, window.TAIL_SECONDS))
        return [
            options.programs["http_load"],
            f"--port={port}",
            f"--connections={self.connections}",
            f"--seconds={round(window.load_seconds(options))}",
            f"--margin-ms={margin_ms}",
            f"--counters={counters}",
            *self._flags,
        ]

    def has_begun(self, counters):
        """Not while it reads recorded traffic."""
        return read_counters(counters)["answers"] > 0

    def answered(self, _process, counters):
        return read_counters(counters)["answers"]

    def result(self, text):
        result = parse.http_load_output(text)
        # The first handshake of each connection has nothing to resume.
        new = result.answers - result.resumed
        if self._resumed is True and new > self.connections:
            result.failures[f"{new} of {result.answers} handshakes were not resumed"] = 1
        if self._resumed is False and result.resumed:
            result.failures[f"{result.resumed} handshakes were resumed"] = 1
        return result


def read_counters(path):
    """What http_load counts while it runs; zeros before it has made the file."""
    names = ("answers", "body_bytes", "resumed", "failures", "open")
    try:
        with open(path, "rb") as file, mmap.mmap(
            file.fileno(), _COUNTERS.size, access=mmap.ACCESS_READ
        ) as counters:
            return dict(zip(names, _COUNTERS.unpack(counters[: _COUNTERS.size])))
    except (FileNotFoundError, ValueError):
        return dict.fromkeys(names, 0)


def counters_path(folder):
    path = os.path.join(folder, "counters")
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    return path
