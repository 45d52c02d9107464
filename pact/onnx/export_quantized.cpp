// SPDX-License-Identifier: Apache-2.0
// A lowered network in floats that say what its integers say: levels become values on their grid,
// and what a requantization does to an accumulator goes into the scale of the weights and a bias.
#include <algorithm>
#include <cmath>
#include <set>

#include "pact/onnx/export.h"
#include "pact/onnx/exporter.h"
#include "pact/onnx/grids.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Doubles = std::vector<double>;

// A factor this near to 1 is one: multipliers have 31 bits, floats 24.
constexpr double kNearOne = 1e-6;

std::vector<float> floats(const Doubles& values) { return {values.begin(), values.end()}; }

bool all_equal(const Doubles& values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
}

// What one level of each channel is worth; operations that move levels keep it.
Doubles scales_of(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  const auto channels = static_cast<std::size_t>(node.type.channels());
  if (const auto* op = node.as<Lookup>()) return Doubles(channels, static_cast<double>(op->scale));
  if (const auto* op = node.as<Requantize>())
    return Doubles(channels, static_cast<double>(op->scale));
  if (const auto* op = node.as<Quantize>())
    return Doubles(channels, static_cast<double>(op->scale));
  Doubles result;
  for (const NodeId input : node.inputs) {
    const Doubles scales = scales_of(network, input);
    result.insert(result.end(), scales.begin(), scales.end());
  }
  if (const auto* op = node.as<Slice>()) {
    return {result.begin() + op->first, result.begin() + op->first + op->count};
  }
  if (const auto* op = node.as<Shortcut>()) {
    result.insert(result.begin(), static_cast<std::size_t>(op->before), result.front());
  }
  if (node.as<Flatten>() != nullptr) {
    const std::size_t size = channels / result.size();
    Doubles flat(channels);
    for (std::size_t c = 0; c < channels; ++c) flat[c] = result[c / size];
    return flat;
  }
  result.resize(channels, result.front());
  return result;
}

// sum_t v_t * scale[t][c] + offset[c]
struct Affine {
  std::vector<Doubles> scale;
  Doubles offset;
};

Affine affine_of(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  const auto channels = static_cast<std::size_t>(node.type.channels());
  Affine result;
  const auto fill = [&](const auto& scales, const auto& offsets, double factor) {
    for (std::size_t t = 0; t < node.inputs.size(); ++t) {
      Doubles& row = result.scale.emplace_back();
      for (std::size_t c = 0; c < channels; ++c) {
        row.push_back(static_cast<double>(scales[t * channels + c]) * factor);
      }
    }
    for (const auto offset : offsets) {
      result.offset.push_back(static_cast<double>(offset) * factor);
    }
  };
  if (const auto* op = node.as<Requantize>()) {
    const double unit = std::ldexp(static_cast<double>(op->scale), -op->shift);
    fill(network.parameter(id, "multiplier").ints(), network.parameter(id, "offset").longs(), unit);
  } else {
    fill(network.parameter(id, "scale").floats(), network.parameter(id, "offset").floats(), 1);
  }
  return result;
}

class QuantizedExporter final : public Exporter {
 public:
  QuantizedExporter(const Network& network, const Dialect& dialect)
      : Exporter(network, dialect.opset()), dialect_(dialect) {}

 private:
  Status add_node() override {
    const std::vector<std::string> in = inputs();
    if (node().as<Input>() != nullptr) {
      builder().add_input(node().name, node().type.shape);
      return {};
    }
    if (const auto* op = node().as<Lookup>()) {
      if (op->table == PixelTable::Levels) {
        PACT_CHECK_OK(check_table(*op));
        return quantize(in[0], op->grid, op->scale);
      }
      builder().add_node("Identity", node().name, in);
      return {};
    }
    if (node().type.element == Element::Accumulator) return {};  // part of what reads it
    if (const auto* op = node().as<Requantize>()) {
      PACT_TRY(const std::string sum, add_sum(part("sum")));
      return quantize(sum, op->grid, op->scale);
    }
    if (const auto* op = node().as<Quantize>()) {
      Doubles factors;
      for (const float inverse : network().parameter(id(), "inverse").floats()) {
        factors.push_back(static_cast<double>(inverse) * static_cast<double>(op->scale));
      }
      const std::size_t rank = node().type.shape.size();
      return quantize(scaled(in[0], factors, rank, part("scaled")), op->grid, op->scale);
    }
    if (node().as<Dequantize>() == nullptr) return add_float_node();
    PACT_TRY(const std::string sum, add_sum(node().name));
    if (sum != node().name) builder().add_node("Identity", node().name, {sum});
    return {};
  }

  Status quantize(const std::string& input, const numeric::Grid& grid, float scale) {
    return dialect_.quantize(builder(), node().name, input, grid, scale,
                             meets_bytes() ? Types::Bytes : Types::All);
  }

