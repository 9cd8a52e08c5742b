"""One measurement: a variant, a body size and a number of connections, once."""

import http.client
import subprocess
import time
from dataclasses import dataclass, field

import loads
import memory
import parse
import procs
import variants
import window

_LOAD_BEGIN_SECONDS_MAX = 30
_LOAD_GRACE_SECONDS = 15
_STATUS_BYTES_MAX = 1 << 20


@dataclass
class Sample:
    """One measurement. CPU times are microseconds a unit: a request, a handshake, a connection."""

    errors: list = field(default_factory=list)
    per_s: float = None  # units a second
    latency_us: dict = field(default_factory=dict)  # "p50", "p99", ...
    cpu_us: dict = field(default_factory=dict)  # end -> (user, sys); "sum" too
    proxy_percent: float = None  # of the proxy's CPUs, used by the proxy
    other_percent: float = None  # of the proxy's CPUs, used by anybody else
    load_percent: float = None  # of the load's CPUs, used by origin and load
    link: dict = field(default_factory=dict)  # end -> {key: bytes a request}
    memory: dict = field(default_factory=dict)  # bytes "before", "after", and "each" connection

    def cpu_total_us(self):
        return sum(self.cpu_us["sum"]) if "sum" in self.cpu_us else None


class Origin:
    """Who everybody asks in the end. nginx's own count of requests shows whether a proxy
    answered by itself or asked twice."""

    def __init__(self, process, port, status_port=0):
        self.process = process
        self.port = port
        self.pids = procs.tree(process.pid)
        self._status = status_port and http.client.HTTPConnection(
            "127.0.0.1", status_port, timeout=window.FETCH_TIMEOUT_SECONDS
        )
        self._own_requests = 0

    def requests(self):
        """None: this origin does not count."""
        if not self._status:
            return None
        self._status.request("GET", "/status")
        page = self._status.getresponse().read(_STATUS_BYTES_MAX).decode("ascii")
        self._own_requests += 1
        return parse.stub_status_requests(page) - self._own_requests

    def close(self):
        if self._status:
            self._status.close()


def read_links(running):
    """End -> link counters. An end that has no such page has no counters."""
    counters = {}
    for end in running.ends:
        if end.expvar_port:
            try:
                status, page = window.fetch(end.expvar_port, "/expvar", _STATUS_BYTES_MAX)
                counters[end.label] = parse.expvar_link(page) if status == 200 else {}
            except (OSError, http.client.HTTPException, ValueError):
                counters[end.label] = {}
    return counters


