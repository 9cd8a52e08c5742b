#!/usr/bin/env python3
"""Every public header compiles alone, without a warning, and includes only the standard library and
its like; the C header is C99."""
import re
import unittest

from programs import CXX_COMPILERS, CXX_STANDARDS, C_COMPILERS, INCLUDE, WARNINGS, run

HEADERS = sorted((INCLUDE / "httpteleport").glob("*.h"))
C_HEADERS = [header for header in HEADERS if header.name in ("c.h", "export.h")]
INCLUDED = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])', re.MULTILINE)
OF_CXX = re.compile(r"<[a-z_]+>")  # no other library's header has such a name
OF_C = ("<stddef.h>", "<stdint.h>")


class PublicHeaders(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreater(len(HEADERS), 5)
        self.assertEqual(len(C_HEADERS), 2)

    def test_each_compiles_alone_as_cxx(self):
        for header in HEADERS:
            for compiler in CXX_COMPILERS:
                for standard in CXX_STANDARDS:
                    with self.subTest(header=header.name, compiler=compiler, standard=standard):
                        run(compiler, "-std=" + standard, *WARNINGS, "-I", INCLUDE, "-fsyntax-only",
                            "-x", "c++", "-", given=f'#include "{header}"\n')

    def test_those_of_c_compile_alone_as_c(self):
        for header in C_HEADERS:
            for compiler in C_COMPILERS:
                for standard in ("c99", "c17"):
                    with self.subTest(header=header.name, compiler=compiler, standard=standard):
                        run(compiler, "-std=" + standard, "-pedantic", *WARNINGS, "-I", INCLUDE,
                            "-fsyntax-only", "-x", "c", "-", given=f'#include "{header}"\nextern int some;\n')

    def test_none_includes_another_library(self):
        ours = {f'"httpteleport/{header.name}"' for header in HEADERS}
        for header in HEADERS:
            for included in INCLUDED.findall(header.read_text(encoding="utf-8")):
                allowed = included in ours or included in OF_C or (
                    header not in C_HEADERS and OF_CXX.fullmatch(included))
                self.assertTrue(allowed, f"{header.name} includes {included}")

    def test_one_includes_all_of_cxx(self):
        text = (INCLUDE / "httpteleport/httpteleport.h").read_text(encoding="utf-8")
        for header in HEADERS:
            if header.name not in ("httpteleport.h", "c.h", "export.h"):
                self.assertIn(f'"httpteleport/{header.name}"', text)


if __name__ == "__main__":
    unittest.main()
