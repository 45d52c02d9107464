// SPDX-License-Identifier: Apache-2.0
// What the importers of single operations share. Internal to onnx/.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pact/onnx/document.h"
#include "pact/onnx/import.h"

namespace pact::onnx {

inline constexpr std::int64_t kMaxPadding = 1 << 16;

/// Stands for the size of the batch in shapes that are computed in the file.
inline constexpr std::int64_t kBatch = -(std::int64_t{1} << 40);

/// The attributes of a node. Each must be asked for, so that none is overlooked.
class Attributes {
 public:
  explicit Attributes(const pb::NodeProto& node) : node_(node) {}

  std::int64_t integer(const std::string& name, std::int64_t otherwise);
  float real(const std::string& name, float otherwise);
  std::string word(const std::string& name, const std::string& otherwise);
  std::vector<std::int64_t> integers(const std::string& name,
                                     const std::vector<std::int64_t>& otherwise);
  std::vector<float> reals(const std::string& name);
  const pb::TensorProto* tensor(const std::string& name);
  bool has(const std::string& name) const;

  /// Ok if every attribute was asked for, and held what was asked for.
  Status finish() const;

 private:
  const pb::AttributeProto* find(const std::string& name, pb::AttributeProto::AttributeType type);

  const pb::NodeProto& node_;
  std::set<std::string> asked_;
  std::string mistyped_;
};

/// A value of a number of extents that no value of a Network has, on its way to another shape: the
/// elements of `source` taken as `view`, the extents permuted by `order`.
struct View {
  graph::NodeId source = 0;
  graph::Shape view;
  graph::Shape order;

  /// Extents after the permutation.
  graph::Shape shape() const;
};

/// A value with rows and columns of zeros around it: a convolution takes them as its padding, for
/// all others they become a Pad.
struct Padded {
  graph::NodeId source = 0;
  graph::Padding padding;
};

/// Integers that QuantizeLinear makes of a value, until DequantizeLinear reads them.
struct Codes {
  graph::NodeId source = 0;
  std::vector<float> scales;  // one, or one for each channel
  std::int64_t zero_point = 0;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  std::optional<graph::NodeId> value{};  // once it was read
};

class Importer {
 public:
  Importer(const pb::ModelProto& model, std::filesystem::path folder, const ImportOptions& options);
  Result<graph::Network> run();

  /// One node under way: what an importer of an operation works with.
  struct Step {
    Importer& importer;
    const pb::NodeProto& node;
    Attributes attributes;

    std::int64_t opset() const { return importer.opset_; }
    /// True for an extent that stands for the batch.
    bool is_batch(std::int64_t extent) const {
      return extent == kBatch || extent == importer.batch_;
    }
    bool has_input(int i) const { return i < node.input_size() && !node.input(i).empty(); }
    /// The value of the network that input `i` is, its padding added first; an Error if it is a
    /// constant or absent.
    Result<graph::NodeId> value(int i) const;
    /// The constant that input `i` is; an Error if it is computed from the image or absent.
    Result<const Constant*> constant(int i) const;
    Result<const Constant*> floats(int i) const;
    Result<std::vector<std::int64_t>> ints(int i) const;
    bool is_constant(int i) const {
      return has_input(i) && importer.constants_.contains(node.input(i));
    }
    const graph::Shape& shape(graph::NodeId id) const {
      return importer.network_.node(id).type.shape;
    }

    /// The value that input `i` is, as a view: of itself as it is, if it is no view yet.
    Result<View> view(int i) const;
    bool is_view(int i) const { return has_input(i) && importer.views_.contains(node.input(i)); }

    /// The value and padding that input `i` is, or null.
    const Padded* padded(int i) const;
    void set_padded(const Padded& padded) { importer.padded_[node.output(0)] = padded; }

    /// The integers that input `i` is, or null.
    Codes* codes(int i) const;
    /// The output is these integers.
    void set_codes(Codes codes) { importer.codes_[node.output(0)] = std::move(codes); }

    /// True if `axis` is that of the channels of a value.
    bool is_channel_axis(std::int64_t axis, graph::NodeId id) const {
      return axis == 1 || axis == -static_cast<std::int64_t>(shape(id).size());
    }

