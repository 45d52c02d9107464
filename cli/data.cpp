// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/data/dataset.h"

namespace pact::cli {
namespace {

struct DataOptions {
  std::string root;
  bool json = false;
};

const char* state_name(data::FileState state) {
  switch (state) {
    case data::FileState::Good:
      return "good";
    case data::FileState::Missing:
      return "missing";
    case data::FileState::WrongSize:
      return "wrong size";
    case data::FileState::WrongSum:
      return "wrong sum";
  }
  return "?";
}

void run_data(const DataOptions& options) {
  const auto root = data::data_root(options.root);
  nlohmann::json all = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows{{"data set", "file", "state", "md5"}};
  std::string sources;
  for (const data::DatasetInfo& info : data::datasets()) {
    const auto files = data::check_files(info, root);
    bool complete = true;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const std::string state = state_name(files[i].state);
      complete = complete && files[i].state == data::FileState::Good;
      rows.push_back({std::string(info.name), files[i].path.string(),
                      files[i].found.empty() ? state : state + " (" + files[i].found + ")",
                      std::string(info.files[i].md5)});
      all.push_back({{"set", info.name},
                     {"file", files[i].path.string()},
                     {"state", state},
                     {"md5", info.files[i].md5}});
    }
    if (!complete) sources += text("  ", info.name, ": ", info.source, "\n");
  }
  if (options.json) {
    std::fputs(json_text(all).c_str(), stdout);
    return;
  }
  std::printf("%s", table(rows).c_str());
  if (!sources.empty()) std::printf("\nWhere to get what is missing:\n%s", sources.c_str());
}

}  // namespace

void add_data(CLI::App& app) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* command = app.add_subcommand("data", "Which data sets are here; check their sums");
  command->footer("Example:\n  PACT_DATA=~/datasets pact data");
  command->add_option("--root", options->root,
                      "Folder of the data sets (default: PACT_DATA, or data)");
  command->add_flag("--json", options->json, "Print a JSON array");
  command->callback([options] { run_data(*options); });
}

}  // namespace pact::cli
