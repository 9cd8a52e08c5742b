"""Samples of several rounds -> the tables a reader gets (Markdown)."""

import hashlib
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time

import suite
import variants

PERCENTILES = ("p50", "p90", "p99", "p999", "max")
LARGE_BYTES = 65536  # from here on the price by the byte is what matters

_LINK_COLUMNS = (
    "variant",
    "end",
    "to far raw",
    "to far wire",
    "to near raw",
    "to near wire",
)
_KIB = 1024
_OWN = ("httptp", "raw_relay", "http_load", "pairs_origin", "demo_pairs", "link_codec")


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

    def cpu(samples, variant):
        sample = samples.get(variant)
        return sample.cpu_total_us() if sample and not sample.errors else None

    ratios = []
    for samples in rounds:
        mine = cpu(samples, name)
        if reference == suite.BEST:
            others = [cpu(samples, peer) for peer in suite.PLAIN_PEERS]
            other = min(others) if all(others) else None
        else:
            other = cpu(samples, reference)
        if mine and other:
            ratios.append(mine / other)
    return ratios


def table(columns, rows):
    def cell(text):
        return str(text).replace("|", "\\|").replace("\n", " ")

    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|" + "|".join(" --- " if i == 0 else " ---: " for i in range(len(columns))) + "|")
    lines.extend("| " + " | ".join(map(cell, row)) + " |" for row in rows)
    return "\n".join(lines)


def _columns(case, brief):
    """(title, function of the variant's name and samples) for each column behind the variant.
    `brief` leaves out what is needed to judge a run rather than its result."""

    def end_cpu(index):
        return lambda _name, samples: figure(
            median([s.cpu_us["sum"][index] for s in samples if "sum" in s.cpu_us])
        )

    def attribute(name):
        return lambda _name, samples: figure(median([getattr(s, name) for s in samples]))

    def latency(part):
        def of(_name, samples):
            value = median([s.latency_us.get(part) for s in samples])
            return figure(value / 1e3 if value is not None else None)

        return of

    def ratio(reference):
        return lambda name, _samples: spread(paired_ratios(case.rounds, name, reference))

    def bad(_name, samples):
        count = sum(1 for sample in samples if sample.errors)
        return f"**{count} of {len(samples)} rounds**" if count else "0"

    def total(_name, samples):
        return spread([s.cpu_total_us() for s in samples])

    def per_megabyte(_name, samples):
        return spread(
            [s.cpu_total_us() / case.body_bytes * 1e6 for s in samples if s.cpu_total_us()]
        )

    columns = [(f"CPU µs/{case.unit} (min–max)", total)]
    if case.body_bytes >= LARGE_BYTES:
        columns.append(("CPU µs/MB (min–max)", per_megabyte))
    columns += [("user", end_cpu(0)), ("sys", end_cpu(1))]
    columns += [(f"CPU / {name} (min–max)", ratio(name)) for name in case.references]
    columns.append((f"{case.unit}s/s", attribute("per_s")))
    parts = ("p50", "p99") if brief and case.scenario != "rates" else PERCENTILES
    columns += [(f"{part} ms", latency(part)) for part in parts if _has_latency(case, part)]
    columns.append(("proxy %", attribute("proxy_percent")))
    columns.append(("other %", attribute("other_percent")))
    if not brief:
        columns.append(("load %", attribute("load_percent")))
    if not brief or has_errors([case]):
        columns.append(("errors", bad))
    return columns


def _has_latency(case, part):
    # A handshake's time is mostly the wait for the other 63.
    return case.unit != "handshake" and any(
        part in sample.latency_us for samples in case.rounds for sample in samples.values()
    )


def _samples(case, name):
    return [samples[name] for samples in case.rounds if name in samples]


def _variant_rows(case, name, columns, brief):
    samples = _samples(case, name)
    if not samples:
        return []
    rows = [[name, *(cell(name, samples) for _, cell in columns)]]
    if variants.is_chain(name) and not brief:
        for end in ("near", "far"):
            totals = [sum(s.cpu_us[end]) for s in samples if end in s.cpu_us]
            cells = [f"{name}, {end} end", spread(totals)]
            rows.append(cells + [""] * (1 + len(columns) - len(cells)))
    return rows


def _idle_table(case):
    rows = []
    for name in case.variants:
        samples = [s for s in _samples(case, name) if s.memory]
        if not samples:
            continue
        rows.append(
            [
                name,
                spread([s.memory["each"] / _KIB for s in samples]),
                figure(median([s.memory["before"] / _KIB**2 for s in samples])),
                figure(median([s.memory["after"] / _KIB**2 for s in samples])),
            ]
        )
    return table(
        ("variant", "KiB each (min–max)", "MiB before, all", "MiB with them, all"), rows
    )


