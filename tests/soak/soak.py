#!/usr/bin/env python3
"""Two ends of a link under load, while everything around them, and they themselves, fail.

    near end, http ---+                       +--- origin 1
    near end, https --+== cable ==> far end --+--- origin 2
    (one namespace)                           +--- origin 3   (another namespace)

Clients send requests of all kinds and compare every byte. By chance, about once a second, a process
is killed, stopped, replaced or given other flags, a link is reset, the cable gets worse or better.
The seed is printed; the same one gives the same requests and much the same events, not the same
timing.

Three phases: everything for 65 % of the time; then, without kills and replacements of the ends, 10 %
to warm up and 25 % in which neither descriptors nor memory may grow. Exit code 0: every complete
answer was right, no request was lost without an error, no POST was executed twice, nothing leaked,
no process ended unasked. 1: it was not so. 2: the machine does not allow it.
"""
import argparse
import collections
import heapq
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # a run leaves nothing behind

import network  # noqa: E402  (after the line above on purpose)
import processes  # noqa: E402

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEMORY_GROWTH_KIB_MAX = 16 * 1024
# What each direction of the link may be compressed with, in a run over that version; the first one
# is in force while the ends are measured. The tables of v2 are small, and there is one connection for
# each worker then: what they still take when they fill is less than what an end may grow by.
CODINGS = {
    "v2": ("auto", "zstd:3", "none", "zstd:auto"),
    "v0": ("flate", "flate:6", "snappy", "none"),
    "both": ("auto", "flate:6", "zstd:3", "snappy", "none"),
}
ANSWER_DEADLINE_S = 30  # a request without an answer or an error by then is lost
COMPLETE_SHARE_MIN = 0.3  # of the requests not given up: fewer mean that nothing was tested
FAULTS_MAX = 10  # processes that ended unasked: more, and the run is over
LINK_PORT = 8043
ORIGIN_PORTS = (9001, 9002, 9003)


class World:
    """Everything that runs."""

    def __init__(self, options, folder):
        self.bin_dir = options.bin
        self.folder = folder
        self.codings = CODINGS[options.link]
        self.protocol = "auto" if options.link == "both" else options.link
        self.children = processes.Children()
        self.faults = []
        # Keeps freed memory from counting as the program's own for long.
        self.environment = dict(os.environ)
        self.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        self.network = network.Network(options.bin, options.seed)
        try:
            self._start()
        except BaseException:
            self.network.close()
            raise

    def _start(self):
        self.executed = [os.path.join(self.folder, f"executed{port}") for port in ORIGIN_PORTS]
        origin = os.path.join(self.bin_dir, "soak_origin")
        self.origins = [
            processes.Server(self, f"origin{port}", self.network.far, (origin, str(port), path))
            for port, path in zip(ORIGIN_PORTS, self.executed)]
        self.certificate = make_certificate(self.folder)
        https = {"in": "127.0.0.1:8443", "inType": "https", "inTLSCert": self.certificate,
                 "inTLSKey": os.path.join(self.folder, "key.pem")}
        self.far = self._far_end()
        self.near = [self._near_end("near", 8041, {"in": "127.0.0.1:8080", "inType": "http"}),
                     self._near_end("near-https", 8042, https)]
        self.ends = [self.far, *self.near]
        self.servers = [*self.origins, *self.ends]
        for server in self.servers:
            server.start()
            server.wait_ready()

    def _far_end(self):
        return processes.End(self, "far", self.network.far, {
            "in": f"{network.FAR_IP}:{LINK_PORT}", "inType": "teleport", "outType": "http",
            "out": ", ".join(f"127.0.0.1:{port}" for port in ORIGIN_PORTS),
            "expvarAddr": "127.0.0.1:8044", "shutdownTimeout": "3s", "workers": "2",
            "inProtocol": self.protocol, "linkMemory": "small",
        }, {
            "inCompress": self.codings, "inDelay": ("0s", "1ms", "10ms"),
            "outBalance": ("least-loaded", "round-robin", "p2c", "ewma"),
            "outRetries": ("2", "0", "4"), "via": ("far", "elsewhere"),
        }, 8044)

    def _near_end(self, name, metrics_port, listener):
        return processes.End(self, name, self.network.near, listener | {
            "outType": "teleport", "out": f"{network.FAR_IP}:{LINK_PORT}", "outTimeout": "5s",
            "expvarAddr": f"127.0.0.1:{metrics_port}", "shutdownTimeout": "3s", "workers": "2",
            "outProtocol": self.protocol, "linkMemory": "small",
        }, {
            "outCompress": self.codings, "outDelay": ("0s", "1ms", "10ms"),
            "outConnsPerAddr": ("1", "2", "8"), "outRetries": ("2", "0", "4"),
            "inKeepAliveTimeout": ("2m", "1s"),
        }, metrics_port)

    def crashed(self, what, log_path):
        self.faults.append(what)
        say(f"FAULT: {what}")
        with open(log_path, "rb") as log:
            print(log.read()[-8000:].decode(errors="replace"), flush=True)
        if len(self.faults) > FAULTS_MAX:
            raise RuntimeError("processes end unasked again and again")

    def watch(self):
        for server in self.servers:
            server.watch()

    def stop(self):
        for end in (*self.near, self.far):
            if end.pid is not None:
                end.stop()


