// SPDX-License-Identifier: Apache-2.0
#include "pact/onnx/importer.h"

#include <algorithm>

#include "pact/base/file.h"
#include "pact/onnx/metadata.h"

namespace pact::onnx {
namespace {

using graph::NodeId;

constexpr std::size_t kMaxListed = 20;
constexpr std::size_t kMaxNameLength = 200;

bool is_default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::string described(const pb::NodeProto& node) {
  const std::string& name =
      node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
  return text("'", name.substr(0, kMaxNameLength), "' (",
              is_default_domain(node.domain()) ? "" : node.domain() + ".", node.op_type(), ")");
}

OperationImporter find_importer(std::string_view operation) {
  for (const auto find : {find_layer_importer, find_shape_importer, find_value_importer,
                          find_quantizer_importer, find_resize_importer}) {
    if (const OperationImporter found = find(operation)) return found;
  }
  return nullptr;
}

OperationImporter find_constant_folder(std::string_view operation) {
  const OperationImporter found = find_folder(operation);
  return found != nullptr ? found : find_quantizer_folder(operation);
}

bool is_supported(const pb::NodeProto& node) {
  if (!is_default_domain(node.domain())) return is_qonnx(node);
  return find_importer(node.op_type()) != nullptr ||
         find_constant_folder(node.op_type()) != nullptr;
}

// Names in a Network are plain.
std::string plain(std::string name) {
  for (char& c : name) {
    const bool allowed = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                         (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-' || c == '/' ||
                         c == ':';
    if (!allowed) c = '_';
  }
  name.resize(std::min(name.size(), kMaxNameLength));
  return name.empty() ? "node" : name;
}

}  // namespace

Importer::Importer(const pb::ModelProto& model, std::filesystem::path folder,
                   const ImportOptions& options)
    : model_(model), graph_(model.graph()), folder_(std::move(folder)), options_(options) {}

Result<graph::Network> Importer::run() {
  for (const auto& set : model_.opset_import()) {
    if (is_default_domain(set.domain())) opset_ = set.version();
  }
  if (opset_ < kOldestOpset || opset_ > kNewestOpset) {
    return unsupported("expected operator set ", kOldestOpset, " to ", kNewestOpset, ", found ",
                       opset_);
  }
  PACT_CHECK_OK(check_operations());
  for (const auto& node : graph_.node()) {
    for (const std::string& input : node.input()) uses_[input] = {uses_[input].count + 1, &node};
  }
  for (const auto& output : graph_.output()) ++uses_[output.name()].count;
  PACT_CHECK_OK(read_initializers());
  PACT_CHECK_OK(read_input());
  network_.name = plain(graph_.name());
  for (const auto& node : graph_.node()) {
    if (Status status = import_node(node); !status) {
      return make_error(status.error().code, "node ", described(node), ": ",
                        status.error().message);
    }
  }
  PACT_CHECK_OK(find_output());
  PACT_CHECK_OK(read_metadata(model_, network_));
  PACT_CHECK_OK(network_.verify());
  return std::move(network_);
}

Status Importer::check_operations() const {
  std::string listed;
  std::size_t count = 0;
  for (const auto& node : graph_.node()) {
    if (is_supported(node)) continue;
    if (++count <= kMaxListed) listed += (listed.empty() ? "" : ", ") + described(node);
  }
  if (count == 0) return {};
  if (count > kMaxListed) listed += text(" and ", count - kMaxListed, " more");
  return unsupported("operations that are not supported: ", listed);
}

Status Importer::read_initializers() {
  constexpr std::int64_t kMostOfFile = 16;
  constexpr std::int64_t kMostBesides = 1 << 20;
  auto held = static_cast<std::int64_t>(model_.ByteSizeLong());
  ExternalFiles external(folder_);
  for (const auto& tensor : graph_.initializer()) {
    PACT_CHECK_OK(external.check(tensor));
    PACT_TRY(Constant constant, decode(tensor, folder_));
    held += constant.elements();
    if (!constants_.emplace(tensor.name(), std::move(constant)).second) {
      return make_error(ErrorCode::Corrupt, "tensor '", tensor.name(), "' is there twice");
    }
  }
  if (graph_.sparse_initializer_size() > 0) return unsupported("sparse tensors");
  most_folded_ = kMostOfFile * held + kMostBesides;
  return {};
}

Status Importer::read_input() {
  const pb::ValueInfoProto* input = nullptr;
  for (const auto& each : graph_.input()) {
    if (constants_.contains(each.name())) continue;
    if (input != nullptr) {
      return unsupported("expected one input, found '", input->name(), "' and '", each.name(), "'");
    }
    input = &each;
  }
  if (input == nullptr) return unsupported("expected an input, found none");
  const auto& type = input->type().tensor_type();
  if (type.elem_type() != static_cast<int>(DataType::Float)) {
    return unsupported("input '", input->name(), "': expected floats, found element type ",
                       type.elem_type());
  }
  graph::Shape shape = options_.input_shape;
  for (int i = 1; shape.empty() && i < type.shape().dim_size(); ++i) {
    if (type.shape().dim(i).dim_value() <= 0) {
      return unsupported("input '", input->name(), "': its extent ", i,
                         " is open; give the shape of the image");
    }
  }
  for (int i = 1; options_.input_shape.empty() && i < type.shape().dim_size(); ++i) {
    shape.push_back(type.shape().dim(i).dim_value());
  }
  if (shape.size() != 3) {
    return unsupported("input '", input->name(),
                       "': expected batch x channels x height x width, found ", shape.size() + 1,
                       " extents");
  }
  if (type.shape().dim_size() > 0 && type.shape().dim(0).dim_value() > 0) {
    batch_ = type.shape().dim(0).dim_value();
  }
  const std::string name = unique_name(input->name());
  PACT_TRY(values_[input->name()],
           network_.add(name, graph::Input{shape[0], shape[1], shape[2]}, {}));
  names_.insert(name);
  return {};
}

Status Importer::import_node(const pb::NodeProto& node) {
  if (node.output_size() < 1) return make_error(ErrorCode::Corrupt, "expected an output");
  std::set<std::string> outputs;
  for (const std::string& output : node.output()) {
    if (!output.empty() && (is_known(output) || !outputs.insert(output).second)) {
      return make_error(ErrorCode::Corrupt, "value '", output, "' is made twice");
    }
  }
  bool constant = true;
  for (const std::string& input : node.input()) {
    if (input.empty()) continue;
    if (!is_known(input)) {
      return make_error(ErrorCode::Corrupt, "its input '", input, "' is not made before it");
    }
    constant = constant && constants_.contains(input);
  }
  const OperationImporter folder = find_constant_folder(node.op_type());
  const bool folds = folder != nullptr && (constant || node.op_type() == "Shape");
  const OperationImporter import = folds ? folder : find_importer(node.op_type());
  if (import == nullptr) return unsupported("it computes on the image, which is not supported");
  Step step{*this, node, Attributes(node)};
  PACT_CHECK_OK(import(step));
  return step.attributes.finish();
}

Status Importer::find_output() {
  if (graph_.output_size() != 1) {
    return unsupported("expected one output, found ", graph_.output_size());
  }
  const std::string& name = graph_.output(0).name();
  const auto found = values_.find(name);
  if (found == values_.end() && padded_.contains(name)) {
    PACT_TRY(const NodeId padded, add_padding(name));
    network_.set_output(padded);
    return {};
  }
  if (found == values_.end()) {
    return make_error(ErrorCode::Corrupt, "output '", name, "' is not made from the image");
  }
  network_.set_output(found->second);
  return {};
}

Result<NodeId> Importer::add_padding(const std::string& name) {
  const Padded& padded = padded_.at(name);
  const std::string unique = unique_name(name);
  PACT_TRY(const NodeId id, network_.add(unique, graph::Pad{padded.padding, {}}, {padded.source}));
  names_.insert(unique);
  values_[name] = id;
  return id;
}

std::string Importer::unique_name(const std::string& wished) {
  const std::string name = plain(wished);
  if (!names_.contains(name)) return name;
  for (int& last = numbers_[name];;) {
    std::string numbered = text(name, ".", ++last + 1);
    if (!names_.contains(numbered)) return numbered;
  }
}

graph::Shape View::shape() const {
  graph::Shape result;
  for (const std::int64_t extent : order) result.push_back(view[static_cast<std::size_t>(extent)]);
  return result;
}

// ---- Step

Result<NodeId> Importer::Step::value(int i) const {
  if (!has_input(i)) return make_error(ErrorCode::Corrupt, "input ", i, " is missing");
  const auto found = importer.values_.find(node.input(i));
  if (found != importer.values_.end()) return found->second;
  if (is_view(i)) {
    return unsupported("its input ", i, " has the extents batch x ",
                       graph::to_string(importer.views_.at(node.input(i)).shape()));
  }
  if (padded(i) != nullptr) return importer.add_padding(node.input(i));
  if (codes(i) != nullptr) return unsupported("its input ", i, " has the integers of a quantizer");
  return unsupported("its input ", i, " ('", node.input(i), "') is a constant");
}

Result<const Constant*> Importer::Step::constant(int i) const {
  if (!has_input(i)) return make_error(ErrorCode::Corrupt, "input ", i, " is missing");
  const auto found = importer.constants_.find(node.input(i));
  if (found != importer.constants_.end()) return &found->second;
  return unsupported("its input ", i, " ('", node.input(i), "') is not a constant");
}

Result<const Constant*> Importer::Step::floats(int i) const {
  PACT_TRY(const Constant* found, constant(i));
  if (found->is_float()) return found;
  return make_error(ErrorCode::Corrupt, "expected floats as input ", i, ", found integers");
}

Result<std::vector<std::int64_t>> Importer::Step::ints(int i) const {
  PACT_TRY(const Constant* found, constant(i));
  if (!found->is_float()) return found->ints();
  return make_error(ErrorCode::Corrupt, "expected integers as input ", i, ", found floats");
}

Result<NodeId> Importer::Step::add(graph::Operation operation, std::vector<NodeId> inputs,
                                   const std::string& name, int output) {
  const std::string unique = importer.unique_name(name.empty() ? this->name(output) : name);
  PACT_TRY(const NodeId id, importer.network_.add(unique, std::move(operation), std::move(inputs)));
  importer.names_.insert(unique);
  importer.values_[node.output(output)] = id;
  return id;
}

Result<View> Importer::Step::view(int i) const {
  if (is_view(i)) return importer.views_.at(node.input(i));
  PACT_TRY(const NodeId id, value(i));
  View result{id, shape(id), {}};
  for (std::size_t e = 0; e < result.view.size(); ++e) {
    result.order.push_back(static_cast<std::int64_t>(e));
  }
  return result;
}

Status Importer::Step::add_view(View view) {
  const graph::Shape target = view.shape();
  if (target.size() != 1 && target.size() != 3) {
    importer.values_.erase(node.output(0));  // what was made on the way
    importer.views_[node.output(0)] = std::move(view);
    return {};
  }
  const bool in_order = std::is_sorted(view.order.begin(), view.order.end());
  if (in_order && target == shape(view.source)) return alias(view.source);
  if (in_order && target.size() == 1) {
    PACT_CHECK_OK(add(graph::Flatten{}, {view.source}));
    return {};
  }
  PACT_CHECK_OK(add(graph::Rearrange{view.view, view.order, target}, {view.source}));
  return {};
}

const Padded* Importer::Step::padded(int i) const {
  if (!has_input(i)) return nullptr;
  const auto found = importer.padded_.find(node.input(i));
  return found == importer.padded_.end() ? nullptr : &found->second;
}

Codes* Importer::Step::codes(int i) const {
  if (!has_input(i)) return nullptr;
  const auto found = importer.codes_.find(node.input(i));
  return found == importer.codes_.end() ? nullptr : &found->second;
}

void Importer::Step::set_parameter(NodeId id, const std::string& role, graph::Tensor tensor) {
  importer.network_.set_parameter(id, role, std::move(tensor));
}

Status Importer::Step::fold(Constant constant) {
  importer.folded_ += constant.elements();
  if (importer.folded_ > importer.most_folded_) {
    return unsupported("constants computed from others that are far larger than the file");
  }
  importer.constants_[node.output(0)] = std::move(constant);
  return {};
}

Status Importer::Step::alias(NodeId id) {
  importer.values_[node.output(0)] = id;
  return {};
}

std::string Importer::Step::layer_name(int i) const {
  constexpr std::string_view kEnd = ".weight";
  if (!has_input(i)) return {};
  const std::string& name = node.input(i);
  if (name.size() <= kEnd.size() || !name.ends_with(kEnd)) return {};
  return name.substr(0, name.size() - kEnd.size());
}

std::optional<std::vector<float>> Importer::Step::take_bias(std::int64_t outputs) {
  const std::string& made = node.output(0);
  const Uses& uses = importer.uses_[made];
  if (uses.count != 1 || uses.last == nullptr) return std::nullopt;
  const pb::NodeProto& next = *uses.last;
  if (next.op_type() != "Add" || next.input_size() != 2) return std::nullopt;
  const auto found = importer.constants_.find(next.input(next.input(0) == made ? 1 : 0));
  if (found == importer.constants_.end() || !found->second.is_float()) return std::nullopt;
  const graph::Shape& shape = found->second.shape;
  if (shape != graph::Shape{outputs} && shape != graph::Shape{1, outputs}) return std::nullopt;
  importer.taken_.insert(&next);
  return found->second.floats();
}

// ---- Attributes

const pb::AttributeProto* Attributes::find(const std::string& name,
                                           pb::AttributeProto::AttributeType type) {
  asked_.insert(name);
  for (const auto& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    if (attribute.type() == type) return &attribute;
    mistyped_ = name;
  }
  return nullptr;
}

bool Attributes::has(const std::string& name) const {
  return std::any_of(node_.attribute().begin(), node_.attribute().end(),
                     [&](const auto& attribute) { return attribute.name() == name; });
}

std::int64_t Attributes::integer(const std::string& name, std::int64_t otherwise) {
  const auto* found = find(name, pb::AttributeProto::INT);
  return found == nullptr ? otherwise : found->i();
}

float Attributes::real(const std::string& name, float otherwise) {
  const auto* found = find(name, pb::AttributeProto::FLOAT);
  return found == nullptr ? otherwise : found->f();
}

std::string Attributes::word(const std::string& name, const std::string& otherwise) {
  const auto* found = find(name, pb::AttributeProto::STRING);
  return found == nullptr ? otherwise : found->s();
}

std::vector<std::int64_t> Attributes::integers(const std::string& name,
                                               const std::vector<std::int64_t>& otherwise) {
  const auto* found = find(name, pb::AttributeProto::INTS);
  if (found == nullptr) return otherwise;
  return {found->ints().begin(), found->ints().end()};
}

std::vector<float> Attributes::reals(const std::string& name) {
  const auto* found = find(name, pb::AttributeProto::FLOATS);
  if (found == nullptr) return {};
  return {found->floats().begin(), found->floats().end()};
}

const pb::TensorProto* Attributes::tensor(const std::string& name) {
  const auto* found = find(name, pb::AttributeProto::TENSOR);
  return found == nullptr ? nullptr : &found->t();
}

Status Attributes::finish() const {
  if (!mistyped_.empty()) {
    return make_error(ErrorCode::Corrupt, "attribute '", mistyped_, "' is of another type");
  }
  for (const auto& attribute : node_.attribute()) {
    if (!asked_.contains(attribute.name())) {
      return unsupported("attribute '", attribute.name(), "'");
    }
  }
  return {};
}

Result<graph::Network> import_network(std::span<const std::byte> bytes,
                                      const ImportOptions& options) {
  PACT_TRY(const pb::ModelProto model, parse_model(bytes));
  return Importer(model, {}, options).run();
}

Result<graph::Network> import_network(const std::filesystem::path& path,
                                      const ImportOptions& options) {
  PACT_TRY(const MappedFile file, MappedFile::open(path));
  const auto model = parse_model(file.bytes());
  if (!model) return make_error(model.error().code, path.string(), ": ", model.error().message);
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  auto network = Importer(*model, folder, options).run();
  if (!network) {
    return make_error(network.error().code, path.string(), ": ", network.error().message);
  }
  return network;
}

}  // namespace pact::onnx
