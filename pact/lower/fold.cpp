// SPDX-License-Identifier: Apache-2.0
// Pass 3. A Dequantize states an affine form per channel: x[c] = sum_t v_t scale[t][c] + offset[c].
// Each rule takes an operation whose inputs are such forms and makes one form of it:
//
//   layer(x)        = W v scale_x scale_w[c] + bias[c]        levels in, accumulators out
//   batch_norm(x)   = x g[c] + b[c]
//   x + y           = the terms of both, the offsets added
//   average(x)      = sums of v, scale / area
//   flatten, shortcut and max_pool move integers of any kind; slice, rearrange, concat, resize to
//   nearest pixels, and pad where no offset makes something else of zero, move levels; scales go
//   with their channels
//
// What no rule fits stays a float operation.
#include <algorithm>
#include <cmath>

#include "pact/lower/lower.h"
#include "pact/lower/rewriter.h"
#include "pact/numeric/weights.h"

namespace pact::lower {
namespace {

using namespace graph;

struct Term {
  NodeId value = 0;           // in the result
  std::vector<double> scale;  // [channel]
};
struct Form {
  std::vector<Term> terms;
  std::vector<double> offset;  // [channel]
};

Form read_form(const Network& network, NodeId id) {
  const auto& scale = network.parameter(id, "scale").floats();
  const auto& offset = network.parameter(id, "offset").floats();
  Form form;
  form.offset.assign(offset.begin(), offset.end());
  for (std::size_t t = 0; t < network.node(id).inputs.size(); ++t) {
    const auto begin = scale.begin() + static_cast<std::ptrdiff_t>(t * offset.size());
    form.terms.push_back(
        {network.node(id).inputs[t], {begin, begin + static_cast<std::ptrdiff_t>(offset.size())}});
  }
  return form;
}

bool all_equal(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; });
}

bool has_offset(const Form& form) {
  return std::any_of(form.offset.begin(), form.offset.end(), [](double o) { return o != 0; });
}

class Folder {
 public:
  explicit Folder(const Network& network) : rewriter_(network) {}

  Result<Network> run() {
    for (NodeId id = 0; id < rewriter_.size(); ++id) PACT_CHECK_OK(visit(id));
    return rewriter_.finish();
  }

 private:
  const Network& source() const { return rewriter_.source(); }

  bool is_form(NodeId id) const { return rewriter_.result().node(id).as<Dequantize>() != nullptr; }

  Status visit(NodeId id) {
    const Node& node = source().node(id);
    const auto inputs = rewriter_.mapped_inputs(id);
    const bool quantized_layer = weights_of(node).scheme != numeric::WeightScheme::None;
    const bool forms = !inputs.empty() && std::all_of(inputs.begin(), inputs.end(),
                                                      [&](NodeId input) { return is_form(input); });
    if (quantized_layer) {
      if (!forms) {
        return make_error(ErrorCode::Unsupported, "node '", node.name,
                          "': its weights are quantized, but its input is not");
      }
      return fold_layer(id, read_form(rewriter_.result(), inputs[0]));
    }
    if (!forms) return rewriter_.copy(id);
    std::vector<Form> in;
    for (const NodeId input : inputs) in.push_back(read_form(rewriter_.result(), input));
    if (node.as<BatchNorm>() != nullptr) return fold_norm(id, std::move(in[0]));
    if (node.as<Add>() != nullptr) return fold_add(id, std::move(in[0]), std::move(in[1]));
    if (node.as<Concat>() != nullptr && concatenable(in)) return fold_concat(id, in);
    if (movable(node, in[0])) return fold_move(id, std::move(in[0]));
    return rewriter_.copy(id);
  }

  static numeric::WeightSpec weights_of(const Node& node) {
    if (const auto* conv = node.as<Conv2d>()) return conv->weights;
    if (const auto* linear = node.as<Linear>()) return linear->weights;
    return {};
  }

  // Writes a form as the node that stands for `id`.
  Status emit(NodeId id, const std::string& name, const Form& form) {
    const auto channels = static_cast<std::int64_t>(form.offset.size());
    std::vector<NodeId> values;
    std::vector<float> scale;
    for (const Term& term : form.terms) {
      values.push_back(term.value);
      scale.insert(scale.end(), term.scale.begin(), term.scale.end());
    }
    const auto terms = static_cast<std::int64_t>(values.size());
    PACT_TRY(const NodeId made, rewriter_.add(name, Dequantize{}, std::move(values)));
    rewriter_.result().set_parameter(made, "scale",
                                     Tensor::f32({terms, channels}, std::move(scale)));
    rewriter_.result().set_parameter(
        made, "offset", Tensor::f32({channels}, {form.offset.begin(), form.offset.end()}));
    rewriter_.map(id, made);
    return {};
  }