def make_certificate(folder):
    path = os.path.join(folder, "certificate.pem")
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", os.path.join(folder, "key.pem"), "-out", path), check=True, capture_output=True)
    return path


BEGAN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


class Events:
    """What happens by chance. `gentle`: the ends are not killed or replaced."""

    def __init__(self, world, chance):
        self.counts = collections.Counter()
        self._world = world
        self._chance = chance
        self._later = []  # heap of (time, number, what to do)
        self._number = 0
        self._gentle = False

    def run(self, still_on, gentle):
        """Until still_on() is false."""
        self._gentle = gentle
        kinds = [(5, self._change_wire), (3, self._kill_origin), (2, self._stop_origin),
                 (3, self._reset_links), (3, self._reload), (1, self._cut_wire)]
        if not gentle:
            kinds += [(2, self._kill_far), (1, self._kill_near), (2, self._replace)]
        weights = [weight for weight, _ in kinds]
        while still_on():
            self._chance.choices(kinds, weights)[0][1]()
            self._wait(self._chance.uniform(0.4, 1.6), still_on)
        self._wait_for_later()

    def _wait(self, seconds, still_on):
        end = time.monotonic() + seconds
        while time.monotonic() < end and still_on():
            self._do_later()
            self._world.watch()
            time.sleep(0.02)

    def _wait_for_later(self):
        while self._later:
            self._do_later()
            self._world.watch()
            time.sleep(0.02)
        self._world.network.set_wire(0, 0)

    def _do_later(self):
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()

    def _after(self, low, high, action):
        self._number += 1
        due = time.monotonic() + self._chance.uniform(low, high)
        heapq.heappush(self._later, (due, self._number, action))

    def _note(self, kind, detail=""):
        self.counts[kind] += 1
        say(f"{kind} {detail}".rstrip())

    def _change_wire(self):
        lost = self._chance.choice((0, 0, 1, 2, 5, 10, 20))
        delay = self._chance.choice((0, 0, 1, 2, 5, 10, 20))
        self._world.network.set_wire(lost, delay)
        self._note("cable", f"loses {lost / 10} %, delays {delay} ms")

    def _cut_wire(self):
        self._world.network.set_wire(1000, 0)
        self._note("cable cut")
        self._after(0.3, 2, lambda: self._world.network.set_wire(0, 0))

    def _running_origin(self):
        origins = [origin for origin in self._world.origins if origin.pid and origin.ready]
        return self._chance.choice(origins) if origins else None

    def _kill_origin(self):
        if origin := self._running_origin():
            self._note("kill -9 of an origin", origin.name)
            origin.kill()
            self._after(0.1, 1.5, origin.start)

    def _stop_origin(self):
        if origin := self._running_origin():
            pid = origin.pid
            self._note("SIGSTOP of an origin", origin.name)
            os.kill(pid, signal.SIGSTOP)
            self._after(1, 1, lambda: origin.pid == pid and os.kill(pid, signal.SIGCONT))

    def _kill_end(self, end, kind):
        if not end.is_steady():
            return
        self._note(kind, end.name)
        end.kill()
        self._after(0.05, 1, end.start)

    def _kill_far(self):
        self._kill_end(self._world.far, "kill -9 of the far end")

    def _kill_near(self):
        self._kill_end(self._chance.choice(self._world.near), "kill -9 of a near end")

    def _replace(self):
        end = self._chance.choice(self._world.ends)
        if end.is_steady():
            self._note("SIGUSR2", end.name)
            end.replace()

    def _reload(self):
        end = self._chance.choice(self._world.ends)
        if end.is_steady():
            self._note("SIGHUP", end.name)
            end.reload(self._chance)

    def _reset_links(self):
        count = self._world.network.reset_connections(LINK_PORT, self._chance.random() < 0.5)
        self._note("reset of links", str(count))
        self.counts["links reset"] += count


