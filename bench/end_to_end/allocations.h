// Counts what the whole program asks the allocator for.
#pragma once

#include <cstdint>

// Calls of malloc, calloc and realloc so far, of all threads; operator new is among them.
uint64_t allocations();
