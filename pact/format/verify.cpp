// SPDX-License-Identifier: Apache-2.0
// Consistency of a model beyond its encoding. What is checked here, the runtime does not check.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "pact/format/checks.h"
#include "pact/numeric/pack.h"
#include "pact/numeric/requantize.h"

namespace pact::format {
namespace {

// By node: sums of the absolute levels of each filter of an integer convolution, else none; and
// what no integer of its value exceeds.
struct Sums {
  explicit Sums(std::size_t nodes) : filters(nodes), largest(nodes) {}
  std::vector<std::vector<std::int64_t>> filters;
  std::vector<std::int64_t> largest;
  std::int64_t channels = 0;  // of the nodes so far, once for each input
};

// Sums of the absolute levels of filters, from what each byte adds: all its codes, or the one code
// of a byte that was unpacked, because filters or codes do not end where bytes do.
class FilterSums {
 public:
  struct Sum {
    std::int64_t magnitude = 0;
    std::int32_t largest_code = 0;
  };

  FilterSums(const Conv& op, std::size_t filter) : op_(op), filter_(filter) {
    const auto bits = static_cast<std::size_t>(op.grid.bits);
    codes_in_byte_ = 8 % bits == 0 && filter * bits % 8 == 0 ? 8 / bits : 1;
    unpacked_.resize(codes_in_byte_ == 1 ? filter : 0);
    for (std::size_t byte = 0; byte < of_byte_.size(); ++byte) {
      std::array<std::uint8_t, 8> codes{static_cast<std::uint8_t>(byte)};
      const auto packed = static_cast<std::byte>(byte);
      if (codes_in_byte_ > 1) {
        numeric::unpack({&packed, 1}, op.grid.bits, {codes.data(), codes_in_byte_});
      }
      Sum& sum = of_byte_[byte];
      for (std::size_t i = 0; i < codes_in_byte_; ++i) {
        sum.magnitude += std::abs(op.grid.level(codes[i]));
        sum.largest_code = std::max<std::int32_t>(sum.largest_code, codes[i]);
      }
    }
  }

  Sum of(std::size_t filter) {
    Sum sum;
    for (const std::byte byte : bytes_of(filter)) {
      const Sum& add = of_byte_[static_cast<std::size_t>(byte)];
      sum.magnitude += add.magnitude;
      sum.largest_code = std::max(sum.largest_code, add.largest_code);
    }
    return sum;
  }

 private:
  std::span<const std::byte> bytes_of(std::size_t filter) {
    if (codes_in_byte_ > 1) {
      const std::size_t bytes = filter_ / codes_in_byte_;
      return op_.packed.subspan(filter * bytes, bytes);
    }
    numeric::unpack(op_.packed, op_.grid.bits, filter * filter_, unpacked_);
    return std::as_bytes(std::span(unpacked_));
  }

  const Conv& op_;
  std::size_t filter_;
  std::size_t codes_in_byte_ = 1;
  std::vector<std::uint8_t> unpacked_;
  std::array<Sum, 256> of_byte_{};
};

// One overload of `of` per operation.
struct Check {
  const Model& model;
  const Node& node;
  Sums& all_sums;

  const Value& in(std::size_t i = 0) const { return model.input_of(node, i); }
  const Value& out() const { return node.value; }

  Status inputs(std::size_t count) const {
    if (node.inputs.size() == count) return {};
    return violation("expected ", count, " inputs, found ", node.inputs.size());
  }
  Status elements(Element from, Element to) const {
    return expect(in().element == from && out().element == to,
                  "element types that fit the operation");
  }

  // The elements of `input` become those of the value as they are.
  Status moves(const Value& input) const {
    return expect(input.element == out().element && input.element != Element::Pixel &&
                      (input.element != Element::Level || input.grid == out().grid),
                  "the element type of the input");
  }

  // Elements of the input, or zeros, in rows and columns of any number.
  Status moves_pixels() const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(moves(in()));
    PACT_CHECK_OK(expect(in().element != Element::Accumulator, "floats or levels"));
    return expect(in().channels == out().channels, "as many channels as the input has");
  }

