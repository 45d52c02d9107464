// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flatbuffers.h>

#include <cstdint>
#include <cstring>

#include "pact/base/aligned_buffer.h"
#include "pact/base/file.h"
#include "pact/format/model.h"
#include "pact/format/schema_generated.h"

namespace pact::format {
namespace {

// The verifier walks shared tables once per reference; these bound the work that a file can ask
// for.
constexpr flatbuffers::uoffset_t kMaxDepth = 16;
constexpr flatbuffers::uoffset_t kMaxTables = 1 << 20;
constexpr std::size_t kMinBytes = 16;
// A node's tables without their arrays, at least.
constexpr std::size_t kNodeBytes = 32;

template <typename... Parts>
Error corrupt(const Parts&... parts) {
  return make_error(ErrorCode::Corrupt, parts...);
}

std::string_view view(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view{} : std::string_view(text->c_str(), text->size());
}

template <typename T>
std::span<const T> view(const flatbuffers::Vector<T>* values) {
  // FlatBuffers checks the alignment of a vector's length, which is that of 32 bits.
  static_assert(alignof(T) <= alignof(flatbuffers::uoffset_t));
  if (values == nullptr) return {};
  return {reinterpret_cast<const T*>(values->Data()), values->size()};
}

Pair read_pair(const schema::Pair* pair) {
  return pair == nullptr ? Pair{} : Pair{pair->y(), pair->x()};
}
Padding read_padding(const schema::Padding* p) {
  return p == nullptr ? Padding{} : Padding{p->top(), p->left(), p->bottom(), p->right()};
}
numeric::Grid read_grid(const schema::Grid* grid) {
  if (grid == nullptr) return {};
  return {.bits = grid->bits(),
          .step = grid->step(),
          .lowest = grid->lowest(),
          .codes = grid->last_code() + 1};
}

Operation read_operation(const schema::Input&) { return Input{}; }
Operation read_operation(const schema::Lookup& op) {
  return Lookup{view(op.codes()), view(op.floats())};
}
Operation read_operation(const schema::Conv& op) {
  return Conv{.kernel = read_pair(op.kernel()),
              .stride = read_pair(op.stride()),
              .padding = read_padding(op.padding()),
              .dilation = read_pair(op.dilation()),
              .groups = op.groups(),
              .grid = read_grid(op.grid()),
              .packed = std::as_bytes(view(op.packed())),
              .weights = view(op.weights()),
              .bias = view(op.bias())};
}
Operation read_operation(const schema::Pool& op) {
  return Pool{static_cast<PoolKind>(op.kind()), read_pair(op.kernel()), read_pair(op.stride()),
              read_padding(op.padding()), static_cast<AverageOver>(op.over())};
}
Operation read_operation(const schema::Shortcut& op) {
  return Shortcut{read_pair(op.stride()), op.before()};
}
Operation read_operation(const schema::Flatten&) { return Flatten{}; }
Operation read_operation(const schema::Requantize& op) {
  return Requantize{op.shift(), op.offset_shift(), op.per_channel(), view(op.multiplier()),
                    view(op.offset())};
}
Operation read_operation(const schema::Quantize& op) { return Quantize{view(op.inverse())}; }
Operation read_operation(const schema::Dequantize& op) {
  return Dequantize{view(op.scale()), view(op.offset())};
}
Operation read_operation(const schema::BatchNorm& op) {
  return BatchNorm{view(op.weight()), view(op.bias()), view(op.mean()), view(op.variance()),
                   op.epsilon()};
}
Operation read_operation(const schema::Relu&) { return Relu{}; }
Operation read_operation(const schema::Add&) { return Add{}; }
Operation read_operation(const schema::Pointwise& op) {
  return Pointwise{static_cast<numeric::Function>(op.function()), op.a(), op.b()};
}
Operation read_operation(const schema::Multiply&) { return Multiply{}; }
Operation read_operation(const schema::Concat&) { return Concat{}; }
Operation read_operation(const schema::Slice& op) { return Slice{op.first()}; }
Operation read_operation(const schema::Rearrange& op) {
  const auto extents = view(op.view());
  const auto order = view(op.order());
  return Rearrange{{extents.begin(), extents.end()}, {order.begin(), order.end()}};
}
Operation read_operation(const schema::Softmax&) { return Softmax{}; }
Operation read_operation(const schema::Pad& op) {
  return Pad{read_padding(op.padding()), read_pair(op.spread())};
}
Operation read_operation(const schema::Resize& op) {
  return Resize{{static_cast<numeric::Interpolation>(op.interpolation()),
                 static_cast<numeric::Coordinates>(op.coordinates()),
                 static_cast<numeric::NearestRounding>(op.rounding())},
                op.scale_y(),
                op.scale_x()};
}

template <typename Table>
Operation read_as(const schema::Node& node) {
  return read_operation(*static_cast<const Table*>(node.operation()));
}

Result<Operation> read_operation(const schema::Node& node) {
  switch (node.operation() == nullptr ? schema::Operation::NONE : node.operation_type()) {
    case schema::Operation::Input:
      return read_as<schema::Input>(node);
    case schema::Operation::Lookup:
      return read_as<schema::Lookup>(node);
    case schema::Operation::Conv:
      return read_as<schema::Conv>(node);
    case schema::Operation::Pool:
      return read_as<schema::Pool>(node);
    case schema::Operation::Shortcut:
      return read_as<schema::Shortcut>(node);
    case schema::Operation::Flatten:
      return read_as<schema::Flatten>(node);
    case schema::Operation::Requantize:
      return read_as<schema::Requantize>(node);
    case schema::Operation::Quantize:
      return read_as<schema::Quantize>(node);
    case schema::Operation::Dequantize:
      return read_as<schema::Dequantize>(node);
    case schema::Operation::BatchNorm:
      return read_as<schema::BatchNorm>(node);
    case schema::Operation::Relu:
      return read_as<schema::Relu>(node);
    case schema::Operation::Add:
      return read_as<schema::Add>(node);
    case schema::Operation::Pointwise:
      return read_as<schema::Pointwise>(node);
    case schema::Operation::Multiply:
      return read_as<schema::Multiply>(node);
    case schema::Operation::Concat:
      return read_as<schema::Concat>(node);
    case schema::Operation::Slice:
      return read_as<schema::Slice>(node);
    case schema::Operation::Rearrange:
      return read_as<schema::Rearrange>(node);
    case schema::Operation::Softmax:
      return read_as<schema::Softmax>(node);
    case schema::Operation::Pad:
      return read_as<schema::Pad>(node);
    case schema::Operation::Resize:
      return read_as<schema::Resize>(node);
    case schema::Operation::NONE:
      break;
  }
  return make_error(ErrorCode::Unsupported, "node '", view(node.name()),
                    "': an operation that this version does not know");
}

Result<Node> read_node(const schema::Node& stored, std::int32_t index) {
  const schema::Value* value = stored.value();
  if (value == nullptr) return corrupt("node '", view(stored.name()), "' has no value");
  Node node;
  node.name = view(stored.name());
  PACT_TRY(node.operation, read_operation(stored));
  if (stored.inputs() == nullptr) {
    node.inputs = before(index);
  } else {
    const auto inputs = view(stored.inputs());
    node.inputs.assign(inputs.begin(), inputs.end());
  }
  node.value = {.element = static_cast<Element>(value->element()),
                .channels = value->channels(),
                .height = value->height(),
                .width = value->width(),
                .scale = value->scale()};
  if (node.value.element == Element::Level) node.value.grid = read_grid(&value->grid());
  return node;
}

template <typename... Spans>
std::size_t total_bytes(const Spans&... spans) {
  return (std::size_t{0} + ... + spans.size_bytes());
}
std::size_t array_bytes(const Lookup& op) { return total_bytes(op.codes, op.floats); }
std::size_t array_bytes(const Conv& op) { return total_bytes(op.packed, op.weights, op.bias); }
std::size_t array_bytes(const Requantize& op) { return total_bytes(op.multiplier, op.offset); }
std::size_t array_bytes(const Quantize& op) { return total_bytes(op.inverse); }
std::size_t array_bytes(const Dequantize& op) { return total_bytes(op.scale, op.offset); }
std::size_t array_bytes(const Rearrange& op) {
  return op.view.size() * sizeof(std::int32_t) + op.order.size();
}
std::size_t array_bytes(const BatchNorm& op) {
  return total_bytes(op.weight, op.bias, op.mean, op.variance);
}
template <typename Other>
std::size_t array_bytes(const Other&) {
  return 0;
}

std::size_t stored_bytes(const Node& node) {
  return kNodeBytes + node.name.size() + node.inputs.size() * sizeof(std::uint16_t) +
         std::visit([](const auto& op) { return array_bytes(op); }, node.operation);
}

// The nodes and names of a file, of which no two share bytes: a small file that points to one array
// again and again could ask for memory and work without bound.
class Bytes {
 public:
  explicit Bytes(std::size_t size) : left_(size) {}
  Status take(std::size_t bytes) {
    if (bytes > left_) return corrupt("the packed network is damaged: parts of it overlap");
    left_ -= bytes;
    return {};
  }

