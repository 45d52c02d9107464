// SPDX-License-Identifier: Apache-2.0
#include "pact/train/recipe.h"

#include <toml++/toml.h>

#include <cmath>
#include <set>

#include "pact/base/file.h"
#include "pact/graph/text_fields.h"

namespace pact::train {
namespace {

using graph::LayerPolicy;
using graph::QuantizePolicy;

// A table that knows which of its keys were asked for, so that the others can be refused.
class Table {
 public:
  Table(const toml::table& table, std::string where, std::string path)
      : table_(table), where_(std::move(where)), path_(std::move(path)) {}

  std::string text(std::string_view key, std::string fallback) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    if (!node->is_string()) wrong(key, *node, "a string in quotes");
    return node->as_string()->get();
  }

  double number(std::string_view key, double fallback, double lowest, double highest) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    const auto value = node->value<double>();
    if (!node->is_number() || !value || !(*value >= lowest && *value <= highest)) {
      wrong(key, *node, pact::text("a number from ", lowest, " to ", highest));
    }
    return *value;
  }

  int integer(std::string_view key, int fallback, int lowest, int highest) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    if (!node->is_integer() || node->as_integer()->get() < lowest ||
        node->as_integer()->get() > highest) {
      wrong(key, *node, pact::text("a whole number from ", lowest, " to ", highest));
    }
    return static_cast<int>(node->as_integer()->get());
  }

  template <typename Choice>
  Choice choice(std::string_view key, Choice fallback,
                std::initializer_list<std::pair<std::string_view, Choice>> known) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    std::string names;
    for (const auto& [name, value] : known) {
      if (node->is_string() && node->as_string()->get() == name) return value;
      names += pact::text(names.empty() ? "\"" : ", \"", name, "\"");
    }
    wrong(key, *node, "one of " + names);
  }

  std::vector<int> integers(std::string_view key, int lowest, int highest) {
    const toml::node* node = find(key);
    std::vector<int> result;
    if (node == nullptr) return result;
    const std::string expected =
        pact::text("a list of whole numbers from ", lowest, " to ", highest);
    if (!node->is_array()) wrong(key, *node, expected);
    for (const toml::node& element : *node->as_array()) {
      if (!element.is_integer() || element.as_integer()->get() < lowest ||
          element.as_integer()->get() > highest) {
        wrong(key, element, expected);
      }
      result.push_back(static_cast<int>(element.as_integer()->get()));
    }
    return result;
  }

  std::optional<Table> table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_table()) wrong(key, *node, "a table");
    return Table(*node->as_table(), where_, path_ + std::string(key) + ".");
  }

  std::vector<Table> tables(std::string_view key) {
    std::vector<Table> result;
    const toml::node* node = find(key);
    if (node == nullptr) return result;
    if (!node->is_array_of_tables())
      wrong(key, *node, "tables, each headed [[" + std::string(key) + "]]");
    for (const toml::node& element : *node->as_array()) {
      result.emplace_back(*element.as_table(), where_, path_ + std::string(key) + ".");
    }
    return result;
  }

  /// Refuses keys that nobody asked for.
  void finish() const {
    for (const auto& [key, node] : table_) {
      if (asked_.contains(std::string(key.str()))) continue;
      std::string known;
      for (const std::string& name : asked_) known += (known.empty() ? "" : ", ") + name;
      throw_error(ErrorCode::InvalidArgument, where_, ":", node.source().begin.line,
                  ": unknown key '", path_, key.str(), "'; expected one of ", known);
    }
  }

  [[noreturn]] void wrong(std::string_view key, const toml::node& node,
                          std::string_view expected) const {
    std::ostringstream found;
    node.visit([&](const auto& value) { found << value; });
    throw_error(ErrorCode::InvalidArgument, where_, ":", node.source().begin.line, ": ", path_, key,
                ": expected ", expected, ", found ", found.str());
  }

 private:
  const toml::node* find(std::string_view key) {
    asked_.emplace(key);
    return table_.get(key);
  }

  const toml::table& table_;
  std::string where_;
  std::string path_;
  std::set<std::string> asked_;
};

template <typename Enum>
Enum named(Table& table, std::string_view key, Enum fallback) {
  const std::string found = table.text(key, std::string(graph::enum_name(fallback)));
  return value_or_throw(graph::parse_enum<Enum>(key, found));
}

