"""One measurement: a variant, a body size and a number of connections, once."""

import http.client
import socket
import subprocess
import time
from dataclasses import dataclass, field

import configs
import parse
import procs
import variants

# wrk runs longer than the window that is measured: before it connections open and pools
# fill, after it the window must be over before wrk ends.
SETTLE_SECONDS = 0.5
TAIL_SECONDS = 0.5
_WRK_TIMEOUT_SECONDS = 10  # an answer later than this is an error
_WRK_GRACE_SECONDS = 15
_FETCH_TIMEOUT_SECONDS = 5
_HEAD_BYTES_MAX = 16 << 10
_STATUS_BYTES_MAX = 1 << 20


class Failed(Exception):
    """A measurement that gave no figures; the text says why."""


@dataclass
class Sample:
    errors: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    rps: float = None
    p50_us: float = None
    p99_us: float = None
    cpu_us: dict = field(default_factory=dict)  # end -> (user, sys) a request; "sum" too
    proxy_percent: float = None  # of the proxy's CPUs, used by the proxy
    other_percent: float = None  # of the proxy's CPUs, used by anybody else
    load_percent: float = None  # of the load's CPUs, used by origin and wrk
    link: dict = field(default_factory=dict)  # end -> {key: bytes a request}

    def cpu_total_us(self):
        return sum(self.cpu_us["sum"]) if "sum" in self.cpu_us else None


class Origin:
    """The nginx everybody asks in the end. Its own count of requests shows whether a proxy
    answered by itself or asked twice."""

    def __init__(self, process, port, status_port):
        self.process = process
        self.port = port
        self.pids = procs.tree(process.pid)
        self._status = http.client.HTTPConnection(
            "127.0.0.1", status_port, timeout=_FETCH_TIMEOUT_SECONDS
        )
        self._own_requests = 0

    def requests(self):
        self._status.request("GET", "/status")
        page = self._status.getresponse().read(_STATUS_BYTES_MAX).decode("ascii")
        self._own_requests += 1
        return parse.stub_status_requests(page) - self._own_requests

    def close(self):
        self._status.close()


def fetch(port, path, bytes_max):
    """(status, body) of one GET on a fresh connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_FETCH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(bytes_max)
    finally:
        connection.close()


def _first_answer(port, size):
    """(parsed head, all bytes) of the answer to what wrk will send, byte for byte."""
    head = None
    received = bytearray()
    deadline = time.monotonic() + _FETCH_TIMEOUT_SECONDS
    with socket.create_connection(("127.0.0.1", port), _FETCH_TIMEOUT_SECONDS) as connection:
        request = f"GET /{size} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        connection.sendall(request.encode("ascii"))
        while head is None or len(received) < head.head_bytes + head.body_bytes:
            if time.monotonic() > deadline:
                raise ValueError(f"no full answer, {len(received)} bytes in time")
            part = connection.recv(1 << 18)
            if not part:
                raise ValueError(f"the answer ends after {len(received)} bytes")
            received += part
            head = head or parse.answer_head(received)
            if len(received) > size + _HEAD_BYTES_MAX:
                raise ValueError("the answer is too long")
    return head, bytes(received)


def check_first(port, size, body):
    """Compares one answer with what the origin should send; returns its length with head."""
    try:
        head, received = _first_answer(port, size)
    except (OSError, ValueError) as error:
        raise Failed(f"first request: {error}") from error
    if head.status != 200:
        raise Failed(f"first request: status {head.status}")
    if head.body_bytes != size:
        raise Failed(f"first request: body of {head.body_bytes} bytes instead of {size}")
    if not configs.body_matches(body, received[head.head_bytes :]):
        raise Failed("first request: the body is not the origin's")
    return len(received)


def _read_links(running):
    """End -> link counters. An end that has no such page has no counters."""
    counters = {}
    for end in running.ends:
        if end.expvar_port:
            try:
                status, page = fetch(end.expvar_port, "/expvar", _STATUS_BYTES_MAX)
                counters[end.label] = parse.expvar_link(page) if status == 200 else {}
            except (OSError, http.client.HTTPException, ValueError):
                counters[end.label] = {}
    return counters


@dataclass
class _Mark:
    """Every counter at one moment."""

    time_s: float
    wrk_bytes: int
    ends: dict
    load: procs.CpuReading
    busy_s: float


def _mark(wrk, end_pids, load_pids, proxy_cpus):
    return _Mark(
        time_s=time.monotonic(),
        wrk_bytes=procs.read_chars(wrk.pid),
        ends={label: procs.read_cpu(pids) for label, pids in end_pids.items()},
        load=procs.read_cpu(load_pids),
        busy_s=procs.read_busy_s(proxy_cpus),
    )


def _wrk_argv(options, port, size, connections):
    seconds = SETTLE_SECONDS + options.seconds + TAIL_SECONDS
    threads = min(len(options.load_cpus), connections)
    return [
        options.programs["wrk"],
        f"-t{threads}",
        f"-c{connections}",
        f"-d{round(seconds)}s",
        f"--timeout={_WRK_TIMEOUT_SECONDS}s",
        "--latency",
        f"http://127.0.0.1:{port}/{size}",
    ]


def _run_wrk(options, setup, origin, running, size, connections):
    """Runs wrk. Returns its result and the marks at the window's start and end."""
    end_pids = {end.label: procs.tree(end.process.pid) for end in running.ends}
    argv = _wrk_argv(options, running.port, size, connections)
    wrk = setup.processes.start("wrk", argv, options.load_cpus)
    try:
        time.sleep(SETTLE_SECONDS)
        load_pids = origin.pids + [wrk.pid]
        first = _mark(wrk, end_pids, load_pids, options.proxy_cpus)
        time.sleep(options.seconds)
        last = _mark(wrk, end_pids, load_pids, options.proxy_cpus)
        wrk.popen.wait(_WRK_GRACE_SECONDS)
        with open(wrk.log, encoding="utf-8", errors="replace") as file:
            output = file.read()
        if wrk.popen.returncode != 0:
            raise Failed(f"wrk ended with code {wrk.popen.returncode}: {output.strip()[-300:]}")
        result = parse.wrk_output(output)
    except subprocess.TimeoutExpired as error:
        raise Failed("wrk did not end in time") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failed(f"while wrk ran: {error}") from error
    finally:
        setup.processes.stop(wrk)
    for end in running.ends:
        if not end.process.alive():
            raise Failed(f"{end.label} ended under load:\n{end.process.log_tail()}")
        if procs.tree(end.process.pid) != end_pids[end.label]:
            raise Failed(f"{end.label} lost or started a process under load")
    return result, first, last


