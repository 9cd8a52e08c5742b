"""Samples of several rounds -> the tables a reader gets (Markdown)."""

import hashlib
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass

REFERENCES = ("nginx", "haproxy")

_COLUMNS = (
    "variant",
    "CPU µs/req (min–max)",
    "user",
    "sys",
    "CPU / nginx (min–max)",
    "CPU / haproxy (min–max)",
    "req/s",
    "p50 ms",
    "p99 ms",
    "proxy %",
    "other %",
    "load %",
    "errors",
)
_LINK_COLUMNS = (
    "variant",
    "end",
    "to far raw",
    "to far wire",
    "to near raw",
    "to near wire",
)


@dataclass
class Case:
    """All rounds of one body size and number of connections."""

    body_bytes: int
    connections: int
    rounds: list  # one dict a round: variant -> Sample


def size_name(size):
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} B"


def figure(value):
    """Three digits that count, no more: the machine is noisier than that."""
    if value is None:
        return "-"
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    text = figure(statistics.median(values))
    if len(values) > 1:
        text += f" ({figure(min(values))}–{figure(max(values))})"
    return text


def paired_ratios(rounds, name, reference):
    """CPU of `name` over CPU of `reference`, each pair from one round. A round where one
    of the two had errors gives no ratio."""
    ratios = []
    for samples in rounds:
        pair = [samples.get(name), samples.get(reference)]
        if all(sample and not sample.errors and sample.cpu_total_us() for sample in pair):
            ratios.append(pair[0].cpu_total_us() / pair[1].cpu_total_us())
    return ratios


def table(columns, rows):
    def cell(text):
        return str(text).replace("|", "\\|").replace("\n", " ")

    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|" + "|".join(" --- " if i == 0 else " ---: " for i in range(len(columns))) + "|")
    lines.extend("| " + " | ".join(map(cell, row)) + " |" for row in rows)
    return "\n".join(lines)


def _variant_rows(case, name):
    samples = [samples[name] for samples in case.rounds if name in samples]
    if not samples:
        return []

    def end_cpu(end, index):
        return median([s.cpu_us[end][index] for s in samples if end in s.cpu_us])

    bad = sum(1 for sample in samples if sample.errors)
    row = [
        name,
        spread([sample.cpu_total_us() for sample in samples]),
        figure(end_cpu("sum", 0)),
        figure(end_cpu("sum", 1)),
        *(spread(paired_ratios(case.rounds, name, reference)) for reference in REFERENCES),
        figure(median([sample.rps for sample in samples])),
        *(
            figure(value / 1e3 if value is not None else None)
            for value in (
                median([sample.p50_us for sample in samples]),
                median([sample.p99_us for sample in samples]),
            )
        ),
        figure(median([sample.proxy_percent for sample in samples])),
        figure(median([sample.other_percent for sample in samples])),
        figure(median([sample.load_percent for sample in samples])),
        f"**{bad} of {len(samples)} rounds**" if bad else "0",
    ]
    rows = [row]
    if name.startswith("chain-"):
        for end in ("near", "far"):
            totals = [sum(s.cpu_us[end]) for s in samples if end in s.cpu_us]
            cells = [f"{name}, {end} end", spread(totals)]
            cells += [figure(end_cpu(end, 0)), figure(end_cpu(end, 1))]
            rows.append(cells + [""] * (len(_COLUMNS) - len(cells)))
    return rows


def _link_rows(case, name):
    samples = [samples[name] for samples in case.rounds if name in samples]
    if not name.startswith("chain-") or not samples:
        return []
    rows = []
    for end, outward, inward in (("near", "Sent", "Received"), ("far", "Received", "Sent")):
        cells = [name, end]
        for direction in (outward, inward):
            for kind in ("Raw", "Wire"):
                key = f"linkBytes{kind}{direction}"
                cells.append(figure(median([s.link.get(end, {}).get(key) for s in samples])))
        rows.append(cells)
    return rows


def _errors(case):
    lines = []
    for index, samples in enumerate(case.rounds):
        for name, sample in samples.items():
            lines.extend(f"- round {index + 1}, {name}: {error}" for error in sample.errors)
    return [line.replace("\n", "\n  ") for line in lines]


def case_text(case, names):
    parts = [f"## {size_name(case.body_bytes)}, {case.connections} connections"]
    parts.append(table(_COLUMNS, [row for name in names for row in _variant_rows(case, name)]))
    links = [row for name in names for row in _link_rows(case, name)]
    if links:
        parts.append("Link bytes a request:")
        parts.append(table(_LINK_COLUMNS, links))
    errors = _errors(case)
    if errors:
        parts.append("Errors:")
        parts.append("\n".join(errors))
    return "\n\n".join(parts) + "\n"


def has_errors(cases):
    return any(
        sample.errors for case in cases for samples in case.rounds for sample in samples.values()
    )


def _output_of(argv, folder=None):
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        match = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.M)
    return match.group(1) if match else platform.machine()


def _commit(repository):
    # No optional locks: a benchmark must not touch the index of the repository.
    git = ["git", "--no-optional-locks"]
    code, commit = _output_of([*git, "rev-parse", "--short=12", "HEAD"], repository)
    if code != 0:
        return "no commit"
    code, changes = _output_of([*git, "status", "--porcelain"], repository)
    return commit + (" with uncommitted changes" if code != 0 or changes else "")


def _version(program, path):
    if program == "httptp":
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        return f"sha256 of the binary {digest[:12]}"
    _, text = _output_of([path, "-v"])
    match = re.search(r"(?:nginx/|HAProxy version |wrk )(\S+)", text)
    return match.group(1) if match else "version unknown"


def _cpus(cpus):
    return ",".join(map(str, cpus))


def header(options, repository):
    programs = "\n".join(
        f"- {name}: {_version(name, path)}"
        for name, path in sorted(options.programs.items())
    )
    cpus = len(os.sched_getaffinity(0))
    return f"""# Load benchmark

- command: `{shlex.join([os.path.relpath(sys.argv[0], repository), *sys.argv[1:]])}`
- CPU: {_cpu_model()}, {cpus} usable; proxy on CPU {_cpus(options.proxy_cpus)}, origin and wrk on \
CPU {_cpus(options.load_cpus)}
- commit of this repository: {_commit(repository)}
- kernel: {platform.system()} {platform.release()}
{programs}
- {options.rounds} interleaved rounds of {options.seconds} s a measurement; \
{options.workers} worker(s) or thread(s) in each proxy process

CPU is that of the proxy process(es) only, per answer that wrk received in the same
window. Medians over rounds; ratios are taken within a round. The load is closed-loop: each
connection sends its next request when it has the last answer, so p50 and p99 tell how long a
request waits at full load, not what a client would see at a given rate. How to read the
columns: `bench/load/README.md`.
"""
