// SPDX-License-Identifier: Apache-2.0
#include "pact/nn/module.h"

#include <algorithm>

#include "pact/nn/window_mean.h"
#include "pact/numeric/activations.h"
#include "pact/quantizers/activations.h"
#include "pact/quantizers/normalized.h"
#include "pact/quantizers/weights.h"

namespace pact::nn {
namespace {

using namespace graph;
using torch::Tensor;

// Streams keep this much room above the largest value seen, and forget old peaks slowly.
constexpr float kHeadroom = 1.25F;
constexpr float kForget = 0.99F;
// Of batch norm's running statistics, as in LibTorch.
constexpr double kMomentum = 0.1;
// Values of one tensor that calibration looks at.
constexpr std::int64_t kMaxSamples = 1 << 20;
constexpr std::int64_t kMaxErrorSamples = 1 << 16;

Role role_of(const Node& node, const std::string& slot) {
  if (const auto* op = node.as<FakeQuantize>()) {
    const bool trained =
        op->scheme == ActivationScheme::Pact || op->scheme == ActivationScheme::TwoSided;
    return trained ? Role::Clip : Role::Buffer;
  }
  if (slot == "running_mean" || slot == "running_var" || slot == "weight_scale") {
    return Role::Buffer;
  }
  return slot == "weight" && node.as<BatchNorm>() == nullptr ? Role::Weight : Role::Norm;
}

bool is_training_operation(const Operation& operation) {
  return operation.index() <= Operation(FakeQuantize{}).index();
}

quantizers::Gradient gradient_of(const FakeQuantize& op) {
  return op.gradient == AlphaGradient::PactPlus ? quantizers::Gradient::PactPlus
                                                : quantizers::Gradient::Pact;
}

// Off the CPU, LibTorch would round f32 convolutions to 11 significant bits if it may.
void keep_f32(Precision precision, const torch::Device& device) {
  if (precision != Precision::F32 || device.is_cpu()) return;
  at::globalContext().setAllowTF32CuDNN(false);
}

void check_runs(Precision precision, const torch::Device& device) {
  if (precision == Precision::F32 || !device.is_cpu()) return;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return;
  }
#endif
  throw_error(ErrorCode::Unsupported,
              "precision: bf16 needs a CPU with AVX-512 (BW, DQ, VL); use \"f32\" on this one");
}

std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor here = tensor.detach().cpu().contiguous();
  return {here.data_ptr<float>(), here.data_ptr<float>() + here.numel()};
}

std::vector<float> sample(const Tensor& x, std::int64_t limit) {
  const Tensor flat = x.detach().flatten();
  const std::int64_t step = flat.numel() / limit + 1;
  return floats_of(flat.slice(0, 0, flat.numel(), step));
}

}  // namespace

Module::Module(Network network, Precision precision, torch::Device device)
    : network_(std::move(network)), precision_(precision), device_(device) {
  check_runs(precision, device);
  keep_f32(precision, device);
  value_or_throw(network_.verify());
  for (NodeId id = 0; id < static_cast<NodeId>(network_.nodes().size()); ++id) {
    const Node& node = network_.node(id);
    if (!is_training_operation(node.operation)) {
      throw_error(ErrorCode::Unsupported, "node '", node.name, "' (", graph::name(node.operation),
                  ") is of integers, which cannot be trained; lower the network to evaluate it");
    }
    for (const ParameterSlot& slot : network_.parameter_slots(id)) {
      const std::string name = Network::parameter_name(node, slot.role);
      const auto& values = network_.parameters().at(name).floats();
      Tensor tensor = torch::empty(slot.shape);
      std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
      roles_[name] = role_of(node, slot.role);
      tensors_[name] = tensor.to(device).set_requires_grad(roles_[name] != Role::Buffer);
    }
  }
  find_joined();
  last_reader_.assign(network_.nodes().size(), -1);
  for (NodeId id = 0; id < static_cast<NodeId>(network_.nodes().size()); ++id) {
    for (const NodeId input : network_.node(id).inputs) {
      last_reader_[static_cast<std::size_t>(input)] = id;
    }
  }
  last_reader_[static_cast<std::size_t>(network_.output())] = -1;  // whose value is kept
}

