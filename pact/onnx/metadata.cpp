// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/metadata.h"

#include <charconv>
#include <string_view>

namespace pact::onnx {
namespace {

std::string numbers_text(const std::vector<float>& values) {
  std::string result;
  for (const float value : values) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    if (!result.empty()) result += ' ';
    result.append(buffer, end);
  }
  return result;
}

Result<std::vector<float>> parse_numbers(const std::string& key, std::string_view text) {
  std::vector<float> values;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), values.emplace_back());
    if (error != std::errc{} || end != word.data() + word.size()) {
      return make_error(ErrorCode::Corrupt, "metadata '", key, "': expected numbers, found '", word,
                        "'");
    }
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return values;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

void add_property(pb::ModelProto& model, const std::string& key, const std::string& value) {
  auto* property = model.add_metadata_props();
  property->set_key(key);
  property->set_value(value);
}

}  // namespace

void write_metadata(const graph::Network& network, pb::ModelProto& model) {
  if (!network.preprocessing.mean.empty()) {
    add_property(model, "pact.mean", numbers_text(network.preprocessing.mean));
    add_property(model, "pact.std", numbers_text(network.preprocessing.std));
  }
  if (network.classes.empty()) return;
  std::string lines = network.classes[0];
  for (std::size_t i = 1; i < network.classes.size(); ++i) lines += "\n" + network.classes[i];
  add_property(model, "pact.classes", lines);
}

Status read_metadata(const pb::ModelProto& model, graph::Network& network) {
  for (const auto& property : model.metadata_props()) {
    if (property.key() == "pact.mean") {
      PACT_TRY(network.preprocessing.mean, parse_numbers(property.key(), property.value()));
    }
    if (property.key() == "pact.std") {
      PACT_TRY(network.preprocessing.std, parse_numbers(property.key(), property.value()));
    }
    if (property.key() == "pact.classes") network.classes = lines_of(property.value());
  }
  return {};
}

}  // namespace pact::onnx
