"""The processes of a soak run: origins, and ends of the link that are killed, replaced and measured."""
import http.client
import json
import os
import re
import signal
import subprocess
import time

PATIENCE_S = 30  # for what should happen at once; a sanitizer build on a busy machine is slow


class Children:
    """What became of the children of this process, those that it has adopted included."""

    def __init__(self):
        self._ends = {}

    def end_of(self, pid):
        """The wait status of an ended child, once; None: it runs."""
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == 0:
                break
            self._ends[ended] = status
        return self._ends.pop(pid, None)

    def wait(self, pid, seconds=PATIENCE_S):
        deadline = time.monotonic() + seconds
        while (status := self.end_of(pid)) is None:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        return status


def describe(status):
    if status is None:
        return "it does not end"
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit code {os.WEXITSTATUS(status)}"


class Server:
    """A process that listens, is killed without a word, and started again."""

    def __init__(self, world, name, namespace, argv):
        self.name = name
        self.namespace = namespace
        self.world = world
        self._argv = argv
        self._log_path = os.path.join(world.folder, name + ".log")
        self._log = open(self._log_path, "ab")
        self._read_to = 0
        self._popens = []  # kept: Popen waits for children it forgets
        self.pid = None

    def start(self):
        self._read_to = os.path.getsize(self._log_path)
        popen = self.world.network.start(self.namespace, self._argv, stdout=self._log,
                                         stderr=self._log, env=self.world.environment)
        popen.returncode = 0  # waited for here, not there
        self._popens.append(popen)
        self.pid = popen.pid
        self.ready = False

    def new_log(self):
        """The whole lines written since the last call."""
        with open(self._log_path, "rb") as log:
            log.seek(self._read_to)
            text = log.read()
        whole = text.rfind(b"\n") + 1
        self._read_to += whole
        return text[:whole].decode(errors="replace")

    def watch(self):
        """Takes note of what it says, and of its end: nobody has asked for one."""
        if self.pid is None:
            return
        text = self.new_log()
        if "listening on" in text:
            self.ready = True
        self.heard(text)
        status = self.world.children.end_of(self.pid)
        if status is not None:
            self.world.crashed(f"{self.name} (pid {self.pid}): {describe(status)}", self._log_path)
            self.start()  # the run goes on, to its report

    def heard(self, text):
        pass

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.pid is not None and not self.ready:
            self.watch()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start; see {self._log_path}")
            time.sleep(0.01)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.world.children.wait(self.pid)
        self.pid = None


class End(Server):
    """An httptp, and those that take its place. Its flags are in a file that changes."""

    def __init__(self, world, name, namespace, flags, variable, metrics_port):
        self.config = os.path.join(world.folder, name + ".conf")
        self._flags = flags
        self._variable = variable  # flag -> the values that it may take while it runs
        self._metrics_port = metrics_port
        self._next = None       # pid of the one that is starting in its place
        self._draining = {}     # pid of one that was replaced -> when it must have ended
        super().__init__(world, name, namespace,
                         (os.path.join(world.bin_dir, "httptp"), f"-config={self.config}"))
        self.write_config(None)

    def write_config(self, random):
        """With values by chance, or the first ones."""
        lines = [f"{name} = {value}" for name, value in self._flags.items()]
        for name, values in self._variable.items():
            lines.append(f"{name} = {random.choice(values) if random else values[0]}")
        with open(self.config + ".new", "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.replace(self.config + ".new", self.config)

    def start(self):
        self._next = None
        super().start()

    def is_steady(self):
        return self.pid is not None and self.ready and self._next is None

    def reload(self, random):
        self.write_config(random)
        os.kill(self.pid, signal.SIGHUP)

    def replace(self):
        self._next = 0
        os.kill(self.pid, signal.SIGUSR2)

    def heard(self, text):
        if started := re.search(r"started a new process: pid (\d+)", text):
            self._next = int(started[1])
        if "the new process has failed" in text or "was not reloaded" in text:
            self.world.crashed(f"{self.name}: a replacement or a reload has failed", self._log_path)
            self._next = None
        if "the new process serves" in text:
            self._draining[self.pid] = time.monotonic() + PATIENCE_S
            self.pid, self._next = self._next, None

    def watch(self):
        super().watch()
        for pid, deadline in list(self._draining.items()):
            status = self.world.children.end_of(pid)
            if status is None and time.monotonic() < deadline:
                continue
            del self._draining[pid]
            if status != 0:
                self.world.crashed(f"{self.name}, replaced (pid {pid}): {describe(status)}",
                                   self._log_path)

    def is_alone(self):
        return self.is_steady() and not self._draining

    def stop(self):
        """SIGTERM, and exit code 0."""
        os.kill(self.pid, signal.SIGTERM)
        status = self.world.children.wait(self.pid)
        if status != 0:
            self.world.crashed(f"{self.name} at its end: {describe(status)}", self._log_path)
        self.pid = None

    def counters(self):
        with self.world.network.inside(self.namespace):
            connection = http.client.HTTPConnection("127.0.0.1", self._metrics_port, timeout=PATIENCE_S)
            connection.request("GET", "/expvar")
        try:
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def describe_descriptors(self):
        """The counters, what each descriptor is, and which connections those are that are sockets."""
        counters = self.counters()
        lines = [f"{name} {counters[name]}" for name in ("inConns", "outConns")]
        folder = f"/proc/{self.pid}/fd"
        for number in sorted(os.listdir(folder), key=int):
            try:
                lines.append(f"{number} {os.readlink(os.path.join(folder, number))}")
            except FileNotFoundError:
                lines.append(f"{number} closed meanwhile")
        with self.world.network.inside(self.namespace):
            sockets = subprocess.run(["ss", "-Hanpe"], capture_output=True, text=True, check=True).stdout
        lines += [line for line in sockets.splitlines() if f"pid={self.pid}," in line]
        return "\n".join(lines) + "\n"

    def memory_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"^VmRSS:\s+(\d+) kB", status.read(), re.MULTILINE)[1])
