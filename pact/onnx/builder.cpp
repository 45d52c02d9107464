// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/builder.h"

#include <algorithm>
#include <limits>

#include "pact/base/version.h"

namespace pact::onnx {
namespace {

// Version of the file format that brought the types of an operator set.
int ir_version(std::int64_t opset) {
  if (opset >= 25) return 13;
  return opset >= 21 ? 10 : 8;
}

void set_type(pb::ValueInfoProto& value, const std::string& name, const graph::Shape& shape) {
  value.set_name(name);
  auto* type = value.mutable_type()->mutable_tensor_type();
  type->set_elem_type(static_cast<int>(DataType::Float));
  type->mutable_shape()->add_dim()->set_dim_param("batch");
  for (const std::int64_t extent : shape) type->mutable_shape()->add_dim()->set_dim_value(extent);
}

}  // namespace

pb::AttributeProto& NodeBuilder::add(const std::string& name,
                                     pb::AttributeProto::AttributeType type) {
  auto* attribute = node_.add_attribute();
  attribute->set_name(name);
  attribute->set_type(type);
  return *attribute;
}

NodeBuilder& NodeBuilder::set(const std::string& name, std::int64_t value) {
  add(name, pb::AttributeProto::INT).set_i(value);
  return *this;
}

NodeBuilder& NodeBuilder::set(const std::string& name, float value) {
  add(name, pb::AttributeProto::FLOAT).set_f(value);
  return *this;
}

NodeBuilder& NodeBuilder::set(const std::string& name, const std::string& value) {
  add(name, pb::AttributeProto::STRING).set_s(value);
  return *this;
}

NodeBuilder& NodeBuilder::set(const std::string& name, const std::vector<std::int64_t>& values) {
  auto& attribute = add(name, pb::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
  return *this;
}

ModelBuilder::ModelBuilder(const std::string& name, std::int64_t opset) {
  model_.set_ir_version(ir_version(opset));
  model_.set_producer_name("pact");
  model_.set_producer_version(PACT_VERSION);
  model_.add_opset_import()->set_version(opset);
  model_.mutable_graph()->set_name(name.empty() ? "network" : name);
}

void ModelBuilder::add_input(const std::string& name, const graph::Shape& shape) {
  set_type(*model_.mutable_graph()->add_input(), name, shape);
}

void ModelBuilder::add_output(const std::string& name, const graph::Shape& shape) {
  set_type(*model_.mutable_graph()->add_output(), name, shape);
}

std::string ModelBuilder::add_constant(const std::string& name, const graph::Tensor& tensor) {
  *model_.mutable_graph()->add_initializer() = encode(name, tensor.shape, tensor.floats());
  return name;
}

void ModelBuilder::add_tensor(const pb::TensorProto& tensor) {
  *model_.mutable_graph()->add_initializer() = tensor;
}

std::string ModelBuilder::add_integers(const std::string& name,
                                       const std::vector<std::int64_t>& values) {
  *model_.mutable_graph()->add_initializer() =
      encode(name, {static_cast<std::int64_t>(values.size())}, DataType::Int64, values);
  return name;
}

NodeBuilder ModelBuilder::add_node(const std::string& operation, const std::string& name,
                                   const std::vector<std::string>& inputs,
                                   const std::string& domain) {
  auto* node = model_.mutable_graph()->add_node();
  node->set_op_type(operation);
  node->set_name(name);
  if (!domain.empty()) {
    node->set_domain(domain);
    const auto& sets = model_.opset_import();
    if (std::none_of(sets.begin(), sets.end(),
                     [&](const auto& set) { return set.domain() == domain; })) {
      auto* set = model_.add_opset_import();
      set->set_domain(domain);
      set->set_version(1);
    }
  }
  for (const std::string& input : inputs) node->add_input(input);
  node->add_output(name);
  return *node;
}

Result<std::string> ModelBuilder::finish() const {
  if (model_.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return make_error(ErrorCode::Unsupported, "expected an ONNX file below 2 GiB, found ",
                      model_.ByteSizeLong(), " bytes");
  }
  return model_.SerializeAsString();
}

}  // namespace pact::onnx