void read_optimizer(Table table, OptimizerOptions& o) {
  o.kind =
      table.choice("kind", o.kind, {{"sgd", OptimizerKind::Sgd}, {"adam", OptimizerKind::Adam}});
  o.learning_rate = table.number("learning_rate", o.learning_rate, 0, 100);
  o.momentum = table.number("momentum", o.momentum, 0, 0.9999);
  o.beta1 = table.number("beta1", o.beta1, 0, 0.9999);
  o.beta2 = table.number("beta2", o.beta2, 0, 0.999999);
  o.epsilon = table.number("epsilon", o.epsilon, 1e-12, 1);
  o.weight_decay = table.number("weight_decay", o.weight_decay, 0, 1);
  o.norm_decay = table.number("norm_decay", o.norm_decay, 0, 1);
  o.alpha_decay = table.number("alpha_decay", o.alpha_decay, 0, 1);
  o.alpha_rate = table.number("alpha_rate", o.alpha_rate, 0, 1000);
  o.alpha_floor = table.number("alpha_floor", o.alpha_floor, 1e-6, 1);
  table.finish();
}

void read_schedule(Table table, ScheduleOptions& s, int epochs) {
  s.kind = table.choice("kind", s.kind,
                        {{"constant", ScheduleKind::Constant},
                         {"step", ScheduleKind::Step},
                         {"cosine", ScheduleKind::Cosine}});
  s.milestones = table.integers("milestones", 1, 100000);
  s.factor = table.number("factor", s.factor, 0, 1);
  s.warmup_epochs = table.number("warmup_epochs", s.warmup_epochs, 0, epochs);
  s.final_rate = table.number("final_rate", s.final_rate, 0, 1);
  table.finish();
}

// The keys of one layer's policy, on top of `fallback`.
LayerPolicy read_layer(Table& table, LayerPolicy fallback) {
  LayerPolicy policy = fallback;
  policy.precision = table.choice(
      "precision", policy.precision,
      {{"quantized", LayerPolicy::Precision::Quantized}, {"float", LayerPolicy::Precision::Float}});
  numeric::WeightSpec& weights = policy.weights;
  weights.scheme = named(table, "weights", weights.scheme);
  weights.bits = table.integer("weight_bits", weights.bits, 1, 8);
  weights.granularity =
      named(table, "granularity",
            weights.scheme == numeric::WeightScheme::DoReFa ? numeric::Granularity::Tensor
                                                            : weights.granularity);
  policy.activation_bits = table.integer("activation_bits", policy.activation_bits, 1, 8);
  if (policy.precision == LayerPolicy::Precision::Quantized) {
    value_or_throw(numeric::check(weights));
    if (weights.scheme == numeric::WeightScheme::None) {
      throw_error(ErrorCode::InvalidArgument,
                  "weights: expected a scheme; for unquantized layers say precision = \"float\"");
    }
  }
  return policy;
}

LayerPolicy read_layer_table(std::optional<Table> table, const LayerPolicy& fallback) {
  if (!table) return fallback;
  LayerPolicy policy = read_layer(*table, fallback);
  table->finish();
  return policy;
}

void check_scales(const QuantizePolicy& policy, bool calibrated) {
  std::vector<LayerPolicy> policies{policy.inner, policy.first, policy.last};
  for (const graph::LayerOverride& each : policy.overrides) policies.push_back(each.policy);
  for (const LayerPolicy& each : policies) {
    if (calibrated || !numeric::has_given_scales(each.weights)) continue;
    throw_error(ErrorCode::InvalidArgument,
                "weights: scales of \"scaled\" weights come from calibration; expected "
                "quantize.calibrate");
  }
}