def _read_link_sockets(running, options):
    """The same for ends without counters: what the kernel knows of the near end's connections.
    They must not end between two readings."""
    if not running.link_port or any(end.expvar_port for end in running.ends):
        return {}
    argv = [options.programs["ss"], "--tcp", "--info", "--numeric", "--no-header"]
    argv += ["state", "established", f"dport = :{running.link_port}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True)
    sent, received = parse.socket_bytes(done.stdout)
    return {"near": {"linkBytesWireSent": sent, "linkBytesWireReceived": received}}


@dataclass
class _Mark:
    """Every counter at one moment."""

    time_s: float
    answered: float
    ends: dict
    load: procs.CpuReading
    busy_s: float
    link: dict  # of ends without a page for it


class _Run:
    """One run of a load against a running variant."""

    def __init__(self, options, setup, case, origin, running):
        self._options = options
        self._setup = setup
        self._origin = origin
        self._running = running
        self._load = case.load()
        self._counters = loads.counters_path(setup.folder)
        self._load_cpus = setup.cpus if case.shared_cpus else options.load_cpus
        self._process = None

    def prepare(self, body):
        self._load.prepare(self._running.port, body)

    def _mark(self, end_pids, load_pids):
        return _Mark(
            time_s=time.monotonic(),
            answered=self._load.answered(self._process, self._counters),
            ends={label: procs.read_cpu(pids) for label, pids in end_pids.items()},
            load=procs.read_cpu(load_pids),
            busy_s=procs.read_busy_s(self._setup.cpus),
            link=_read_link_sockets(self._running, self._options),
        )

    def run(self):
        """Returns what the load said, and the marks at the window's start and end."""
        end_pids = {end.label: procs.tree(end.process.pid) for end in self._running.ends}
        argv = self._load.argv(self._options, self._running.port, self._counters)
        self._process = self._setup.processes.start(self._load.program, argv, self._load_cpus)
        try:
            self._wait_begun()
            time.sleep(window.SETTLE_SECONDS)
            load_pids = self._origin.pids + [self._process.pid]
            first = self._mark(end_pids, load_pids)
            time.sleep(self._options.seconds)
            last = self._mark(end_pids, load_pids)
            self._process.popen.wait(_LOAD_GRACE_SECONDS)
            return self._result(), first, last
        except subprocess.TimeoutExpired as error:
            raise window.Failed(f"{self._load.program} did not end") from error
        finally:
            self._setup.processes.stop(self._process)

    def _wait_begun(self):
        deadline = time.monotonic() + _LOAD_BEGIN_SECONDS_MAX
        while not self._load.has_begun(self._counters):
            if not self._process.alive() or time.monotonic() > deadline:
                raise window.Failed(f"nothing was answered: {self._process.log_tail()}")
            time.sleep(0.02)

    def _result(self):
        with open(self._process.log, encoding="utf-8", errors="replace") as file:
            output = file.read()
        code = self._process.popen.returncode
        # http_load ends with 1 when there were failures, which it has counted then.
        if code != 0 and not (code == 1 and output.startswith("{")):
            name = self._load.program
            raise window.Failed(f"{name} ended with code {code}: {output.strip()[-300:]}")
        return self._load.result(output)


def _fill_cpu(sample, cpus, load_cpus, first, last, units):
    window_s = last.time_s - first.time_s
    total_s = 0.0
    users = systems = 0.0
    for label, before in first.ends.items():
        cpu = procs.cpu_between(before, last.ends[label])
        sample.cpu_us[label] = (cpu.user_s / units * 1e6, cpu.sys_s / units * 1e6)
        users += cpu.user_s
        systems += cpu.sys_s
        total_s += cpu.total_s
    proxy_s = window_s * len(cpus)
    if first.ends:
        sample.cpu_us["sum"] = (users / units * 1e6, systems / units * 1e6)
        sample.proxy_percent = 100 * total_s / proxy_s
    load = procs.cpu_between(first.load, last.load)
    sample.load_percent = 100 * load.total_s / (window_s * len(load_cpus))
    ours_s = total_s + (load.total_s if set(load_cpus) == set(cpus) else 0)
    # The busy time counts whole ticks, so that nothing else may come out below zero.
    sample.other_percent = max(0.0, 100 * (last.busy_s - first.busy_s - ours_s) / proxy_s)


def _fill_link(sample, before, after, requests):
    for label, counters in after.items():
        start = before.get(label, {})
        sample.link[label] = {
            key: (value - start[key]) / requests
            for key, value in counters.items()
            if key in start
        }


def _measure_load(options, setup, case, origin, running, body, sample):
    run = _Run(options, setup, case, origin, running)
    run.prepare(body)
    # The link's bytes are counted over the whole of the load's run, between two quiet moments:
    # then no batch is half in, half out.
    links_before = read_links(running)
    requests_before = origin.requests()
    result, first, last = run.run()
    time.sleep(0.1)
    requests_after = origin.requests()
    links_after = read_links(running)

    sample.errors += [f"load: {why} {count}" for why, count in sorted(result.failures.items())]
    # What CPU time is divided by: what was answered in the window.
    units = last.answered - first.answered
    if units <= 0 or result.answers <= 0:
        raise window.Failed("nothing was answered: " + "; ".join(sample.errors))
    # A load does not count what it has under way when it ends, one a connection at most. Any
    # other difference means that a proxy answered by itself or asked twice, and then a
    # request at the origin is not a request of a client.
    if requests_after is not None and case.unit != "handshake":
        requests = requests_after - requests_before
        if not 0 <= requests - result.answers <= case.connections:
            sample.errors.append(f"the origin had {requests} requests, the load {result.answers}")

    sample.per_s = units / (last.time_s - first.time_s)
    sample.latency_us = result.latency_us
    load_cpus = setup.cpus if case.shared_cpus else options.load_cpus
    _fill_cpu(sample, setup.cpus, load_cpus, first, last, units)
    if first.link:
        _fill_link(sample, first.link, last.link, units)
    else:
        _fill_link(sample, links_before, links_after, result.answers)


def measure(options, setup, case, origin, name, body):
    """Starts the variant, measures it, ends it. Errors are in the sample, never raised."""
    sample = Sample()
    running = None
    try:
        running = variants.start(name, setup)
        if case.idle:
            memory.measure_idle(options, setup, case, running, sample)
        else:
            _measure_load(options, setup, case, origin, running, body, sample)
    except (window.Failed, procs.StartError) as error:
        sample.errors.append(str(error))
    except (OSError, http.client.HTTPException, ValueError, subprocess.SubprocessError) as error:
        sample.errors.append(f"{type(error).__name__}: {error}")
    finally:
        if running:
            variants.stop(running, setup)
    if not origin.process.alive():
        raise SystemExit(f"the origin ended under load:\n{origin.process.log_tail()}")
    return sample
