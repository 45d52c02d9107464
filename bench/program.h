// SPDX-License-Identifier: Apache-2.0
// What the main functions of the benchmarks share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "bench/pairs.h"

namespace pact::bench {

inline void add_size_options(CLI::App& app, int& threads, int& batch,
                             const std::string& prefix = {}) {
  app.add_option("--" + prefix + "threads", threads, "Threads")->check(CLI::Range(1, 256));
  app.add_option("--" + prefix + "batch", batch, "Images in a run")->check(CLI::Range(1, 4096));
}

inline void add_turns_options(CLI::App& app, Turns& turns) {
  app.add_option("--pairs", turns.pairs, "Pairs of turns")->check(CLI::Range(1, 1000000));
  app.add_option("--turn", turns.turn, "Runs of a side before it is the other's turn")
      ->check(CLI::Range(1, 1000000));
}

/// Runs `body` with the options read, and says what went wrong; the exit status.
template <typename Body>
int run_program(CLI::App& app, int argc, char** argv, const Body& body) {
  CLI11_PARSE(app, argc, argv);
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
  return 0;
}

}  // namespace pact::bench