    /// Adds the operation that makes an output; `name` where the file has a better one.
    Result<graph::NodeId> add(graph::Operation operation, std::vector<graph::NodeId> inputs,
                              const std::string& name = {}, int output = 0);
    /// The output is the view, as a value if it has the extents of one.
    Status add_view(View view);
    void set_parameter(graph::NodeId id, const std::string& role, graph::Tensor tensor);
    /// The output is a constant, or another value as it is.
    Status fold(Constant constant);
    Status alias(graph::NodeId id);
    /// The node's name, or that of its output if it has none.
    const std::string& name(int output = 0) const {
      return node.name().empty() ? node.output(output) : node.name();
    }
    /// "conv1" if input `i` is a constant called "conv1.weight".
    std::string layer_name(int i) const;
    /// Takes the addition of a constant to this node's value, if that is all that happens to it.
    std::optional<std::vector<float>> take_bias(std::int64_t outputs);
    bool was_taken() const { return importer.taken_.contains(&node); }
  };

 private:
  bool is_known(const std::string& value) const {
    return values_.contains(value) || constants_.contains(value) || views_.contains(value) ||
           padded_.contains(value) || codes_.contains(value);
  }
  Status check_operations() const;
  Status read_initializers();
  Status read_input();
  Status import_node(const pb::NodeProto& node);
  /// The value `name`, which was padded, as one of the network.
  Result<graph::NodeId> add_padding(const std::string& name);
  Status find_output();
  std::string unique_name(const std::string& wished);

  // How often a value is read, and the last node that reads it.
  struct Uses {
    int count = 0;
    const pb::NodeProto* last = nullptr;
  };
  const pb::ModelProto& model_;
  const pb::GraphProto& graph_;
  std::filesystem::path folder_;
  const ImportOptions& options_;
  std::int64_t opset_ = 0;
  graph::Network network_;
  std::map<std::string, Constant> constants_;
  std::map<std::string, graph::NodeId> values_;
  std::map<std::string, View> views_;
  std::map<std::string, Padded> padded_;
  std::map<std::string, Codes> codes_;
  std::int64_t batch_ = kBatch;   // its size, if the file fixes it
  std::int64_t folded_ = 0;       // elements of constants that are computed
  std::int64_t most_folded_ = 0;  // so that a small file does not ask for all memory
  std::set<std::string> names_;
  std::map<std::string, int> numbers_;  // behind names that are wished for more than once
  std::map<std::string, Uses> uses_;
  std::set<const pb::NodeProto*> taken_;  // additions that became the bias of a layer
};

/// Imports one operation.
using OperationImporter = Status (*)(Importer::Step&);

/// The importer of an operation of the default domain, by what it does; null if it is none of
/// these.
OperationImporter find_layer_importer(std::string_view operation);
OperationImporter find_shape_importer(std::string_view operation);
OperationImporter find_value_importer(std::string_view operation);
OperationImporter find_quantizer_importer(std::string_view operation);
OperationImporter find_resize_importer(std::string_view operation);
/// Those that compute on constants alone.
OperationImporter find_folder(std::string_view operation);
OperationImporter find_quantizer_folder(std::string_view operation);

/// True for a quantizer of QONNX in one of its domains.
bool is_qonnx(const pb::NodeProto& node);
/// Imports a Clip of the integers of a quantizer.
Status narrow_codes(Importer::Step& step);
/// How weights that are `values` are quantized; their scales are `values.steps`'. None if they are
/// not. Extent `outputs` is that of the outputs.
Result<numeric::WeightSpec> weights_of(const Constant& values, std::size_t outputs);

/// A shape of as many elements as `from`, whose extents of 0 (those of `from`, unless zeros are
/// zeros) and of -1 (the rest, once) are filled in.
Result<graph::Shape> fill_extents(const graph::Shape& target, const graph::Shape& from,
                                  bool zero_is_zero);

/// Error of a node.
template <typename... Parts>
Error unsupported(const Parts&... parts) {
  return make_error(ErrorCode::Unsupported, parts...);
}

}  // namespace pact::onnx
