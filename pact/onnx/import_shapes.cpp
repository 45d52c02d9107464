// SPDX-License-Identifier: Apache-2.0
// Importers of operations that move elements: reshapes, transposes, slices, concatenations.
#include <algorithm>

#include "pact/onnx/importer.h"

namespace pact::onnx {

using namespace graph;

namespace {

using Step = Importer::Step;

constexpr std::size_t kMaxRank = 7;

// A view that was permuted must become a value before its extents change again.
Status reshape(Step& step, View view, const Shape& shape) {
  if (shape.size() > kMaxRank) return unsupported("a value of ", shape.size() + 1, " extents");
  const bool in_order = std::is_sorted(view.order.begin(), view.order.end());
  const bool is_value = shape.size() == 1 || shape.size() == 3;
  if (!in_order && is_value) {
    PACT_CHECK_OK(step.add(Rearrange{view.view, view.order, shape}, {view.source}));
    return {};
  }
  if (!in_order) {
    PACT_TRY(view.source,
             step.add(Rearrange{view.view, view.order, {element_count(view.view)}}, {view.source}));
  }
  view.view = shape;
  view.order.clear();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    view.order.push_back(static_cast<std::int64_t>(i));
  }
  return step.add_view(std::move(view));
}

Status import_flatten(Step& step) {
  PACT_TRY(View view, step.view(0));
  const std::int64_t axis = step.attributes.integer("axis", 1);
  const auto rank = static_cast<std::int64_t>(view.shape().size()) + 1;
  if (axis != 1 && axis != 1 - rank) return unsupported("flattening from extent ", axis);
  return reshape(step, view, {element_count(view.view)});
}

}  // namespace

Result<Shape> fill_extents(const Shape& target, const Shape& from, bool zero_is_zero) {
  Shape shape = target;
  const std::int64_t elements = element_count(from);
  std::int64_t known = 1;
  std::int64_t* open = nullptr;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !zero_is_zero && i < from.size()) shape[i] = from[i];
    if (shape[i] == -1 && open == nullptr) {
      open = &shape[i];
      continue;
    }
    if (shape[i] < 1 || known > elements / shape[i]) {
      return unsupported("a reshape of ", to_string(from), " to an extent of ", shape[i]);
    }
    known *= shape[i];
  }
  if (open != nullptr) *open = elements / known;
  if (element_count(shape) != elements) {
    return unsupported("a reshape of ", to_string(from), " to ", to_string(shape));
  }
  return shape;
}

namespace {

// Extents after the batch that a target shape asks for.
Result<Shape> resolve(Step& step, const Shape& from, const std::vector<std::int64_t>& target,
                      bool zero_is_zero) {
  if (target.empty()) return unsupported("a reshape to a scalar");
  const bool batch_open = target[0] == -1;
  if (!batch_open && !step.is_batch(target[0]) && (target[0] != 0 || zero_is_zero)) {
    return unsupported("a reshape that does not keep the batch");
  }
  const Shape shape(target.begin() + 1, target.end());
  if (batch_open && std::count(shape.begin(), shape.end(), -1) > 0) {
    return unsupported("a reshape with two extents of -1");
  }
  return fill_extents(shape, from, zero_is_zero);
}

Status import_reshape(Step& step) {
  PACT_TRY(View view, step.view(0));
  PACT_TRY(const std::vector<std::int64_t> target, step.ints(1));
  const bool zero_is_zero = step.attributes.integer("allowzero", 0) != 0;
  PACT_TRY(const Shape shape, resolve(step, view.shape(), target, zero_is_zero));
  return reshape(step, std::move(view), shape);
}

Result<std::vector<std::int64_t>> axes_of(Step& step, std::int64_t rank) {
  std::vector<std::int64_t> axes = step.attributes.integers("axes", {});
  if (step.has_input(1)) {
    PACT_TRY(axes, step.ints(1));
  }
  for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::sort(axes.begin(), axes.end());
  return axes;
}

// Extents of one that go.
Status import_squeeze(Step& step) {
  PACT_TRY(View view, step.view(0));
  Shape shape = view.shape();
  PACT_TRY(const auto axes, axes_of(step, static_cast<std::int64_t>(shape.size()) + 1));
  if (axes.empty()) return unsupported("squeezing all extents of one");
  for (std::size_t i = axes.size(); i-- > 0;) {
    if (axes[i] < 1 || axes[i] > static_cast<std::int64_t>(shape.size()) ||
        shape[static_cast<std::size_t>(axes[i] - 1)] != 1) {
      return unsupported("squeezing extent ", axes[i]);
    }
    shape.erase(shape.begin() + axes[i] - 1);
  }
  return reshape(step, std::move(view), shape);
}

// Extents of one that come.
Status import_unsqueeze(Step& step) {
  PACT_TRY(View view, step.view(0));
  Shape shape = view.shape();
  const auto count = step.has_input(1) ? step.ints(1) : step.attributes.integers("axes", {});
  if (!count) return count.error();
  const std::size_t rank = shape.size() + count->size() + 1;
  if (rank > kMaxRank + 1) return unsupported("a value of ", rank, " extents");
  PACT_TRY(const auto axes, axes_of(step, static_cast<std::int64_t>(rank)));
  for (const std::int64_t axis : axes) {
    if (axis < 1 || axis > static_cast<std::int64_t>(shape.size()) + 1) {
      return unsupported("a new extent at ", axis);
    }
    shape.insert(shape.begin() + axis - 1, 1);
  }
  return reshape(step, std::move(view), shape);
}

Status import_transpose(Step& step) {
  PACT_TRY(View view, step.view(0));
  const std::vector<std::int64_t> order = step.attributes.integers("perm", {});
  if (order.size() != view.order.size() + 1 || order[0] != 0) {
    return unsupported("a transpose that moves the batch");
  }
  Shape permuted;
  std::set<std::int64_t> seen;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const bool exists = order[i] >= 1 && order[i] <= static_cast<std::int64_t>(view.order.size());
    if (!exists || !seen.insert(order[i]).second) {
      return make_error(ErrorCode::Corrupt, "expected each extent once in 'perm', found ",
                        order[i]);
    }
    permuted.push_back(view.order[static_cast<std::size_t>(order[i] - 1)]);
  }
  view.order = std::move(permuted);
  return step.add_view(std::move(view));
}

