"""The machines of a soak run: two network namespaces with a cable between them.

The cable is soak_wire, which loses and delays packets. Everything that runs in the namespaces, and
they themselves, go when the network is closed; what a run that was killed has left behind goes when
the next one begins.
"""
import contextlib
import ctypes
import os
import signal
import subprocess

PREFIX = "htsoak-"
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)

NEAR_IP = "10.73.0.1"
FAR_IP = "10.73.0.2"


class SetUpError(Exception):
    """The machine does not allow what a run needs."""


def adopt_orphans():
    """The processes that httptp starts in its place become children of this one when it ends."""
    _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_with_parent():
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _ip(*arguments):
    done = subprocess.run(("ip", *arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetUpError(f"ip {' '.join(arguments)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _remove(namespace):
    for pid in _ip("netns", "pids", namespace).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "del", namespace)


def _remove_stale():
    for line in _ip("netns", "list").splitlines():
        namespace = line.split()[0]
        owner = namespace.removeprefix(PREFIX).partition("-")[0]
        if namespace.startswith(PREFIX) and not os.path.exists(f"/proc/{owner}"):
            _remove(namespace)


class Network:
    """Two namespaces, `near` and `far`. The cable is whole and quick at first."""

    def __init__(self, bin_dir, seed):
        if os.geteuid() != 0:
            raise SetUpError("this needs root: it makes network namespaces")
        if not os.path.exists("/dev/net/tun"):
            raise SetUpError("this needs /dev/net/tun: the cable between the namespaces is made of it")
        self.near = f"{PREFIX}{os.getpid()}-near"
        self.far = f"{PREFIX}{os.getpid()}-far"
        self._made = []
        self._wire = None
        try:
            _remove_stale()
            for namespace in (self.near, self.far):
                _ip("netns", "add", namespace)
                self._made.append(namespace)
                _ip("-n", namespace, "link", "set", "lo", "up")
            self._lay_wire(os.path.join(bin_dir, "soak_wire"), seed)
        except FileNotFoundError as error:
            self.close()
            raise SetUpError(f"missing: {error.filename}") from error
        except BaseException:
            self.close()
            raise

    def _lay_wire(self, binary, seed):
        self._wire = subprocess.Popen(
            (binary, self.near, self.far, str(seed)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, preexec_fn=_end_with_parent)
        if self._wire.stdout.readline() != "ready\n":
            raise SetUpError("soak_wire did not start")
        for namespace, address in ((self.near, NEAR_IP), (self.far, FAR_IP)):
            _ip("-n", namespace, "addr", "add", address + "/24", "dev", "wire")
            _ip("-n", namespace, "link", "set", "wire", "mtu", "9000", "up")

    def set_wire(self, lost_permille, delay_ms, megabits=0, queue_kib=0):
        self._wire.stdin.write(f"{lost_permille} {delay_ms} {megabits} {queue_kib}\n")
        self._wire.stdin.flush()
        if self._wire.stdout.readline() != "ok\n":
            raise RuntimeError("soak_wire has ended")

    def put_wire_first(self, priority):
        """It gets its turn before everything else on the machine, so that only its own rate and delay show."""
        os.sched_setscheduler(self._wire.pid, os.SCHED_FIFO, os.sched_param(priority))

    def start(self, namespace, argv, **options):
        """A process in a namespace; its id is that of the program."""
        return subprocess.Popen(("ip", "netns", "exec", namespace, *argv),
                                preexec_fn=_end_with_parent, **options)

    def reset_connections(self, port, only_one):
        """Resets TCP connections from near to that port of far; returns how many."""
        ss = ("ip", "netns", "exec", self.near, "ss", "-Htn")
        of_port = ("dst", FAR_IP, "dport", "=", str(port))
        listed = subprocess.run((*ss, *of_port), capture_output=True, text=True, check=True).stdout
        ports = [line.split()[3].rpartition(":")[2] for line in listed.splitlines()]
        wanted = of_port
        if only_one and ports:
            wanted = (*of_port, "and", "sport", "=", ports[0])
        killed = subprocess.run((*ss, "-K", *wanted), capture_output=True, text=True, check=False)
        return len(killed.stdout.splitlines())

    @contextlib.contextmanager
    def inside(self, namespace):
        """Sockets made meanwhile are of that namespace."""
        with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
            if _LIBC.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                _LIBC.setns(home.fileno(), CLONE_NEWNET)

    def close(self):
        if self._wire:
            self._wire.kill()
            self._wire.wait()
            self._wire = None
        while self._made:
            _remove(self._made.pop())
