// SPDX-License-Identifier: Apache-2.0
// Writing a network as ONNX nodes, one graph node after the other. Internal to onnx/.
#pragma once

#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/onnx/builder.h"

namespace pact::onnx {

/// Exports the operations of float networks. Values are called as the nodes that make them.
class Exporter {
 public:
  Exporter(const graph::Network& network, std::int64_t opset)
      : network_(network), builder_(network.name, opset) {}
  virtual ~Exporter() = default;
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  /// The bytes of the file.
  Result<std::string> run();

 protected:
  /// Adds the ONNX nodes of the node under way.
  virtual Status add_node() { return add_float_node(); }
  /// The same for an operation of float networks, which may move integers, too.
  Status add_float_node();

  const graph::Node& node() const { return network_.node(id_); }
  graph::NodeId id() const { return id_; }
  const graph::Network& network() const { return network_; }
  ModelBuilder& builder() { return builder_; }
  /// Name of a value or constant that belongs to the node under way.
  std::string part(const std::string& role) const { return node().name + "." + role; }
  std::vector<std::string> inputs() const;

 private:
  struct Operations;

  const graph::Network& network_;
  ModelBuilder builder_;
  graph::NodeId id_ = 0;
};

/// A shortcut called `name`: rows and columns by a slice, channels by padding.
void add_shortcut(ModelBuilder& builder, const std::string& name, const graph::Shortcut& shortcut,
                  const std::string& input);

}  // namespace pact::onnx
