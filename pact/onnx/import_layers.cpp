// SPDX-License-Identifier: Apache-2.0
// Importers of operations with weights or windows.
#include <algorithm>
#include <cmath>

#include "pact/onnx/importer.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Step = Importer::Step;

// Kernel, stride, dilation and padding of a convolution or pool.
struct Window {
  Pair kernel;
  Pair stride;
  Pair dilation;
  Padding padding;
};

Result<Pair> pair_of(Step& step, const std::string& name, Pair otherwise) {
  const auto values = step.attributes.integers(name, {otherwise.y, otherwise.x});
  if (values.size() == 2) return Pair{values[0], values[1]};
  return unsupported("expected two entries of '", name, "', found ", values.size());
}

// Padding that makes ceil(size / stride) outputs, the odd one before or after.
std::pair<std::int64_t, std::int64_t> same_padding(std::int64_t size, std::int64_t kernel,
                                                   std::int64_t stride, std::int64_t dilation,
                                                   bool more_after) {
  const std::int64_t outputs = (size + stride - 1) / stride;
  const std::int64_t total =
      std::max<std::int64_t>(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size);
  return more_after ? std::pair{total / 2, total - total / 2}
                    : std::pair{total - total / 2, total / 2};
}

Status check_positive(const Window& w) {
  constexpr std::int64_t kLimit = 1 << 10;
  for (const Pair& pair : {w.kernel, w.stride, w.dilation}) {
    if (std::min(pair.y, pair.x) >= 1 && std::max(pair.y, pair.x) <= kLimit) continue;
    return unsupported("expected kernels, strides and dilations from 1 to ", kLimit, ", found ",
                       pair.y, " x ", pair.x);
  }
  return {};
}

Result<Window> window_of(Step& step, Pair kernel, const Shape& input) {
  Window w;
  PACT_TRY(w.kernel, pair_of(step, "kernel_shape", kernel));
  PACT_TRY(w.stride, pair_of(step, "strides", {1, 1}));
  PACT_TRY(w.dilation, pair_of(step, "dilations", {1, 1}));
  PACT_CHECK_OK(check_positive(w));
  const auto pads = step.attributes.integers("pads", {0, 0, 0, 0});
  if (pads.size() != 4) return unsupported("expected four entries of 'pads', found ", pads.size());
  for (const std::int64_t pad : pads) {
    if (pad < 0 || pad > kMaxPadding) return unsupported("pads of ", pad);
  }
  w.padding = {pads[0], pads[1], pads[2], pads[3]};
  const std::string kind = step.attributes.word("auto_pad", "NOTSET");
  if (kind == "SAME_UPPER" || kind == "SAME_LOWER") {
    const bool after = kind == "SAME_UPPER";
    std::tie(w.padding.top, w.padding.bottom) =
        same_padding(input[1], w.kernel.y, w.stride.y, w.dilation.y, after);
    std::tie(w.padding.left, w.padding.right) =
        same_padding(input[2], w.kernel.x, w.stride.x, w.dilation.x, after);
  } else if (kind == "VALID") {
    w.padding = {};
  } else if (kind != "NOTSET") {
    return unsupported("auto_pad '", kind, "'");
  }
  return w;
}

Status expect_image(const Shape& shape) {
  if (shape.size() == 3) return {};
  return unsupported("expected an image, found ", to_string(shape));
}

Result<Tensor> vector_of(Step& step, int input, std::int64_t size) {
  PACT_TRY(const Constant* constant, step.floats(input));
  if (static_cast<std::int64_t>(constant->floats().size()) == size) {
    return Tensor::f32({size}, constant->floats());
  }
  return make_error(ErrorCode::Corrupt, "expected ", size, " elements of input ", input, ", found ",
                    constant->floats().size());
}

// `groups`: the scales of each group's outputs are the same.
void set_scales(Step& step, NodeId layer, const Constant& weight, float factor,
                std::int64_t groups = 1) {
  if (!weight.steps) return;
  std::vector<float> scales = weight.steps->scales;
  for (float& scale : scales) scale *= factor;
  const std::size_t of_group = scales.size();
  for (std::int64_t g = 1; of_group > 1 && g < groups; ++g) {
    for (std::size_t i = 0; i < of_group; ++i) scales.push_back(scales[i]);
  }
  const auto count = static_cast<std::int64_t>(scales.size());
  step.set_parameter(layer, "weight_scale", Tensor::f32({count}, std::move(scales)));
}