// The CPU has one operation for batch norm and a clip of one alpha.
void Module::find_joined() {
  if (!device_.is_cpu()) return;
  std::vector<int> readers(network_.nodes().size());
  for (const Node& node : network_.nodes()) {
    for (const NodeId input : node.inputs) ++readers[static_cast<std::size_t>(input)];
  }
  ++readers[static_cast<std::size_t>(network_.output())];
  for (NodeId id = 0; id < static_cast<NodeId>(network_.nodes().size()); ++id) {
    const auto* clip = network_.node(id).as<FakeQuantize>();
    if (clip == nullptr || clip->scheme != ActivationScheme::Pact) continue;
    const NodeId input = network_.node(id).inputs[0];
    const auto* norm = network_.node(input).as<BatchNorm>();
    if (norm == nullptr || norm->statistics != Statistics::Batch) continue;
    const bool is_alone = readers[static_cast<std::size_t>(input)] == 1;
    const bool is_image = network_.node(input).type.shape.size() == 3;
    if (!is_alone || !is_image || tensor(network_.node(id), "alpha").numel() != 1) continue;
    joined_.insert({input, id});
  }
}

void Module::begin_calibration(const numeric::Calibration& calibration,
                               std::set<std::string> learned) {
  constexpr float kTiny = 1e-3F;
  const torch::NoGradGuard guard;
  calibration_ = calibration;
  learned_ = std::move(learned);
  passes_ = 0;
  const auto forget = [&](const Node& node, const char* role, float tiny) {
    if (!is_learned(node, role)) tensor(node, role).fill_(tiny);
  };
  for (const Node& node : network_.nodes()) {
    if (const auto* conv = node.as<Conv2d>()) calibrate_weights(node, conv->weights);
    if (const auto* linear = node.as<Linear>()) calibrate_weights(node, linear->weights);
    const auto* op = node.as<FakeQuantize>();
    if (op == nullptr || op->scheme == ActivationScheme::Range) continue;
    if (op->scheme == ActivationScheme::Pact) forget(node, "alpha", kTiny);
    if (op->scheme == ActivationScheme::Stream) forget(node, "range", kTiny);
    if (op->scheme == ActivationScheme::TwoSided) {
      forget(node, "low", -kTiny);
      forget(node, "high", kTiny);
    }
  }
}

void Module::calibrate_weights(const Node& node, const numeric::WeightSpec& spec) {
  if (!numeric::has_given_scales(spec)) return;
  const Tensor& weight = tensor(node, "weight");
  const std::vector<float> values = floats_of(weight);
  const auto outputs = static_cast<std::size_t>(weight.size(0));
  const auto scales =
      value_or_throw(numeric::calibrated_scales(values, outputs, spec, calibration_));
  tensor(node, "weight_scale").copy_(torch::tensor(scales));
}

Network Module::network() const {
  Network result = network_;
  for (const auto& [name, tensor] : tensors_) {
    result.parameters().at(name).floats() = floats_of(tensor);
  }
  return result;
}

// One overload of `of` per operation.
struct Module::Forward {
  Module& module;
  const Node& node;
  std::vector<Tensor> in;
  Mode mode;
  bool joins = false;  // a batch norm and the quantizer that reads it, as one operation

  const Tensor& parameter(const char* role) const { return module.tensor(node, role); }
  Tensor bias(Bias bias) const { return bias == Bias::Present ? parameter("bias") : Tensor{}; }

  Tensor weights(const numeric::WeightSpec& spec) const {
    const Tensor& values = parameter("weight");
    const bool as_floats = mode == Mode::Calibrate && module.learned_.empty();
    if (spec.scheme == numeric::WeightScheme::None || as_floats) return values;
    const bool given = numeric::has_given_scales(spec);
    return quantizers::quantize_weights(values, spec, given ? parameter("weight_scale") : Tensor{});
  }

  torch::ScalarType type_of_values() const {
    const bool narrow = mode == Mode::Train || mode == Mode::Evaluate;
    return narrow && module.precision_ == Precision::Bf16 ? torch::kBFloat16 : torch::kFloat;
  }

