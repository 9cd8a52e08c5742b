"""What all kinds of measurement share: the window, and a look at one answer before."""

import http.client
import socket
import time

import configs
import parse

# The load runs longer than the window that is measured: before it connections open and pools
# fill, after it the window must be over before the load ends.
SETTLE_SECONDS = 0.5
TAIL_SECONDS = 0.5
FETCH_TIMEOUT_SECONDS = 5
_HEAD_BYTES_MAX = 16 << 10


class Failed(Exception):
    """A measurement that gave no figures; the text says why."""


def load_seconds(options):
    return SETTLE_SECONDS + options.seconds + TAIL_SECONDS


def fetch(port, path, bytes_max):
    """(status, body) of one GET on a fresh connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=FETCH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(bytes_max)
    finally:
        connection.close()


def _first_answer(port, size):
    """(parsed head, all bytes) of the answer to what wrk will send, byte for byte."""
    head = None
    received = bytearray()
    deadline = time.monotonic() + FETCH_TIMEOUT_SECONDS
    with socket.create_connection(("127.0.0.1", port), FETCH_TIMEOUT_SECONDS) as connection:
        request = f"GET /{size} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        connection.sendall(request.encode("ascii"))
        while head is None or len(received) < head.head_bytes + head.body_bytes:
            if time.monotonic() > deadline:
                raise ValueError(f"no full answer, {len(received)} bytes in time")
            part = connection.recv(1 << 18)
            if not part:
                raise ValueError(f"the answer ends after {len(received)} bytes")
            received += part
            head = head or parse.answer_head(received)
            if len(received) > size + _HEAD_BYTES_MAX:
                raise ValueError("the answer is too long")
    return head, bytes(received)


def check_first(port, size, body):
    """Compares one answer with what the origin should send; returns its length with head."""
    try:
        head, received = _first_answer(port, size)
    except (OSError, ValueError) as error:
        raise Failed(f"first request: {error}") from error
    if head.status != 200:
        raise Failed(f"first request: status {head.status}")
    if head.body_bytes != size:
        raise Failed(f"first request: body of {head.body_bytes} bytes instead of {size}")
    if not configs.body_matches(body, received[head.head_bytes :]):
        raise Failed("first request: the body is not the origin's")
    return len(received)
