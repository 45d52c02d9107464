// SPDX-License-Identifier: Apache-2.0
// Types of values: what each operation accepts, and what it makes of it.
#include <algorithm>
#include <cmath>

#include "pact/graph/network.h"

namespace pact::graph {
namespace {

constexpr std::int64_t kMaxExtent = 1 << 20;
constexpr std::int64_t kMaxKernel = 1 << 10;
constexpr std::size_t kMaxRank = 8;

template <typename... Parts>
Error wrong(const Parts&... parts) {
  return make_error(ErrorCode::InvalidArgument, parts...);
}

Status expect_inputs(std::span<const ValueType> inputs, std::size_t lowest, std::size_t highest) {
  if (inputs.size() >= lowest && inputs.size() <= highest) return {};
  if (lowest == highest) return wrong("expected ", lowest, " inputs, found ", inputs.size());
  return wrong("expected ", lowest, " to ", highest, " inputs, found ", inputs.size());
}

Status expect_image(const ValueType& type) {
  if (type.shape.size() == 3) return {};
  return wrong("expected an input of channels x height x width, found ", to_string(type.shape));
}

Status expect_element(const ValueType& type, std::initializer_list<Element> allowed) {
  if (std::find(allowed.begin(), allowed.end(), type.element) != allowed.end()) return {};
  return wrong("the input's element type does not fit this operation");
}

Status expect_movable(const ValueType& type) {
  return expect_element(type, {Element::F32, Element::Level, Element::Accumulator});
}

Status expect_range(std::string_view what, std::int64_t value, std::int64_t lowest,
                    std::int64_t highest) {
  if (value >= lowest && value <= highest) return {};
  return wrong("expected ", what, " from ", lowest, " to ", highest, ", found ", value);
}

Status check_shape(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    PACT_CHECK_OK(expect_range("an extent", extent, 1, kMaxExtent));
    count *= extent;
    if (count > kMaxElements) return wrong("a value of ", to_string(shape), " is too large");
  }
  return {};
}

// A window that lies in padding alone would have nothing to reduce.
Status check_padding(const Padding& pad, Pair kernel) {
  if (std::max(pad.top, pad.bottom) < kernel.y && std::max(pad.left, pad.right) < kernel.x) {
    return {};
  }
  return wrong("expected padding smaller than the kernel");
}

struct Window {
  Pair kernel;
  Pair stride;
  Padding padding;
  Pair dilation;
};

Result<std::int64_t> slide(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                           std::int64_t padding, std::int64_t dilation) {
  const std::int64_t reach = dilation * (kernel - 1) + 1;
  if (size + padding < reach) {
    return wrong("a window of ", reach, " does not fit an input of ", size, " with ", padding,
                 " of padding");
  }
  return (size + padding - reach) / stride + 1;
}

Result<Shape> windowed(const Shape& shape, std::int64_t channels, const Window& w) {
  for (const Pair& pair : {w.kernel, w.stride, w.dilation}) {
    PACT_CHECK_OK(
        expect_range("a kernel, stride or dilation", std::min(pair.y, pair.x), 1, kMaxKernel));
    PACT_CHECK_OK(
        expect_range("a kernel, stride or dilation", std::max(pair.y, pair.x), 1, kMaxKernel));
  }
  for (const std::int64_t pad :
       {w.padding.top, w.padding.left, w.padding.bottom, w.padding.right}) {
    PACT_CHECK_OK(expect_range("padding", pad, 0, kMaxKernel));
  }
  PACT_TRY(const std::int64_t height,
           slide(shape[1], w.kernel.y, w.stride.y, w.padding.top + w.padding.bottom, w.dilation.y));
  PACT_TRY(const std::int64_t width,
           slide(shape[2], w.kernel.x, w.stride.x, w.padding.left + w.padding.right, w.dilation.x));
  return Shape{channels, height, width};
}

Status check_weights(const numeric::Grid& grid, std::int64_t outputs, std::int64_t inputs) {
  PACT_CHECK_OK(numeric::check(grid));
  if (inputs <= kMaxElements / outputs) return {};
  return wrong("expected at most 2^31 weights, found ", outputs, " x ", inputs);
}

Status check_weights(const numeric::WeightSpec& spec, std::int64_t outputs, std::int64_t inputs) {
  PACT_CHECK_OK(numeric::check(spec));
  PACT_CHECK_OK(check_weights(numeric::Grid{}, outputs, inputs));
  if (spec.scheme == numeric::WeightScheme::None) return {};
  PACT_CHECK_OK(numeric::scale_groups(spec, static_cast<std::size_t>(outputs),
                                      static_cast<std::size_t>(inputs)));
  return {};
}

template <typename Conv>
Result<ValueType> infer_conv(const Conv& op, std::span<const ValueType> inputs, Element from,
                             Element to) {
  PACT_CHECK_OK(expect_inputs(inputs, 1, 1));
  PACT_CHECK_OK(expect_image(inputs[0]));
  PACT_CHECK_OK(expect_element(inputs[0], {from}));
  PACT_CHECK_OK(expect_range("groups", op.groups, 1, kMaxExtent));
  PACT_CHECK_OK(expect_range("out_channels", op.out_channels, 1, kMaxExtent));
  if (inputs[0].channels() % op.groups != 0 || op.out_channels % op.groups != 0) {
    return wrong("expected groups that divide ", inputs[0].channels(), " and ", op.out_channels,
                 " channels, found ", op.groups);
  }
  PACT_TRY(Shape shape, windowed(inputs[0].shape, op.out_channels,
                                 {op.kernel, op.stride, op.padding, op.dilation}));
  const std::int64_t filter = inputs[0].channels() / op.groups * op.kernel.y * op.kernel.x;
  PACT_CHECK_OK(check_weights(op.weights, op.out_channels, filter));
  return ValueType{to, std::move(shape), {}};
}

template <typename Linear>
Result<ValueType> infer_linear(const Linear& op, std::span<const ValueType> inputs, Element from,
                               Element to) {
  PACT_CHECK_OK(expect_inputs(inputs, 1, 1));
  PACT_CHECK_OK(expect_element(inputs[0], {from}));
  if (inputs[0].shape.size() != 1) {
    return wrong("expected a flat input, found ", to_string(inputs[0].shape));
  }
  PACT_CHECK_OK(expect_range("out_features", op.out_features, 1, kMaxExtent));
  PACT_CHECK_OK(check_weights(op.weights, op.out_features, inputs[0].channels()));
  return ValueType{to, {op.out_features}, {}};
}

Status expect_integers_of_one_shape(std::span<const ValueType> inputs) {
  PACT_CHECK_OK(expect_inputs(inputs, 1, 64));
  for (const ValueType& input : inputs) {
    PACT_CHECK_OK(expect_element(input, {Element::Level, Element::Accumulator}));
    if (input.shape != inputs[0].shape) {
      return wrong("expected inputs of one shape, found ", to_string(inputs[0].shape), " and ",
                   to_string(input.shape));
    }
  }
  return {};
}

// One overload of `of` per operation.
struct Infer {
  std::span<const ValueType> in;

