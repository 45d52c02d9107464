// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

namespace pact::cli {

void add_commands(CLI::App& app) {
  add_eval(app);
  add_run(app);
  add_bench(app);
  add_hw(app);
  add_inspect(app);
  add_data(app);
}

}  // namespace pact::cli
