// SPDX-License-Identifier: Apache-2.0
// Importers of resizing: Resize since operator set 10, Upsample before.
#include "pact/onnx/importer.h"
#include "pact/onnx/resize_words.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Step = Importer::Step;
using numeric::Coordinates;
using numeric::Interpolation;
using numeric::NearestRounding;

Result<numeric::ResizeRule> rule_of(Step& step) {
  const auto word = [&](const char* name, const char* otherwise) {
    return step.attributes.word(name, otherwise);
  };
  numeric::ResizeRule rule{Interpolation::Nearest, Coordinates::Asymmetric, NearestRounding::Floor};
  PACT_TRY(rule.interpolation, read_word(kModes, "mode", word("mode", "nearest")));
  if (step.opset() <= 10) return rule;
  constexpr const char* kCoordinates = "coordinate_transformation_mode";
  PACT_TRY(rule.coordinates,
           read_word(kCoordinateModes, kCoordinates, word(kCoordinates, "half_pixel")));
  constexpr const char* kRounding = "nearest_mode";
  PACT_TRY(rule.rounding,
           read_word(kNearestModes, kRounding, word(kRounding, "round_prefer_floor")));
  // What only other modes look at.
  step.attributes.real("cubic_coeff_a", 0);
  step.attributes.real("extrapolation_value", 0);
  if (step.attributes.integer("exclude_outside", 0) != 0) return unsupported("exclude_outside");
  if (step.attributes.integer("antialias", 0) != 0) return unsupported("antialias");
  const std::string policy = word("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch") return unsupported("keep_aspect_ratio_policy '", policy, "'");
  return rule;
}

// Numbers for batch, channels, rows and columns: those of `all`, but for the axes that the node
// names, which have one in `given` each.
template <typename T>
Result<std::vector<T>> for_all_axes(Step& step, const std::vector<T>& given, std::vector<T> all) {
  const std::vector<std::int64_t> axes = step.attributes.integers("axes", {0, 1, 2, 3});
  if (given.size() != axes.size()) {
    return unsupported("expected a number for each of ", axes.size(), " extents, found ",
                       given.size());
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const bool from_end = axes[i] < 0 && axes[i] >= -4;
    const std::int64_t axis = from_end ? axes[i] + 4 : axes[i];
    if (axis < 0 || axis > 3) return unsupported("resizing extent ", axes[i]);
    all[static_cast<std::size_t>(axis)] = given[i];
  }
  return all;
}

Status set_scales(Step& step, const Shape& in, const std::vector<float>& given, Resize& op) {
  PACT_TRY(const auto scales, for_all_axes(step, given, {1, 1, 1, 1}));
  if (scales[0] != 1 || scales[1] != 1) return unsupported("resizing the batch or the channels");
  op.scale = {scales[2], scales[3]};
  PACT_CHECK_OK(numeric::check(op.rule, {op.scale.y, op.scale.x}));
  op.size = {numeric::scaled_extent(in[1], op.scale.y), numeric::scaled_extent(in[2], op.scale.x)};
  return {};
}

Status set_sizes(Step& step, const Shape& in, const std::vector<std::int64_t>& given, Resize& op) {
  PACT_TRY(const auto sizes, for_all_axes(step, given, {kBatch, in[0], in[1], in[2]}));
  if (!step.is_batch(sizes[0]) || sizes[1] != in[0]) {
    return unsupported("resizing the batch or the channels");
  }
  op.size = {sizes[2], sizes[3]};
  op.scale = {numeric::scale_between(in[1], op.size.y), numeric::scale_between(in[2], op.size.x)};
  return {};
}

// Scales stand in an attribute, input 1 or 2; an empty tensor is none.
Result<std::vector<float>> given_scales(Step& step) {
  const int input = step.opset() <= 10 ? 1 : 2;
  if (step.opset() < 9) return step.attributes.reals("scales");
  if (!step.has_input(input)) return std::vector<float>{};
  PACT_TRY(const Constant* scales, step.floats(input));
  return scales->floats();
}

Status import_resize(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  const Shape in = step.shape(input);
  if (in.size() != 3) return unsupported("expected an image, found ", to_string(in));
  Resize op;
  PACT_TRY(op.rule, rule_of(step));
  PACT_TRY(const std::vector<float> scales, given_scales(step));
  if (!scales.empty()) {
    PACT_CHECK_OK(set_scales(step, in, scales, op));
  } else if (step.opset() > 10 && step.has_input(3)) {
    PACT_TRY(const auto sizes, step.ints(3));
    PACT_CHECK_OK(set_sizes(step, in, sizes, op));
  } else {
    return unsupported("expected scales or sizes, found none");
  }
  if (op.size == Pair{in[1], in[2]} && op.scale == Scale{}) return step.alias(input);
  PACT_CHECK_OK(step.add(op, {input}));
  return {};
}

}  // namespace

OperationImporter find_resize_importer(std::string_view operation) {
  return operation == "Resize" || operation == "Upsample" ? import_resize : nullptr;
}

}  // namespace pact::onnx