  Status of(const Input&) const {
    PACT_CHECK_OK(inputs(0));
    PACT_CHECK_OK(expect(&node == model.nodes.data(), "one image, first"));
    return expect(out().element == Element::Pixel, "an image of pixels");
  }

  Status of(const Lookup& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(expect(same_shape(in(), out()), "the shape of the image"));
    const std::int64_t entries = std::int64_t{256} * out().channels;
    PACT_CHECK_OK(expect(op.codes.empty() || op.floats.empty(), "a table of codes or of floats"));
    if (!op.integer()) {
      PACT_CHECK_OK(elements(Element::Pixel, Element::F32));
      return check_floats(op.floats, entries, "the table");
    }
    PACT_CHECK_OK(elements(Element::Pixel, Element::Level));
    PACT_CHECK_OK(
        expect(out().grid.bits <= numeric::kMaxCodeBits, "pixel levels of at most 8 bits"));
    PACT_CHECK_OK(expect(static_cast<std::int64_t>(op.codes.size()) == entries,
                         "256 table entries a channel"));
    return expect(std::all_of(op.codes.begin(), op.codes.end(),
                              [&](std::uint8_t code) { return code < out().grid.codes; }),
                  "table entries on the grid");
  }

  Status of(const Conv& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(check_window(in(), out(), op.kernel, op.stride, op.padding, op.dilation));
    PACT_CHECK_OK(
        expect(op.groups >= 1 && in().channels % op.groups == 0 && out().channels % op.groups == 0,
               "groups that divide the channels"));
    const std::int64_t filter = std::int64_t{in().channels / op.groups} * op.kernel.y * op.kernel.x;
    PACT_CHECK_OK(expect(filter <= kMaxElements && filter * out().channels <= kMaxElements,
                         "at most 2^31 weights"));
    if (!op.integer()) {
      PACT_CHECK_OK(elements(Element::F32, Element::F32));
      if (!op.bias.empty()) PACT_CHECK_OK(check_floats(op.bias, out().channels, "the bias"));
      return check_floats(op.weights, filter * out().channels, "the weights");
    }
    PACT_CHECK_OK(elements(Element::Level, Element::Accumulator));
    PACT_CHECK_OK(expect(in().grid.bits <= numeric::kMaxCodeBits, "an input of at most 8 bits"));
    PACT_CHECK_OK(
        expect(op.weights.empty() && op.bias.empty(), "no float weights beside packed ones"));
    PACT_CHECK_OK(numeric::check(op.grid));
    PACT_CHECK_OK(expect(op.grid.bits <= numeric::kMaxCodeBits, "weights of at most 8 bits"));
    const auto count = static_cast<std::size_t>(filter * out().channels);
    const std::size_t bytes = numeric::packed_bytes(count, op.grid.bits);
    if (op.packed.size() != bytes) {
      return violation("expected ", bytes, " bytes of packed weights, found ", op.packed.size());
    }
    return check_weights(op, static_cast<std::size_t>(filter));
  }

  // Codes on the grid, and no filter whose sum could leave 32 bits.
  Status check_weights(const Conv& op, std::size_t filter) const {
    const std::int64_t limit =
        std::numeric_limits<std::int32_t>::max() / std::max<std::int64_t>(1, magnitude(in()));
    auto& sums = all_sums.filters[static_cast<std::size_t>(&node - model.nodes.data())];
    FilterSums filters(op, filter);
    for (std::size_t o = 0; o < static_cast<std::size_t>(out().channels); ++o) {
      const FilterSums::Sum sum = filters.of(o);
      PACT_CHECK_OK(expect(sum.largest_code < op.grid.codes, "weights on their grid"));
      PACT_CHECK_OK(expect(sum.magnitude <= limit, "weights whose sums stay within 32 bits"));
      sums.push_back(sum.magnitude);
    }
    return {};
  }