def _fill_cpu(sample, options, first, last, requests):
    window_s = last.time_s - first.time_s
    total_s = 0.0
    users = systems = 0.0
    for label, before in first.ends.items():
        cpu = procs.cpu_between(before, last.ends[label])
        sample.cpu_us[label] = (cpu.user_s / requests * 1e6, cpu.sys_s / requests * 1e6)
        users += cpu.user_s
        systems += cpu.sys_s
        total_s += cpu.total_s
    proxy_s = window_s * len(options.proxy_cpus)
    if first.ends:
        sample.cpu_us["sum"] = (users / requests * 1e6, systems / requests * 1e6)
        sample.proxy_percent = 100 * total_s / proxy_s
    # The busy time counts whole ticks, so that nothing else may come out below zero.
    sample.other_percent = max(0.0, 100 * (last.busy_s - first.busy_s - total_s) / proxy_s)
    load = procs.cpu_between(first.load, last.load)
    sample.load_percent = 100 * load.total_s / (window_s * len(options.load_cpus))


def _fill_link(sample, before, after, requests):
    for label, counters in after.items():
        start = before.get(label, {})
        sample.link[label] = {
            key: (value - start[key]) / requests
            for key, value in counters.items()
            if key in start
        }


def _measure_running(options, setup, origin, running, size, body, connections, sample):
    answer_bytes = check_first(running.port, size, body)
    # The link's bytes are counted over the whole of wrk's run, between two quiet moments:
    # then no batch is half in, half out.
    links_before = _read_links(running)
    requests_before = origin.requests()
    wrk, first, last = _run_wrk(options, setup, origin, running, size, connections)
    time.sleep(0.1)
    requests_whole = origin.requests() - requests_before
    links_after = _read_links(running)

    for name, count in wrk.errors.items():
        if count:
            sample.errors.append(f"wrk: {name} {count}")
    # What CPU time is divided by: answers wrk received in the window, parts of an answer
    # included. Whole ones would come in bursts where bodies are large and many under way.
    requests = (last.wrk_bytes - first.wrk_bytes) / answer_bytes
    if requests <= 0 or wrk.requests <= 0:
        raise Failed("no request was answered")
    # That needs answers of one length: wrk's totals must agree but for what is under way.
    whole = wrk.bytes_read / answer_bytes
    if not 0.99 * wrk.requests - 1 <= whole <= 1.01 * (wrk.requests + connections):
        sample.errors.append(f"wrk read bytes of {whole:.0f} answers in {wrk.requests}")
    # wrk does not count what it has under way when it ends, one a connection at most. Any
    # other difference means that a proxy answered by itself or asked twice, and then a
    # request at the origin is not a request of a client.
    surplus = requests_whole - wrk.requests
    if not 0 <= surplus <= connections:
        sample.errors.append(f"the origin had {requests_whole} requests, wrk {wrk.requests}")

    sample.rps = requests / (last.time_s - first.time_s)
    sample.p50_us = wrk.p50_us
    sample.p99_us = wrk.p99_us
    _fill_cpu(sample, options, first, last, requests)
    _fill_link(sample, links_before, links_after, requests_whole)


def measure(options, setup, origin, name, size, body, connections):
    """Starts the variant, measures it, ends it. Errors are in the sample, never raised."""
    sample = Sample()
    running = None
    try:
        running = variants.start(name, setup)
        _measure_running(options, setup, origin, running, size, body, connections, sample)
    except (Failed, procs.StartError) as error:
        sample.errors.append(str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        sample.errors.append(f"{type(error).__name__}: {error}")
    finally:
        if running:
            variants.stop(running, setup)
    if not origin.process.alive():
        raise SystemExit(f"the origin ended under load:\n{origin.process.log_tail()}")
    return sample
