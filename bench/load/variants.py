"""The ways from wrk to the origin that are compared."""

import os
from dataclasses import dataclass

import configs
import procs

NAMES = (
    "direct",
    "nginx",
    "haproxy",
    "httptp",
    "chain-none",
    "chain-flate",
    "chain-snappy",
)
_START_TRIES_MAX = 3


@dataclass
class End:
    """One proxy of the way. A chain has two: "near" the client and "far" from it."""

    label: str
    process: procs.Process
    expvar_port: int = 0  # 0: has none


@dataclass
class Running:
    port: int  # where wrk connects
    ends: list


@dataclass
class Setup:
    """What every variant needs to start."""

    processes: procs.Processes
    folder: str
    programs: dict  # name -> path, for nginx, haproxy, httptp
    origin_port: int
    workers: int
    connections: int
    cpus: list


def programs_of(name):
    """The proxy programs a variant needs."""
    if name == "direct":
        return []
    return [name] if name in ("nginx", "haproxy") else ["httptp"]


def start(name, setup):
    """Starts the proxies of a variant and waits until they listen."""
    if name == "direct":
        return Running(setup.origin_port, [])
    for attempt in range(_START_TRIES_MAX):
        started = []
        try:
            return _start_once(name, setup, started)
        except BaseException as error:
            for process in reversed(started):
                setup.processes.stop(process)
            # Somebody may have taken a port between our choice and the start; the program
            # has ended then. One that hangs will hang again.
            ended = isinstance(error, procs.StartError) and error.process_ended
            if not ended or attempt == _START_TRIES_MAX - 1:
                raise


def stop(running, setup):
    for end in running.ends:
        setup.processes.stop(end.process)


def _start_once(name, setup, started):
    def launch(label, argv, ports):
        process = setup.processes.start(label, argv, setup.cpus)
        started.append(process)
        procs.wait_listening(process, ports)
        return process

    sizes = (setup.workers, setup.connections)
    if name == "nginx":
        (port,) = procs.free_ports(1)
        folder = os.path.join(setup.folder, "nginx")
        config = configs.write_nginx_proxy(folder, port, setup.origin_port, *sizes)
        argv = [setup.programs["nginx"], "-p", folder, "-e", "stderr", "-c", config]
        return Running(port, [End("nginx", launch("nginx", argv, [port]))])
    if name == "haproxy":
        (port,) = procs.free_ports(1)
        folder = os.path.join(setup.folder, "haproxy")
        config = configs.write_haproxy(folder, port, setup.origin_port, *sizes)
        argv = [setup.programs["haproxy"], "-db", "-f", config]  # -db: stay our child
        return Running(port, [End("haproxy", launch("haproxy", argv, [port]))])

    def httptp(label, port, expvar_port, flags):
        argv = [
            setup.programs["httptp"],
            f"-workers={setup.workers}",
            f"-in=127.0.0.1:{port}",
            f"-expvarAddr=127.0.0.1:{expvar_port}",
            *flags,
        ]
        program = label if label == "httptp" else f"httptp-{label}"
        return End(label, launch(program, argv, [port, expvar_port]), expvar_port)

    to_origin = ["-outType=http", f"-out=127.0.0.1:{setup.origin_port}"]
    if name == "httptp":
        port, expvar = procs.free_ports(2)
        return Running(port, [httptp("httptp", port, expvar, ["-inType=http", *to_origin])])

    compression = name.removeprefix("chain-")
    port, near_expvar, link, far_expvar = procs.free_ports(4)
    far = httptp(
        "far",
        link,
        far_expvar,
        ["-inType=teleport", f"-inCompress={compression}", *to_origin],
    )
    near = httptp(
        "near",
        port,
        near_expvar,
        [
            "-inType=http",
            "-outType=teleport",
            f"-out=127.0.0.1:{link}",
            f"-outCompress={compression}",
            "-outDelay=0",
        ],
    )
    return Running(port, [near, far])