 private:
  std::size_t left_;
};

Result<Model> read_verified(const schema::Model& stored, Bytes bytes) {
  Model model{.version = stored.version(),
              .name = view(stored.name()),
              .tool = view(stored.tool()),
              .recipe = view(stored.recipe()),
              .mean = view(stored.mean()),
              .std = view(stored.std())};
  if (model.version != kVersion) {
    return make_error(ErrorCode::Unsupported, "expected version ", kVersion,
                      " of the packed format, found ", model.version);
  }
  model.output = stored.output();
  if (stored.classes() != nullptr) {
    for (const auto* name : *stored.classes()) {
      model.classes.push_back(view(name));
      PACT_CHECK_OK(bytes.take(sizeof(flatbuffers::uoffset_t) + model.classes.back().size()));
    }
  }
  if (stored.nodes() != nullptr) {
    for (const auto* node : *stored.nodes()) {
      PACT_TRY(Node read, read_node(*node, static_cast<std::int32_t>(model.nodes.size())));
      PACT_CHECK_OK(bytes.take(stored_bytes(read)));
      model.nodes.push_back(std::move(read));
    }
  }
  PACT_CHECK_OK(verify(model));
  return model;
}

Result<Model> read_bytes(std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (bytes.size() < kMinBytes || bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE ||
      !schema::ModelBufferHasIdentifier(data)) {
    return corrupt("expected a packed network (identifier 'PACT'), found ", bytes.size(),
                   " other bytes");
  }
  flatbuffers::Verifier verifier(data, bytes.size(), kMaxDepth, kMaxTables);
  if (!schema::VerifyModelBuffer(verifier)) {
    return corrupt("the packed network is damaged: it points outside itself");
  }
  return read_verified(*schema::GetModel(data), Bytes(bytes.size()));
}

}  // namespace

Result<Model> read(const std::filesystem::path& path) {
  PACT_TRY(MappedFile file, MappedFile::open(path));
  auto memory = std::make_shared<MappedFile>(std::move(file));
  Result<Model> model = read_bytes(memory->bytes());
  if (!model) return make_error(model.error().code, path.string(), ": ", model.error().message);
  memory->release(memory->bytes());  // verification has read them all
  model->file = memory;
  model->memory = std::move(memory);
  return model;
}

Result<Model> read(std::span<const std::byte> bytes) {
  auto memory = std::make_shared<AlignedBuffer<std::byte>>(bytes.size());
  if (!bytes.empty()) std::memcpy(memory->data(), bytes.data(), bytes.size());
  PACT_TRY(Model model, read_bytes(memory->span()));
  model.memory = std::move(memory);
  return model;
}

void Model::release_weights(const Node& node) const {
  const auto* conv = std::get_if<Conv>(&node.operation);
  if (file && conv != nullptr) file->release(conv->packed);
}

}  // namespace pact::format
