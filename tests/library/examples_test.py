#!/usr/bin/env python3
"""The examples do what they say, against each other.

HT_BUILD_DIR: the build tree; default: build/release. HT_SANITIZE: with which sanitizers it was built, which a
Python that is built without them cannot load.
"""
import os
import tempfile
import unittest

from programs import BUILD, check_examples

LIBRARY = None if os.environ.get("HT_SANITIZE") else BUILD / "libhttpteleport.so"


class Examples(unittest.TestCase):
    def test_talk_over_tcp_and_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            addresses = ("127.0.0.1:0", "[::1]:0", f"unix:{folder}/hello.sock")
            check_examples(self, BUILD / "bin", addresses, library=LIBRARY)


if __name__ == "__main__":
    unittest.main()