  // A layer multiplies levels only if one scale serves all the channels that a filter reads.
  Status check_layer_input(const Node& node, const Form& form, bool depthwise) const {
    if (form.terms.size() != 1 || has_offset(form)) {
      return make_error(ErrorCode::Unsupported, "node '", node.name,
                        "': expected an input on one grid, found an unquantized one");
    }
    if (!depthwise && !all_equal(form.terms[0].scale)) {
      return make_error(ErrorCode::Unsupported, "node '", node.name,
                        "': its input has a clip per channel; only depthwise layers can be lowered "
                        "so, use alpha_granularity = \"tensor\"");
    }
    return {};
  }

  Status fold_layer(NodeId id, const Form& form) {
    const Node& node = source().node(id);
    const auto* conv = node.as<Conv2d>();
    const Tensor& weight = source().parameter(id, "weight");
    const bool depthwise = conv != nullptr && conv->groups == node.type.channels() &&
                           weight.shape[1] == 1 &&
                           form.offset.size() == static_cast<std::size_t>(conv->groups);
    PACT_CHECK_OK(check_layer_input(node, form, depthwise));
    const numeric::WeightSpec spec = weights_of(node);
    if (spec.granularity == numeric::Granularity::Group) {
      return make_error(ErrorCode::Unsupported, "node '", node.name,
                        "': weights with a scale per group of inputs cannot be lowered");
    }
    const auto outputs = static_cast<std::size_t>(weight.shape[0]);
    std::span<const float> given;
    if (numeric::has_given_scales(spec)) given = source().parameter(id, "weight_scale").floats();
    PACT_TRY(const auto quantized,
             numeric::quantize_weights(weight.floats(), outputs, spec, given));
    PACT_TRY(const NodeId layer, add_integer_layer(node, quantized.grid, form.terms[0].value));
    std::vector<std::int32_t> levels;
    for (const std::uint8_t code : quantized.codes) levels.push_back(quantized.grid.level(code));
    rewriter_.result().set_parameter(layer, "weight", Tensor::i32(weight.shape, std::move(levels)));
    Form made{{{layer, std::vector<double>(outputs)}}, std::vector<double>(outputs)};
    for (std::size_t c = 0; c < outputs; ++c) {
      const double input_scale = form.terms[0].scale[depthwise ? c : 0];
      made.terms[0].scale[c] = input_scale * quantized.scales[quantized.scales.size() == 1 ? 0 : c];
    }
    const auto bias = source().parameters().find(node.name + ".bias");
    if (bias != source().parameters().end()) {
      made.offset.assign(bias->second.floats().begin(), bias->second.floats().end());
    }
    return emit(id, node.name + ".value", made);
  }

  Result<NodeId> add_integer_layer(const Node& node, const numeric::Grid& grid, NodeId input) {
    if (const auto* op = node.as<Conv2d>()) {
      return rewriter_.add(node.name,
                           IntConv2d{op->out_channels, op->kernel, op->stride, op->padding,
                                     op->dilation, op->groups, grid},
                           {input});
    }
    return rewriter_.add(node.name, IntLinear{node.as<Linear>()->out_features, grid}, {input});
  }

  Status fold_norm(NodeId id, Form form) {
    const auto* op = source().node(id).as<BatchNorm>();
    const auto values = [&](const char* role) -> const std::vector<float>& {
      return source().parameter(id, role).floats();
    };
    for (std::size_t c = 0; c < form.offset.size(); ++c) {
      const double slope = values("weight")[c] /
                           std::sqrt(static_cast<double>(values("running_var")[c]) + op->epsilon);
      for (Term& term : form.terms) term.scale[c] *= slope;
      form.offset[c] = (form.offset[c] - values("running_mean")[c]) * slope + values("bias")[c];
    }
    return emit(id, source().node(id).name, form);
  }

  Status fold_add(NodeId id, Form a, Form b) {
    for (Term& term : b.terms) {
      const auto same = std::find_if(a.terms.begin(), a.terms.end(),
                                     [&](const Term& t) { return t.value == term.value; });
      if (same == a.terms.end()) {
        a.terms.push_back(std::move(term));
        continue;
      }
      for (std::size_t c = 0; c < term.scale.size(); ++c) same->scale[c] += term.scale[c];
    }
    for (std::size_t c = 0; c < a.offset.size(); ++c) a.offset[c] += b.offset[c];
    return emit(id, source().node(id).name, a);
  }

