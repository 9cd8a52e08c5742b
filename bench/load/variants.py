"""The ways from the load to the origin that are compared."""

import os
import re
from dataclasses import dataclass, field

import configs
import procs

NAMES = (
    "direct",
    "raw",
    "nginx",
    "haproxy",
    "httptp",
    "chain-none",
    "chain-flate",
    "chain-snappy",
    "nginx-gzip",
    "haproxy-h2",
    "nginx-2w",
    "haproxy-2w",
    "httptp-2w",
    "chain-flate-2w",
)
_CHAINS = ("chain-none", "chain-flate", "chain-snappy", "nginx-gzip", "haproxy-h2")
_START_TRIES_MAX = 3


@dataclass
class End:
    """One proxy of the way. A chain has two: "near" the client and "far" from it."""

    label: str
    process: procs.Process
    expvar_port: int = 0  # 0: has none


@dataclass
class Running:
    port: int  # where the load connects
    ends: list
    link_port: int = 0  # of the far end of a chain


@dataclass
class Setup:
    """What every variant needs to start."""

    processes: procs.Processes
    folder: str
    programs: dict  # name -> path, for nginx, haproxy, httptp, raw_relay
    origin_port: int
    workers: int
    connections: int
    cpus: list
    tls: configs.Tls = None  # clients come with TLS


def split(name):
    """("httptp-2w") -> ("httptp", 2); without such an end the number is None."""
    match = re.fullmatch(r"(.+)-(\d+)w", name)
    return (match.group(1), int(match.group(2))) if match else (name, None)


def is_chain(name):
    return split(name)[0] in _CHAINS


def programs_of(name):
    """The proxy programs a variant needs."""
    base, _ = split(name)
    if base == "direct":
        return []
    if base == "raw":
        return ["raw_relay"]
    for program in ("nginx", "haproxy"):
        if base.startswith(program):
            return [program]
    return ["httptp"]


def start(name, setup):
    """Starts the proxies of a variant and waits until they listen."""
    if name == "direct":
        return Running(setup.origin_port, [])
    return launch(setup, lambda launcher: launcher.variant(name))


def launch(setup, way):
    """What `way` starts with the Launcher it gets, again where a port was lost; returns what it
    returns."""
    for attempt in range(_START_TRIES_MAX):
        launcher = Launcher(setup)
        try:
            return way(launcher)
        except BaseException as error:
            for process in reversed(launcher.started):
                setup.processes.stop(process)
            # Somebody may have taken a port between our choice and the start; the program
            # has ended then. One that hangs will hang again.
            ended = isinstance(error, procs.StartError) and error.process_ended
            if not ended or attempt == _START_TRIES_MAX - 1:
                raise


def stop(running, setup):
    for end in running.ends:
        setup.processes.stop(end.process)


@dataclass
class Launcher:
    """Starts proxies; knows which, so that they can be ended when one more does not start."""

    setup: Setup
    workers: int = field(init=False)
    started: list = field(default_factory=list)

    def __post_init__(self):
        self.workers = self.setup.workers

    def variant(self, name):
        base, workers = split(name)
        self.workers = workers or self.workers
        if base in _CHAINS:
            return self._chain(base)
        (port,) = procs.free_ports(1)
        single = {
            "raw": self._raw,
            "nginx": self._nginx,
            "haproxy": self._haproxy,
            "httptp": self.httptp,
        }[base]
        return Running(port, [single(base, port, self.setup.origin_port, self.setup.tls)])

    def link(self, near_flags, far_flags):
        """Two httptp with a link between them."""
        port, link = procs.free_ports(2)
        origin = self.setup.origin_port
        far = self.httptp("far", link, origin, flags=["-inType=teleport", *far_flags])
        near = self.httptp("near", port, link, flags=["-outType=teleport", *near_flags])
        return Running(port, [near, far], link)

    def _chain(self, base):
        if base.startswith("chain-"):
            compression = base.removeprefix("chain-")
            return self.link(
                ["-outProtocol=v0", f"-outCompress={compression}", "-outDelay=0"],
                ["-inProtocol=v0", f"-inCompress={compression}"],
            )
        port, link = procs.free_ports(2)
        origin = self.setup.origin_port
        if base == "nginx-gzip":
            far = self._nginx("far", link, origin, more=configs.NGINX_GZIP_FAR)
            near = self._nginx("near", port, link, more=configs.NGINX_GZIP_NEAR)
        else:
            far = self._haproxy("far", link, origin, h2_in=True)
            near = self._haproxy("near", port, link, h2_out=True)
        return Running(port, [near, far], link)

    def _start(self, label, argv, ports):
        process = self.setup.processes.start(label, argv, self.setup.cpus)
        self.started.append(process)
        procs.wait_listening(process, ports)
        return process

    def _raw(self, label, port, to_port, _tls=None):
        argv = [self.setup.programs["raw_relay"], str(port), str(to_port)]
        return End(label, self._start("raw_relay", argv, [port]))

    def _nginx(self, label, port, to_port, tls=None, more=""):
        folder = os.path.join(self.setup.folder, f"nginx-{label}")
        config = configs.write_nginx_proxy(
            folder, port, to_port, self.workers, self.setup.connections, tls, more
        )
        argv = [self.setup.programs["nginx"], "-p", folder, "-e", "stderr", "-c", config]
        return End(label, self._start(f"nginx-{label}", argv, [port]))

    def _haproxy(self, label, port, to_port, tls=None, **h2):
        folder = os.path.join(self.setup.folder, f"haproxy-{label}")
        config = configs.write_haproxy(
            folder, port, to_port, self.workers, self.setup.connections, tls, **h2
        )
        argv = [self.setup.programs["haproxy"], "-db", "-f", config]  # -db: stay our child
        return End(label, self._start(f"haproxy-{label}", argv, [port]))

    def httptp(self, label, port, to_port, tls=None, flags=()):
        (expvar_port,) = procs.free_ports(1)
        # Settings that flags do not name are the defaults: this is where a link has its type.
        argv = [
            self.setup.programs["httptp"],
            f"-workers={self.workers}",
            "-inType=https" if tls else "-inType=http",
            f"-in=127.0.0.1:{port}",
            "-outType=http",
            f"-out=127.0.0.1:{to_port}",
            f"-expvarAddr=127.0.0.1:{expvar_port}",
            "-outTimeout=1m0s",  # as the peers: on a busy machine 3 s may pass without a turn
            *([f"-inTLSCert={tls.certificate}", f"-inTLSKey={tls.key}"] if tls else []),
        ]
        given = {flag.partition("=")[0] for flag in flags}
        argv = [one for one in argv if one.partition("=")[0] not in given] + list(flags)
        process = self._start(f"httptp-{label}", argv, [port, expvar_port])
        return End(label, process, expvar_port)
