// HT_ASSERT(condition): a bug of ours ends the process at once, in release too. Never used on what
// a peer, the network or the operator can cause. HT_DASSERT: the same where the check costs
// measurably; on in debug and sanitizer builds only.
#pragma once

namespace httpteleport {

// Prints one line to standard error and aborts. Cold: kept out of the callers' code.
[[noreturn, gnu::cold, gnu::noinline]] void assert_failed(const char* condition, const char* file,
                                                          int line);

}  // namespace httpteleport

#define HT_ASSERT(condition)          \
  (__builtin_expect(!!(condition), 1) \
       ? void(0)                      \
       : ::httpteleport::assert_failed(#condition, __FILE__, __LINE__))

#ifdef HT_DEBUG_CHECKS
#define HT_DASSERT(condition) HT_ASSERT(condition)
#else
#define HT_DASSERT(condition) void(0)
#endif