// What a convolution reads: a value, or one that was padded.
Result<Padded> padded_input(Step& step) {
  if (const Padded* padded = step.padded(0)) {
    const std::string kind = step.attributes.word("auto_pad", "NOTSET");
    if (kind == "NOTSET" || kind == "VALID") return *padded;
    return unsupported("auto_pad '", kind, "' of a padded image");
  }
  PACT_TRY(const NodeId input, step.value(0));
  return Padded{input, {}};
}

Status import_conv(Step& step) {
  PACT_TRY(const Padded padded, padded_input(step));
  const NodeId input = padded.source;
  PACT_CHECK_OK(expect_image(step.shape(input)));
  PACT_TRY(const Constant* weight, step.floats(1));
  if (weight->shape.size() != 4) {
    return unsupported("expected weights of four extents, found ", to_string(weight->shape));
  }
  PACT_TRY(Window w, window_of(step, {weight->shape[2], weight->shape[3]}, step.shape(input)));
  w.padding.top += padded.padding.top;
  w.padding.left += padded.padding.left;
  w.padding.bottom += padded.padding.bottom;
  w.padding.right += padded.padding.right;
  Conv2d op{.out_channels = weight->shape[0],
            .kernel = w.kernel,
            .stride = w.stride,
            .padding = w.padding,
            .dilation = w.dilation,
            .groups = step.attributes.integer("group", 1),
            .bias = step.has_input(2) ? Bias::Present : Bias::Absent,
            .weights = {}};
  PACT_TRY(op.weights, weights_of(*weight, 0));
  PACT_TRY(const NodeId id, step.add(op, {input}, step.layer_name(1)));
  step.set_parameter(id, "weight", Tensor::f32(weight->shape, weight->floats()));
  set_scales(step, id, *weight, 1);
  if (op.bias == Bias::Present) {
    PACT_TRY(Tensor bias, vector_of(step, 2, op.out_channels));
    step.set_parameter(id, "bias", std::move(bias));
  }
  return {};
}

Status check_transposed_weight(const Constant& weight, std::int64_t groups, std::int64_t inputs) {
  if (weight.shape.size() != 4) {
    return unsupported("expected weights of four extents, found ", to_string(weight.shape));
  }
  if (groups < 1 || weight.shape[0] != inputs || inputs % groups != 0) {
    return make_error(ErrorCode::Corrupt, "expected weights for ", inputs, " channels in ", groups,
                      " groups, found ", to_string(weight.shape));
  }
  return {};
}

