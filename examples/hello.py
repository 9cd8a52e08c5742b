#!/usr/bin/env python3
"""The library from Python, by ctypes over its C functions (httpteleport/c.h).

    hello.py                    serves, and asks itself
    hello.py ADDRESS NAME...    asks a hello_server

HTTPTELEPORT_LIBRARY names the shared library; default: libhttpteleport.so, as installed.
"""
import ctypes
import os
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p, sizeof

SECOND = 1_000_000_000


class Text(Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def __bytes__(self):
        return ctypes.string_at(self.data, self.size)


class Error(Structure):
    _fields_ = [("status", c_int), ("system_errno", c_int), ("is_retry_safe", c_int),
                ("message", c_char_p)]


class ClientOptions(Structure):
    """The members up to the last one that is needed here; the library knows by `size`."""
    _fields_ = [("size", c_size_t), ("address", c_char_p), ("compression", c_int)]


HANDLER = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)
FUNCTIONS = {  # name, without httpteleport_: (result, arguments)
    "status_name": (c_char_p, [c_int]),
    "request_new": (c_void_p, []),
    "request_free": (None, [c_void_p]),
    "request_set_target": (None, [c_void_p, c_char_p]),
    "request_target": (Text, [c_void_p]),
    "response_new": (c_void_p, []),
    "response_free": (None, [c_void_p]),
    "response_set_body": (None, [c_void_p, c_char_p, c_size_t]),
    "response_status": (c_int, [c_void_p]),
    "response_body": (Text, [c_void_p]),
    "client_options_init": (None, [POINTER(ClientOptions), c_size_t]),
    "client_new": (c_void_p, [POINTER(ClientOptions), POINTER(Error)]),
    "client_call": (c_int, [c_void_p, c_void_p, c_void_p, c_int64, POINTER(Error)]),
    "client_free": (None, [c_void_p]),
    "server_new": (c_void_p, [HANDLER, c_void_p, c_void_p, POINTER(Error)]),
    "server_listen": (c_int, [c_void_p, c_char_p, POINTER(Error)]),
    "server_address": (c_size_t, [c_void_p, c_size_t, c_char_p, c_size_t]),
    "server_stop": (None, [c_void_p, c_int64]),
    "server_free": (None, [c_void_p]),
}


class Library:
    def __init__(self, path):
        library = ctypes.CDLL(path)
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(library, "httpteleport_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)


ht = Library(os.environ.get("HTTPTELEPORT_LIBRARY", "libhttpteleport.so"))


def check(ok, error):
    if not ok:
        raise RuntimeError(f"{ht.status_name(error.status).decode()}: {error.message.decode()}")


class Client:
    """Any thread may call get(), also while others wait: ctypes gives the interpreter's lock away."""

    def __init__(self, address):
        options, error = ClientOptions(), Error()
        ht.client_options_init(byref(options), sizeof(options))
        options.address = address.encode()
        self.handle = ht.client_new(byref(options), byref(error))
        check(self.handle, error)

    def get(self, target, timeout_ns=5 * SECOND):
        request, response, error = ht.request_new(), ht.response_new(), Error()
        try:
            ht.request_set_target(request, target.encode())
            ht.client_call(self.handle, request, response, timeout_ns, byref(error))
            check(error.status == 0, error)
            return ht.response_status(response), bytes(ht.response_body(response))
        finally:
            ht.request_free(request)
            ht.response_free(response)

    def close(self):
        ht.client_free(self.handle)


class Server:
    """`answer` takes a target and returns a body; it is called on a thread of the library."""

    def __init__(self, answer, address):
        def handle(_user, request, response):
            body = answer(bytes(ht.request_target(request)).decode())
            ht.response_set_body(response, body, len(body))

        self.handler = HANDLER(handle)  # must live as long as the server
        error = Error()
        self.handle = ht.server_new(self.handler, None, None, byref(error))
        check(self.handle, error)
        check(ht.server_listen(self.handle, address.encode(), byref(error)) == 0, error)

    def address(self):
        buffer = ctypes.create_string_buffer(256)
        ht.server_address(self.handle, 0, buffer, sizeof(buffer))
        return buffer.value.decode()

    def close(self):
        ht.server_stop(self.handle, SECOND)
        ht.server_free(self.handle)


def ask(address, names):
    client = Client(address)
    for name in names:
        status, body = client.get("/" + name)
        print(status, body.decode(), end="")
    client.close()


def main():
    if len(sys.argv) > 2:
        return ask(sys.argv[1], sys.argv[2:])
    server = Server(lambda target: f"greetings from Python, {target[1:]}\n".encode(), "127.0.0.1:0")
    ask(server.address(), ["world"])
    server.close()


if __name__ == "__main__":
    main()