  Status of(const Pool& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(check_window(in(), out(), op.kernel, op.stride, op.padding, {}));
    PACT_CHECK_OK(expect(in().channels == out().channels, "as many channels as the input has"));
    const Padding& pad = op.padding;
    PACT_CHECK_OK(expect(
        std::max(pad.top, pad.bottom) < op.kernel.y && std::max(pad.left, pad.right) < op.kernel.x,
        "padding smaller than the kernel"));
    PACT_CHECK_OK(expect(op.over == AverageOver::Image || op.over == AverageOver::Window,
                         "a known kind of average"));
    if (op.kind == PoolKind::Max) return moves(in());
    if (op.kind == PoolKind::Average) return elements(Element::F32, Element::F32);
    PACT_CHECK_OK(
        expect(pad.top == 0 && pad.left == 0 && pad.bottom == 0 && pad.right == 0, "no padding"));
    PACT_CHECK_OK(expect(op.kind == PoolKind::Sum, "a known pool"));
    PACT_CHECK_OK(elements(Element::Level, Element::Accumulator));
    const std::int64_t area = std::int64_t{op.kernel.y} * op.kernel.x;
    return expect(area * magnitude(in()) <= std::numeric_limits<std::int32_t>::max(),
                  "a pool whose sums stay within 32 bits");
  }

  Status of(const Shortcut& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(check_window(in(), out(), {}, op.stride, {}, {}));
    PACT_CHECK_OK(moves(in()));
    return expect(op.before >= 0 && op.before <= out().channels - in().channels,
                  "room for the channels of the input");
  }

  Status of(const Pad& op) const {
    PACT_CHECK_OK(moves_pixels());
    const Padding& pad = op.padding;
    PACT_CHECK_OK(check_padding(pad));
    PACT_CHECK_OK(expect(
        std::min(op.spread.y, op.spread.x) >= 1 && std::max(op.spread.y, op.spread.x) <= kMaxKernel,
        "a spread of 1 to 1024"));
    return expect(out().height == (in().height - 1) * op.spread.y + 1 + pad.top + pad.bottom &&
                      out().width == (in().width - 1) * op.spread.x + 1 + pad.left + pad.right,
                  "a shape that follows from the padding");
  }

  Status of(const Resize& op) const {
    PACT_CHECK_OK(numeric::check(op.rule, {op.scale_y, op.scale_x}));
    PACT_CHECK_OK(moves_pixels());
    return expect(
        op.rule.interpolation == numeric::Interpolation::Nearest || in().element == Element::F32,
        "floats between pixels");
  }

  Status of(const Flatten&) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(moves(in()));
    return expect(out().pixels() == 1 && out().channels == in().elements(),
                  "all elements as channels");
  }

