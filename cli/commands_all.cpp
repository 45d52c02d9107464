// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

namespace pact::cli {

void add_commands(CLI::App& app) {
  add_train(app);
  add_quantize(app);
  add_eval(app);
  add_lower(app);
  add_run(app);
  add_bench(app);
  add_hw(app);
  add_inspect(app);
  add_report(app);
  add_import(app);
  add_export(app);
  add_data(app);
  add_demo(app);
}

}  // namespace pact::cli