  // A table of levels can be said by a quantizer if it is one of a single scale.
  Status check_table(const Lookup& op) const {
    constexpr double kHalf = 0.5 + 1e-4;
    const auto& table = network().parameter(id(), "table").ints();
    const Preprocessing& image = network().preprocessing;
    const auto channels = static_cast<std::size_t>(node().type.channels());
    if (image.mean.size() != channels || image.std.size() != channels) {
      return make_error(ErrorCode::InvalidArgument, "network '", network().name,
                        "': expected a mean and a std for each of ", channels, " channels");
    }
    for (std::size_t i = 0; i < table.size(); ++i) {
      const double pixel = static_cast<double>(i % 256) / 255;
      const double value = (pixel - static_cast<double>(image.mean[i / 256])) /
                           static_cast<double>(image.std[i / 256]) / static_cast<double>(op.scale);
      const double nearest = std::clamp<double>(value, op.grid.lowest, op.grid.highest());
      if (std::abs(table[i] - nearest) <= kHalf) continue;
      return make_error(ErrorCode::Unsupported, "node '", node().name,
                        "': its channels are quantized in different steps, which cannot be "
                        "exported");
    }
    return {};
  }

  // Whether a value of the same shape has a type of 8 bits. ONNX Runtime (1.30) gives the memory of
  // one to the other, as if 4 bits took as much.
  bool meets_bytes() const {
    const auto& nodes = network().nodes();
    return std::any_of(nodes.begin(), nodes.end(), [&](const Node& other) {
      const auto* op = other.as<Requantize>();
      return op != nullptr && op->grid.bits != 4 && op->grid.bits <= numeric::kMaxCodeBits &&
             other.type.shape == node().type.shape;
    });
  }

  // The terms of the node under way, added up. The last addition is called `name`.
  Result<std::string> add_sum(const std::string& name) {
    const Affine affine = affine_of(network(), id());
    Doubles offset = affine.offset;
    std::string sum;
    for (std::size_t t = 0; t < affine.scale.size(); ++t) {
      const bool last = t + 1 == affine.scale.size();
      const std::string term_name = text(part("term"), t);
      PACT_TRY(const std::string term,
               add_term(node().inputs[t], affine.scale[t], offset, term_name));
      if (sum.empty()) {
        sum = term;
        continue;
      }
      const bool ends = last && is_zero(offset);
      const std::string made = ends ? name : text(part("sum"), t);
      builder().add_node("Add", made, {sum, term});
      sum = made;
    }
    if (is_zero(offset)) return sum;
    const std::size_t rank = node().type.shape.size();
    builder().add_node("Add", name, {sum, per_channel(part("offset"), offset, rank)});
    return name;
  }

  static bool is_zero(const Doubles& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
  }

  // A constant for each channel of a value of `rank` extents.
  std::string per_channel(const std::string& name, const Doubles& values, std::size_t rank) {
    Shape shape(rank, 1);
    shape[0] = static_cast<std::int64_t>(values.size());
    return builder().add_constant(name, Tensor::f32(shape, floats(values)));
  }

  // `input`, of `rank` extents, times a factor for each channel.
  std::string scaled(const std::string& input, const Doubles& factors, std::size_t rank,
                     const std::string& name) {
    const bool one = std::all_of(factors.begin(), factors.end(),
                                 [](double f) { return std::abs(f - 1) < kNearOne; });
    if (one) return input;
    const std::string factor = name + ".factor";
    if (all_equal(factors)) {
      builder().add_constant(factor, Tensor::f32({}, {static_cast<float>(factors[0])}));
    } else {
      per_channel(factor, factors, rank);
    }
    builder().add_node("Mul", name, {input, factor});
    return name;
  }

  // The float value of integer value `id` times `scale`; a layer takes `offset` in as its bias.
  Result<std::string> add_term(NodeId value, const Doubles& scale, Doubles& offset,
                               const std::string& name) {
    const Node& made_by = network().node(value);
    if (made_by.as<IntConv2d>() != nullptr || made_by.as<IntLinear>() != nullptr) {
      return add_layer(value, scale, offset);
    }
    if (made_by.type.element == Element::Level) {
      Doubles factors = scale;
      const Doubles levels = scales_of(network(), value);
      for (std::size_t c = 0; c < factors.size(); ++c) factors[c] /= levels[c];
      return scaled(made_by.name, factors, made_by.type.shape.size(), name);
    }
    if (const auto* op = made_by.as<SumPool>()) return add_pool(value, *op, scale, name);
    if (made_by.as<Flatten>() != nullptr) return add_flat(made_by.inputs[0], scale, name);
    if (const auto* op = made_by.as<Shortcut>()) {
      const NodeId input = made_by.inputs[0];
      const auto first = scale.begin() + op->before;
      Doubles none;
      PACT_TRY(const std::string term,
               add_term(input, {first, first + network().node(input).type.channels()}, none,
                        name + ".moved"));
      add_shortcut(builder(), name, *op, term);
      return name;
    }
    return make_error(ErrorCode::Unsupported, "node '", made_by.name, "' (",
                      graph::name(made_by.operation), "): cannot be exported from accumulators");
  }

