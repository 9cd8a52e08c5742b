// What this program is made of, in one line.
#pragma once

#include <string>

// "httptp 0.1.0 (git abc, OpenSSL 3.0.15, zlib 1.2.13, ISA-L 2.30.0)". Libraries that are linked
// dynamically say the version they have at run time, where they can.
std::string version_line();
