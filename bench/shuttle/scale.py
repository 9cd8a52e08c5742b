#!/usr/bin/env python3
"""How long shuttle takes to start with many services, how much memory it has then, and how long one
change takes.

    bench/shuttle/scale.py [--shuttle build/release/bin/shuttle] [--services 10000] [--tcp] [--checks]

Prints one line for each arrangement: seconds until the admin API and all services are there, VmRSS
and VmHWM in MB, and the median and the worst of 50 changes of one backend's weight, each from
sending the request to the end of the answer, once as answered in full and once without a body.
Processor time of the program is printed beside, because other work on the machine does not change
it. --tcp gives every service an address of its own; as many as descriptors allow.
"""
import argparse
import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time

CHANGES = 50


def document(count, tcp, checks):
    services = []
    for i in range(count):
        backends = []
        for j in range(3):
            address = f"127.0.{1 + i // 250}.{1 + i % 250}:{8000 + j}"
            backend = {"name": f"b{j}", "address": address}
            if checks:
                backend["check_address"] = address
            backends.append(backend)
        service = {"name": f"service-{i}", "backends": backends}
        if tcp:
            # Away from the addresses of others; port 0 would measure the kernel's search for ports.
            service["address"] = f"127.77.{i // 250}.{1 + i % 250}:{20000 + i % 1000}"
        else:
            service["virtual_hosts"] = [f"host-{i}.example.com"]
        services.append(service)
    return {"services": services}


def status_mb(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_line(log, marker, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with open(log, encoding="utf-8") as file:
            for line in file:
                if marker in line:
                    return line.rsplit(" ", 1)[1].strip()
        time.sleep(0.005)
    with open(log, encoding="utf-8") as file:
        raise SystemExit("shuttle has not started:\n" + file.read()[-2000:])


def changes_ms(admin, headers):
    connection = http.client.HTTPConnection(admin, timeout=60)
    took = []
    for i in range(CHANGES):
        # Well apart, as no two are made by one command.
        path = f"/service-{(i * 37) % 101}/b{i % 3}"
        body = json.dumps({"weight": 2 + i})
        begun = time.monotonic()
        connection.request("PUT", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        took.append((time.monotonic() - begun) * 1000)
        if answer.status != 200:
            raise SystemExit(f"PUT {path}: {answer.status}")
        time.sleep(0.01)
    return took


def figures(took):
    return f"{statistics.median(took):.1f}/{max(took):.1f}"


def measure(options, with_state):
    with tempfile.TemporaryDirectory(prefix="shuttle-scale-", dir=options.folder) as folder:
        config = os.path.join(folder, "config.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(document(options.services, options.tcp, options.checks), file)
        log = os.path.join(folder, "log")
        flags = ["-admin=127.0.0.1:0", "-http=127.0.0.1:0", "-config=" + config]
        if options.workers:
            flags.append(f"-workers={options.workers}")
        if with_state:
            flags.append("-state=" + os.path.join(folder, "state.json"))
        begun = time.monotonic()
        with open(log, "w", encoding="utf-8") as output:
            process = subprocess.Popen([options.shuttle] + flags, stdout=output, stderr=output)
        try:
            admin = wait_for_line(log, "Admin server listening on", process)
            seconds = time.monotonic() - begun
            start_processor = processor_seconds(process.pid)
            rss, highest = status_mb(process.pid, "VmRSS"), status_mb(process.pid, "VmHWM")
            before = processor_seconds(process.pid)
            brief = changes_ms(admin, {"Prefer": "return=minimal"})
            change_processor = (processor_seconds(process.pid) - before) / CHANGES * 1000
            whole = changes_ms(admin, {})
            after = status_mb(process.pid, "VmHWM")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    print(f"state={'yes' if with_state else 'no':3} start {seconds:.2f} s"
          f" (processor {start_processor:.2f} s)  VmRSS {rss:.0f} MB  VmHWM {highest:.0f} MB"
          f" (after {2 * CHANGES} changes {after:.0f} MB)  change, median/worst ms: {figures(brief)}"
          f" (processor {change_processor:.1f}), with the answer in full {figures(whole)}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shuttle", default="build/release/bin/shuttle")
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--folder", help="where the state file is; the temporary folder if not said")
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--checks", action="store_true")
    options = parser.parse_args()
    if options.tcp:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        options.services = min(options.services, descriptors - 500)
    print(f"{options.services} services with 3 backends each,"
          f" {'a TCP address' if options.tcp else 'a virtual host'} each"
          f"{', checked' if options.checks else ''}", flush=True)
    for with_state in (False, True):
        measure(options, with_state)


if __name__ == "__main__":
    main()
