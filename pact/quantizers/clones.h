// SPDX-License-Identifier: Apache-2.0
// PACT_CLONES compiles a loop once for each vector width and picks one when the program starts. The
// results are the same: contraction to fused multiply-add is off in the whole project.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PACT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PACT_CLONES
#endif