Status import_depth_to_space(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  const Shape& in = step.shape(input);
  const std::int64_t block = step.attributes.integer("blocksize", 0);
  const std::string mode = step.attributes.word("mode", "DCR");
  if (in.size() != 3 || block < 1 || block > 64 || in[0] % (block * block) != 0 ||
      (mode != "DCR" && mode != "CRD")) {
    return unsupported("blocks of ", block, " (", mode, ") of ", to_string(in));
  }
  const std::int64_t depth = in[0] / (block * block);
  const Shape shape{depth, in[1] * block, in[2] * block};
  const Rearrange op = mode == "DCR"
                           ? Rearrange{{block, block, depth, in[1], in[2]}, {2, 3, 0, 4, 1}, shape}
                           : Rearrange{{depth, block, block, in[1], in[2]}, {0, 3, 1, 4, 2}, shape};
  PACT_CHECK_OK(step.add(op, {input}));
  return {};
}

Status import_concat(Step& step) {
  std::vector<NodeId> parts;
  for (int i = 0; i < step.node.input_size(); ++i) {
    PACT_TRY(const NodeId part, step.value(i));
    parts.push_back(part);
  }
  const std::int64_t axis = step.attributes.integer("axis", 1);
  if (parts.empty() || !step.is_channel_axis(axis, parts[0])) {
    return unsupported("a concatenation along extent ", axis);
  }
  PACT_CHECK_OK(step.add(Concat{}, std::move(parts)));
  return {};
}

Status import_split(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  const std::int64_t axis = step.attributes.integer("axis", 0);
  if (!step.is_channel_axis(axis, input)) return unsupported("a split of extent ", axis);
  std::vector<std::int64_t> sizes = step.attributes.integers("split", {});
  if (step.has_input(1)) {
    PACT_TRY(sizes, step.ints(1));
  }
  const auto outputs = static_cast<std::int64_t>(step.node.output_size());
  step.attributes.integer("num_outputs", outputs);
  const std::int64_t channels = step.shape(input)[0];
  if (sizes.empty()) {
    const std::int64_t size = (channels + outputs - 1) / outputs;
    sizes.assign(static_cast<std::size_t>(outputs), size);
    sizes.back() = channels - size * (outputs - 1);
  }
  if (static_cast<std::int64_t>(sizes.size()) != outputs) {
    return unsupported("expected ", outputs, " sizes, found ", sizes.size());
  }
  std::int64_t first = 0;
  for (int i = 0; i < step.node.output_size(); ++i) {
    const std::int64_t size = sizes[static_cast<std::size_t>(i)];
    PACT_CHECK_OK(step.add(Slice{first, size}, {input}, {}, i));
    first += size;
  }
  return {};
}

// Start, end, extent and step of each sliced extent.
struct Ranges {
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> ends;
  std::vector<std::int64_t> axes;
  std::vector<std::int64_t> steps;
};

