// SPDX-License-Identifier: Apache-2.0
// The subcommands. Each function adds one to the application, with its options, help and action.
#pragma once

#include <CLI/CLI.hpp>

namespace pact::cli {

/// Adds every subcommand that this build has.
void add_commands(CLI::App& app);

void add_bench(CLI::App& app);
void add_data(CLI::App& app);
void add_demo(CLI::App& app);
void add_eval(CLI::App& app);
void add_export(CLI::App& app);
void add_hw(CLI::App& app);
void add_import(CLI::App& app);
void add_inspect(CLI::App& app);
void add_lower(CLI::App& app);
void add_quantize(CLI::App& app);
void add_report(CLI::App& app);
void add_run(CLI::App& app);
void add_train(CLI::App& app);

}  // namespace pact::cli
