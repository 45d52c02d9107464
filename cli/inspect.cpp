// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/format/model.h"

namespace pact::cli {
namespace {

struct InspectOptions {
  std::string model;
  bool json = false;
};

// One line about one node.
struct Row {
  std::string name;
  std::string operation;
  std::string shape;
  std::string weights;  // grid
  std::string values;   // grid of what it makes
  double alpha = 0;     // largest value; 0: none
  std::uint64_t bytes = 0;
  std::int64_t macs = 0;
};

std::string operation_name(const format::Node& node, const format::Value& in) {
  constexpr std::array<const char*, std::variant_size_v<format::Operation>> kNames{
      "image",    "table",      "conv",       "pool",    "shortcut", "flatten",   "requantize",
      "quantize", "dequantize", "batch norm", "relu",    "add",      "pointwise", "multiply",
      "concat",   "slice",      "rearrange",  "softmax", "pad",      "resize"};
  static_assert(kNames.back() != nullptr);
  if (const auto* conv = std::get_if<format::Conv>(&node.operation)) {
    const std::string prefix = conv->integer() ? "" : "float ";
    if (in.pixels() == 1 && conv->kernel.y == 1 && conv->kernel.x == 1) return prefix + "linear";
    return text(prefix, "conv ", conv->kernel.y, "x", conv->kernel.x,
                conv->groups > 1 ? text(" g", conv->groups) : "");
  }
  return kNames[node.operation.index()];
}

std::uint64_t parameter_bytes(const format::Operation& operation) {
  return std::visit(
      [](const auto& op) -> std::uint64_t {
        using T = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<T, format::Conv>) {
          return op.packed.size_bytes() + op.weights.size_bytes() + op.bias.size_bytes();
        } else if constexpr (std::is_same_v<T, format::Lookup>) {
          return op.codes.size_bytes() + op.floats.size_bytes();
        } else if constexpr (std::is_same_v<T, format::Requantize>) {
          return op.multiplier.size_bytes() + op.offset.size_bytes();
        } else if constexpr (std::is_same_v<T, format::Dequantize>) {
          return op.scale.size_bytes() + op.offset.size_bytes();
        } else if constexpr (std::is_same_v<T, format::BatchNorm>) {
          return 4 * op.weight.size_bytes();
        } else {
          return 0;
        }
      },
      operation);
}

std::string values_text(const format::Value& value) {
  switch (value.element) {
    case format::Element::F32:
      return "f32";
    case format::Element::Pixel:
      return "pixels";
    case format::Element::Accumulator:
      return "i32";
    case format::Element::Level:
      break;
  }
  return numeric::name(value.grid);
}

std::vector<Row> rows_of(const format::Model& model) {
  std::vector<Row> rows;
  for (const format::Node& node : model.nodes) {
    const format::Value& v = node.value;
    Row row{.name = std::string(node.name),
            .operation = operation_name(node, node.inputs.empty() ? v : model.input_of(node)),
            .shape = text(v.channels, "x", v.height, "x", v.width),
            .weights = "",
            .values = values_text(v),
            .alpha = v.element == format::Element::Level
                         ? static_cast<double>(v.scale) * v.grid.highest()
                         : 0,
            .bytes = parameter_bytes(node.operation),
            .macs = model.macs(node)};
    if (const auto* conv = std::get_if<format::Conv>(&node.operation)) {
      row.weights = conv->integer() ? numeric::name(conv->grid) : "f32";
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void print_json(const format::Model& model, const std::vector<Row>& rows,
                std::uint64_t file_bytes) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Row& row : rows) {
    layers.push_back({{"name", row.name},
                      {"operation", row.operation},
                      {"shape", row.shape},
                      {"weights", row.weights},
                      {"values", row.values},
                      {"alpha", row.alpha},
                      {"bytes", row.bytes},
                      {"macs", row.macs}});
  }
  const nlohmann::json json{
      {"name", model.name},       {"version", model.version}, {"tool", model.tool},
      {"recipe", model.recipe},   {"mean", model.mean},       {"std", model.std},
      {"classes", model.classes}, {"bytes", file_bytes},      {"layers", layers}};
  std::fputs(json_text(json).c_str(), stdout);
}

void print_text(const format::Model& model, const std::vector<Row>& rows,
                std::uint64_t file_bytes) {
  std::vector<std::vector<std::string>> cells{
      {"layer", "operation", "shape", "weights", "values", "alpha", "bytes", "MACs"}};
  std::uint64_t bytes = 0;
  std::int64_t macs = 0;
  for (const Row& row : rows) {
    cells.push_back({row.name, row.operation, row.shape, row.weights, row.values,
                     row.alpha > 0 ? fixed(row.alpha, 4) : "", std::to_string(row.bytes),
                     row.macs > 0 ? std::to_string(row.macs) : ""});
    bytes += row.bytes;
    macs += row.macs;
  }
  cells.push_back({"total", "", "", "", "", "", std::to_string(bytes), std::to_string(macs)});
  std::string classes;
  for (const std::string_view name : model.classes)
    classes += text(classes.empty() ? "" : ", ", name);
  const std::string heading = text(model.name, " (format ", model.version, ", written by ",
                                   model.tool, "), ", bytes_text(file_bytes));
  std::printf("%s\n\n%s\nclasses: %s\n", one_line(heading).c_str(), table(cells).c_str(),
              one_line(classes).c_str());
}

void run_inspect(const InspectOptions& options) {
  const format::Model model = value_or_throw(format::read(options.model));
  const auto file_bytes = static_cast<std::uint64_t>(std::filesystem::file_size(options.model));
  const auto rows = rows_of(model);
  options.json ? print_json(model, rows, file_bytes) : print_text(model, rows, file_bytes);
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Show a packed network layer by layer: shapes, bits, alpha, bytes, MACs");
  command->footer("Example:\n  pact inspect zoo/cifar10-resnet20-v1-w4a4.pact");
  command->add_option("model", options->model, "Packed network (.pact)")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options] { run_inspect(*options); });
}

}  // namespace pact::cli