  Result<ValueType> of(const Input& op) const {
    PACT_CHECK_OK(expect_inputs(in, 0, 0));
    const bool pixels = op.element == ImageElement::Pixels;
    return ValueType{
        pixels ? Element::Pixel : Element::F32, {op.channels, op.height, op.width}, {}};
  }
  Result<ValueType> of(const Conv2d& op) const {
    return infer_conv(op, in, Element::F32, Element::F32);
  }
  Result<ValueType> of(const IntConv2d& op) const {
    return infer_conv(op, in, Element::Level, Element::Accumulator);
  }
  Result<ValueType> of(const Linear& op) const {
    return infer_linear(op, in, Element::F32, Element::F32);
  }
  Result<ValueType> of(const IntLinear& op) const {
    return infer_linear(op, in, Element::Level, Element::Accumulator);
  }
  Result<ValueType> of(const BatchNorm& op) const {
    if (!(op.epsilon >= 0 && op.epsilon < 1)) {
      return wrong("expected an epsilon from 0 to 1, found ", op.epsilon);
    }
    return same_float();
  }
  Result<ValueType> of(const Relu&) const { return same_float(); }
  Result<ValueType> of(const Add&) const {
    PACT_CHECK_OK(expect_inputs(in, 2, 2));
    PACT_CHECK_OK(expect_element(in[1], {Element::F32}));
    if (in[0].shape != in[1].shape) {
      return wrong("expected inputs of one shape, found ", to_string(in[0].shape), " and ",
                   to_string(in[1].shape));
    }
    PACT_CHECK_OK(expect_element(in[0], {Element::F32}));
    return in[0];
  }
  Result<ValueType> of(const MaxPool& op) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_image(in[0]));
    PACT_CHECK_OK(expect_movable(in[0]));
    PACT_CHECK_OK(check_padding(op.padding, op.kernel));
    PACT_TRY(Shape shape,
             windowed(in[0].shape, in[0].channels(), {op.kernel, op.stride, op.padding, {}}));
    return ValueType{in[0].element, std::move(shape), in[0].grid};
  }
  Result<ValueType> of(const AvgPool& op) const {
    PACT_CHECK_OK(check_padding(op.padding, op.kernel));
    return pool(op.kernel, op.stride, op.padding, Element::F32, Element::F32);
  }
  Result<ValueType> of(const Pointwise& op) const {
    if (!std::isfinite(op.a) || !std::isfinite(op.b)) return wrong("expected finite coefficients");
    if (op.function == numeric::Function::Clip && !(op.a <= op.b)) {
      return wrong("expected bounds in order, found ", op.a, " and ", op.b);
    }
    return same_float();
  }
  Result<ValueType> of(const Multiply&) const {
    PACT_CHECK_OK(expect_inputs(in, 2, 2));
    for (const ValueType& input : in) PACT_CHECK_OK(expect_element(input, {Element::F32}));
    const bool per_channel =
        in[0].shape.size() == 3 && in[1].shape == Shape{in[0].channels(), 1, 1};
    if (in[0].shape == in[1].shape || per_channel) return in[0];
    return wrong("expected factors of one shape, or one for each channel, found ",
                 to_string(in[0].shape), " and ", to_string(in[1].shape));
  }
  Result<ValueType> of(const Concat&) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 64));
    ValueType type = in[0];
    PACT_CHECK_OK(expect_movable(type));
    for (const ValueType& input : in.subspan(1)) {
      if (input.element != type.element || input.grid != type.grid ||
          !std::equal(input.shape.begin() + 1, input.shape.end(), type.shape.begin() + 1,
                      type.shape.end())) {
        return wrong("expected inputs of one type and size, found ", to_string(in[0].shape),
                     " and ", to_string(input.shape));
      }
      type.shape[0] += input.channels();
    }
    return type;
  }
  Result<ValueType> of(const Slice& op) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_movable(in[0]));
    PACT_CHECK_OK(expect_range("first", op.first, 0, in[0].channels() - 1));
    PACT_CHECK_OK(expect_range("count", op.count, 1, in[0].channels() - op.first));
    ValueType type = in[0];
    type.shape[0] = op.count;
    return type;
  }
  Result<ValueType> of(const Rearrange& op) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_movable(in[0]));
    Shape sorted = op.order;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      PACT_CHECK_OK(expect_range("an order's entry", sorted[i], static_cast<std::int64_t>(i),
                                 static_cast<std::int64_t>(i)));
    }
    PACT_CHECK_OK(check_shape(op.view));
    PACT_CHECK_OK(check_shape(op.shape));
    const std::int64_t count = element_count(in[0].shape);
    if (op.view.size() != op.order.size() || op.view.size() > kMaxRank ||
        element_count(op.view) != count || element_count(op.shape) != count ||
        (op.shape.size() != 1 && op.shape.size() != 3)) {
      return wrong("expected a view and a shape of ", count, " elements, found ",
                   to_string(op.view), " and ", to_string(op.shape));
    }
    return ValueType{in[0].element, op.shape, in[0].grid};
  }
  Result<ValueType> of(const Softmax&) const { return same_float(); }
  Result<ValueType> of(const SumPool& op) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_image(in[0]));
    Pair kernel = op.kernel;
    if (kernel == Pair{0, 0}) kernel = {in[0].shape[1], in[0].shape[2]};
    return pool(kernel, op.kernel == Pair{0, 0} ? Pair{} : op.stride, {}, Element::Level,
                Element::Accumulator);
  }
  Result<ValueType> of(const GlobalAvgPool&) const {
    PACT_TRY(ValueType type, same_float());
    PACT_CHECK_OK(expect_image(type));
    type.shape = {type.channels(), 1, 1};
    return type;
  }
  Result<ValueType> of(const Flatten&) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_movable(in[0]));
    ValueType type = in[0];
    type.shape = {element_count(type.shape)};
    return type;
  }
  Result<ValueType> of(const Shortcut& op) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_image(in[0]));
    PACT_CHECK_OK(expect_movable(in[0]));
    PACT_CHECK_OK(expect_range("added channels", std::min(op.before, op.after), 0, kMaxExtent));
    PACT_CHECK_OK(expect_range("added channels", std::max(op.before, op.after), 0, kMaxExtent));
    PACT_TRY(Shape shape, windowed(in[0].shape, in[0].channels() + op.before + op.after,
                                   {{}, op.stride, {}, {}}));
    return ValueType{in[0].element, std::move(shape), in[0].grid};
  }
  Result<ValueType> of(const Pad& op) const {
    PACT_CHECK_OK(expect_image_of({Element::F32, Element::Level}));
    const Padding& p = op.padding;
    for (const std::int64_t pad : {p.top, p.left, p.bottom, p.right}) {
      PACT_CHECK_OK(expect_range("padding", pad, 0, kMaxKernel));
    }
    PACT_CHECK_OK(expect_range("a spread", std::min(op.spread.y, op.spread.x), 1, kMaxKernel));
    PACT_CHECK_OK(expect_range("a spread", std::max(op.spread.y, op.spread.x), 1, kMaxKernel));
    ValueType type = in[0];
    type.shape[1] = (type.shape[1] - 1) * op.spread.y + 1 + p.top + p.bottom;
    type.shape[2] = (type.shape[2] - 1) * op.spread.x + 1 + p.left + p.right;
    return type;
  }
  Result<ValueType> of(const Resize& op) const {
    PACT_CHECK_OK(expect_image_of({Element::F32, Element::Level}));
    if (op.rule.interpolation == numeric::Interpolation::Linear) {
      PACT_CHECK_OK(expect_element(in[0], {Element::F32}));
    }
    PACT_CHECK_OK(numeric::check(op.rule, {op.scale.y, op.scale.x}));
    return ValueType{in[0].element, {in[0].channels(), op.size.y, op.size.x}, in[0].grid};
  }
  Result<ValueType> of(const FakeQuantize& op) const {
    const bool stream = op.scheme == ActivationScheme::Stream;
    const int bits = stream ? numeric::kStreamBits : numeric::kMaxCodeBits;
    PACT_CHECK_OK(expect_range("bits", op.bits, stream ? bits : 1, bits));
    if (op.scheme != ActivationScheme::Pact && op.granularity != numeric::Granularity::Tensor) {
      return wrong("only pact has a clip per channel");
    }
    if (op.granularity == numeric::Granularity::Group) return wrong("activations have no groups");
    return same_float();
  }
  Result<ValueType> of(const Lookup& op) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_element(in[0], {Element::Pixel}));
    ValueType type{Element::F32, in[0].shape, {}};
    if (op.table == PixelTable::Levels) {
      PACT_CHECK_OK(numeric::check(op.grid));
      if (op.grid.bits > numeric::kMaxCodeBits || op.grid.step != 1) {
        return wrong("expected a grid of pixel levels of at most 8 bits");
      }
      type = {Element::Level, in[0].shape, op.grid};
    }
    return type;
  }
  Result<ValueType> of(const Requantize& op) const {
    PACT_CHECK_OK(expect_integers_of_one_shape(in));
    PACT_CHECK_OK(expect_range("shift", op.shift, 1, 32));
    return level(op.grid);
  }
  Result<ValueType> of(const Quantize& op) const {
    PACT_CHECK_OK(same_float());
    return level(op.grid);
  }
  Result<ValueType> of(const Dequantize&) const {
    PACT_CHECK_OK(expect_integers_of_one_shape(in));
    return ValueType{Element::F32, in[0].shape, {}};
  }

 private:
  Result<ValueType> same_float() const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_element(in[0], {Element::F32}));
    return in[0];
  }
  Status expect_image_of(std::initializer_list<Element> elements) const {
    PACT_CHECK_OK(expect_inputs(in, 1, 1));
    PACT_CHECK_OK(expect_image(in[0]));
    return expect_element(in[0], elements);
  }
  Result<ValueType> pool(Pair kernel, Pair stride, Padding padding, Element from,
                         Element to) const {
    PACT_CHECK_OK(expect_image_of({from}));
    PACT_TRY(Shape shape, windowed(in[0].shape, in[0].channels(), {kernel, stride, padding, {}}));
    return ValueType{to, std::move(shape), {}};
  }
  // Activations must hold a zero level, for padding; grids without one are for weights.
  Result<ValueType> level(const numeric::Grid& grid) const {
    PACT_CHECK_OK(numeric::check(grid));
    if (grid.step != 1) return wrong("expected an activation grid that holds zero");
    return ValueType{Element::Level, in[0].shape, grid};
  }
};

}  // namespace

Result<ValueType> infer(const Operation& operation, std::span<const ValueType> inputs) {
  auto type = std::visit([&](const auto& op) { return Infer{inputs}.of(op); }, operation);
  if (type) PACT_CHECK_OK(check_shape(type->shape));
  return type;
}

}  // namespace pact::graph