// [in][out/groups][row][column] -> [out][in/groups][row][column], both axes turned around.
std::vector<float> turned_around(const Constant& weight, std::int64_t group_count) {
  const auto extent = [&](std::size_t i) { return static_cast<std::size_t>(weight.shape[i]); };
  const auto groups = static_cast<std::size_t>(group_count);
  const std::size_t inputs = extent(0) / groups;
  const std::size_t window = extent(2) * extent(3);
  std::vector<float> result(weight.floats().size());
  for (std::size_t i = 0; i < extent(0); ++i) {
    const std::size_t group = i / inputs;
    for (std::size_t o = 0; o < extent(1); ++o) {
      const float* from = weight.floats().data() + (i * extent(1) + o) * window;
      const std::size_t to = ((group * extent(1) + o) * inputs + i % inputs) * window;
      std::reverse_copy(from, from + window, result.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  return result;
}

// What `total` rows or columns fewer take away before and after.
std::pair<std::int64_t, std::int64_t> distributed(std::int64_t total, bool more_after) {
  total = std::max<std::int64_t>(total, 0);
  return more_after ? std::pair{total / 2, total - total / 2}
                    : std::pair{total - total / 2, total / 2};
}

// Rows or columns of a transposed convolution; a target of 0 is none.
struct TransposedAxis {
  std::int64_t size = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t added = 0;
  std::int64_t target = 0;
  std::pair<std::int64_t, std::int64_t> pads;
};

// The padding of the convolution over the spread image: all but what the transposed one takes away.
Result<Padding> transposed_padding(Step& step, const Window& w, const Shape& in) {
  constexpr std::int64_t kMaxSize = 1 << 20;
  PACT_TRY(const Pair more, pair_of(step, "output_padding", {0, 0}));
  PACT_TRY(const Pair asked, pair_of(step, "output_shape", {0, 0}));
  for (const std::int64_t each : {more.y, more.x, asked.y, asked.x}) {
    if (each >= 0 && each <= kMaxSize) continue;
    return unsupported("expected output_padding and output_shape up to ", kMaxSize, ", found ",
                       each);
  }
  const std::string kind = step.attributes.word("auto_pad", "NOTSET");
  const bool same = kind == "SAME_UPPER" || kind == "SAME_LOWER";
  // Executors differ in how many rows these have.
  if (same && asked == Pair{0, 0} &&
      (w.dilation.y * (w.kernel.y - 1) + 1 + more.y < w.stride.y ||
       w.dilation.x * (w.kernel.x - 1) + 1 + more.x < w.stride.x)) {
    return unsupported("auto_pad '", kind, "' of a kernel that is smaller than its stride");
  }
  const auto around = [&](TransposedAxis axis) {
    const std::int64_t reach = axis.dilation * (axis.kernel - 1);
    if (same && axis.target == 0) axis.target = axis.size * axis.stride;
    if (axis.target != 0) {
      const std::int64_t all = axis.stride * (axis.size - 1) + axis.added + reach + 1;
      axis.pads = distributed(all - axis.target, kind == "SAME_UPPER");
      axis.added += std::max<std::int64_t>(axis.target - all, 0);
    }
    return std::pair{reach - axis.pads.first, reach - axis.pads.second + axis.added};
  };
  const auto [top, bottom] = around({in[1],
                                     w.kernel.y,
                                     w.stride.y,
                                     w.dilation.y,
                                     more.y,
                                     asked.y,
                                     {w.padding.top, w.padding.bottom}});
  const auto [left, right] = around({in[2],
                                     w.kernel.x,
                                     w.stride.x,
                                     w.dilation.x,
                                     more.x,
                                     asked.x,
                                     {w.padding.left, w.padding.right}});
  if (std::min({top, left, bottom, right}) < 0) {
    return unsupported(
        "expected pads within the reach of the kernel, found ",
        to_string(Shape{w.padding.top, w.padding.left, w.padding.bottom, w.padding.right}));
  }
  return Padding{top, left, bottom, right};
}

// A weight of one for each channel copies the channels, as the exporter writes Pad.
bool copies_channels(const Step& step, const Constant& weight, std::int64_t groups) {
  return !step.has_input(2) && !weight.steps && weight.shape == Shape{groups, 1, 1, 1} &&
         std::all_of(weight.floats().begin(), weight.floats().end(),
                     [](float each) { return each == 1; });
}

// A convolution with turned weights over the image whose pixels are spread by the strides.
Status import_conv_transpose(Step& step) {
  PACT_TRY(NodeId input, step.value(0));
  PACT_CHECK_OK(expect_image(step.shape(input)));
  PACT_TRY(const Constant* weight, step.floats(1));
  const std::int64_t groups = step.attributes.integer("group", 1);
  PACT_CHECK_OK(check_transposed_weight(*weight, groups, step.shape(input)[0]));
  const Pair kernel{weight->shape[2], weight->shape[3]};
  PACT_TRY(const Window w, window_of(step, kernel, step.shape(input)));
  if (w.kernel != kernel) {
    return make_error(ErrorCode::Corrupt, "expected weights of the kernel's shape, found ",
                      to_string(weight->shape));
  }
  PACT_TRY(const Padding padding, transposed_padding(step, w, step.shape(input)));
  if (copies_channels(step, *weight, groups)) {
    PACT_CHECK_OK(step.add(Pad{padding, w.stride}, {input}));
    return {};
  }
  Conv2d op{.out_channels = weight->shape[1] * groups,
            .kernel = kernel,
            .padding = padding,
            .dilation = w.dilation,
            .groups = groups,
            .bias = step.has_input(2) ? Bias::Present : Bias::Absent,
            .weights = {}};
  PACT_TRY(op.weights, weights_of(*weight, 1));
  const std::string name = step.layer_name(1).empty() ? step.name() : step.layer_name(1);
  if (w.stride != Pair{1, 1}) {
    PACT_TRY(input, step.add(Pad{{}, w.stride}, {input}, name + ".spread"));
  }
  PACT_TRY(const NodeId id, step.add(op, {input}, name));
  const Shape shape{op.out_channels, weight->shape[0] / groups, kernel.y, kernel.x};
  step.set_parameter(id, "weight", Tensor::f32(shape, turned_around(*weight, groups)));
  set_scales(step, id, *weight, 1, groups);
  if (op.bias == Bias::Present) {
    PACT_TRY(Tensor bias, vector_of(step, 2, op.out_channels));
    step.set_parameter(id, "bias", std::move(bias));
  }
  return {};
}

Status import_batch_norm(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  if (step.attributes.integer("training_mode", 0) != 0 ||
      step.attributes.integer("spatial", 1) != 1 || step.node.output_size() != 1) {
    return unsupported("expected the form for inference, found the one for training");
  }
  step.attributes.real("momentum", 0.9F);
  PACT_TRY(const NodeId id, step.add(BatchNorm{step.attributes.real("epsilon", 1e-5F)}, {input},
                                     step.layer_name(1)));
  const char* const roles[] = {"weight", "bias", "running_mean", "running_var"};
  const std::int64_t channels = step.shape(id).front();
  for (int i = 0; i < 4; ++i) {
    PACT_TRY(Tensor values, vector_of(step, i + 1, channels));
    step.set_parameter(id, roles[i], std::move(values));
  }
  return {};
}

// [inputs][outputs] -> [outputs][inputs].
std::vector<float> transposed(const std::vector<float>& values, std::int64_t rows,
                              std::int64_t columns) {
  std::vector<float> result(values.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      result[static_cast<std::size_t>(c * rows + r)] =
          values[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return result;
}

Status add_linear(Step& step, bool weight_is_transposed, float factor,
                  std::optional<std::vector<float>> bias) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_TRY(const Constant* weight, step.floats(1));
  if (weight->shape.size() != 2 || step.shape(input).size() != 1) {
    return unsupported("expected flat inputs and a matrix, found ", to_string(step.shape(input)),
                       " and ", to_string(weight->shape));
  }
  std::vector<float> values = weight->floats();
  const std::int64_t outputs = weight->shape[weight_is_transposed ? 0 : 1];
  const std::int64_t inputs = weight->shape[weight_is_transposed ? 1 : 0];
  if (!weight_is_transposed) values = transposed(values, inputs, outputs);
  for (float& value : values) value *= factor;
  if (inputs != step.shape(input)[0]) {
    return make_error(ErrorCode::Corrupt, "expected weights for ", step.shape(input)[0],
                      " inputs, found ", inputs);
  }
  if (!bias) bias = step.take_bias(outputs);
  Linear op{outputs, bias ? Bias::Present : Bias::Absent, {}};
  PACT_TRY(op.weights, weights_of(*weight, weight_is_transposed ? 0 : 1));
  PACT_TRY(const NodeId id, step.add(op, {input}, step.layer_name(1)));
  step.set_parameter(id, "weight", Tensor::f32({outputs, inputs}, std::move(values)));
  set_scales(step, id, *weight, factor);
  if (bias) step.set_parameter(id, "bias", Tensor::f32({outputs}, std::move(*bias)));
  return {};
}

Status import_gemm(Step& step) {
  if (step.attributes.integer("transA", 0) != 0) return unsupported("a transposed input");
  const bool transposed = step.attributes.integer("transB", 0) != 0;
  const float alpha = step.attributes.real("alpha", 1);
  const float beta = step.attributes.real("beta", 1);
  std::optional<std::vector<float>> bias;
  if (step.has_input(2)) {
    PACT_TRY(const Constant* added, step.floats(2));
    PACT_TRY(const Constant* weight, step.floats(1));
    if (weight->shape.size() != 2 || weight->floats().empty()) {
      return unsupported("weights of shape ", graph::to_string(weight->shape));
    }
    const auto outputs = static_cast<std::size_t>(weight->shape[transposed ? 0 : 1]);
    bias = added->floats();
    if (bias->size() == 1) bias->assign(outputs, added->floats()[0]);
    if (bias->size() != outputs) {
      return unsupported("expected ", outputs, " added values, found ", bias->size());
    }
    for (float& value : *bias) value *= beta;
  }
  return add_linear(step, transposed, alpha, std::move(bias));
}

Status import_mat_mul(Step& step) { return add_linear(step, false, 1, std::nullopt); }

// Rounding the number of outputs up reads past the end of the image: padding there says the same,
// unless the last window would lie in padding alone.
std::int64_t ceil_padding(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                          std::int64_t before, std::int64_t after) {
  const std::int64_t total = size + before + after;
  if (total < kernel) return 0;
  std::int64_t outputs = (total - kernel + stride - 1) / stride + 1;
  if ((outputs - 1) * stride >= size + before) --outputs;
  return std::max<std::int64_t>(0, (outputs - 1) * stride + kernel - total);
}

Result<Window> pool_window(Step& step, const Shape& input) {
  if (!step.attributes.has("kernel_shape")) return unsupported("a pool without kernel_shape");
  PACT_TRY(Window w, window_of(step, {}, input));
  if (w.dilation != Pair{1, 1}) return unsupported("a dilated pool");
  if (step.attributes.integer("ceil_mode", 0) != 0) {
    Padding& p = w.padding;
    p.bottom += ceil_padding(input[1], w.kernel.y, w.stride.y, p.top, p.bottom);
    p.right += ceil_padding(input[2], w.kernel.x, w.stride.x, p.left, p.right);
  }
  return w;
}

Status import_max_pool(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_CHECK_OK(expect_image(step.shape(input)));
  if (step.node.output_size() != 1 || step.attributes.integer("storage_order", 0) != 0) {
    return unsupported("a pool that returns indices");
  }
  PACT_TRY(const Window w, pool_window(step, step.shape(input)));
  PACT_CHECK_OK(step.add(MaxPool{w.kernel, w.stride, w.padding}, {input}));
  return {};
}

Status import_average_pool(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_CHECK_OK(expect_image(step.shape(input)));
  const bool over_window = step.attributes.integer("count_include_pad", 0) != 0;
  if (over_window && step.attributes.integer("ceil_mode", 0) != 0) {
    return unsupported("count_include_pad together with ceil_mode");
  }
  PACT_TRY(const Window w, pool_window(step, step.shape(input)));
  const bool is_identity =
      w.kernel == Pair{1, 1} && w.stride == Pair{1, 1} && w.padding == Padding{};
  if (is_identity) return step.alias(input);
  const AverageOver over = over_window ? AverageOver::Window : AverageOver::Image;
  PACT_CHECK_OK(step.add(AvgPool{w.kernel, w.stride, w.padding, over}, {input}));
  return {};
}

Status import_global_average(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_CHECK_OK(step.add(GlobalAvgPool{}, {input}));
  return {};
}

// The mean over rows and columns is a global average; without the extents, a flat one.
Status import_reduce_mean(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_CHECK_OK(expect_image(step.shape(input)));
  std::vector<std::int64_t> axes = step.attributes.integers("axes", {});
  if (step.has_input(1)) {
    PACT_TRY(axes, step.ints(1));
  }
  for (std::int64_t& axis : axes) axis += axis < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<std::int64_t>{2, 3}) {
    return unsupported("a mean over other axes than rows and columns");
  }
  step.attributes.integer("noop_with_empty_axes", 0);  // they are not empty
  const bool keep = step.attributes.integer("keepdims", 1) != 0;
  PACT_TRY(const NodeId mean, step.add(GlobalAvgPool{}, {input}));
  if (!keep) PACT_CHECK_OK(step.add(Flatten{}, {mean}));
  return {};
}

}  // namespace

OperationImporter find_layer_importer(std::string_view operation) {
  static const std::map<std::string_view, OperationImporter> table{
      {"Conv", import_conv},
      {"ConvTranspose", import_conv_transpose},
      {"BatchNormalization", import_batch_norm},
      {"Gemm", import_gemm},
      {"MatMul", import_mat_mul},
      {"MaxPool", import_max_pool},
      {"AveragePool", import_average_pool},
      {"GlobalAveragePool", import_global_average},
      {"ReduceMean", import_reduce_mean}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pact::onnx