  Status integer_inputs() const {
    PACT_CHECK_OK(expect(!node.inputs.empty(), "inputs"));
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      PACT_CHECK_OK(expect(is_integer(in(i)) && same_shape(in(i), out()),
                           "integer inputs of the shape of the result"));
    }
    return {};
  }

  Status of(const Requantize& op) const {
    PACT_CHECK_OK(integer_inputs());
    PACT_CHECK_OK(expect(out().element == Element::Level, "levels as the result"));
    PACT_CHECK_OK(expect(op.shift >= 1 && op.shift <= numeric::kMaxShift, "a shift from 1 to 32"));
    const auto channels = static_cast<std::size_t>(out().channels);
    const std::size_t terms = node.inputs.size();
    PACT_CHECK_OK(expect(op.per_channel >= 0 && static_cast<std::size_t>(op.per_channel) <= terms &&
                             op.offset.size() == channels &&
                             op.multiplier.size() == op.multipliers(terms),
                         "a multiplier for each input, or channel of it, and an offset for each "
                         "channel"));
    PACT_CHECK_OK(expect(op.offset_shift >= 0 && op.offset_shift <= numeric::kMaxOffsetShift,
                         "offsets below 2^62"));
    numeric::Requantization requantization{.shift = op.shift, .multipliers = {}, .offsets = {}};
    for (std::size_t i = 0; i < terms * channels; ++i) {
      requantization.multipliers.push_back(op.full_multiplier(i / channels, i % channels));
    }
    for (std::size_t c = 0; c < channels; ++c) {
      requantization.offsets.push_back(op.full_offset(c));
    }
    return numeric::prove_no_overflow(requantization, input_bounds());
  }

  // Levels are bounded by their grid, accumulators by what makes them.
  std::int64_t largest() const {
    if (out().element != Element::Accumulator) return magnitude(out());
    const auto* pool = std::get_if<Pool>(&node.operation);
    if (pool != nullptr && pool->kind == PoolKind::Sum) {
      return std::int64_t{pool->kernel.y} * pool->kernel.x * magnitude(in());
    }
    const auto& filters = all_sums.filters[static_cast<std::size_t>(&node - model.nodes.data())];
    std::int64_t result = 0;
    for (const std::int64_t sum : filters) result = std::max(result, sum * magnitude(in()));
    for (std::size_t i = 0; filters.empty() && i < node.inputs.size(); ++i) {
      result = std::max(result, all_sums.largest[static_cast<std::size_t>(node.inputs[i])]);
    }
    return result;
  }

  std::vector<std::vector<std::int64_t>> input_bounds() const {
    std::vector<std::vector<std::int64_t>> bounds;
    const auto channels = static_cast<std::size_t>(out().channels);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      bounds.push_back(sum_bounds(static_cast<std::size_t>(node.inputs[i]), channels));
    }
    return bounds;
  }

  std::vector<std::int64_t> sum_bounds(std::size_t input, std::size_t channels) const {
    const Node& made_by = model.nodes[input];
    std::vector<std::int64_t> result = all_sums.filters[input];
    if (result.empty()) return std::vector<std::int64_t>(channels, all_sums.largest[input]);
    for (std::int64_t& bound : result) bound *= magnitude(model.input_of(made_by));
    return result;
  }

  Status of(const Quantize& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(elements(Element::F32, Element::Level));
    PACT_CHECK_OK(expect(same_shape(in(), out()), "the shape of the input"));
    return check_floats(op.inverse, out().channels, "the inverse scales");
  }

  Status of(const Dequantize& op) const {
    PACT_CHECK_OK(integer_inputs());
    PACT_CHECK_OK(expect(out().element == Element::F32, "floats as the result"));
    PACT_CHECK_OK(check_floats(op.offset, out().channels, "the offsets"));
    const auto inputs = static_cast<std::int64_t>(node.inputs.size());
    return check_floats(op.scale, inputs * out().channels, "the scales");
  }

  Status of(const BatchNorm& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(elements(Element::F32, Element::F32));
    PACT_CHECK_OK(expect(same_shape(in(), out()), "the shape of the input"));
    PACT_CHECK_OK(expect(op.epsilon >= 0 && op.epsilon < 1, "an epsilon from 0 to 1"));
    for (const auto& values : {op.weight, op.bias, op.mean, op.variance}) {
      PACT_CHECK_OK(check_floats(values, out().channels, "the batch norm"));
    }
    return expect(std::all_of(op.variance.begin(), op.variance.end(),
                              [&](float v) { return v >= 0 && v + op.epsilon > 0; }),
                  "variances that are not negative, and a positive epsilon where one is zero");
  }

  Status of(const Relu&) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(elements(Element::F32, Element::F32));
    return expect(same_shape(in(), out()), "the shape of the input");
  }

  Status of(const Add&) const {
    PACT_CHECK_OK(inputs(2));
    PACT_CHECK_OK(elements(Element::F32, Element::F32));
    return expect(
        same_shape(in(), out()) && same_shape(in(1), out()) && in(1).element == Element::F32,
        "two inputs of one shape");
  }

  Status of(const Pointwise& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(elements(Element::F32, Element::F32));
    PACT_CHECK_OK(expect(static_cast<std::size_t>(op.function) < numeric::kFunctionNames.size() &&
                             std::isfinite(op.a) && std::isfinite(op.b),
                         "a known function and finite coefficients"));
    return expect(same_shape(in(), out()), "the shape of the input");
  }

  Status of(const Multiply&) const {
    PACT_CHECK_OK(inputs(2));
    PACT_CHECK_OK(elements(Element::F32, Element::F32));
    const Value& factor = in(1);
    const bool per_channel = factor.channels == out().channels && factor.pixels() == 1;
    return expect(same_shape(in(), out()) && factor.element == Element::F32 &&
                      (per_channel || same_shape(factor, out())),
                  "factors of one shape, or one for each channel");
  }

  Status of(const Concat&) const {
    PACT_CHECK_OK(expect(!node.inputs.empty(), "inputs"));
    std::int64_t channels = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      PACT_CHECK_OK(moves(in(i)));
      PACT_CHECK_OK(expect(in(i).height == out().height && in(i).width == out().width,
                           "parts of the size of the result"));
      channels += in(i).channels;
    }
    return expect(channels == out().channels, "the channels of all parts");
  }

  Status of(const Slice& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(moves(in()));
    return expect(in().height == out().height && in().width == out().width && op.first >= 0 &&
                      op.first <= in().channels - out().channels,
                  "channels that the input has");
  }

  Status of(const Rearrange& op) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(moves(in()));
    PACT_CHECK_OK(expect(op.view.size() == op.order.size() && op.view.size() <= kMaxRank,
                         "a view of at most 8 extents and an order of as many"));
    std::int64_t count = 1;
    for (const std::int32_t extent : op.view) {
      PACT_CHECK_OK(expect(extent >= 1 && count <= kMaxElements / extent, "positive extents"));
      count *= extent;
    }
    std::vector<std::uint8_t> sorted = op.order;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      PACT_CHECK_OK(expect(sorted[i] == i, "each extent once"));
    }
    return expect(count == in().elements() && count == out().elements(),
                  "as many elements as the input has");
  }

  Status of(const Softmax&) const {
    PACT_CHECK_OK(inputs(1));
    PACT_CHECK_OK(elements(Element::F32, Element::F32));
    return expect(same_shape(in(), out()), "the shape of the input");
  }
};

