// SPDX-License-Identifier: Apache-2.0
// Showing things: tables, progress, sizes.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pact::cli {

/// A table of text; the first row is the head. Columns whose cells are numbers are set to the
/// right. Cells are shown as by one_line.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// A message without what moves a terminal's cursor, which names in files may hold.
std::string one_line(std::string message);
/// JSON and a line break; names that are not UTF-8 are shown as far as they are.
std::string json_text(const nlohmann::json& json, int indent = -1);
/// "1.25 MB", "12.3 kB".
std::string bytes_text(std::uint64_t bytes);
/// "1:02:03", "2:05", "7 s".
std::string duration_text(double seconds);
/// 0.9173 -> "91.73 %".
std::string percent(double fraction);
/// Decimal number with `digits` after the point.
std::string fixed(double value, int digits);

/// A line that is rewritten in place on a terminal; elsewhere, a line now and then.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows `text` after a bar of `fraction`; not more often than a person can read.
  void update(double fraction, const std::string& text);
  /// Clears the line, so that something else can be printed.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace pact::cli
