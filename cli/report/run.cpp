// SPDX-License-Identifier: Apache-2.0
#include "cli/report/run.h"

#include <sys/stat.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pact/base/file.h"
#include "pact/train/checkpoint.h"

namespace pact::cli::report {
namespace {

using nlohmann::json;

// Larger ones do not come out of a run that went on, and leave no room to draw in.
constexpr double kLargest = 1e15;

// A line of a log, and what it is called in errors.
struct LogLine {
  const json& row;
  std::string where;

  const json& field(const json& object, const char* key) const {
    const auto found = object.find(key);
    if (found == object.end()) {
      throw_error(ErrorCode::Corrupt, where, ": expected '", key, "', found none");
    }
    return *found;
  }

  double number(const json& object, const char* key) const {
    const json& value = field(object, key);
    if (!value.is_number() || !(std::abs(value.get<double>()) <= kLargest)) {
      throw_error(ErrorCode::Corrupt, where, ": ", key, ": expected a number, found ",
                  shown(value));
    }
    return value.get<double>();
  }

  std::string words(const char* key) const {
    const json& value = field(row, key);
    if (!value.is_string()) {
      throw_error(ErrorCode::Corrupt, where, ": ", key, ": expected words, found ", shown(value));
    }
    return value.get<std::string>();
  }

  static std::string shown(const json& value) {
    constexpr std::size_t kMost = 40;
    // Not what it holds, which may be nested without end.
    if (value.is_structured()) return value.type_name();
    return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, kMost);
  }
};

Epoch epoch_of(const LogLine& line) {
  Epoch epoch{.learning_rate = line.number(line.row, "learning_rate"),
              .loss = line.number(line.row, "loss"),
              .train_top1 = line.number(line.row, "train_top1"),
              .validation_top1 = line.number(line.row, "validation_top1"),
              .validated = line.words("validated"),
              .seconds = line.number(line.row, "seconds"),
              .clips = {}};
  const json& clips = line.field(line.row, "clips");
  if (!clips.is_object()) {
    throw_error(ErrorCode::Corrupt, line.where, ": clips: expected an object, found ",
                LogLine::shown(clips));
  }
  for (const auto& [name, clip] : clips.items()) {
    if (!clip.is_object()) {
      throw_error(ErrorCode::Corrupt, line.where, ": clip '", name, "': expected an object, found ",
                  LogLine::shown(clip));
    }
    epoch.clips[name] = line.number(clip, "value");
  }
  return epoch;
}

std::string date_of(const std::filesystem::path& path) {
  struct stat info {};
  struct tm parts {};
  if (::stat(path.c_str(), &info) != 0 || ::gmtime_r(&info.st_mtime, &parts) == nullptr) return {};
  char buffer[32];
  return {buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M UTC", &parts)};
}

void check_log(const std::vector<Epoch>& log, const train::Checkpoint& checkpoint,
               const std::filesystem::path& path) {
  // A run that died between log and checkpoint has logged one epoch more.
  const auto epochs = static_cast<std::int64_t>(log.size());
  if (epochs != checkpoint.epoch && epochs != checkpoint.epoch + 1) {
    throw_error(ErrorCode::Corrupt, path.string(), ": expected the ", checkpoint.epoch,
                " epochs of the checkpoint, found ", epochs);
  }
  for (std::size_t i = 0; i < log.size(); ++i) {
    for (const auto& [name, value] : log[i].clips) {
      if (checkpoint.network.parameters().contains(name)) continue;
      throw_error(ErrorCode::InvalidArgument, path.string(), ":", i + 1,
                  ": expected clips of the checkpoint's network '", checkpoint.network.name,
                  "', found '", name, "'");
    }
  }
}

}  // namespace

std::vector<Epoch> parse_log(std::string_view text, std::string_view where) {
  std::vector<Epoch> log;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line, nullptr, false);
    const LogLine read{row, pact::text(where, ":", log.size() + 1)};
    if (!row.is_object()) {
      throw_error(ErrorCode::Corrupt, read.where, ": expected a JSON object, found ",
                  row.is_discarded() ? LogLine::shown(json(line)) : LogLine::shown(row));
    }
    const double number = read.number(row, "epoch");
    if (number != static_cast<double>(log.size() + 1)) {
      throw_error(ErrorCode::Corrupt, read.where, ": expected epoch ", log.size() + 1, ", found ",
                  number);
    }
    log.push_back(epoch_of(read));
  }
  return log;
}

Run read_run(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw_error(ErrorCode::NotFound, folder.string(),
                ": expected the folder of a training run, found ",
                std::filesystem::exists(folder) ? "a file" : "nothing");
  }
  const auto recipe_path = folder / "recipe.toml";
  const auto log_path = folder / "log.jsonl";
  const auto checkpoint_path = folder / "checkpoint.safetensors";
  Run run;
  run.name = (folder.has_filename() ? folder : folder.parent_path()).string();
  run.recipe = train::read_recipe(recipe_path);
  run.log = parse_log(value_or_throw(read_text(log_path)), log_path.string());
  train::Checkpoint checkpoint = train::load_checkpoint(checkpoint_path);
  if (checkpoint.recipe != run.recipe.text) {
    throw_error(ErrorCode::InvalidArgument, checkpoint_path.string(),
                ": expected the checkpoint of ", recipe_path.string(),
                ", found one of another recipe (network '", checkpoint.network.name, "')");
  }
  check_log(run.log, checkpoint, log_path);
  run.network = std::move(checkpoint.network);
  run.date = date_of(checkpoint_path);
  run.checkpoint_bytes = std::filesystem::file_size(checkpoint_path);
  std::error_code absent;
  const auto packed = std::filesystem::file_size(folder / "model.pact", absent);
  if (!absent) run.packed_bytes = packed;
  return run;
}

}  // namespace pact::cli::report