  bool holds_levels(const Form& form) const {
    return std::all_of(form.terms.begin(), form.terms.end(), [&](const Term& term) {
      return rewriter_.result().node(term.value).type.element == Element::Level;
    });
  }

  // Levels of one grid each: what a level is worth may differ from part to part.
  bool concatenable(const std::vector<Form>& parts) const {
    const auto grid = [&](const Form& form) {
      return rewriter_.result().node(form.terms[0].value).type.grid;
    };
    return std::all_of(parts.begin(), parts.end(), [&](const Form& form) {
      return form.terms.size() == 1 && holds_levels(form) && grid(form) == grid(parts[0]);
    });
  }

  Status fold_concat(NodeId id, const std::vector<Form>& parts) {
    std::vector<NodeId> values;
    Form form{{Term{}}, {}};
    for (const Form& part : parts) {
      values.push_back(part.terms[0].value);
      const std::vector<double>& scale = part.terms[0].scale;
      form.terms[0].scale.insert(form.terms[0].scale.end(), scale.begin(), scale.end());
      form.offset.insert(form.offset.end(), part.offset.begin(), part.offset.end());
    }
    const std::string& name = source().node(id).name;
    PACT_TRY(form.terms[0].value, rewriter_.add(name, Concat{}, std::move(values)));
    return emit(id, name + ".value", form);
  }

  bool movable(const Node& node, const Form& form) const {
    const bool levels = holds_levels(form);
    if (node.as<Flatten>() != nullptr || node.as<Shortcut>() != nullptr) return true;
    if (node.as<MaxPool>() != nullptr) {
      // The maximum commutes with a scale only if that does not turn the order around.
      return form.terms.size() == 1 &&
             std::all_of(form.terms[0].scale.begin(), form.terms[0].scale.end(),
                         [](double s) { return s > 0; });
    }
    if (node.as<Rearrange>() != nullptr) return levels && is_uniform(form);
    if (const auto* op = node.as<AvgPool>()) return levels && op->padding == Padding{};
    if (node.as<Pad>() != nullptr) return levels && !has_offset(form);
    if (const auto* op = node.as<Resize>()) {
      return levels && op->rule.interpolation == numeric::Interpolation::Nearest;
    }
    return levels && (node.as<GlobalAvgPool>() != nullptr || node.as<Slice>() != nullptr);
  }

  static bool is_uniform(const Form& form) {
    return all_equal(form.offset) &&
           std::all_of(form.terms.begin(), form.terms.end(),
                       [](const Term& term) { return all_equal(term.scale); });
  }

  // Applies the operation to each term's integers, and its effect on channels to the scales.
  Status fold_move(NodeId id, Form form) {
    const Node& node = source().node(id);
    Operation operation = node.operation;
    double factor = 1;
    if (const auto* op = node.as<AvgPool>()) {
      operation = SumPool{op->kernel, op->stride};
      factor = 1.0 / static_cast<double>(op->kernel.y * op->kernel.x);
    }
    if (node.as<GlobalAvgPool>() != nullptr) {
      operation = SumPool{{0, 0}, {1, 1}};
      factor = 1.0 / static_cast<double>(source().node(node.inputs[0]).type.channel_size());
    }
    for (std::size_t t = 0; t < form.terms.size(); ++t) {
      const std::string name = t == 0 ? node.name : text(node.name, ".term", t);
      PACT_TRY(form.terms[t].value, rewriter_.add(name, operation, {form.terms[t].value}));
      for (double& scale : form.terms[t].scale) scale *= factor;
      form.terms[t].scale = rearranged(node, form.terms[t].scale, form.terms[t].scale[0]);
    }
    form.offset = rearranged(node, form.offset, 0);
    return emit(id, node.name + ".value", form);
  }

  // Values per channel after an operation that moves channels; new ones get `fresh`.
  static std::vector<double> rearranged(const Node& node, const std::vector<double>& values,
                                        double fresh) {
    const auto channels = static_cast<std::size_t>(node.type.channels());
    std::vector<double> result(channels, fresh);
    if (const auto* op = node.as<Shortcut>()) {
      std::copy(values.begin(), values.end(), result.begin() + op->before);
      return result;
    }
    if (const auto* op = node.as<Slice>()) {
      std::copy_n(values.begin() + op->first, channels, result.begin());
      return result;
    }
    if (node.as<Rearrange>() != nullptr) return std::vector<double>(channels, values[0]);
    const std::size_t size = channels / values.size();
    for (std::size_t c = 0; c < channels; ++c) result[c] = values[c / size];
    return result;
  }

  Rewriter rewriter_;
};

}  // namespace

Result<Network> fold(const Network& network) { return Folder(network).run(); }

}  // namespace pact::lower
