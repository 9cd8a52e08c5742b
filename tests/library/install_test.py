#!/usr/bin/env python3
"""What `cmake --install` puts in place is complete, and programs are built with it, by CMake and by
pkg-config, as C++20 and C++23, by g++ and clang, with the shared and with the static library.

HT_BUILD_DIR: the build tree, built; default: build/release.
"""
import itertools
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from programs import (BUILD, BUILD_PATIENCE_S, CXX_COMPILERS, CXX_STANDARDS, C_COMPILERS, INCLUDE, ROOT,
                      WARNINGS, check_examples, run)

ADDRESSES = ("127.0.0.1:0",)
EXAMPLES = ROOT / "examples"


def cached(name):
    """A value of the build tree's configuration."""
    return re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(encoding="utf-8"),
                     re.MULTILINE).group(1)


def build_by_cmake(prefix, folder, cc, cxx, standard):
    """The examples by find_package(httpteleport), in `folder`."""
    number = "23" if standard == "c++2b" else standard.removeprefix("c++")
    run("cmake", "-G", "Ninja", "-S", EXAMPLES, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={cc}", f"-DCMAKE_CXX_COMPILER={cxx}", f"-DCMAKE_CXX_STANDARD={number}",
        f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}", f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}",
        patience_s=BUILD_PATIENCE_S)
    run("cmake", "--build", folder, patience_s=BUILD_PATIENCE_S)


def build_by_pkg_config(prefix, folder, cc, cxx, standard, *flags):
    """The same without CMake."""
    pkg_config = {**os.environ, "PKG_CONFIG_PATH": str(next(prefix.glob("lib*/**/pkgconfig")))}
    compile_flags = run("pkg-config", "--cflags", "httpteleport", env=pkg_config).split()
    link_flags = run("pkg-config", "--libs", *flags, "httpteleport", env=pkg_config).split()
    folder.mkdir()
    for source in sorted([*EXAMPLES.glob("*.cc"), *EXAMPLES.glob("*.c")]):
        is_c = source.suffix == ".c"
        program = folder / ("hello_c" if is_c else source.stem)
        compiler, dialect = (cc, "c99") if is_c else (cxx, standard)
        run(compiler, "-std=" + dialect, *WARNINGS, *compile_flags, source, "-o", program, *link_flags,
            patience_s=BUILD_PATIENCE_S)


