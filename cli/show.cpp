// SPDX-License-Identifier: Apache-2.0
#include "cli/show.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace pact::cli {
namespace {

bool is_number(const std::string& cell) {
  return !cell.empty() &&
         (std::isdigit(static_cast<unsigned char>(cell[0])) != 0 || cell[0] == '-');
}

constexpr auto kTerminalInterval = std::chrono::milliseconds(100);
constexpr auto kPlainInterval = std::chrono::seconds(30);

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    right.resize(widths.size(), false);
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], row[c].size());
      if (&row != rows.data()) right[c] = right[c] || is_number(row[c]);
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string room(widths[c] - row[c].size(), ' ');
      const std::string cell = one_line(row[c]);
      line += (c == 0 ? "" : "  ") + (right[c] ? room + cell : cell + room);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    if (&row == rows.data()) {
      std::size_t width = 0;
      for (const std::size_t w : widths) width += w + 2;
      text += std::string(width - 2, '-') + "\n";
    }
  }
  return text;
}

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

std::string one_line(std::string message) {
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  return message;
}

std::string json_text(const nlohmann::json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string bytes_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000) return fixed(value / 1e6, 2) + " MB";
  if (bytes >= 1000) return fixed(value / 1e3, 1) + " kB";
  return std::to_string(bytes) + " B";
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  char buffer[32];
  if (whole >= 3600) {
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  } else if (whole >= 60) {
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld", whole / 60, whole % 60);
  } else {
    std::snprintf(buffer, sizeof buffer, "%ld s", whole);
  }
  return buffer;
}

std::string percent(double fraction) { return fixed(fraction * 100, 2) + " %"; }

Progress::Progress()
    : terminal_(isatty(STDERR_FILENO) != 0), last_(std::chrono::steady_clock::now()) {}

Progress::~Progress() { clear(); }

void Progress::update(double fraction, const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds interval = terminal_ ? std::chrono::nanoseconds(kTerminalInterval)
                                                      : std::chrono::nanoseconds(kPlainInterval);
  if (now - last_ < interval) return;
  last_ = now;
  if (!terminal_) {
    std::fprintf(stderr, "%3.0f %%  %s\n", fraction * 100, text.c_str());
    return;
  }
  constexpr int kWidth = 24;
  const int full = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * kWidth);
  const std::string bar = std::string(static_cast<std::size_t>(full), '#') +
                          std::string(static_cast<std::size_t>(kWidth - full), '.');
  std::fprintf(stderr, "\r\033[K[%s] %s", bar.c_str(), text.c_str());
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) std::fprintf(stderr, "\r\033[K");
  shown_ = false;
}

}  // namespace pact::cli
