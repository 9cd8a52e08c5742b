"""Bar charts as SVG, readable on light and on dark ground. No library."""

import os
from xml.sax.saxutils import escape

import report

_WIDTH = 760
_LABEL_WIDTH = 140
_VALUE_WIDTH = 130
_BAR_HEIGHT = 16
_BAR_STEP = 21
_TITLE_HEIGHT = 44
_GROUP_HEAD = 28
_GROUP_GAP = 10
# Text and lines change with the reader's scheme; bars have colours that do on both grounds.
_STYLE = """
text { font: 13px sans-serif; fill: #24292f; }
.title { font-size: 16px; font-weight: bold; }
.group { font-weight: bold; }
.note { font-size: 12px; fill: #57606a; }
.axis { stroke: #8c959f; }
.ours { fill: #1a7f64; } .peer { fill: #7d8590; } .floor { fill: #b08800; }
.spread { stroke: #24292f; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .note { fill: #9198a1; } .spread { stroke: #e6edf3; }
}
"""


def _kind(name):
    if name.startswith(("httptp", "chain-")):
        return "ours"
    return "floor" if name in ("raw", "direct") else "peer"


def _rect(kind, y, width):
    return (
        f'<rect class="{kind}" x="{_LABEL_WIDTH}" y="{y}" width="{width:.1f}"'
        f' height="{_BAR_HEIGHT}" rx="2"/>'
    )


def _bar(name, values, scale, y):
    middle = report.median(values)
    text_y = y + _BAR_HEIGHT - 4
    lines = [
        f'<text x="{_LABEL_WIDTH - 8}" y="{text_y}" text-anchor="end">{escape(name)}</text>',
        _rect(_kind(name), y, middle * scale),
    ]
    low, high = (_LABEL_WIDTH + limit * scale for limit in (min(values), max(values)))
    at = y + _BAR_HEIGHT / 2
    lines.append(f'<path class="spread" d="M{low:.1f} {at}H{high:.1f}"/>')
    lines.append(f'<text x="{high + 8:.1f}" y="{text_y}">{report.figure(middle)}</text>')
    return lines


def bar_chart(title, note, groups):
    """`groups`: [(title, [(name, values of all rounds)])]. Every group has a scale of its own: the
    lengths compare within it, and the numbers stand beside."""
    lines = []
    y = _TITLE_HEIGHT
    for group, bars in groups:
        bars = [(name, [v for v in values if v is not None]) for name, values in bars]
        bars = [(name, values) for name, values in bars if values]
        if not bars:
            continue
        y += _GROUP_HEAD
        lines.append(f'<text class="group" x="8" y="{y - 10}">{escape(group)}</text>')
        top = y
        longest = max(max(values) for _, values in bars)
        scale = (_WIDTH - _LABEL_WIDTH - _VALUE_WIDTH) / longest if longest > 0 else 0
        for name, values in bars:
            lines += _bar(name, values, scale, y)
            y += _BAR_STEP
        lines.append(f'<path class="axis" d="M{_LABEL_WIDTH} {top - 3}V{y}"/>')
        y += _GROUP_GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}"'
        f' height="{y}" role="img" aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
        f'<text class="title" x="8" y="20">{escape(title)}</text>\n'
        f'<text class="note" x="8" y="38">{escape(note)}</text>\n'
    )
    return head + "\n".join(lines) + "\n</svg>\n"


_NOTE = "medians; the thin line is least to most; shorter is better"
_PICTURES = {
    "small": "CPU time of the proxy a request, in µs",
    "large": "CPU time of the proxy a MB, in µs",
    "large-links": "CPU time of both ends a MB, in µs",
    "tls": "TLS termination: CPU time of the proxy a request, in µs",
    "handshakes": "TLS: CPU time of the proxy a handshake, in µs",
    "connections": "A connection a request: CPU time of the proxy, in µs",
    "idle": "Memory of the proxy an idle connection, in KiB",
    "rates": "99 of 100 requests are answered within, in ms",
    "chain": "Real requests: CPU time of all proxies a request, in µs",
    "workers": "One worker and two: CPU time of the proxy a request, in µs",
}


def _value(case, sample):
    if case.idle:
        return sample.memory["each"] / 1024 if sample.memory else None
    if case.scenario == "rates":
        value = sample.latency_us.get("p99")
        return value / 1e3 if value is not None else None
    cpu = sample.cpu_total_us()
    if cpu is not None and case.scenario.startswith("large"):
        return cpu / case.body_bytes * 1e6
    return cpu


def draw(cases, folder):
    """Writes one picture for each scenario among the cases; returns their paths."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for scenario, title in _PICTURES.items():
        groups = []
        for case in cases:
            if case.scenario != scenario:
                continue
            bars = []
            for name in case.variants:
                samples = [one[name] for one in case.rounds if name in one]
                bars.append((name, [_value(case, s) for s in samples if not s.errors]))
            groups.append((case.name, bars))
        if groups:
            paths.append(os.path.join(folder, f"{scenario}.svg"))
            with open(paths[-1], "w", encoding="utf-8") as file:
                file.write(bar_chart(title, _NOTE, groups))
    return paths