void read_quantize(Table table, Recipe& recipe) {
  QuantizePolicy policy;
  policy.inner = read_layer(table, policy.inner);
  policy.first = read_layer_table(table.table("first"), policy.first);
  policy.last = read_layer_table(table.table("last"), policy.last);
  std::vector<Table> layers = table.tables("layer");
  for (Table& entry : layers) {
    const std::string pattern = entry.text("match", "*");
    policy.overrides.push_back({pattern, read_layer(entry, policy.inner)});
    entry.finish();
  }
  policy.gradient = named(table, "gradient", policy.gradient);
  policy.alpha_granularity = named(table, "alpha_granularity", policy.alpha_granularity);
  policy.alpha = static_cast<float>(table.number("alpha", policy.alpha, 0.01, 1000));
  if (auto calibrate = table.table("calibrate")) {
    Calibration calibration;
    using numeric::ClipRule;
    numeric::Calibration& clips = calibration.clips;
    clips.rule = calibrate->choice("method", clips.rule,
                                   {{"max", ClipRule::Max},
                                    {"percentile", ClipRule::Percentile},
                                    {"mse", ClipRule::LeastError}});
    clips.percentile = calibrate->number("percentile", clips.percentile, 0.5, 1);
    calibration.batches = calibrate->integer("batches", calibration.batches, 1, 1000);
    calibrate->finish();
    recipe.calibration = calibration;
  }
  table.finish();
  check_scales(policy, recipe.calibration.has_value());
  recipe.quantize = policy;
}

void read_data(Table table, Recipe& recipe) {
  using Flip = data::Augmentation::Flip;
  recipe.dataset = table.text("set", "");
  recipe.augmentation.pad_crop = table.integer("pad_crop", 0, 0, 64);
  recipe.augmentation.flip =
      table.choice("flip", Flip::Off, {{"off", Flip::Off}, {"horizontal", Flip::Horizontal}});
  table.finish();
}

Recipe read(Table table, std::string_view source) {
  Recipe recipe;
  recipe.text = source;
  recipe.network = table.text("network", "");
  recipe.start = table.text("start", "");
  recipe.epochs = table.integer("epochs", recipe.epochs, 0, 100000);
  recipe.batch_size = table.integer("batch_size", recipe.batch_size, 1, 65536);
  recipe.seed = static_cast<std::uint64_t>(table.integer("seed", 1, 0, 1 << 30));
  recipe.threads = table.integer("threads", 0, 0, 256);
  recipe.checkpoint_seconds = table.number("checkpoint_seconds", recipe.checkpoint_seconds, 0, 1e6);
  if (auto part = table.table("data")) read_data(*part, recipe);
  if (auto part = table.table("optimizer")) read_optimizer(*part, recipe.optimizer);
  if (auto part = table.table("schedule")) read_schedule(*part, recipe.schedule, recipe.epochs);
  if (auto part = table.table("quantize")) read_quantize(*part, recipe);
  table.finish();
  if (recipe.network.empty()) throw_error(ErrorCode::InvalidArgument, "network: expected a name");
  if (recipe.dataset.empty()) throw_error(ErrorCode::InvalidArgument, "data.set: expected a name");
  return recipe;
}

toml::table parse_toml(std::string_view text, std::string_view where) {
  try {
    return toml::parse(text, where);
  } catch (const toml::parse_error& error) {
    throw_error(ErrorCode::InvalidArgument, where, ":", error.source().begin.line, ": ",
                error.description());
  }
}

// The table called `key`, made if it is missing.
toml::table& table_in(toml::table& table, std::string_view key) {
  if (table[key].as_table() == nullptr) table.insert_or_assign(key, toml::table{});
  return *table[key].as_table();
}

}  // namespace

std::string recipe_for(std::string_view text, std::string_view where,
                       const RecipeChanges& changes) {
  toml::table table = parse_toml(text, where);
  table.insert_or_assign("network", changes.network);
  table.erase("start");
  if (!changes.dataset.empty()) table_in(table, "data").insert_or_assign("set", changes.dataset);
  toml::table& quantize = table_in(table, "quantize");
  if (changes.bits) {
    quantize.insert_or_assign("weight_bits", *changes.bits);
    quantize.insert_or_assign("activation_bits", *changes.bits);
  }
  std::ostringstream out;
  out << toml::toml_formatter(table) << '\n';
  return out.str();
}

Recipe parse_recipe(std::string_view text, std::string_view where) {
  const toml::table table = parse_toml(text, where);
  try {
    return read(Table(table, std::string(where), ""), text);
  } catch (const Exception& error) {
    const std::string message = error.what();
    if (message.starts_with(where)) throw;
    throw_error(error.error().code, where, ": ", message);
  }
}

Recipe read_recipe(const std::filesystem::path& path) {
  return parse_recipe(value_or_throw(read_text(path)), path.string());
}

}  // namespace pact::train
