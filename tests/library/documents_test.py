#!/usr/bin/env python3
"""The code in README.md and docs/library.md compiles with the headers, and the whole programs in it do what they
say; the page has every option and every error there is.

HT_BUILD_DIR: where libhttpteleport.so is; default: build/release.
"""
import pathlib
import re
import tempfile
import unittest

from programs import BUILD, INCLUDE, ROOT, WARNINGS, run

# What pieces of C++ that are no programs stand in.
AROUND = """
#include <httpteleport/httpteleport.h>
#include <deque>
#include <iostream>
using namespace std::chrono_literals;
namespace ht = httpteleport;
void piece(ht::Client& client, ht::Request& request, ht::Response& response, std::deque<ht::Exchange>& work);
void piece([[maybe_unused]] ht::Client& client, [[maybe_unused]] ht::Request& request,
           [[maybe_unused]] ht::Response& response, [[maybe_unused]] std::deque<ht::Exchange>& work) {
%s
}
"""
LINK = ("-L", BUILD, "-lhttpteleport", f"-Wl,-rpath,{BUILD}")


def blocks(document, language):
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise AssertionError(f"{document} has no code in {language}")
    return found


class Documents(unittest.TestCase):
    def run_program(self, compiler, standard, text):
        language = "c" if standard.startswith("c9") else "c++"
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "program"
            run(compiler, "-std=" + standard, *WARNINGS, "-I", INCLUDE, "-x", language, "-", "-o", program, *LINK,
                given=text)
            return run(program)

    def test_the_readme_has_a_program_that_runs(self):
        (program,) = blocks("README.md", "cpp")
        self.assertEqual(self.run_program("g++", "c++20", program), "hello, /world\n")

    def test_programs_of_the_page_run(self):
        programs = [block for block in blocks("docs/library.md", "cpp") if "int main" in block]
        self.assertEqual([self.run_program("g++", "c++20", program) for program in programs],
                         ["200 hello, /world\n"])

    def test_pieces_of_the_page_compile(self):
        pieces = [block for block in blocks("docs/library.md", "cpp") if "int main" not in block]
        self.assertGreater(len(pieces), 4)
        for piece in pieces:
            with self.subTest(piece=piece):
                run("g++", "-std=c++20", *WARNINGS, "-I", INCLUDE, "-fsyntax-only", "-x", "c++", "-",
                    given=AROUND % piece)

    def test_the_page_has_a_program_in_c(self):
        (program,) = blocks("docs/library.md", "c")
        run("gcc", "-std=c99", *WARNINGS, "-I", INCLUDE, "-fsyntax-only", "-x", "c", "-", given=program)

    def test_the_man_page_has_every_error_with_its_number(self):
        page = run("groff", "-man", "-Tascii", "-ww", BUILD / "man/httpteleport.3")
        statuses = (INCLUDE / "httpteleport/status.h").read_text(encoding="utf-8")
        codes = re.findall(r"^  (k\w+) = (\d+)", statuses, re.MULTILINE)
        self.assertEqual(len(codes), 12)
        text = re.sub(r".\x08|\x1b\[[0-9;]*m", "", page)
        for name, number in codes[1:]:
            self.assertIn(f"{name} ({number})", text)

    def test_the_page_has_every_option_and_every_error(self):
        page = (ROOT / "docs/library.md").read_text(encoding="utf-8")
        members = []
        for header, struct in (("client.h", "ClientOptions"), ("server.h", "ServerOptions")):
            text = (INCLUDE / "httpteleport" / header).read_text(encoding="utf-8")
            body = re.search(rf"^struct {struct} {{\n(.*?)^}};", text, re.MULTILINE | re.DOTALL).group(1)
            members += re.findall(r"^  [\w:<>()]+\s+(\w+)(?: =|{)", body, re.MULTILINE)
        self.assertIn("max_batch_delay", members)
        self.assertGreater(len(members), 25)
        statuses = (INCLUDE / "httpteleport/status.h").read_text(encoding="utf-8")
        codes = re.findall(r"^  (k\w+) = ", statuses, re.MULTILINE)
        self.assertEqual(len(codes), 12)
        for name in [*members, *codes[1:]]:
            self.assertRegex(page, rf"`{name}`|`tls\.{name}`", f"{name} is not in docs/library.md")


if __name__ == "__main__":
    unittest.main()
