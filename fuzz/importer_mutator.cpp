// SPDX-License-Identifier: Apache-2.0
// Mutations of the importer's fuzzer that keep a file readable, so that what is wrong is found by
// the importer and not by protobuf: inputs, attributes, tensors and nodes that do not fit.
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

class Mutator {
 public:
  Mutator(onnx::ModelProto& model, unsigned seed)
      : model_(model), graph_(*model.mutable_graph()), random_(seed) {}

  void run() {
    using Edit = void (Mutator::*)();
    constexpr Edit kEdits[] = {
        &Mutator::change_inputs,    &Mutator::change_inputs, &Mutator::change_attribute,
        &Mutator::change_attribute, &Mutator::change_tensor, &Mutator::change_tensor,
        &Mutator::change_operation, &Mutator::change_order,  &Mutator::change_ends};
    for (int edits = below(3) + 1; edits > 0; --edits) {
      (this->*kEdits[below(std::size(kEdits))])();
    }
  }

 private:
  int below(std::size_t count) { return static_cast<int>(random_() % count); }
  template <typename Repeated>
  auto* any(Repeated& items) {
    return items.empty() ? nullptr : items.Mutable(below(static_cast<std::size_t>(items.size())));
  }

  std::int64_t integer() {
    constexpr std::int64_t kInteresting[] = {-2,
                                             -1,
                                             0,
                                             1,
                                             2,
                                             3,
                                             4,
                                             7,
                                             8,
                                             16,
                                             255,
                                             1 << 16,
                                             std::numeric_limits<std::int32_t>::max(),
                                             std::numeric_limits<std::int64_t>::min(),
                                             std::numeric_limits<std::int64_t>::max()};
    return kInteresting[below(std::size(kInteresting))];
  }
  float real() {
    constexpr float kInteresting[] = {-1,
                                      0,
                                      0.5F,
                                      1,
                                      1e-38F,
                                      1e38F,
                                      std::numeric_limits<float>::infinity(),
                                      std::numeric_limits<float>::quiet_NaN()};
    return kInteresting[below(std::size(kInteresting))];
  }
  template <typename Repeated, typename Make>
  void change_list(Repeated& list, const Make& make) {
    const int what = below(3);
    if (what == 0 || list.empty()) {
      list.Add(make());
    } else if (what == 1) {
      list.RemoveLast();
    } else {
      *list.Mutable(below(static_cast<std::size_t>(list.size()))) = make();
    }
  }

  std::string value() {
    const int what = below(4);
    if (what == 0) return {};
    if (what == 1 && graph_.initializer_size() > 0)
      return any(*graph_.mutable_initializer())->name();
    const auto* node = any(*graph_.mutable_node());
    if (node == nullptr || node->output().empty()) return "x";
    return node->output(0);
  }

  void change_inputs() {
    if (auto* node = any(*graph_.mutable_node())) {
      change_list(*node->mutable_input(), [&] { return value(); });
    }
  }

  void change_attribute() {
    auto* node = any(*graph_.mutable_node());
    auto* attribute = node == nullptr ? nullptr : any(*node->mutable_attribute());
    if (attribute == nullptr) return;
    const int what = below(8);
    if (what == 0) return node->mutable_attribute()->RemoveLast();
    if (what == 1)
      return attribute->set_type(static_cast<onnx::AttributeProto::AttributeType>(below(12)));
    if (what == 2) {
      if (auto* other = any(*graph_.mutable_node())) *other->add_attribute() = *attribute;
      return;
    }
    attribute->set_i(integer());
    attribute->set_f(real());
    change_list(*attribute->mutable_ints(), [&] { return integer(); });
    change_list(*attribute->mutable_floats(), [&] { return real(); });
    if (attribute->has_t()) change(*attribute->mutable_t());
  }

  void change_tensor() {
    if (auto* tensor = any(*graph_.mutable_initializer())) change(*tensor);
  }
  void change(onnx::TensorProto& tensor) {
    const int what = below(5);
    if (what == 0) return change_list(*tensor.mutable_dims(), [&] { return integer(); });
    if (what == 1) return tensor.set_data_type(below(24));
    if (what == 2) return tensor.mutable_raw_data()->resize(static_cast<std::size_t>(below(64)));
    if (what == 3) return change_list(*tensor.mutable_float_data(), [&] { return real(); });
    std::string& bytes = *tensor.mutable_raw_data();
    if (bytes.size() < sizeof(float)) return;
    const float number = real();
    const std::size_t at = static_cast<std::size_t>(below(bytes.size() / sizeof number));
    bytes.replace(at * sizeof number, sizeof number, reinterpret_cast<const char*>(&number),
                  sizeof number);
  }

  void change_operation() {
    auto* node = any(*graph_.mutable_node());
    const auto* other = any(*graph_.mutable_node());
    if (node == nullptr) return;
    node->set_op_type(other->op_type());
    node->set_domain(other->domain());
    if (below(2) == 0) *node->mutable_attribute() = onnx::NodeProto(*other).attribute();
  }

  void change_order() {
    auto& nodes = *graph_.mutable_node();
    if (nodes.empty()) return;
    const int at = below(static_cast<std::size_t>(nodes.size()));
    const int what = below(3);
    if (what == 0) return nodes.DeleteSubrange(at, 1);
    if (what == 1) return nodes.SwapElements(at, below(static_cast<std::size_t>(nodes.size())));
    onnx::NodeProto copy = nodes.Get(at);
    for (std::string& output : *copy.mutable_output()) output += "'";
    *graph_.add_node() = copy;
  }

  // What goes into the graph and comes out, and the version of its operations.
  void change_ends() {
    const int what = below(3);
    if (what == 0 && model_.opset_import_size() > 0) {
      model_.mutable_opset_import(0)->set_version(7 + below(19));
    } else if (what == 1 && graph_.output_size() > 0) {
      graph_.mutable_output(0)->set_name(value());
    } else if (auto* input = any(*graph_.mutable_input())) {
      auto& shape = *input->mutable_type()->mutable_tensor_type()->mutable_shape();
      if (auto* extent = any(*shape.mutable_dim())) extent->set_dim_value(integer());
    }
  }

  onnx::ModelProto& model_;
  onnx::GraphProto& graph_;
  std::minstd_rand random_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  onnx::ModelProto model;
  const bool as_bytes = seed % 4 == 0;
  if (as_bytes || !model.ParseFromArray(data, static_cast<int>(size))) {
    return LLVMFuzzerMutate(data, size, most);
  }
  Mutator(model, seed).run();
  const std::size_t written = model.ByteSizeLong();
  if (written > most || !model.SerializeToArray(data, static_cast<int>(written))) {
    return LLVMFuzzerMutate(data, size, most);
  }
  return written;
}
