"""Samples of several rounds -> what a reader gets (Markdown). No I/O, so that it can be tested."""

import links
import report

_PARTS = ("p50", "p99")
RATIO_PART = 0.9  # of the codec's alone, that the default link must reach
_COLUMNS = (
    "link",
    "ratio",
    "of codec",
    "wire B to far",
    "wire B to near",
    "messages a batch to far",
    "to near",
    "CPU µs near",
    "far",
    "both (min–max)",
    *(f"/ {reference}" for reference in links.REFERENCES),
    "requests/s",
    "p50 ms",
    "p99 ms",
    "p50 added",
    "p99 added",
    "errors",
)
_BYTES_COLUMNS = (
    "link",
    "HTTP B to far",
    "HTTP B to near",
    "received B",
    "link B to far",
    "link B to near",
)


def _samples(rounds, name):
    return [samples[name] for samples in rounds if name in samples]


def _median(samples, value):
    return report.median([value(sample) for sample in samples])


def ratio(rounds, name):
    return _median(_samples(rounds, name), lambda sample: sample.ratio())


def of_codec(rounds, name, codec):
    """The ratio as a part of what the codec alone has, whose table is `codec`: name -> ratio."""
    alone = codec.get(links.LINKS[name].codec) if name in links.LINKS else None
    mine = ratio(rounds, name)
    return mine / alone if mine and alone else None


def paired(rounds, name, reference, value):
    """`value(sample of name, sample of reference)` of each round in which both had no errors."""
    found = []
    for samples in rounds:
        mine, other = samples.get(name), samples.get(reference)
        if mine and other and not mine.errors and not other.errors:
            found.append(value(mine, other))
    return found


def added_us(rounds, name, part):
    """Microseconds more than without a link, in the same round."""
    if name == links.NO_LINK:
        return []
    return paired(
        rounds,
        name,
        links.NO_LINK,
        lambda mine, other: mine.latency_us[part] - other.latency_us[part],
    )


def cpu_parts(rounds, name, reference):
    """CPU time of both ends over that of the reference, in the same round."""
    return paired(
        rounds,
        name,
        reference,
        lambda mine, other: mine.cpu_total_us() / other.cpu_total_us(),
    )


def _ms(us):
    return report.figure(us / 1e3 if us is not None else None)


def _row(rounds, name, codec):
    samples = _samples(rounds, name)
    figure = report.figure

    def of(place, key):
        return figure(_median(samples, lambda sample: getattr(sample, place).get(key)))

    def cpu(end):
        return figure(report.median([sum(s.cpu_us[end]) for s in samples if end in s.cpu_us]))

    bad = sum(1 for sample in samples if sample.errors)
    return [
        name,
        figure(ratio(rounds, name)),
        figure(of_codec(rounds, name, codec)),
        of("wire_bytes", "to_far"),
        of("wire_bytes", "to_near"),
        of("batch", "to_far"),
        of("batch", "to_near"),
        cpu("near"),
        cpu("far"),
        report.spread([sample.cpu_total_us() for sample in samples]),
        *(figure(report.median(cpu_parts(rounds, name, one))) for one in links.REFERENCES),
        figure(_median(samples, lambda sample: sample.per_s)),
        *(_ms(_median(samples, lambda s, part=part: s.latency_us.get(part))) for part in _PARTS),
        *(_ms(report.median(added_us(rounds, name, part))) for part in _PARTS),
        f"**{bad} of {len(samples)} rounds**" if bad else "0",
    ]


def _bytes_row(rounds, name):
    samples = _samples(rounds, name)
    http = [[s.http_bytes.get(key) for s in samples] for key in ("to_far", "to_near", "received")]
    raw = [[s.raw_bytes.get(key) for s in samples] for key in ("to_far", "to_near")]
    return [name, *(report.figure(report.median(values)) for values in http + raw)]


def case_text(title, rounds, names, codec):
    """Everything about one recording."""
    names = [name for name in names if _samples(rounds, name)]
    parts = [
        f"## {title}",
        report.table(_COLUMNS, [_row(rounds, name, codec) for name in names]),
        "Bytes a request, before the link's compression:",
        report.table(_BYTES_COLUMNS, [_bytes_row(rounds, name) for name in names]),
    ]
    for title, lines in (("", verdicts(rounds, codec)), ("Errors:", errors_of(rounds))):
        if lines:
            parts.append("\n".join([title, *(f"- {line}" for line in lines)]).strip())
    return "\n\n".join(parts) + "\n"


def verdicts(rounds, codec):
    """What must be true of the default link, and what is."""
    lines = []
    part = of_codec(rounds, "v2", codec)
    if part:
        word = "reaches" if part >= RATIO_PART else "**does not reach**"
        lines.append(f"ratio of v2: {part:.2f} of the codec's alone, {word} {RATIO_PART}")
    for reference in links.REFERENCES:
        parts = cpu_parts(rounds, "v2", reference)
        if parts:
            word = "below" if report.median(parts) < 1 else "**not below**"
            lines.append(f"CPU of v2: {report.spread(parts)} of {reference}'s, {word} it")
    return lines


def errors_of(rounds):
    return [
        f"round {index + 1}, {name}: {error}"
        for index, samples in enumerate(rounds)
        for name, sample in samples.items()
        for error in sample.errors
    ]


def codec_ratios(text):
    """Name -> ratio, from the table that link_codec prints. ValueError for anything else."""
    lines = text.strip().split("\n")
    if len(lines) < 3 or lines[1].split()[:2] != ["codec", "ratio"]:
        raise ValueError(f"link_codec printed something else: {text[-300:]!r}")
    found = {}
    for line in lines[2:]:
        cells = line.split()
        found[cells[0]] = float(cells[1])
    return found
