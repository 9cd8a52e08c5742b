"""Running compilers and the example programs, with deadlines, for the tests of this folder."""
import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HT_BUILD_DIR", ROOT / "build/release"))
INCLUDE = ROOT / "include"
PATIENCE_S = 60  # for what should happen at once; a sanitizer build on a loaded machine is slow
BUILD_PATIENCE_S = 1800

CXX_COMPILERS = ("g++", "clang++-14")
C_COMPILERS = ("gcc", "clang-14")
CXX_STANDARDS = ("c++20", "c++2b")  # the second one as clang 14 calls C++23
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")


def run(*command, patience_s=PATIENCE_S, given="", **more):
    """The output of a command, which must succeed; what it printed is in the failure. It can read `given`."""
    done = subprocess.run([str(part) for part in command], input=given, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=patience_s, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


@contextlib.contextmanager
def hello_server(program, address, env=None):
    """A running hello_server; gives the address that it listens on. Ended by SIGTERM, with code 0."""
    process = subprocess.Popen([program, address], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               text=True, env=env)
    try:
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        line = process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            raise AssertionError(f"{program} {address}: printed {line!r}")
        yield line.removeprefix("listening on ").strip()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=PATIENCE_S)
        if process.returncode != 0 or not rest.endswith(" requests\n"):
            raise AssertionError(f"{program}: exit code {process.returncode}, {rest!r}")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def check_examples(case, folder, addresses, library=None, env=None):
    """Runs the examples that are in `folder` against each other, over each of the addresses, and
    hello.py as well if the shared `library` is given."""
    folder = pathlib.Path(folder)
    env = {**os.environ, **(env or {})}
    python = [sys.executable, ROOT / "examples/hello.py"]
    for address in addresses:
        with hello_server(folder / "hello_server", address, env) as listening:
            case.assertEqual(run(folder / "hello_client", listening, "a", "b", env=env),
                             "200 hello, a\n200 hello, b\n")
            printed = run(folder / "fan_out", listening, "500", env=env).splitlines()
            case.assertEqual(printed[:2], ["500 of 500 answers by callback", "3 of 3 answers by coroutine"])
            case.assertRegex(printed[2], r"^503 requests in \d+ batches$")
            case.assertEqual(run(folder / "hello_c", listening, "c", env=env), "200 hello, c\n")
            if library:
                env_python = {**env, "HTTPTELEPORT_LIBRARY": str(library)}
                case.assertEqual(run(*python, listening, "d", env=env_python), "200 hello, d\n")
    case.assertEqual(run(folder / "hello_c", env=env), "200 greetings from C, world\n")
    if library:
        case.assertEqual(run(*python, env={**env, "HTTPTELEPORT_LIBRARY": str(library)}),
                         "200 greetings from Python, world\n")