Status check_node(const Model& model, std::size_t index, Sums& sums) {
  const Node& node = model.nodes[index];
  PACT_CHECK_OK(check_value(node.value));
  PACT_CHECK_OK(expect(node.inputs.size() <= kMaxInputs, "at most 64 inputs"));
  for (const std::int32_t input : node.inputs) {
    PACT_CHECK_OK(
        expect(input >= 0 && static_cast<std::size_t>(input) < index, "inputs made before"));
  }
  const auto inputs = static_cast<std::int64_t>(node.inputs.size());
  sums.channels += node.value.channels * std::max<std::int64_t>(inputs, 1);
  PACT_CHECK_OK(expect(sums.channels <= kMaxAllChannels,
                       "at most 2^24 channels in all nodes, once for each input"));
  const Check check{model, node, sums};
  PACT_CHECK_OK(std::visit([&](const auto& op) { return check.of(op); }, node.operation));
  sums.largest[index] = check.largest();
  return {};
}

Status check_image(const Model& model) {
  const std::int64_t channels = model.input_value().channels;
  PACT_CHECK_OK(check_floats(model.mean, channels, "the mean"));
  PACT_CHECK_OK(check_floats(model.std, channels, "the std"));
  return expect(std::all_of(model.std.begin(), model.std.end(), [](float s) { return s > 0; }),
                "a positive std");
}

}  // namespace

Status verify(const Model& model) {
  if (model.nodes.empty() || model.nodes.size() > kMaxNodes) {
    return violation("expected 1 to ", kMaxNodes, " nodes, found ", model.nodes.size());
  }
  PACT_CHECK_OK(expect(std::holds_alternative<Input>(model.nodes[0].operation), "the image first"));
  std::int64_t elements = 0;
  Sums sums(model.nodes.size());
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    if (Status status = check_node(model, i, sums); !status) {
      return violation("node ", i, " ('", model.nodes[i].name, "'): ", status.error().message);
    }
    elements += model.nodes[i].value.elements();
  }
  PACT_CHECK_OK(expect(elements <= kMaxAllElements, "values of at most 2^30 elements in all"));
  PACT_CHECK_OK(check_image(model));
  PACT_CHECK_OK(
      expect(model.output >= 0 && static_cast<std::size_t>(model.output) < model.nodes.size(),
             "an output that exists"));
  return expect(model.output_value().element == Element::F32, "an output of floats");
}

std::int64_t Model::macs(const Node& node) const {
  const auto* conv = std::get_if<Conv>(&node.operation);
  if (conv == nullptr) return 0;
  return node.value.elements() * (input_of(node).channels / conv->groups) * conv->kernel.y *
         conv->kernel.x;
}

}  // namespace pact::format
