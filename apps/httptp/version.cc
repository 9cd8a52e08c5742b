#include "version.h"

#include <isa-l.h>
#include <openssl/crypto.h>
#include <zlib.h>

#include "build_version.h"

std::string version_line() {
  return std::string("httptp ") + kProgramVersion + " (git " + kGitCommit + ", OpenSSL " +
         OpenSSL_version(OPENSSL_VERSION_STRING) + ", zlib " + zlibVersion() + ", ISA-L " +
         std::to_string(ISAL_MAJOR_VERSION) + "." + std::to_string(ISAL_MINOR_VERSION) + "." +
         std::to_string(ISAL_PATCH_VERSION) + ")";
}
