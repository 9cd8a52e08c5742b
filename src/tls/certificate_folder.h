// Certificates from a folder with files NAME.pem (the certificate and its chain) and NAME.key.
#pragma once

#include <sys/stat.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tls/certificate_store.h"

namespace httpteleport::tls {

// For one line to the operator.
struct CertificateChange {
  enum class Kind : uint8_t {
    kAdded,
    kReplaced,
    kRemoved,
    kBroken,  // not used, or only as it was before; `text` says why
  };
  Kind kind = Kind::kAdded;
  std::string pair;  // NAME; empty: the folder itself
  std::string text;  // "for a.test *.a.test until 2026-01-31 12:00 UTC", or what is wrong
};

// A certificate is found by the names in it, exact ones before wildcards. For all other names, and
// for none, there is the pair called "default", or the first by name. Files whose names begin with
// a dot, and those of other endings, are of no interest.
//
// A pair that cannot be used is told of and left out; one that could be used before stays in use as
// it was, for as long as its NAME.pem is there.
class CertificateFolder final : public CertificateProvider {
 public:
  static constexpr off_t kFileBytesMax = 1024 * 1024;

  // Nothing is read before reload().
  explicit CertificateFolder(std::string path) : path_(std::move(path)) {}

  // Reads what has changed since the last time, by time, size and inode, and what could not be used
  // then, and returns what came of it. When the folder cannot be read, everything stays. Blocks for
  // files: control thread only.
  std::vector<CertificateChange> reload();

  // Any thread.
  Found find(std::string_view server_name) const override;

 private:
  // As stat() tells; all zero: there is no such file.
  struct Stamp {
    ino_t inode = 0;
    dev_t device = 0;
    off_t size = 0;
    timespec changed{};  // contents, rights or name; unlike that of the contents, nobody sets it
    bool is_regular = false;

    bool operator==(const Stamp& other) const;
    bool exists() const { return inode != 0; }
  };
  struct Pair {
    Stamp pem;
    Stamp key;
    // A file that was written a moment ago may be written again and look the same.
    bool settled = false;
    size_t texts_hash = 0;  // of both files, when they were good last
    std::string problem;
    std::shared_ptr<const Certificate> certificate;  // null: there never was a good one
  };

  Stamp stamp_of(const std::string& file) const;
  // False: it cannot be read, and `problem` says why.
  bool read(const std::string& name, std::string& into, std::string& problem) const;
  std::map<std::string, Pair> list(std::string& problem) const;
  void update(const std::string& name, Pair& pair, std::vector<CertificateChange>& changes);
  // The certificate of `pair`; null: see its problem.
  std::shared_ptr<const Certificate> load(const std::string& name, Pair& pair) const;
  void publish();

  const std::string path_;
  std::string folder_problem_;
  std::map<std::string, Pair> pairs_;
  mutable std::mutex mutex_;                       // guards the pointer
  std::shared_ptr<const CertificateStore> store_;  // null: there is no certificate
};

}  // namespace httpteleport::tls