class Traffic:
    """The clients of one phase after another, and what they have seen."""

    def __init__(self, world, options):
        self.counts = collections.Counter()
        self.errors = collections.Counter()
        self._world = world
        self._options = options
        self._phase = 0

    def run(self, seconds, events, gentle):
        self._phase += 1
        world = self._world
        path = os.path.join(world.folder, f"clients{self._phase}")
        with open(path, "wb") as output:
            clients = world.network.start(
                world.network.near,
                (os.path.join(world.bin_dir, "soak_client"), "127.0.0.1:8080", "127.0.0.1:8443",
                 world.certificate, str(self._options.seed * 10 + self._phase), str(seconds),
                 str(self._options.threads), str(self._options.bytes_max), str(ANSWER_DEADLINE_S)),
                stdout=output)
        clients.returncode = 0  # waited for below
        end = time.monotonic() + seconds
        events.run(lambda: time.monotonic() < end, gentle)
        deadline = time.monotonic() + ANSWER_DEADLINE_S + processes.PATIENCE_S
        while (status := world.children.end_of(clients.pid)) is None:
            world.watch()
            if time.monotonic() > deadline:
                raise RuntimeError("the clients do not end")
            time.sleep(0.02)
        if status != 0:
            world.faults.append(f"the clients: {processes.describe(status)}")
            return
        with open(path, encoding="utf-8") as output:
            report = json.load(output)
        self.counts.update(report["counts"])
        self.errors.update(report["errors"])


def settle(world):
    """Nothing is under way any more, and every end has the first values of its flags."""
    for origin in world.origins:  # so that nobody keeps a connection to one
        if origin.pid is not None:
            origin.kill()
        origin.start()
        origin.wait_ready()
    deadline = time.monotonic() + 2 * processes.PATIENCE_S
    for end in world.ends:
        while not end.is_alone():
            wait_a_little(world, deadline, f"{end.name} is not ready")
        end.reload(None)
    for end in world.ends:
        while busy(world, end):
            wait_a_little(world, deadline, f"{end.name} is not idle: {end.counters()}")


def busy(world, end):
    counters = end.counters()
    connections = counters["outConns"] if end is world.far else counters["inConns"]
    return counters["exchangesOpen"] + counters["queueLength"] + connections > 0


def wait_a_little(world, deadline, what):
    world.watch()
    if time.monotonic() > deadline:
        raise RuntimeError(what)
    time.sleep(0.05)


def measure(world, when):
    """Of each end: descriptors that are not counted as connections, and KiB of memory. What the descriptors
    are goes into files beside the logs."""
    found = {end.name: (lowest_descriptors(end), end.memory_kib()) for end in world.ends}
    for end in world.ends:
        with open(os.path.join(world.folder, f"{end.name}.descriptors-{when}"), "w",
                  encoding="utf-8") as file:
            file.write(end.describe_descriptors())
    return found


def lowest_descriptors(end):
    """A connection that closes is still a descriptor for a moment, also that of the look before; so
    the lowest of some looks."""
    lowest = None
    for _ in range(20):
        open_now = end.descriptors()
        counters = end.counters()
        now = open_now - counters["inConns"] - counters["outConns"]
        lowest = now if lowest is None else min(lowest, now)
        time.sleep(0.1)
    return lowest


def count_doubles(paths):
    """How many requests of each method have been begun more than once, and how many at all."""
    times = collections.Counter()
    for path in paths:
        with open(path, encoding="utf-8") as executed:
            times.update(executed.read().splitlines())
    doubles = collections.Counter(line.split()[0] for line, count in times.items() if count > 1)
    for line, count in times.items():
        if count > 1 and line.startswith("POST "):
            say(f"executed {count} times: {line}")
    return doubles, len(times)