  // Accumulators, flattened: scaled as an image if the elements of each channel have one scale.
  Result<std::string> add_flat(NodeId image, const Doubles& scale, const std::string& name) {
    const auto size = static_cast<std::size_t>(network().node(image).type.channel_size());
    Doubles of_channels;
    bool uniform = true;
    for (std::size_t i = 0; i < scale.size(); ++i) {
      if (i % size == 0) of_channels.push_back(scale[i]);
      uniform = uniform && scale[i] == of_channels.back();
    }
    if (!uniform) std::fill(of_channels.begin(), of_channels.end(), 1);
    Doubles none;
    PACT_TRY(const std::string term, add_term(image, of_channels, none, name + ".image"));
    builder().add_node("Flatten", name, {term}).set("axis", std::int64_t{1});
    return uniform ? name : scaled(name, scale, 1, name + ".scaled");
  }

  Result<std::string> add_pool(NodeId value, const SumPool& op, const Doubles& scale,
                               const std::string& name) {
    const Node& made_by = network().node(value);
    const Node& input = network().node(made_by.inputs[0]);
    Pair kernel = op.kernel;
    if (kernel == Pair{0, 0}) kernel = {input.type.shape[1], input.type.shape[2]};
    const std::string pooled = unique(made_by.name);
    if (op.kernel == Pair{0, 0}) {
      builder().add_node("GlobalAveragePool", pooled, {input.name});
    } else {
      builder()
          .add_node("AveragePool", pooled, {input.name})
          .set("kernel_shape", std::vector{kernel.y, kernel.x})
          .set("strides", std::vector{op.stride.y, op.stride.x});
    }
    Doubles factors = scale;
    const double area = static_cast<double>(kernel.y * kernel.x);
    const Doubles levels = scales_of(network(), made_by.inputs[0]);
    for (std::size_t c = 0; c < factors.size(); ++c) factors[c] *= area / levels[c];
    return scaled(pooled, factors, made_by.type.shape.size(), name);
  }

  // The layer in floats, its weights worth scale / (scale of a level of the input).
  Result<std::string> add_layer(NodeId layer, const Doubles& scale, Doubles& offset) {
    const Node& made_by = network().node(layer);
    const auto* conv = made_by.as<IntConv2d>();
    const NodeId input = made_by.inputs[0];
    // Lowering refuses layers whose groups read several scales.
    const Doubles levels = scales_of(network(), input);
    const auto groups = static_cast<std::size_t>(conv != nullptr ? conv->groups : 1);
    Doubles scales = scale;
    for (std::size_t o = 0; o < scales.size(); ++o) {
      const std::size_t group = o * groups / scales.size();
      scales[o] /= levels[group * levels.size() / groups];
    }
    const Tensor& weight = network().parameter(layer, "weight");
    const numeric::Grid& grid = conv != nullptr ? conv->weights : made_by.as<IntLinear>()->weights;
    LayerWeights weights{grid, weight.shape, weight.ints(), std::move(scales)};
    const Doubles factors = make_scales_positive(weights);
    const bool whole = all_equal(factors) && factors[0] == 1;
    const std::string name = unique(made_by.name);
    std::vector<std::string> in{network().node(input).name,
                                dialect_.weights(builder(), name + ".weight", weights)};
    // ONNX Runtime rounds the bias of a layer between quantizers to accumulators: codes change, and
    // more of them in every layer that follows. Behind the layer it stays as it is.
    if (node().as<Dequantize>() != nullptr && whole && !is_zero(offset)) {
      in.push_back(builder().add_constant(
          name + ".bias", Tensor::f32({static_cast<std::int64_t>(offset.size())}, floats(offset))));
      std::fill(offset.begin(), offset.end(), 0);
    }
    if (conv == nullptr) {
      builder().add_node("Gemm", name, in).set("transB", std::int64_t{1});
    } else {
      add_conv(*conv, name, in);
    }
    return scaled(name, factors, made_by.type.shape.size(), name + ".signed");
  }

  void add_conv(const IntConv2d& conv, const std::string& name,
                const std::vector<std::string>& inputs) {
    builder()
        .add_node("Conv", name, inputs)
        .set("kernel_shape", std::vector{conv.kernel.y, conv.kernel.x})
        .set("strides", std::vector{conv.stride.y, conv.stride.x})
        .set("pads", std::vector{conv.padding.top, conv.padding.left, conv.padding.bottom,
                                 conv.padding.right})
        .set("dilations", std::vector{conv.dilation.y, conv.dilation.x})
        .set("group", conv.groups);
  }

  // A layer whose accumulators two nodes read is there twice.
  std::string unique(const std::string& name) {
    return used_.insert(name).second ? name : part(name);
  }

  const Dialect& dialect_;
  std::set<std::string> used_;
};

}  // namespace

Result<std::string> export_quantized(const Network& lowered, const ExportOptions& options) {
  PACT_CHECK_OK(lowered.verify());
  if (lowered.node(0).type.element != Element::Pixel) {
    return make_error(ErrorCode::InvalidArgument, "network '", lowered.name,
                      "': expected a lowered network");
  }
  PACT_TRY(const auto dialect, make_dialect(lowered, options));
  return QuantizedExporter(lowered, *dialect).run();
}

}  // namespace pact::onnx
