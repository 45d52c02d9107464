// SPDX-License-Identifier: Apache-2.0
// Building the message of an ONNX file. Internal to onnx/.
#pragma once

#include <string>
#include <vector>

#include "pact/onnx/document.h"

namespace pact::onnx {

/// One node under construction.
class NodeBuilder {
 public:
  NodeBuilder(pb::NodeProto& node) : node_(node) {}

  NodeBuilder& set(const std::string& name, std::int64_t value);
  NodeBuilder& set(const std::string& name, float value);
  NodeBuilder& set(const std::string& name, const std::string& value);
  NodeBuilder& set(const std::string& name, const std::vector<std::int64_t>& values);

 private:
  pb::AttributeProto& add(const std::string& name, pb::AttributeProto::AttributeType type);

  pb::NodeProto& node_;
};

class ModelBuilder {
 public:
  ModelBuilder(const std::string& name, std::int64_t opset);

  /// A float value of an open batch.
  void add_input(const std::string& name, const graph::Shape& shape);
  void add_output(const std::string& name, const graph::Shape& shape);
  /// Adds a constant and returns its name.
  std::string add_constant(const std::string& name, const graph::Tensor& tensor);
  void add_tensor(const pb::TensorProto& tensor);
  std::string add_integers(const std::string& name, const std::vector<std::int64_t>& values);
  /// Adds a node that makes the value `name`, and is called so.
  NodeBuilder add_node(const std::string& operation, const std::string& name,
                       const std::vector<std::string>& inputs, const std::string& domain = {});

  pb::ModelProto& model() { return model_; }
  /// The bytes of the file. Error: 2 GiB or more.
  Result<std::string> finish() const;

 private:
  pb::ModelProto model_;
};

}  // namespace pact::onnx