def judge(world, traffic, doubles, before, after, sanitized):
    """All that should not be, in words."""
    faults = list(world.faults)
    for kind in ("mismatches", "lost"):
        if traffic.counts[kind]:
            faults.append(f"{kind}: {traffic.counts[kind]}")
    if doubles["POST"]:
        faults.append(f"POSTs executed more than once: {doubles['POST']}")
    for name, (descriptors, memory) in after.items():
        if descriptors != before[name][0]:
            faults.append(f"{name}: {before[name][0]} descriptors before, {descriptors} after")
        # A sanitizer keeps freed memory.
        if memory - before[name][1] > MEMORY_GROWTH_KIB_MAX and not sanitized:
            faults.append(f"{name}: {before[name][1]} KiB before, {memory} KiB after")
    if traffic.counts["complete"] < COMPLETE_SHARE_MIN * (
            traffic.counts["requests"] - traffic.counts["given up"]):
        faults.append("too few answers are complete for this to have been a test")
    return faults


def print_report(options, traffic, events, doubles, executed, before, after, faults):
    allowed = "not looked at" if options.sanitized else f"may grow by {MEMORY_GROWTH_KIB_MAX}"

    def row(name, value):
        print(f"{name:44} {value}")
    print(f"\nsoak: link {options.link}, seed {options.seed}, {options.seconds:g} s, a cable of soak_wire (loss and delay of "
          "packets), links reset by ss -K")
    for name in ("requests", "complete", "given up"):
        row(name, traffic.counts[name])
    for kind, count in sorted(traffic.errors.items()):
        row(f"error: {kind}", count)
    for name in ("mismatches", "lost"):
        row(name, traffic.counts[name])
    row("begun at an origin", executed)
    for method in ("POST", "PUT", "GET", "HEAD"):
        row(f"doubled {method}", doubles[method])
    for kind, count in sorted(events.counts.items()):
        row(f"event: {kind}", count)
    for name in after:
        row(f"{name}: descriptors before, after", f"{before[name][0]}, {after[name][0]}")
        row(f"{name}: memory before, after",
            f"{before[name][1]} KiB, {after[name][1]} KiB ({allowed})")
    for fault in faults:
        print(f"FAULT: {fault}")
    print("soak: " + ("failed" if faults else "passed"), flush=True)


def soak(options, folder):
    world = World(options, folder)
    try:
        events = Events(world, random.Random(options.seed))
        traffic = Traffic(world, options)
        say("phase 1: everything")
        traffic.run(max(1, round(0.65 * options.seconds)), events, gentle=False)
        settle(world)
        say("phase 2: warming up")
        traffic.run(max(1, round(0.1 * options.seconds)), events, gentle=True)
        settle(world)
        before = measure(world, "before")
        say("phase 3: the ends must not grow")
        traffic.run(max(1, round(0.25 * options.seconds)), events, gentle=True)
        settle(world)
        after = measure(world, "after")
        world.stop()
        doubles, executed = count_doubles(world.executed)
        faults = judge(world, traffic, doubles, before, after, options.sanitized)
        print_report(options, traffic, events, doubles, executed, before, after, faults)
        options.keep = options.keep or bool(faults)
        return 1 if faults else 0
    finally:
        world.network.close()


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="see tests/soak/soak.py")
    parser.add_argument("minutes", nargs="?", type=float, default=10, help="10 if not said")
    parser.add_argument("--seconds", type=float, help="instead of minutes")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--link", choices=sorted(CODINGS), default="v2", help="its version; v2 if not said")
    parser.add_argument("--threads", type=int, default=24, help="clients")
    parser.add_argument("--bytes-max", type=int, default=1 << 20, help="of a body")
    parser.add_argument("--bin", default=os.path.join(REPOSITORY, "build/release/bin"))
    parser.add_argument("--sanitized", action="store_true", help="the programs have a sanitizer")
    parser.add_argument("--keep", action="store_true", help="keep the logs although all is well")
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = 60 * options.minutes
    if not 1 <= options.seconds <= 86400 or not 1 <= options.threads <= 1000:
        parser.error("a second to a day, and 1 to 1000 threads")
    return options


def interrupt(number, _frame):
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    options = parse_options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    network.adopt_orphans()
    folder = tempfile.mkdtemp(prefix="httptp-soak-")
    print(f"soak: seed {options.seed}, {options.seconds:g} s", flush=True)
    try:
        return soak(options, folder)
    except network.SetUpError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("soak: interrupted", file=sys.stderr)
        return 130
    except Exception as error:  # a run that cannot go on has failed, and leaves its logs
        options.keep = True
        print(f"soak: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        if options.keep:
            print(f"soak: the logs are in {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
