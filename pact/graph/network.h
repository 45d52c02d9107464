// SPDX-License-Identifier: Apache-2.0
// A neural network as data: nodes in execution order, parameters by name, and what a user needs to
// feed it (normalisation, class names). Builders, importers and lowering make Networks; executors
// read them. `add` infers the type of each value, so a Network always has its shapes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/operations.h"
#include "pact/graph/tensor.h"

namespace pact::graph {

using NodeId = std::int32_t;

/// What the elements of a value are.
enum class Element { F32, Pixel, Level, Accumulator };

/// Type of a value; `shape` is of one image; `grid` has a meaning for Element::Level alone.
struct ValueType {
  Element element = Element::F32;
  Shape shape;
  numeric::Grid grid;

  /// Channels: the first extent.
  std::int64_t channels() const { return shape.front(); }
  /// Elements of one channel.
  std::int64_t channel_size() const { return element_count(shape) / channels(); }
  bool operator==(const ValueType&) const = default;
};

/// One operation, and the value that it makes.
struct Node {
  std::string name;
  Operation operation;
  std::vector<NodeId> inputs;
  ValueType type;

  template <typename Op>
  const Op* as() const {
    return std::get_if<Op>(&operation);
  }
  template <typename Op>
  Op* as() {
    return std::get_if<Op>(&operation);
  }
  bool operator==(const Node&) const = default;
};

/// Pixels become inputs as (pixel / 255 - mean[c]) / std[c].
struct Preprocessing {
  std::vector<float> mean;
  std::vector<float> std;
  bool operator==(const Preprocessing&) const = default;
};

/// A parameter that a node expects: its role ("weight"), shape and element type.
enum class ParameterType { F32, I32, I64 };
struct ParameterSlot {
  std::string role;
  Shape shape;
  ParameterType type = ParameterType::F32;
};

class Network {
 public:
  std::string name;
  Preprocessing preprocessing;
  std::vector<std::string> classes;

  /// Appends a node whose inputs are earlier nodes, and infers its type. Error: a name in use, an
  /// input that does not exist or does not fit, attributes outside their range.
  Result<NodeId> add(std::string node_name, Operation operation, std::vector<NodeId> inputs);

  std::span<const Node> nodes() const { return nodes_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  std::optional<NodeId> find(const std::string& node_name) const;

  /// The nodes that read the value of `id`, each once, in order.
  std::vector<NodeId> consumers(NodeId id) const;

  /// The node whose value is the result; the last node unless set.
  NodeId output() const { return output_ >= 0 ? output_ : static_cast<NodeId>(nodes_.size()) - 1; }
  void set_output(NodeId id) { output_ = id; }

  /// The parameters that a node expects, in a fixed order.
  std::vector<ParameterSlot> parameter_slots(NodeId id) const;
  static std::string parameter_name(const Node& node, const std::string& role) {
    return node.name + "." + role;
  }

  /// Parameters by full name ("layer1.0.conv1.weight").
  const std::map<std::string, Tensor>& parameters() const { return parameters_; }
  std::map<std::string, Tensor>& parameters() { return parameters_; }
  const Tensor& parameter(NodeId id, const std::string& role) const;
  void set_parameter(NodeId id, const std::string& role, Tensor tensor);

  /// Ok if every node has exactly its parameters, of the right shape and type, all floats finite,
  /// scales positive, levels on their grid, and the output exists. The error names the node or
  /// parameter.
  Status verify() const;

  /// Multiplications and additions for one image.
  std::int64_t macs(NodeId id) const;
  std::int64_t macs() const;

 private:
  std::vector<Node> nodes_;
  std::map<std::string, NodeId> by_name_;
  std::map<std::string, Tensor> parameters_;
  NodeId output_ = -1;
};

/// Ok if mean and std are both absent, or finite numbers, one for each channel of the image, and
/// std positive.
Status check_preprocessing(const Network& network);

/// Largest number of nodes, which is that of a packed file.
inline constexpr std::size_t kMaxNodes = std::size_t{1} << 14;

/// Largest number of elements of a value of one image, and of a parameter.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

/// Type of the value that `operation` makes from inputs of these types.
Result<ValueType> infer(const Operation& operation, std::span<const ValueType> inputs);

/// The network as text, without the elements of its parameters.
std::string print(const Network& network);

/// The inverse of `print`. Errors give the line.
Result<Network> parse(const std::string& text);

}  // namespace pact::graph