  Tensor of(const Input&) const { return in[0]; }
  Tensor of(const Conv2d& op) const {
    const Padding& p = op.padding;
    Tensor x = in[0].to(type_of_values());
    std::vector<std::int64_t> padding{p.top, p.left};
    if (p.top != p.bottom || p.left != p.right) {
      x = torch::constant_pad_nd(x, {p.left, p.right, p.top, p.bottom});
      padding = {0, 0};
    }
    const Tensor b = bias(op.bias);
    return torch::conv2d(
        x, weights(op.weights).to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast),
        b.defined() ? b.to(x.scalar_type()) : b, {op.stride.y, op.stride.x}, padding,
        {op.dilation.y, op.dilation.x}, op.groups);
  }
  Tensor of(const Linear& op) const {
    return torch::linear(in[0].to(torch::kFloat), weights(op.weights), bias(op.bias));
  }
  Tensor of(const BatchNorm& op) const {
    if (joins) return in[0];
    const bool of_batch = mode == Mode::Train || mode == Mode::Reestimate;
    const double momentum = mode == Mode::Reestimate ? 1.0 / module.passes_ : kMomentum;
    return torch::batch_norm(in[0], parameter("weight"), parameter("bias"),
                             parameter("running_mean"), parameter("running_var"),
                             of_batch && op.statistics == Statistics::Batch, momentum, op.epsilon,
                             false);
  }
  Tensor of(const Relu&) const { return torch::relu(in[0]); }
  Tensor of(const Add&) const { return in[0] + in[1]; }
  Tensor of(const MaxPool& op) const {
    const Padding& p = op.padding;
    Tensor x = in[0];
    if (p != Padding{}) {
      x = torch::constant_pad_nd(x, {p.left, p.right, p.top, p.bottom},
                                 -std::numeric_limits<float>::infinity());
    }
    return torch::max_pool2d(x, {op.kernel.y, op.kernel.x}, {op.stride.y, op.stride.x});
  }
  Tensor of(const AvgPool& op) const {
    const Padding& p = op.padding;
    const bool over_window = op.over == AverageOver::Window;
    if (has_own_windows(op, in[0])) return window_mean(in[0], op.kernel);
    if (p.top == p.bottom && p.left == p.right) {
      return torch::avg_pool2d(in[0], {op.kernel.y, op.kernel.x}, {op.stride.y, op.stride.x},
                               {p.top, p.left}, false, over_window);
    }
    // Sums over the padded image, divided by what each window covers of the image.
    const auto padded = [&](const Tensor& x) {
      return torch::avg_pool2d(torch::constant_pad_nd(x, {p.left, p.right, p.top, p.bottom}),
                               {op.kernel.y, op.kernel.x}, {op.stride.y, op.stride.x});
    };
    const Tensor means = padded(in[0]);
    return over_window ? means : means / padded(torch::ones_like(in[0]));
  }
  Tensor of(const Pointwise& op) const {
    switch (op.function) {
      case numeric::Function::Clip:
        return torch::clamp(in[0], op.a, op.b);
      case numeric::Function::LeakyRelu:
        return torch::leaky_relu(in[0], op.a);
      case numeric::Function::HardSigmoid:
        return torch::clamp(in[0] * op.a + op.b, 0, 1);
      case numeric::Function::HardSwish:
        return torch::hardswish(in[0]);
      case numeric::Function::Sigmoid:
        break;
    }
    return torch::sigmoid(in[0]);
  }
  Tensor of(const Multiply&) const { return in[0] * in[1]; }
  Tensor of(const Concat&) const { return torch::cat(in, 1); }
  Tensor of(const Slice& op) const { return in[0].narrow(1, op.first, op.count); }
  Tensor of(const Rearrange& op) const {
    Shape view{in[0].size(0)};
    view.insert(view.end(), op.view.begin(), op.view.end());
    Shape order{0};
    for (const std::int64_t extent : op.order) order.push_back(extent + 1);
    Shape shape{in[0].size(0)};
    shape.insert(shape.end(), op.shape.begin(), op.shape.end());
    return in[0].reshape(view).permute(order).reshape(shape);
  }
  Tensor of(const Softmax&) const { return torch::softmax(in[0], 1); }
  Tensor of(const GlobalAvgPool&) const { return torch::adaptive_avg_pool2d(in[0], {1, 1}); }
  Tensor of(const Flatten&) const { return in[0].flatten(1); }
  Tensor of(const Shortcut& op) const {
    using torch::indexing::Slice;
    const Tensor x =
        in[0].index({Slice(), Slice(), Slice(0, {}, op.stride.y), Slice(0, {}, op.stride.x)});
    return torch::constant_pad_nd(x, {0, 0, 0, 0, op.before, op.after});
  }
  Tensor of(const Pad& op) const {
    const Padding& p = op.padding;
    const Pair spread = op.spread;
    Tensor x = in[0];
    if (spread != Pair{1, 1}) {
      // Zeros behind each pixel; those behind the last row and column go.
      x = torch::constant_pad_nd(x.unsqueeze(3).unsqueeze(5),
                                 {0, spread.x - 1, 0, 0, 0, spread.y - 1});
      x = x.flatten(4, 5).flatten(2, 3);
    }
    return torch::constant_pad_nd(
        x, {p.left, p.right - (spread.x - 1), p.top, p.bottom - (spread.y - 1)});
  }
  Tensor of(const Resize& op) const {
    const Tensor columns = resized(in[0], 3, {in[0].size(3), op.size.x, op.scale.x}, op.rule);
    return resized(columns, 2, {in[0].size(2), op.size.y, op.scale.y}, op.rule);
  }
  Tensor of(const FakeQuantize& op) const {
    if (mode == Mode::Calibrate && !is_learned(op)) return calibrate(op);
    switch (op.scheme) {
      case ActivationScheme::Pact:
        if (joins) return joined(op, module.network_.node(node.inputs[0]));
        return quantizers::pact(in[0], parameter("alpha"), op.bits, gradient_of(op));
      case ActivationScheme::Stream:
        if (mode != Mode::Train) return quantizers::stream(in[0], parameter("range"));
        observe(kForget);
        return quantizers::stream(in[0], parameter("range"), quantizers::Beyond::Excluded);
      default:
        return quantizers::two_sided(in[0], parameter("low"), parameter("high"), op.bits,
                                     gradient_of(op));
    }
  }
  template <typename Other>
  Tensor of(const Other&) const {
    throw_error(ErrorCode::Unsupported, "node '", node.name, "' cannot be trained");
  }

 private:
  Tensor joined(const FakeQuantize& op, const Node& norm) const {
    const quantizers::BatchNormTensors tensors{.weight = module.tensor(norm, "weight"),
                                               .bias = module.tensor(norm, "bias"),
                                               .running_mean = module.tensor(norm, "running_mean"),
                                               .running_var = module.tensor(norm, "running_var"),
                                               .momentum = kMomentum,
                                               .epsilon = norm.as<BatchNorm>()->epsilon};
    return quantizers::normalized_pact(in[0], tensors, parameter("alpha"), op.bits,
                                       gradient_of(op));
  }

  bool is_learned(const FakeQuantize& op) const {
    if (op.scheme == ActivationScheme::Pact) return module.is_learned(node, "alpha");
    return module.is_learned(node, op.scheme == ActivationScheme::Stream ? "range" : "low");
  }

  // `x` with the pixels along extent `dim` that the rule says.
  static Tensor resized(const Tensor& x, std::int64_t dim, const numeric::ResizeAxis& axis,
                        const numeric::ResizeRule& rule) {
    std::vector<std::int64_t> first;
    std::vector<std::int64_t> second;
    std::vector<double> weight;
    for (const numeric::Tap& tap : numeric::resize_taps(axis, rule)) {
      first.push_back(tap.first);
      second.push_back(tap.second);
      weight.push_back(tap.weight);
    }
    const Tensor a = x.index_select(dim, torch::tensor(first).to(x.device()));
    if (rule.interpolation == numeric::Interpolation::Nearest) return a;
    Shape shape(4, 1);
    shape[static_cast<std::size_t>(dim)] = axis.out;
    const Tensor weights = torch::tensor(weight).to(x.device(), torch::kFloat).reshape(shape);
    const Tensor b = x.index_select(dim, torch::tensor(second).to(x.device()));
    return torch::lerp(a.to(torch::kFloat), b.to(torch::kFloat), weights).to(x.scalar_type());
  }

  // The range that a stream needs by now, of which `kept` stays what it was. The device need not
  // have computed it yet.
  void observe(float kept) const {
    const torch::NoGradGuard guard;
    const Tensor& range = parameter("range");
    const Tensor seen = quantizers::largest_magnitude(in[0].detach()) * kHeadroom;
    const Tensor wide = torch::maximum(range * kept, seen).clamp_min(1e-6F);
    range.copy_(torch::where(torch::isfinite(seen), wide, range));
  }

  Tensor calibrate(const FakeQuantize& op) const {
    const torch::NoGradGuard guard;
    if (op.scheme == ActivationScheme::Stream) observe(1);
    if (op.scheme == ActivationScheme::TwoSided) calibrate_both_sides(op);
    if (op.scheme != ActivationScheme::Pact) return in[0];
    const Tensor& alpha = parameter("alpha");
    for (std::int64_t c = 0; c < alpha.numel(); ++c) {
      settle("alpha", alpha_of(alpha.numel() == 1 ? in[0] : in[0].select(1, c), op.bits), c);
    }
    return torch::relu(in[0]);
  }

  bool by_error() const { return module.calibration_.rule == numeric::ClipRule::LeastError; }

  std::vector<float> seen(const Tensor& x) const {
    return sample(x, by_error() ? kMaxErrorSamples : kMaxSamples);
  }

  float percentile(std::vector<float> values) const {
    const numeric::Calibration& c = module.calibration_;
    return numeric::percentile_of(std::move(values),
                                  c.rule == numeric::ClipRule::Percentile ? c.percentile : 1);
  }

  float alpha_of(const Tensor& x, int bits) const {
    std::vector<float> values = seen(x);
    std::erase_if(values, [](float v) { return !(v > 0); });
    const float clip = percentile(values);
    if (!by_error() || values.empty()) return clip;
    const numeric::Grid grid = numeric::unsigned_grid(bits);
    const auto highest = static_cast<float>(grid.highest());
    return numeric::least_error_scale(values, grid, clip / highest) * highest;
  }

  void calibrate_both_sides(const FakeQuantize& op) const {
    const std::vector<float> values = seen(in[0]);
    std::vector<float> negated;
    for (const float value : values) negated.push_back(-value);
    float low = std::min(-percentile(std::move(negated)), 0.0F);
    float high = std::max(percentile(values), 0.0F);
    if (by_error() && high > low) {
      const auto widest = numeric::two_sided_quantizer(op.bits, low, high);
      const float scale = numeric::least_error_scale(values, widest.grid, widest.scale);
      low = static_cast<float>(widest.grid.lowest) * scale;
      high = static_cast<float>(widest.grid.highest()) * scale;
    }
    settle("low", low, 0);
    settle("high", high, 0);
  }

  // Takes in what one pass found for an element of a clip.
  void settle(const char* role, float value, std::int64_t element) const {
    if (!std::isfinite(value)) return;
    Tensor clip = parameter(role)[element];
    auto stored = clip.item<float>();
    if (by_error()) {
      const auto passes = static_cast<float>(module.passes_);
      if (passes == 1 && value != 0) stored = value;
      if (passes > 1) stored += (value - stored) / passes;
    } else {
      stored = stored < 0 ? std::min(stored, value) : std::max(stored, value);
    }
    clip.fill_(stored);
  }
};

Tensor Module::forward(const Tensor& images, Mode mode, const Tap& tap) {
  std::vector<Tensor> values;
  if (mode == Mode::Calibrate || mode == Mode::Reestimate) ++passes_;
  for (NodeId id = 0; id < static_cast<NodeId>(network_.nodes().size()); ++id) {
    const Node& node = network_.node(id);
    Forward step{*this, node, {}, mode};
    step.joins = mode == Mode::Train && !tap && joined_.contains(id);
    for (const NodeId input : node.inputs)
      step.in.push_back(values[static_cast<std::size_t>(input)]);
    if (node.inputs.empty()) {
      step.in.push_back(images.to(device_).contiguous(at::MemoryFormat::ChannelsLast));
    }
    values.push_back(std::visit([&](const auto& op) { return step.of(op); }, node.operation));
    if (tap) tap(id, values.back());
    for (const NodeId input : node.inputs) {
      const auto i = static_cast<std::size_t>(input);
      if (last_reader_[i] == id) values[i].reset();
    }
  }
  return values[static_cast<std::size_t>(network_.output())].flatten(1).to(torch::kFloat);
}

}  // namespace pact::nn
