"""What is measured: the scenarios, each a list of cases."""

import resource
from dataclasses import dataclass, field

import loads

PLAIN_PEERS = ["nginx", "haproxy"]


@dataclass
class Case:
    """One load and the variants that get it in turn, in every round."""

    scenario: str
    name: str
    variants: list
    references: list  # what CPU time is divided by in the table: variants, or BEST
    unit: str = "request"  # what is counted, and CPU time is divided by
    body_bytes: int = 0  # of an answer, where all have the same length
    connections: int = 64
    tls: int = 0  # 12 or 13: clients come with TLS
    pairs: bool = False  # recorded traffic, from an origin that knows it
    shared_cpus: bool = False  # proxy and load use all CPUs of both
    idle: bool = False  # memory instead of time
    wrk: bool = False
    resumed: bool = None  # TLS sessions: all, none, or None: either
    flags: list = field(default_factory=list)  # of http_load
    rounds: list = field(default_factory=list)  # one dict a round: variant -> Sample
    taken: dict = field(default_factory=dict)  # when and where, see report.about()

    def load(self):
        if self.wrk:
            return loads.Wrk(self.body_bytes, self.connections)
        flags = list(self.flags)
        if self.body_bytes:
            flags += [f"--target=/{self.body_bytes}", f"--body={self.body_bytes}"]
        if self.tls:
            flags.append(f"--tls={self.tls}")
        return loads.HttpLoad(self.connections, flags, self.resumed)


BEST = "best peer"  # the cheaper of nginx and haproxy in the same round


def size_name(size):
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def _small(options):
    return [
        Case(
            "small",
            f"{size_name(size)}, {connections} connections",
            ["direct", "raw", *PLAIN_PEERS, "httptp", "chain-none", "chain-flate", "chain-snappy"],
            ["nginx", "haproxy", "raw"],
            body_bytes=size,
            connections=connections,
            wrk=True,
        )
        for size in options.bodies or [256]
        for connections in options.connections or [64, 512]
    ]


def _large(options):
    return [
        Case(
            "large",
            f"{size_name(size)}, {connections} connections",
            ["raw", *PLAIN_PEERS, "httptp"],
            ["nginx", "haproxy", BEST],
            body_bytes=size,
            connections=connections,
            wrk=True,
        )
        for size in options.bodies or [65536, 1048576]
        for connections in options.connections or [64]
    ]


def _large_links(options):
    return [
        Case(
            "large-links",
            f"{size_name(size)}, {connections} connections",
            ["nginx", "httptp", "chain-none", "chain-flate", "chain-snappy"],
            ["nginx"],
            body_bytes=size,
            connections=connections,
            wrk=True,
        )
        for size in options.bodies or [65536, 1048576]
        for connections in options.connections or [64]
    ]


def _tls(options):
    return [
        Case(
            "tls",
            f"TLS 1.3, {size_name(size)}, {connections} connections",
            [*PLAIN_PEERS, "httptp"],
            ["nginx", "haproxy", BEST],
            body_bytes=size,
            connections=connections,
            tls=13,
        )
        for size in options.bodies or [256, 65536]
        for connections in options.connections or [64]
    ]


def _handshakes(options):
    return [
        Case(
            "handshakes",
            f"TLS 1.{version - 10}, {'resumed' if resumed else 'full'}",
            [*PLAIN_PEERS, "httptp"],
            ["nginx", "haproxy", BEST],
            unit="handshake",
            connections=connections,
            tls=version,
            resumed=resumed,
            flags=["--handshake-only", *(["--resume"] if resumed else [])],
        )
        for connections in options.connections or [64]
        for version in (13, 12)
        for resumed in (False, True)
    ]


def _connections(options):
    return [
        Case(
            "connections",
            f"{size_name(size)}, {connections} at a time",
            ["raw", *PLAIN_PEERS, "httptp"],
            ["nginx", "haproxy", "raw"],
            unit="connection",
            body_bytes=size,
            connections=connections,
            flags=["--close-each"],
        )
        for size in options.bodies or [256]
        for connections in options.connections or [64]
    ]


def idle_connections():
    """10,000, or what httptp takes under this system's limit of open files: half of it are for
    clients, the rest for their requests."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 10000 if hard == resource.RLIM_INFINITY else min(10000, hard // 2 - 100)


def _idle(options):
    return [
        Case(
            "idle",
            f"{connections} connections, {f'TLS 1.{version - 10}' if version else 'plain'}",
            [*PLAIN_PEERS, "httptp"],
            [],
            unit="connection",
            body_bytes=256,
            connections=connections,
            tls=version,
            idle=True,
            flags=["--hold"],
        )
        for connections in options.connections or [idle_connections()]
        for version in (0, 13)
    ]


def _rates(options):
    return [
        Case(
            "rates",
            f"{rate} requests/s, {size_name(size)}, {connections} connections",
            ["direct", "raw", *PLAIN_PEERS, "httptp", "chain-flate"],
            ["nginx", "haproxy"],
            body_bytes=size,
            connections=connections,
            flags=[f"--rate={rate}"],
        )
        for size in options.bodies or [256]
        for connections in options.connections or [64]
        for rate in options.rates or [5000, 15000, 25000]
    ]


def _chain(options):
    return [
        Case(
            "chain",
            f"{name}, {connections} connections",
            [
                "nginx",
                "httptp",
                "chain-none",
                "chain-flate",
                "chain-snappy",
                "nginx-gzip",
                "haproxy-h2",
            ],
            ["nginx", "nginx-gzip", "haproxy-h2"],
            connections=connections,
            pairs=True,
        )
        for name in options.corpora
        for connections in options.connections or [64]
    ]


def _workers(options):
    connections = (options.connections or [64])[0]
    return [
        Case(
            "workers",
            f"256 bytes, {connections} connections, two CPUs for all",
            ["nginx", "nginx-2w", "haproxy", "haproxy-2w", "httptp", "httptp-2w"],
            ["nginx", "httptp"],
            body_bytes=256,
            connections=connections,
            shared_cpus=True,
            wrk=True,
        ),
        # Compression makes the proxies ten times as dear as the load, which then is no limit.
        Case(
            "workers",
            f"64 KiB over a flate link, {connections} connections, two CPUs for all",
            ["chain-flate", "chain-flate-2w"],
            ["chain-flate"],
            body_bytes=65536,
            connections=connections,
            shared_cpus=True,
            wrk=True,
        ),
    ]


SCENARIOS = {
    "small": _small,
    "large": _large,
    "large-links": _large_links,
    "tls": _tls,
    "handshakes": _handshakes,
    "connections": _connections,
    "idle": _idle,
    "rates": _rates,
    "chain": _chain,
    "workers": _workers,
}


def cases(options):
    """The cases of the scenarios asked for, with the variants asked for."""
    result = []
    for name in options.scenarios:
        for case in SCENARIOS[name](options):
            if options.variants:
                case.variants = [one for one in case.variants if one in options.variants]
            if case.variants:
                result.append(case)
    return result
