"""Bodies the origin serves, and the configurations of the origin and of the peers.

The peers shall stand at their best: whoever finds a setting that makes nginx or haproxy
cheaper in this load should put it here.
"""

import json
import os
import subprocess
from dataclasses import dataclass

# Up to this size the body is a literal in nginx's configuration, which limits a token to
# about 4 KiB; larger ones are files.
LITERAL_BODY_BYTES_MAX = 3072
_ID_BYTES = 32  # what nginx's $request_id expands to
_ID_MARK = "@" * _ID_BYTES

_WORDS = (
    "amber basin cedar delta ember fjord grove harbor island juniper kestrel lagoon meadow"
    " north orchard prairie quartz river summit timber upland valley willow yonder zephyr"
).split()


class _Random:
    """A fixed generator (64-bit linear congruential, high bits), so that the bodies are the
    same in every Python."""

    def __init__(self, seed):
        self._state = seed

    def below(self, limit):
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self._state >> 33) % limit


def _records(random):
    while True:
        yield json.dumps(
            {
                "id": f"{random.below(1 << 30):08x}",
                "name": f"{_WORDS[random.below(25)]} {_WORDS[random.below(25)]}",
                "price": random.below(100000) / 100,
                "stock": random.below(1000),
                "tags": [_WORDS[random.below(25)] for _ in range(random.below(4))],
            },
            separators=(",", ":"),
        )


@dataclass
class Tls:
    """Files of one certificate, the same for every proxy: ECDSA, P-256."""

    certificate: str
    key: str
    both: str  # haproxy wants them in one file


def make_certificate(folder, openssl):
    tls = Tls(*(os.path.join(folder, name) for name in ("cert.pem", "key.pem", "both.pem")))
    argv = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "30", "-subj", "/CN=bench.test"]
    argv += ["-addext", "subjectAltName=DNS:bench.test", "-out", tls.certificate]
    argv += ["-keyout", tls.key]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    with open(tls.both, "w", encoding="ascii") as both:
        for part in (tls.certificate, tls.key):
            with open(part, encoding="ascii") as file:
                both.write(file.read())
    return tls


def make_body(size):
    """JSON text of exactly `size` bytes, so that compression sees what it meets in service.

    A literal body of enough room starts with a place for a fresh random id: without it
    every answer of a compressed link would be a copy of the one before."""
    head = ""
    if 64 <= size <= LITERAL_BODY_BYTES_MAX:
        head = '{"request":"' + _ID_MARK + '"}\n'
    parts = [head]
    length = len(head)
    records = _records(_Random(size))
    while length < size:
        parts.append(next(records) + "\n")
        length += len(parts[-1])
    return "".join(parts)[:size]


def body_matches(template, received):
    """Whether `received` (bytes) is that body, with any id in the id's place."""
    if len(received) != len(template):
        return False
    mark = template.find(_ID_MARK)
    if mark < 0:
        return received == template.encode("ascii")
    end = mark + _ID_BYTES
    return received[:mark] == template[:mark].encode("ascii") and received[
        end:
    ] == template[end:].encode("ascii")


def _nginx_common(folder, workers, connections):
    # As root nginx would give its workers to "nobody", who may not enter our folder.
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
daemon off;                 # stay our child, so that we can end it
{user}
worker_processes {workers};
worker_rlimit_nofile {4 * connections + 4096};
pid {folder}/nginx.pid;
error_log stderr error;
events {{
    worker_connections {4 * connections + 4096};  # two sockets a request, and the pool
    multi_accept on;        # all new connections in one wake-up
}}
"""


def _nginx_temp_paths(folder):
    # Debian's defaults are under /var, where an ordinary user may not write. Nothing of
    # a run should be written there in any case.
    return "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )


def write_origin(folder, port, status_port, bodies, connections):
    """Writes the origin's files and configuration; returns the configuration's path."""
    os.makedirs(f"{folder}/www")
    literals = ""
    for size, body in bodies.items():
        if size <= LITERAL_BODY_BYTES_MAX:
            text = body.replace(_ID_MARK, "$request_id")
            literals += f"        location = /{size} {{ return 200 '{text}'; }}\n"
        else:
            with open(f"{folder}/www/{size}", "w", encoding="ascii", newline="") as file:
                file.write(body)
    path = f"{folder}/nginx.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(
            _nginx_common(folder, 1, connections)
            + f"""
