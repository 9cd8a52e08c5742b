"""The rows of end_to_end_bench, what is computed of them, and the tables. No I/O here, so that it
can be tested. ValueError for what is not understood."""

import json
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(_HERE), "load"))

import report  # noqa: E402

BODY_BYTES = 261
PING_PONG = "PingPong"
LONE = "EndToEndGetNoDelay1"  # one request in flight

# ns/op that the Go package's README gives, with GOMAXPROCS=1, of another machine.
GO_NS = {
    "EndToEndGetNoDelay1": 4346,
    "EndToEndGetNoDelay10": 4370,
    "EndToEndGetNoDelay100": 4406,
    "EndToEndGetNoDelay1000": 4457,
    "EndToEndGetNoDelay10K": 5868,
    "EndToEndGetDelay1ms": 4771,
    "EndToEndGetDelay2ms": 7943,
    "EndToEndGetDelay4ms": 7741,
    "EndToEndGetDelay8ms": 10580,
    "EndToEndGetDelay16ms": 16923,
    "EndToEndGetCompressNone": 7899,
    "EndToEndGetCompressFlate": 13257,
    "EndToEndGetCompressSnappy": 8158,
    "EndToEndGetTLSCompressNone": 8692,
    "EndToEndGetTLSCompressFlate": 13710,
    "EndToEndGetTLSCompressSnappy": 8480,
    "EndToEndGetPipeline1": 4673,
    "EndToEndGetPipeline10": 4610,
    "EndToEndGetPipeline100": 4576,
    "EndToEndGetPipeline1000": 4886,
}
# The same over v2 links, which the Go package does not have.
V2_NAMES = (
    "EndToEndGetV2NoDelay1",
    "EndToEndGetV2NoDelay1000",
    "EndToEndGetV2CompressNone",
    "EndToEndGetV2CompressZstd",
)
NAMES = (*GO_NS, *V2_NAMES)

# What a request costs nginx is divided by what it costs these: 1,000 in flight.
COMPRESSIONS = {
    "none": "EndToEndGetCompressNone",
    "flate": "EndToEndGetCompressFlate",
    "snappy": "EndToEndGetCompressSnappy",
    "v2, none": "EndToEndGetV2CompressNone",
    "v2, zstd": "EndToEndGetV2CompressZstd",
}
_FIGURES = ("ns", "cpu_ns", "allocations", "wire_bytes", "p50_us", "p99_us")


def parse(text):
    """What `end_to_end_bench -json` prints: name -> figures."""
    rows = {}
    for line in text.splitlines():
        try:
            page = json.loads(line)
            rows[page["name"]] = {key: float(page[key]) for key in _FIGURES}
            answers = int(page["requests"])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"end_to_end_bench printed something else: {line!r}") from error
        if answers < 1:
            raise ValueError(f"{page['name']}: nothing was answered")
    return rows


def mb_per_s(ns):
    return BODY_BYTES * 1e3 / ns


def figures(rounds, transport, name, key):
    """One figure of a benchmark, from each round that has it."""
    found = []
    for one in rounds:
        row = one.get(transport, {}).get(name)
        if row is not None:
            found.append(row[key])
    return found


def nginx_ratios(rounds, transport, name):
    """CPU of nginx for a proxied request over that of a request end to end, within each round.
    Nothing of a round in which nginx had errors."""
    ratios = []
    for one in rounds:
        nginx = one.get("nginx", {})
        row = one.get(transport, {}).get(name)
        if row and row["cpu_ns"] > 0 and nginx.get("cpu_us") and not nginx.get("errors"):
            ratios.append(nginx["cpu_us"] * 1e3 / row["cpu_ns"])
    return ratios


def lone_ratios(rounds, transport):
    """p99 of a lone request over p99 of the ping-pong, within each round."""
    ratios = []
    for one in rounds:
        rows = one.get(transport, {})
        if LONE in rows and rows.get(PING_PONG, {}).get("p99_us"):
            ratios.append(rows[LONE]["p99_us"] / rows[PING_PONG]["p99_us"])
    return ratios


def _allocations(value):
    """What was taken once and not for each request is none."""
    if value is None:
        return "-"
    return "0" if value < 0.001 else f"{value:.3f}"


def table(rounds, transport):
    lines = []
    for name in NAMES:
        ns = figures(rounds, transport, name, "ns")
        if not ns:
            continue
        middle = {key: report.median(figures(rounds, transport, name, key)) for key in _FIGURES}
        lines.append(
            [
                name,
                report.spread(ns),
                report.spread(figures(rounds, transport, name, "cpu_ns")),
                f"{mb_per_s(middle['ns']):.1f}",
                _allocations(middle["allocations"]),
                report.figure(middle["wire_bytes"]),
                report.figure(middle["p99_us"] or None),
                str(GO_NS.get(name, "-")),
            ]
        )
    columns = ["benchmark", "ns/op", "CPU ns/op", "MB/s", "allocs/op", "wire B/op", "p99 µs"]
    return report.table(columns + ["Go ns/op"], lines)


def ratio_lines(rounds, transport):
    lines = []
    for compression, name in COMPRESSIONS.items():
        ratios = nginx_ratios(rounds, transport, name)
        if ratios:
            lines.append(
                f"{transport}, {compression}, 1,000 in flight: CPU of nginx for a proxied request"
                f" / CPU of a request end to end {report.spread(ratios)}"
            )
    ratios = lone_ratios(rounds, transport)
    if ratios:
        lines.append(
            f"{transport}: p99 of a lone request / p99 of the ping-pong {report.spread(ratios)}"
        )
    return lines


def nginx_line(rounds):
    """What nginx's request came to; None when it was not measured."""
    clean = [one["nginx"] for one in rounds if one.get("nginx") and not one["nginx"]["errors"]]
    costs = [sample["cpu_us"] for sample in clean if sample["cpu_us"]]
    if not costs:
        return None
    return f"nginx: {report.spread(costs)} µs of CPU for a proxied request"


def errors_of(rounds):
    return [
        f"round {index + 1}, nginx: {error}"
        for index, one in enumerate(rounds)
        for error in one.get("nginx", {}).get("errors", [])
    ]
