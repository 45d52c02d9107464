// SPDX-License-Identifier: Apache-2.0
// For tests of the importer: files of a few nodes, and what their networks compute.
#pragma once

#include <fstream>
#include <numeric>

#include "pact/graph/evaluator.h"
#include "pact/onnx/builder.h"
#include "pact/onnx/import.h"

namespace pact::onnx::small_files {

using namespace graph;

using Ints = std::vector<std::int64_t>;

inline std::filesystem::path folder() {
  const auto path = std::filesystem::path(testing::TempDir()) / "pact_import_test";
  std::filesystem::create_directories(path);
  return path;
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A file of one image input "x" and one output "y"; tests add the nodes.
struct File {
  explicit File(std::int64_t opset = 17, const Shape& input = {2, 4, 4}) : builder("test", opset) {
    builder.add_input("x", input);
    builder.add_output("y", {1});
  }
  pb::GraphProto& graph() { return *builder.model().mutable_graph(); }
  NodeBuilder node(const std::string& operation, const std::string& name,
                   const std::vector<std::string>& inputs) {
    return builder.add_node(operation, name, inputs);
  }
  std::string floats(const std::string& name, const Shape& shape, std::vector<float> values) {
    return builder.add_constant(name, Tensor::f32(shape, std::move(values)));
  }
  Result<Network> import(const ImportOptions& options = {}) {
    const auto path = folder() / "test.onnx";
    write_file(path, value_or_throw(builder.finish()));
    return import_network(path, options);
  }
  std::string error(const ImportOptions& options = {}) {
    auto network = import(options);
    return network ? "no error" : network.error().message;
  }

  ModelBuilder builder;
};

inline std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

inline std::vector<float> run(const Network& network) {
  const auto size = static_cast<std::size_t>(element_count(network.node(0).type.shape));
  return std::get<std::vector<float>>(value_or_throw(evaluate(network, Value(counting(size)))));
}

}  // namespace pact::onnx::small_files