def _link_rows(case, name):
    samples = _samples(case, name)
    rows = []
    for end, outward, inward in (("near", "Sent", "Received"), ("far", "Received", "Sent")):
        if not any(s.link.get(end) for s in samples):
            continue
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


def case_tables(case, brief=False):
    """The tables of a case, without its title."""
    if case.idle:
        parts = [_idle_table(case)]
    else:
        columns = _columns(case, brief)
        rows = [row for name in case.variants for row in _variant_rows(case, name, columns, brief)]
        parts = [table(["variant", *(title for title, _ in columns)], rows)]
    links = [row for name in case.variants for row in _link_rows(case, name)]
    if links:
        parts.append("Link bytes a request:")
        parts.append(table(_LINK_COLUMNS, links))
    return parts


def case_text(case):
    parts = [f"## {case.scenario}: {case.name}"]
    if case.taken:
        parts.append(taken_text(case.taken))
    parts += case_tables(case)
    errors = _errors(case)
    if errors:
        parts.append("Errors:")
        parts.append("\n".join(errors))
    return "\n\n".join(parts) + "\n"


def fill_document(text, cases):
    """The document with the tables of all scenarios that have a place in it."""

    def tables(match):
        scenario = match.group(1)
        parts = [match.group(0).split("\n", 1)[0]]
        for case in cases:
            if case.scenario == scenario:
                parts.append(f"**{case.name}** ({taken_text(case.taken)})")
                parts += case_tables(case, brief=True)
        return "\n\n".join(parts + ["<!-- end -->"])

    return re.sub(r"<!-- ([a-z-]+) -->\n.*?<!-- end -->", tables, text, flags=re.S)


def taken_text(taken):
    return (
        f"{taken['date']}, commit {taken['commit']}, {taken['rounds']} rounds of"
        f" {taken['seconds']} s, load of the machine {taken['load']}"
    )


def ratio_lines(cases):
    """What a reader asks first: httptp, or the link, against each of the others."""
    lines = []
    for case in cases:
        for name in case.variants:
            if not name.startswith(("httptp", "chain-")):
                continue
            for reference in case.references:
                ratios = paired_ratios(case.rounds, name, reference)
                if ratios and name != reference:
                    lines.append(
                        f"{case.scenario}, {case.name}: {name} / {reference}"
                        f" {spread(ratios)}"
                    )
            if case.scenario == "workers" and name.endswith("-2w"):
                lines += _speedup(case, name)
        if case.idle:
            for name in case.variants:
                each = [s.memory["each"] / _KIB for s in _samples(case, name) if s.memory]
                lines.append(f"{case.scenario}, {case.name}: {name} {spread(each)} KiB each")
    return lines


def _speedup(case, name):
    single = variants.split(name)[0]
    pairs = [
        (samples[name].per_s, samples[single].per_s)
        for samples in case.rounds
        if name in samples and single in samples
    ]
    speedups = [two / one for two, one in pairs if two and one]
    return [f"{case.scenario}, {case.name}: {name} / {single} {spread(speedups)} in throughput"]


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
    # Documents change no figure, and get theirs from here.
    code, changes = _output_of([*git, "status", "--porcelain", "--", ".", ":!docs"], repository)
    return commit + (" with uncommitted changes" if code != 0 or changes else "")


def _version(program, path):
    if program in _OWN:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        return f"sha256 of the binary {digest[:12]}"
    _, text = _output_of([path, "version" if program == "openssl" else "-v"])
    match = re.search(r"(?:nginx/|HAProxy version |wrk |OpenSSL )(\S+)", text)
    return match.group(1) if match else "version unknown"


def _cpus(cpus):
    return ",".join(map(str, cpus))


def about(options, repository):
    """When, where and of what: kept with every case."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(repository),
        "cpu": f"{_cpu_model()}, {len(os.sched_getaffinity(0))} usable",
        "kernel": f"{platform.system()} {platform.release()}",
        "programs": {name: _version(name, path) for name, path in options.programs.items()},
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workers": options.workers,
    }


def header(options, taken):
    programs = "\n".join(f"- {name}: {text}" for name, text in sorted(taken["programs"].items()))
    command = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    return f"""# Load benchmark

- command: `{shlex.join(command)}`
- CPU: {taken["cpu"]}; proxy on CPU {_cpus(options.proxy_cpus)}, origin and load on \
CPU {_cpus(options.load_cpus)}
- commit of this repository: {taken["commit"]}
- kernel: {taken["kernel"]}
{programs}
- {options.rounds} interleaved rounds of {options.seconds} s a measurement; \
{options.workers} worker(s) or thread(s) in each proxy process

CPU is that of the proxy process(es) only, per unit of work that was answered in the same
window. Medians over rounds; ratios are taken within a round. But for the rates the load is
closed-loop: each connection sends its next request when it has the last answer, so p50 and p99
tell how long a request waits at full load. How to read the columns: `bench/load/README.md`.
"""
