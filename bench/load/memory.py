"""What idle connections cost: the memory of a proxy before and after they came."""

import time

import loads
import parse
import procs
import window

_OPEN_SECONDS_MAX = 90.0
_SETTLE_SECONDS = 1.0
_WARM_UP_CONNECTIONS = 64


def read(pids):
    """Bytes of memory that these processes have, each page divided by those who share it."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += parse.pss_bytes(file.read())
    return total


def _warm_up(options, setup, case, port):
    """What the first requests bring is not the price of idle connections."""
    argv = [
        options.programs["http_load"],
        f"--port={port}",
        f"--connections={_WARM_UP_CONNECTIONS}",
        "--seconds=2",
        f"--target=/{case.body_bytes}",
        f"--body={case.body_bytes}",
        *([f"--tls={case.tls}"] if case.tls else []),
    ]
    load = setup.processes.start("warm-up", argv, options.load_cpus)
    if load.popen.wait(30) != 0:
        raise window.Failed(f"warm-up failed: {load.log_tail()}")
    setup.processes.stop(load)
    time.sleep(_SETTLE_SECONDS)


def _open_all(load, counters, connections):
    deadline = time.monotonic() + _OPEN_SECONDS_MAX
    while True:
        now = loads.read_counters(counters)
        if now["open"] >= connections:
            return
        if not load.alive() or time.monotonic() > deadline:
            raise window.Failed(
                f"only {now['open']} of {connections} connections: {load.log_tail()}"
            )
        time.sleep(0.05)


def measure_idle(options, setup, case, running, sample):
    pids = [pid for end in running.ends for pid in procs.tree(end.process.pid)]
    _warm_up(options, setup, case, running.port)
    before = read(pids)
    counters = loads.counters_path(setup.folder)
    argv = case.load().argv(options, running.port, counters)
    load = setup.processes.start("http_load", argv, options.load_cpus)
    try:
        _open_all(load, counters, case.connections)
        time.sleep(_SETTLE_SECONDS)
        after = read(pids)
        failures = loads.read_counters(counters)["failures"]
    finally:
        setup.processes.stop(load)
    if failures:
        sample.errors.append(f"http_load: {failures} connections failed")
    sample.memory = {
        "before": before,
        "after": after,
        "each": (after - before) / case.connections,
    }
