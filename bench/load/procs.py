"""Starts, pins, watches and ends the processes of a run.

Whatever happens to the benchmark, nothing it started may stay: every process is a child
in its own process group, is ended in `Processes.stop_all`, and is signalled by the
kernel when the benchmark itself is killed.
"""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import parse

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_SECONDS_MAX = 20.0
_STOP_SECONDS_MAX = 3.0
_LOG_BYTES_MAX = 64 << 20  # what one process may write to its log
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class StartError(Exception):
    """A process ended or did not listen in time."""

    def __init__(self, message, process_ended):
        super().__init__(message)
        self.process_ended = process_ended


class Process:
    """One started program. `label` names it in messages, `log` holds its output."""

    def __init__(self, label, popen, log):
        self.label = label
        self.popen = popen
        self.log = log

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def log_tail(self, bytes_max=1500):
        try:
            with open(self.log, "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - bytes_max))
                return file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""


class Processes:
    def __init__(self, folder):
        self._folder = folder
        self._running = []
        self._started_count = 0

    def start(self, label, argv, cpus):
        self._started_count += 1
        log = os.path.join(self._folder, f"{self._started_count:05d}-{label}.log")

        def in_child():
            os.sched_setaffinity(0, cpus)
            resource.setrlimit(resource.RLIMIT_FSIZE, (_LOG_BYTES_MAX, _LOG_BYTES_MAX))
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

        with open(log, "wb") as output:
            popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                # A group of its own: Ctrl-C in the terminal then reaches the benchmark
                # only, and a master that had to be killed can be killed with its workers.
                start_new_session=True,
                preexec_fn=in_child,
            )
        process = Process(label, popen, log)
        self._running.append(process)
        return process

    def stop(self, process):
        """SIGTERM, then SIGKILL to the group. Returns when the process is gone."""
        if process not in self._running:
            return
        if process.alive():
            process.popen.send_signal(signal.SIGTERM)
            try:
                process.popen.wait(_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                print(
                    f"  {process.label} did not end within {_STOP_SECONDS_MAX:.0f} s of SIGTERM:"
                    " killed",
                    file=sys.stderr,
                )
        try:
            # Also after a clean end: workers that outlive their master are in the group.
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.popen.wait()
        self._running.remove(process)
        try:
            os.unlink(process.log)
        except OSError:
            pass

    def stop_all(self):
        for process in reversed(list(self._running)):
            self.stop(process)


def free_port():
    """A port nobody listens on now. It is free again when this returns, so whoever gets it
    must be ready to find it taken and to ask for another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_ports(count):
    ports = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)


def _sockets_of(pid):
    """Names of the sockets that the process has, as in its /proc/PID/fd."""
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except FileNotFoundError:
                continue  # closed while we looked
    except (FileNotFoundError, PermissionError):
        pass  # it has ended, or is just ending
    return found


def _listens(process, port):
    """Looks in the kernel's table instead of connecting: a teleport listener would take a
    connection without a greeting for a broken peer. Somebody else who has taken the port must
    not pass for the process."""
    wanted = f":{port:04X}"
    inodes = []
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            fields = line.split()
            if fields[3] == "0A" and fields[1].endswith(wanted):
                inodes.append(fields[9])
    if not inodes:
        return False
    sockets = _sockets_of(process.pid)
    return any(f"socket:[{inode}]" in sockets for inode in inodes)


def wait_listening(process, ports):
    deadline = time.monotonic() + _START_SECONDS_MAX
    waiting = list(ports)
    while waiting:
        if not process.alive():
            raise StartError(
                f"{process.label} ended with code {process.popen.returncode} at its start:\n"
                f"{process.log_tail() or '(it said nothing)'}",
                process_ended=True,
            )
        if time.monotonic() > deadline:
            raise StartError(
                f"{process.label} does not listen on port {waiting[0]} after"
                f" {_START_SECONDS_MAX:.0f} s:\n{process.log_tail() or '(it said nothing)'}",
                process_ended=False,
            )
        waiting = [port for port in waiting if not _listens(process, port)]
        if waiting:
            time.sleep(0.01)


def tree(pid):
    """The process and all its descendants."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    stat = parse.proc_stat(file.read())
            except (OSError, ValueError):
                continue  # ended while we looked
            children.setdefault(stat.ppid, []).append(int(name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


@dataclass
class CpuReading:
    on_cpu_ns: int  # scheduler's clock, exact to a timer tick
    user_ticks: int  # split of the time, sampled at ticks and scaled by the kernel
    sys_ticks: int


@dataclass
class CpuTime:
    user_s: float
    sys_s: float

    @property
    def total_s(self):
        return self.user_s + self.sys_s


def read_cpu(pids):
    """CPU time of all threads of these processes so far. OSError when one is gone."""
    reading = CpuReading(0, 0, 0)
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = parse.proc_stat(file.read())
        if stat.state in "ZX":
            raise ProcessLookupError(f"process {pid} has ended")
        reading.user_ticks += stat.user_ticks
        reading.sys_ticks += stat.sys_ticks
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                    reading.on_cpu_ns += parse.schedstat_ns(file.read())
            except FileNotFoundError:
                pass  # no scheduler statistics in this kernel: the ticks must do
    return reading


def read_chars(pid):
    """Bytes the process has read. wrk takes its answers with read(), so this tells at any
    moment how much of them it has."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return parse.read_chars(file.read())


def cpu_between(before, after):
    """CPU time between two readings of the same processes.

    The total is the scheduler's count of nanoseconds; the ticks, 10 ms each, only say how
    it splits into user and system time. When the two disagree by more than rounding
    explains (no scheduler statistics, or a thread ended and took its count along), the
    ticks are the whole truth."""
    user = (after.user_ticks - before.user_ticks) / TICKS_PER_SECOND
    system = (after.sys_ticks - before.sys_ticks) / TICKS_PER_SECOND
    ticks = user + system
    exact = (after.on_cpu_ns - before.on_cpu_ns) / 1e9
    if abs(exact - ticks) > 0.05 * ticks + 4 / TICKS_PER_SECOND:
        return CpuTime(user, system)
    if ticks == 0:  # too little for the ticks to see; they cannot say how it splits
        return CpuTime(0.0, max(0.0, exact))
    return CpuTime(exact * user / ticks, exact * system / ticks)


def read_busy_s(cpus):
    """Seconds the CPUs have been busy with anything at all."""
    with open("/proc/stat", encoding="ascii") as file:
        return parse.busy_ticks(file.read(), cpus) / TICKS_PER_SECOND
