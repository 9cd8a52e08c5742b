"""One measurement: a recording through one link, from its first request to its last answer."""

import http.client
import subprocess
import time
from dataclasses import dataclass, field

import links
import loads
import measure
import parse
import procs
import variants
import window

_END_SECONDS_MAX = 20  # of the load: reading the recording, and its last answers
_QUIET_SECONDS_MAX = 5
_ENDS = {"to_far": ("near", "far"), "to_near": ("far", "near")}  # direction: sender, receiver


@dataclass
class Sample:
    """One measurement. Bytes and CPU time, in microseconds, are those of a request."""

    errors: list = field(default_factory=list)
    requests: int = 0
    per_s: float = None
    latency_us: dict = field(default_factory=dict)  # "p50", "p99", ...
    cpu_us: dict = field(default_factory=dict)  # "near", "far" (or "httptp") -> [user, sys]
    http_bytes: dict = field(default_factory=dict)  # "to_far", "to_near"; and "received"
    raw_bytes: dict = field(default_factory=dict)  # on the link before compression
    wire_bytes: dict = field(default_factory=dict)
    batch: dict = field(default_factory=dict)  # messages a batch

    def cpu_total_us(self):
        return sum(map(sum, self.cpu_us.values())) if self.cpu_us else None

    def ratio(self):
        """HTTP/1.1 bytes over bytes on the wire, both directions together."""
        if not self.wire_bytes or sum(self.wire_bytes.values()) <= 0:
            return None
        return (self.http_bytes["to_far"] + self.http_bytes["to_near"]) / sum(
            self.wire_bytes.values()
        )


def load_argv(options, port, path):
    return [
        options.programs["http_load"],
        f"--port={port}",
        f"--pairs={path}",
        f"--connections={options.connections}",
        f"--requests={options.requests}",
        f"--seconds={options.seconds}",
        "--margin-ms=0",
    ]


def _run_load(options, setup, running, path):
    argv = load_argv(options, running.port, path)
    process = setup.processes.start("http_load", argv, options.load_cpus)
    try:
        process.popen.wait(options.seconds + _END_SECONDS_MAX)
        with open(process.log, encoding="utf-8", errors="replace") as file:
            output = file.read()
    finally:
        setup.processes.stop(process)
    if process.popen.returncode not in (0, 1) or not output.startswith("{"):
        raise window.Failed(f"http_load: {output.strip()[-300:] or 'it said nothing'}")
    return parse.http_load_output(output)


def _read_quiet(running):
    """The counters of both ends once all that was sent has been received."""
    deadline = time.monotonic() + _QUIET_SECONDS_MAX
    while True:
        counters = measure.read_links(running)
        missing = [key for key in parse.LINK_KEYS for one in counters.values() if key not in one]
        if missing:
            raise window.Failed(f"httptp does not count {missing[0]}")
        lost = _lost_bytes(counters)
        if not lost or time.monotonic() > deadline:
            return counters, lost
        time.sleep(0.02)


def check_alive(running):
    """An end that has ended is a fault of it, which what it has said explains."""
    for end in running.ends:
        if not end.process.alive():
            code = end.process.popen.returncode
            raise window.Failed(
                f"the {end.label} end has ended with code {code}: {end.process.log_tail()}"
            )


def _lost_bytes(counters):
    if len(counters) < 2:
        return 0
    return sum(
        abs(counters[sender]["linkBytesWireSent"] - counters[receiver]["linkBytesWireReceived"])
        for sender, receiver in _ENDS.values()
    )


def fill_link(sample, link, counters, requests):
    """`counters` are those of both ends since the link began."""
    if (counters["near"]["linkStreams"] > 0) != link.v2:
        sample.errors.append(f"the ends have spoken {'v0' if link.v2 else 'v2'}")
    for direction, (sender, _) in _ENDS.items():
        sent = counters[sender]
        sample.raw_bytes[direction] = sent["linkBytesRawSent"] / requests
        sample.wire_bytes[direction] = sent["linkBytesWireSent"] / requests
        sample.batch[direction] = sent["linkMessagesSent"] / max(1, sent["linkBatchesSent"])


def fill_load(sample, result, wanted):
    """What the load has said."""
    sample.errors += [f"load: {why} {count}" for why, count in sorted(result.failures.items())]
    if result.answers != wanted:
        sample.errors.append(f"{result.answers} of {wanted} requests were answered")
    if result.answers <= 0 or result.seconds <= 0:
        raise window.Failed("nothing was answered: " + "; ".join(sample.errors))
    sample.requests = result.answers
    sample.per_s = result.answers / result.seconds
    sample.latency_us = result.latency_us
    for key, count in (
        ("to_far", result.request_bytes),
        ("to_near", result.response_bytes),
        ("received", result.received_bytes),
    ):
        sample.http_bytes[key] = count / result.answers


def _play(options, setup, name, running, path, sample):
    pids = {end.label: [end.process.pid] for end in running.ends}
    before = {label: procs.read_cpu(one) for label, one in pids.items()}
    result = _run_load(options, setup, running, path)
    check_alive(running)
    after = {label: procs.read_cpu(one) for label, one in pids.items()}
    fill_load(sample, result, options.requests)
    for label, reading in before.items():
        cpu = procs.cpu_between(reading, after[label])
        sample.cpu_us[label] = [part / result.answers * 1e6 for part in (cpu.user_s, cpu.sys_s)]
    if name == links.NO_LINK:
        return
    counters, lost = _read_quiet(running)
    if lost:
        sample.errors.append(f"the counts of the two ends differ by {lost} bytes")
    fill_link(sample, links.LINKS[name], counters, result.answers)


def _start(options, setup, name):
    if name == links.NO_LINK:
        return variants.start("httptp", setup)
    link = links.LINKS[name]
    near, far = link.near_flags(options.delay), link.far_flags(options.delay)
    return variants.launch(setup, lambda launcher: launcher.link(near, far))


def play(options, setup, name, path):
    """Starts the two ends, plays the recording through them, ends them. Errors are in the sample,
    never raised."""
    sample = Sample()
    running = None
    try:
        running = _start(options, setup, name)
        _play(options, setup, name, running, path, sample)
    except (window.Failed, procs.StartError) as error:
        sample.errors.append(str(error))
    except (OSError, http.client.HTTPException, ValueError, subprocess.SubprocessError) as error:
        sample.errors.append(f"{type(error).__name__}: {error}")
    finally:
        if running:
            variants.stop(running, setup)
    return sample
