#!/usr/bin/env python3
"""The shared library is linked with nothing that it need not, and shows nothing but its public API.

HT_BUILD_DIR: where libhttpteleport.so is; default: build/release.
"""
import re
import unittest

from programs import BUILD, INCLUDE, run

LIBRARY = BUILD / "libhttpteleport.so"
ALLOWED = {"libssl", "libcrypto", "libz", "libisal", "libzstd", "libsnappy", "libstdc++", "libm", "libgcc_s", "libc",
           "ld-linux-x86-64", "ld-linux-aarch64"}
HEADER_TEXT = "\n".join(header.read_text(encoding="utf-8")
                        for header in sorted((INCLUDE / "httpteleport").glob("*.h")))
CLASSES = ("Message", "Request", "Response", "Client", "Server", "Exchange")
FUNCTION = re.compile(r"HTTPTELEPORT_EXPORT[\w\s*]*?\b(httpteleport_\w+)\(")

FREE_FUNCTIONS = [name for name in re.findall(r"HTTPTELEPORT_EXPORT [\w:*&\s]*?\b(\w+)\(", HEADER_TEXT)
                  if not name.startswith(("httpteleport_", "_"))]


def dynamic_entries(tag):
    return re.findall(rf"\({tag}\).*\[(.+)\]", run("readelf", "-d", LIBRARY))


def shown_symbols(*flags):
    """What nm says others can link with, without version names."""
    lines = run("nm", "-D", "--defined-only", *flags, LIBRARY).splitlines()
    entries = [line.split(maxsplit=2)[1:] for line in lines]
    names = (name.split("@@")[0].replace("[abi:cxx11]", "") for kind, name in entries if kind != "A")
    return set(names)


class SharedLibrary(unittest.TestCase):
    def test_is_linked_with_the_few_libraries_it_needs(self):
        needed = {re.sub(r"\.so.*$", "", name) for name in dynamic_entries("NEEDED")}
        self.assertLessEqual(needed, ALLOWED)
        self.assertLessEqual({"libssl", "libcrypto", "libstdc++"}, needed)

    def test_has_a_soname_with_the_version_of_its_abi(self):
        version = re.search(r"project\(httpteleport VERSION ([\d.]+)",
                            (INCLUDE.parent / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
        major, minor, _ = version.split(".")
        abi = f"0.{minor}" if major == "0" else major
        self.assertEqual(dynamic_entries("SONAME"), [f"libhttpteleport.so.{abi}"])
        self.assertEqual(LIBRARY.resolve().name, f"libhttpteleport.so.{version}")

    def test_has_no_path_to_look_for_libraries(self):
        self.assertEqual(dynamic_entries("RUNPATH") + dynamic_entries("RPATH"), [])

    def test_shows_the_functions_of_the_c_header_and_no_other_ones_in_c(self):
        declared = set(FUNCTION.findall(HEADER_TEXT))
        self.assertGreater(len(declared), 40)
        self.assertEqual({name for name in shown_symbols() if not name.startswith("_Z")}, declared)

    def test_shows_of_cxx_only_what_the_headers_declare(self):
        of_class = rf"httpteleport::abi0::({'|'.join(CLASSES)})::(~?\w+|operator=)\("
        of_type = rf"(typeinfo|typeinfo name|vtable) for httpteleport::abi0::({'|'.join(CLASSES)})"
        self.assertIn("status_code_name", FREE_FUNCTIONS)
        free = rf"httpteleport::abi0::(Status::)?({'|'.join(FREE_FUNCTIONS)})\("
        known = re.compile(f"(?:{of_class}.*|{of_type}|{free}.*)")
        symbols = {name for name in shown_symbols("-C") if not name.startswith("httpteleport_")}
        self.assertEqual([name for name in sorted(symbols) if not known.fullmatch(name)], [])

    def test_shows_all_classes(self):
        symbols = shown_symbols("-C")
        for name in CLASSES:
            self.assertTrue(any(symbol.startswith(f"httpteleport::abi0::{name}::") for symbol in symbols), name)


if __name__ == "__main__":
    unittest.main()
