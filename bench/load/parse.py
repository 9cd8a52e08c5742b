"""Reads what wrk, /proc, nginx and httptp print. No I/O here, so that it can be tested.

Every function raises ValueError for text it does not understand: a figure that was
guessed is worse than a run that stops.
"""

import json
import re
from dataclasses import dataclass

_BYTE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_DURATION_UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}


def duration_us(text):
    """wrk's durations ("873.00us", "1.20ms", "2.05s", "1.50m") in microseconds."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(us|ms|s|m|h)", text.strip())
    if not match:
        raise ValueError(f"not a wrk duration: {text!r}")
    return float(match.group(1)) * _DURATION_UNITS_US[match.group(2)]


@dataclass
class WrkResult:
    requests: int  # answers wrk read to their end
    bytes_read: float  # everything wrk read, rounded by wrk to two decimals of its unit
    p50_us: float
    p99_us: float
    errors: dict  # name -> count, every counter wrk has, zeros included


def wrk_output(text):
    """The summary of `wrk --latency`. wrk leaves out error lines whose counts are zero."""
    requests = re.search(
        r"^\s*(\d+) requests in \S+, ([0-9.]+)([KMGT]?)B read\s*$", text, re.M
    )
    p50 = re.search(r"^\s*50%\s+(\S+)\s*$", text, re.M)
    p99 = re.search(r"^\s*99%\s+(\S+)\s*$", text, re.M)
    if not (requests and p50 and p99):
        raise ValueError("wrk printed no summary")
    errors = {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": 0}
    sockets = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
    )
    if sockets:
        for name, count in zip(("connect", "read", "write", "timeout"), sockets.groups()):
            errors[name] = int(count)
    status = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if status:
        errors["status"] = int(status.group(1))
    return WrkResult(
        requests=int(requests.group(1)),
        bytes_read=float(requests.group(2)) * _BYTE_UNITS[requests.group(3)],
        p50_us=duration_us(p50.group(1)),
        p99_us=duration_us(p99.group(1)),
        errors=errors,
    )


@dataclass
class LoadResult:
    """What a load says at its end, whichever program it was."""

    answers: int
    latency_us: dict  # "p50", "p99" and so on -> microseconds
    failures: dict  # why -> count; empty when all went well
    resumed: int = 0  # TLS sessions
    seconds: float = 0.0  # from the start to the last answer
    request_bytes: int = 0  # of what was answered, as the clients sent it
    response_bytes: int = 0  # of the answers, as they were recorded
    received_bytes: int = 0  # of the answers, as they came to the clients


def http_load_output(text):
    """The JSON that http_load prints."""
    try:
        page = json.loads(text)
        result = LoadResult(
            answers=int(page["answers"]),
            latency_us={
                name: float(value)
                for name, value in page["latency_us"].items()
                if name != "count"
            },
            failures={name: int(count) for name, count in page["failures"].items()},
            resumed=int(page["resumed"]),
            seconds=float(page["seconds"]),
            request_bytes=int(page["request_bytes"]),
            response_bytes=int(page["response_bytes"]),
            received_bytes=int(page["received_bytes"]),
        )
        if page["unfinished"]:
            result.failures["unanswered at the end"] = int(page["unfinished"])
        return result
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"http_load printed something else: {text[-300:]!r}") from error


def pss_bytes(text):
    """The memory of a process in /proc/PID/smaps_rollup; a shared page counts in parts."""
    match = re.search(r"^Pss:\s+(\d+) kB$", text, re.M)
    if not match:
        raise ValueError("not a smaps_rollup page")
    return int(match.group(1)) * 1024


def socket_bytes(text):
    """(sent, received) of all connections that `ss --info` lists."""
    counts = []
    for name in ("bytes_sent", "bytes_received"):
        counts.append(sum(map(int, re.findall(rf"\b{name}:(\d+)\b", text))))
    return tuple(counts)


@dataclass
class ProcStat:
    ppid: int
    state: str
    user_ticks: int
    sys_ticks: int


def proc_stat(text):
    """/proc/PID/stat. The command's name may hold blanks and parentheses itself, so the
    fields are counted from the last closing parenthesis."""
    _, parenthesis, rest = text.rpartition(")")
    fields = rest.split()
    if not parenthesis or len(fields) < 13:
        raise ValueError("not a /proc/PID/stat line")
    return ProcStat(
        ppid=int(fields[1]),
        state=fields[0],
        user_ticks=int(fields[11]),
        sys_ticks=int(fields[12]),
    )


def schedstat_ns(text):
    """Nanoseconds on a CPU, the first field of /proc/PID/task/TID/schedstat."""
    fields = text.split()
    if len(fields) != 3:
        raise ValueError("not a schedstat line")
    return int(fields[0])


def read_chars(text):
    """Bytes that read() returned to a process so far, from /proc/PID/io."""
    match = re.search(r"^rchar: (\d+)$", text, re.M)
    if not match:
        raise ValueError("not a /proc/PID/io page")
    return int(match.group(1))


def busy_ticks(text, cpus):
    """Ticks that the given CPUs were not idle, from /proc/stat: processes, interrupts and
    what the hypervisor took. `guest` is part of `user` already, so eight fields are read."""
    total = 0
    seen = set()
    for line in text.splitlines():
        match = re.match(r"cpu(\d+) ", line)
        if match and int(match.group(1)) in cpus:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(
                int, line.split()[1:9]
            )
            total += user + nice + system + irq + softirq + steal
            seen.add(int(match.group(1)))
    if seen != set(cpus):
        raise ValueError("a CPU is not in /proc/stat")
    return total


@dataclass
class AnswerHead:
    status: int
    head_bytes: int  # with the empty line
    body_bytes: int


def answer_head(received):
    """The head of an HTTP/1.1 answer at the start of `received`, None while incomplete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    lines = received[:end].decode("latin-1").split("\r\n")
    status = re.fullmatch(r"HTTP/1\.1 (\d{3})(?: .*)?", lines[0])
    if not status:
        raise ValueError(f"not an HTTP/1.1 status line: {lines[0]!r}")
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return AnswerHead(int(status.group(1)), end + 4, int(value))
    raise ValueError(f"status {status.group(1)} without Content-Length")


def stub_status_requests(text):
    """The count of requests in the page of nginx's stub_status."""
    match = re.search(r"requests\s*\n\s*\d+\s+\d+\s+(\d+)", text)
    if not match:
        raise ValueError("not a stub_status page")
    return int(match.group(1))


LINK_KEYS = (
    "linkBytesRawSent",
    "linkBytesWireSent",
    "linkBytesRawReceived",
    "linkBytesWireReceived",
    "linkBatchesSent",
    "linkMessagesSent",
    "linkStreams",  # of v2
)


def expvar_link(text):
    """The link counters of httptp's /expvar page: {key: count}, without those it lacks.

    A key may stand at the top or one object deeper."""
    page = json.loads(text)
    if not isinstance(page, dict):
        raise ValueError("the expvar page is not an object")
    places = [page] + [value for value in page.values() if isinstance(value, dict)]
    found = {}
    for key in LINK_KEYS:
        for place in places:
            value = place.get(key)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found[key] = int(value)
                break
    return found


def cpu_list(text):
    """taskset's notation: "0", "0,2", "0-3,8"."""
    cpus = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part.strip())
        if not match:
            raise ValueError(f"not a list of CPUs: {text!r}")
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if last < first:
            raise ValueError(f"not a list of CPUs: {text!r}")
        cpus.update(range(first, last + 1))
    return sorted(cpus)
