// SPDX-License-Identifier: Apache-2.0
// How often the test program has allocated.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PACT_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PACT_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef PACT_COUNTS_ALLOCATIONS
#define PACT_COUNTS_ALLOCATIONS 1
#endif

namespace pact::testing_networks {

/// False under sanitizers, which have an operator new of their own.
inline constexpr bool kCountsAllocations = PACT_COUNTS_ALLOCATIONS != 0;

/// Calls of operator new so far; 0 where they are not counted.
std::size_t allocations();

}  // namespace pact::testing_networks