Result<Ranges> ranges_of(Step& step) {
  Ranges r{step.attributes.integers("starts", {}),
           step.attributes.integers("ends", {}),
           step.attributes.integers("axes", {}),
           {}};
  std::vector<std::int64_t>* const inputs[] = {&r.starts, &r.ends, &r.axes, &r.steps};
  for (int i = 0; i < 4; ++i) {
    if (!step.has_input(i + 1)) continue;
    PACT_TRY(*inputs[i], step.ints(i + 1));
  }
  for (std::size_t i = r.axes.size(); i < r.starts.size(); ++i) {
    r.axes.push_back(static_cast<std::int64_t>(i));
  }
  r.steps.resize(r.starts.size(), 1);
  if (r.ends.size() != r.starts.size() || r.axes.size() != r.starts.size()) {
    return make_error(ErrorCode::Corrupt, "expected as many ends and axes as starts");
  }
  return r;
}

// A range of channels, or every n-th row and column.
Status import_slice(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  PACT_TRY(const Ranges r, ranges_of(step));
  const Shape in = step.shape(input);
  const auto rank = static_cast<std::int64_t>(in.size()) + 1;
  const Slice all{0, in[0]};
  Slice channels = all;
  Shortcut pixels;
  for (std::size_t i = 0; i < r.starts.size(); ++i) {
    const std::int64_t axis = r.axes[i] + (r.axes[i] < 0 ? rank : 0);
    if (axis < 1 || axis >= rank || r.steps[i] < 1) return unsupported("a slice of extent ", axis);
    const std::int64_t size = in[static_cast<std::size_t>(axis - 1)];
    const auto bounded = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? std::max(at, -size) + size : at, 0, size);
    };
    const std::int64_t start = bounded(r.starts[i]);
    const std::int64_t end = bounded(r.ends[i]);
    if (axis == 1 && r.steps[i] == 1 && start < end) {
      channels = {start, end - start};
    } else if (axis > 1 && start == 0 && end == size) {
      (axis == 2 ? pixels.stride.y : pixels.stride.x) = r.steps[i];
    } else {
      return unsupported("a slice of ", start, " to ", end, " of extent ", axis);
    }
  }
  if (channels == all && pixels == Shortcut{}) return step.alias(input);
  if (channels != all && pixels != Shortcut{}) {
    return unsupported("a slice of channels and pixels at once");
  }
  PACT_CHECK_OK(channels == all ? step.add(pixels, {input}) : step.add(channels, {input}));
  return {};
}

// Zeros: channels of them, or rows and columns, which the convolution that follows may take.
Status import_pad(Step& step) {
  PACT_TRY(const NodeId input, step.value(0));
  std::vector<std::int64_t> pads = step.attributes.integers("pads", {});
  float value = step.attributes.real("value", 0);
  if (step.has_input(1)) {
    PACT_TRY(pads, step.ints(1));
  }
  if (step.has_input(2)) {
    PACT_TRY(const Constant* constant, step.floats(2));
    if (constant->floats().size() == 1) value = constant->floats()[0];
  }
  if (step.attributes.word("mode", "constant") != "constant" || value != 0 || step.has_input(3)) {
    return unsupported("padding with other values than zeros");
  }
  if (step.shape(input).size() != 3 || pads.size() != 8 || pads[0] != 0 || pads[4] != 0 ||
      *std::min_element(pads.begin(), pads.end()) < 0 ||
      *std::max_element(pads.begin(), pads.end()) > kMaxPadding) {
    return unsupported("padding of the batch, or outside 0 to ", kMaxPadding);
  }
  const Padding sides{pads[2], pads[3], pads[6], pads[7]};
  const bool channels = pads[1] != 0 || pads[5] != 0;
  if (channels && sides != Padding{}) return unsupported("padding of channels and rows at once");
  if (channels) {
    PACT_CHECK_OK(step.add(Shortcut{{1, 1}, pads[1], pads[5]}, {input}));
  } else if (sides == Padding{}) {
    return step.alias(input);
  } else {
    step.set_padded({input, sides});
  }
  return {};
}

}  // namespace

OperationImporter find_shape_importer(std::string_view operation) {
  static const std::map<std::string_view, OperationImporter> table{
      {"Flatten", import_flatten},     {"Reshape", import_reshape},
      {"Squeeze", import_squeeze},     {"Unsqueeze", import_unsqueeze},
      {"Transpose", import_transpose}, {"DepthToSpace", import_depth_to_space},
      {"Concat", import_concat},       {"Split", import_split},
      {"Slice", import_slice},         {"Pad", import_pad}};
  const auto found = table.find(operation);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pact::onnx