class Installation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.prefix = cls.folder / "installed"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.library = next(cls.prefix.glob("lib*/**/libhttpteleport.so"))
        cls.load_path = {"LD_LIBRARY_PATH": str(cls.library.parent)}

    def setUp(self):
        self.place = self.folder / self.id().rsplit(".", 1)[-1]

    def each_compiler(self):
        for (cc, cxx), standard in itertools.product(zip(C_COMPILERS, CXX_COMPILERS), CXX_STANDARDS):
            yield self.place.with_name(f"{self.place.name}-{cxx}-{standard}"), cc, cxx, standard

    def test_has_programs_pages_and_headers(self):
        files = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file()}
        for program in ("httptp", "shuttle", "shuttle-cli"):
            self.assertIn(f"bin/{program}", files)
        pages = {path.stem for path in (ROOT / "packaging/man").glob("*.scd")}
        self.assertGreater(len(pages), 4)
        for page in pages:
            self.assertIn(f"share/man/man{page[-1]}/{page}", files)
        self.assertEqual({name for name in files if name.startswith("include/")},
                         {f"include/httpteleport/{path.name}" for path in (INCLUDE / "httpteleport").glob("*.h")})
        self.assertIn("httptp", run(self.prefix / "bin/httptp", "-version"))

    def test_has_nothing_of_this_machine(self):
        texts = [*self.prefix.rglob("*.cmake"), *self.prefix.rglob("*.pc"), *self.prefix.rglob("*.h")]
        self.assertGreater(len(texts), 10)
        for path in texts:
            text = path.read_text(encoding="utf-8")
            for trace in (str(ROOT), str(BUILD), str(self.prefix)):
                self.assertNotIn(trace, text, path)

    def test_comes_in_three_components(self):
        for component, expected in (("runtime", "httptp"), ("library", self.library.resolve().name),
                                    ("development", "client.h")):
            prefix = self.place / component
            run("cmake", "--install", BUILD, "--prefix", prefix, "--component", component)
            self.assertTrue(list(prefix.rglob(expected)), f"{component} has no {expected}")
        self.assertEqual({path.name for path in (self.place / "library").rglob("*") if not path.is_dir()},
                         {os.readlink(self.library), self.library.resolve().name})

    def test_programs_are_built_with_it_by_cmake(self):
        for place, *compilers in self.each_compiler():
            with self.subTest(compilers=compilers):
                build_by_cmake(self.prefix, place, *compilers)
                check_examples(self, place, ADDRESSES, library=self.library)

    def test_programs_are_built_with_it_by_pkg_config(self):
        for place, *compilers in self.each_compiler():
            with self.subTest(compilers=compilers):
                build_by_pkg_config(self.prefix, place, *compilers)
                check_examples(self, place, ADDRESSES, library=self.library, env=self.load_path)

    def configure_project(self, *lines):
        """Configures a project of these lines against the installation."""
        self.place.mkdir(exist_ok=True)
        text = "\n".join(("cmake_minimum_required(VERSION 3.16)", *lines, ""))
        (self.place / "CMakeLists.txt").write_text(text, encoding="utf-8")
        return subprocess.run(["cmake", "-G", "Ninja", "-S", self.place, "-B", self.place / "build",
                               f"-DCMAKE_PREFIX_PATH={self.prefix}"], capture_output=True, text=True,
                              timeout=BUILD_PATIENCE_S, check=False)

    def test_is_refused_where_another_minor_version_is_asked_for(self):
        done = self.configure_project("project(later LANGUAGES CXX)", "find_package(httpteleport 0.2 REQUIRED)")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("0.1.0", done.stderr)

    def test_serves_a_project_that_is_c_alone(self):
        done = self.configure_project(
            "project(c_alone LANGUAGES C)", "find_package(httpteleport 0.1 REQUIRED)",
            f"add_executable(hello_c {EXAMPLES}/hello.c)",
            "target_link_libraries(hello_c PRIVATE httpteleport::httpteleport)")
        self.assertEqual(done.returncode, 0, done.stderr)
        run("cmake", "--build", self.place / "build")
        self.assertEqual(run(self.place / "build/hello_c"), "200 greetings from C, world\n")


class StaticInstallation(unittest.TestCase):
    """The same with BUILD_SHARED_LIBS=OFF, built anew: quick where ccache has the objects."""

    def test_programs_are_built_with_it(self):
        # Beside the build tree, where paths are those that the cache knows.
        with (tempfile.TemporaryDirectory() as name,
              tempfile.TemporaryDirectory(dir=BUILD.parent, prefix="static_") as tree):
            folder = pathlib.Path(name)
            prefix = folder / "installed"
            env = {**os.environ, "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
            run("cmake", "-G", "Ninja", "-S", ROOT, "-B", tree, "-DBUILD_SHARED_LIBS=OFF", "-DHT_TESTS=OFF",
                f"-DCMAKE_BUILD_TYPE={cached('CMAKE_BUILD_TYPE')}", f"-DHT_WERROR={cached('HT_WERROR')}",
                env=env, patience_s=BUILD_PATIENCE_S)
            run("cmake", "--build", tree, "--target", "httpteleport", "man/httpteleport.3", env=env,
                patience_s=BUILD_PATIENCE_S)
            run("cmake", "--install", tree, "--prefix", prefix, "--component", "development")
            self.assertEqual([path.name for path in prefix.rglob("libhttpteleport*")], ["libhttpteleport.a"])
            build_by_cmake(prefix, folder / "cmake", "gcc", "g++", "c++20")
            check_examples(self, folder / "cmake", ADDRESSES)
            build_by_pkg_config(prefix, folder / "pkg_config", "clang-14", "clang++-14", "c++2b", "--static")
            check_examples(self, folder / "pkg_config", ADDRESSES)


if __name__ == "__main__":
    unittest.main()
