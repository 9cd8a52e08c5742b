# System libraries, by the names of their Debian packages' pkg-config files.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
find_package(Snappy REQUIRED)
if(HT_TESTS)
  find_package(GTest REQUIRED)
endif()
