"""Raw results as JSON: written by `run`, read by `show`."""

import dataclasses
import json

import measure
import suite


def _rounded(value):
    """Five digits that count: what is behind them is noise, and files are read by people too."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    return value


def _without_defaults(sample):
    found = dataclasses.asdict(sample)
    return {key: value for key, value in found.items() if value not in (None, {}, [])}


def write(path, cases):
    """Replaces the cases in the file that have been measured anew, and keeps the others."""
    try:
        kept = read(path)
    except FileNotFoundError:
        kept = []
    new = {(case.scenario, case.name): case for case in cases if any(case.rounds)}
    merged = [new.pop((case.scenario, case.name), case) for case in kept] + list(new.values())
    order = list(suite.SCENARIOS)
    merged.sort(key=lambda case: order.index(case.scenario))
    pages = []
    for case in merged:
        page = dataclasses.asdict(dataclasses.replace(case, rounds=[]))
        page["rounds"] = [
            {name: _without_defaults(sample) for name, sample in samples.items()}
            for samples in case.rounds
        ]
        pages.append(_rounded(page))
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(_lines(page) for page in pages) + "\n]\n")


def _lines(page):
    """One line a round, so that differences can be read."""
    rounds = ",\n".join("  " + json.dumps(one) for one in page.pop("rounds"))
    head = json.dumps(page, ensure_ascii=False)
    return f'{head[:-1]}, "rounds": [\n{rounds}\n]}}'


def read(path):
    with open(path, encoding="utf-8") as file:
        pages = json.load(file)
    cases = []
    for page in pages:
        rounds = page.pop("rounds")
        case = suite.Case(**page)
        case.rounds = [
            {name: measure.Sample(**sample) for name, sample in samples.items()}
            for samples in rounds
        ]
        cases.append(case)
    return cases