http {{
{_nginx_temp_paths(folder)}
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;  # never make a peer reconnect
    keepalive_timeout 1h;
    sendfile on;                    # large bodies go from the page cache to the socket
    tcp_nopush on;                  # head and start of the file in one segment
    open_file_cache max=64 inactive=1h;  # no open() and stat() a request
    open_file_cache_valid 1h;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
{literals}
        location / {{ root {folder}/www; }}
    }}
    # Counts requests; on a port of its own so that a proxy cannot reach it.
    server {{
        listen 127.0.0.1:{status_port};
        location = /status {{ stub_status; }}
    }}
}}
"""
        )
    return path


def _nginx_listen(port, tls):
    # One listening socket a worker: no waking of workers for nothing.
    listen = f"listen 127.0.0.1:{port}{' ssl' if tls else ''} reuseport backlog=4096;"
    if not tls:
        return listen
    # Sessions are resumed by tickets, which is the default; a cache would be shared memory with a
    # lock.
    return f"""{listen}
        ssl_certificate {tls.certificate};
        ssl_certificate_key {tls.key};
        ssl_protocols TLSv1.2 TLSv1.3;"""


def write_nginx_proxy(folder, port, origin_port, workers, connections, tls=None, more=""):
    """`more` goes into the location: what is special about one end of a chain."""
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/nginx.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(
            _nginx_common(folder, workers, connections)
            + f"""
http {{
{_nginx_temp_paths(folder)}
    access_log off;                 # none of the proxies writes a log
    keepalive_requests 1000000000;  # a client connection serves the whole run
    keepalive_timeout 1h;
    upstream origin {{
        server 127.0.0.1:{origin_port} max_fails=0;  # one endpoint: do not eject it
        # Idle connections a worker keeps: as many as clients at least, or connections
        # would be closed and opened under load.
        keepalive {max(1024, 2 * connections)};
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        {_nginx_listen(port, tls)}
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;          # with the next line: upstream keep-alive
            proxy_set_header Connection "";
            # Room for 1 MiB in memory, and never a file: nginx then reads the origin as
            # fast as it can and needs few system calls. Of buffers from 16 to 256 KiB these
            # were the cheapest for large bodies, and no dearer for small ones.
            proxy_buffer_size 16k;           # head, with a small body in the same read
            proxy_buffers 5 256k;
            proxy_busy_buffers_size 512k;
            proxy_max_temp_file_size 0;
            {more}
        }}
    }}
}}
"""
        )
    return path


# Both ends of nginx -> nginx: answers are compressed between the two. Clients here do not accept
# compressed answers, so the near end unpacks them again, as a link does. nginx cannot compress
# requests.
NGINX_GZIP_NEAR = """
            proxy_set_header Accept-Encoding gzip;
            gunzip on;"""
NGINX_GZIP_FAR = """
            gzip on;
            gzip_comp_level 1;     # as httptp, whose flate is level 1 by default
            gzip_min_length 100;   # smaller ones do not get smaller
            gzip_proxied any;
            gzip_types *;
            gzip_http_version 1.1;"""


def write_haproxy(folder, port, origin_port, workers, connections, tls=None, h2_in=False,
                  h2_out=False):
    os.makedirs(folder, exist_ok=True)
    bind = ""
    if h2_in:
        bind = " proto h2"
    if tls:
        bind = f" ssl crt {tls.both} ssl-min-ver TLSv1.2"
    server = " proto h2" if h2_out else ""
    path = f"{folder}/haproxy.cfg"
    with open(path, "w", encoding="ascii") as file:
        file.write(
            f"""
global
    nbthread {workers}               # it would take one for each CPU otherwise
    maxconn {connections + 1024}     # clients; it derives sockets and pipes from this
    no strict-limits                 # and asks for more of them than it comes to need
    # By default it closes idle server connections as soon as a quarter of the sockets it may
    # have are open; at 512 connections that trebles its cost.
    tune.pool-low-fd-ratio 90
    tune.pool-high-fd-ratio 95
    tune.bufsize 16384               # the default; larger was dearer at 64 KiB and 1 MiB
    tune.pipesize 262144             # splice up to this much at once
    # Tickets resume sessions; its cache of sessions would be filled by every full handshake.
    tune.ssl.cachesize 0
    tune.h2.initial-window-size 1048576  # between two haproxies: a tenth cheaper where answers are
                                     # of several KB; more streams a connection gain nothing
    # No "log" line here or below: nothing is logged.

defaults
    mode http
    option splice-auto               # bodies move inside the kernel where it guesses it pays,
    option splice-response           # and answers always: its guess misses 1 MiB bodies, which
                                     # cost two to four times as much without this line
    option http-ignore-probes        # who only shakes hands gets no 400
    http-reuse always                # any idle connection serves any client
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s

frontend clients
    bind 127.0.0.1:{port} backlog 4096{bind}
    default_backend origin

backend origin
    # The idle pool has no limit by default. Keep what it has: by default it closes a part
    # of the idle connections every five seconds.
    server origin 127.0.0.1:{origin_port} pool-purge-delay 1h{server}
"""
        )
    return path
