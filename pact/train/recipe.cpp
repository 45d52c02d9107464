// SPDX-License-Identifier: Apache-2.0
#include "pact/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "pact/base/file.h"
#include "pact/config/table.h"
#include "pact/graph/text_fields.h"

namespace pact::train {
namespace {

using config::Table;
using graph::LayerPolicy;
using graph::QuantizePolicy;

double number(Table& table, std::string_view key, double fallback, double lowest, double highest) {
  return table.number(key, {.unit = {}, .lowest = lowest, .highest = highest}, fallback);
}

int integer(Table& table, std::string_view key, int fallback, int lowest, int highest) {
  return static_cast<int>(table.integer(key, lowest, highest, fallback));
}

// 1 to 8 bits, or floats.
int bits(Table& table, std::string_view key, int fallback) {
  const toml::node* node = table.find(key);
  if (node == nullptr) return fallback;
  const auto* value = node->as_integer();
  const bool good = value != nullptr &&
                    ((value->get() >= 1 && value->get() <= 8) || value->get() == graph::kFloatBits);
  if (!good) table.wrong(key, *node, "a whole number from 1 to 8, or 32 (floats)");
  return static_cast<int>(value->get());
}

template <typename Enum>
Enum named(Table& table, std::string_view key, Enum fallback) {
  const std::string found = table.text(key, std::string(graph::enum_name(fallback)));
  return value_or_throw(graph::parse_enum<Enum>(key, found));
}

void read_optimizer(Table table, OptimizerOptions& o) {
  o.kind =
      table.choice("kind", o.kind, {{"sgd", OptimizerKind::Sgd}, {"adam", OptimizerKind::Adam}});
  o.learning_rate = number(table, "learning_rate", o.learning_rate, 0, 100);
  o.momentum = number(table, "momentum", o.momentum, 0, 0.9999);
  o.beta1 = number(table, "beta1", o.beta1, 0, 0.9999);
  o.beta2 = number(table, "beta2", o.beta2, 0, 0.999999);
  o.epsilon = number(table, "epsilon", o.epsilon, 1e-12, 1);
  o.weight_decay = number(table, "weight_decay", o.weight_decay, 0, 1);
  o.norm_decay = number(table, "norm_decay", o.norm_decay, 0, 1);
  o.alpha_decay = number(table, "alpha_decay", o.alpha_decay, 0, 1);
  o.alpha_rate = number(table, "alpha_rate", o.alpha_rate, 0, 1000);
  o.alpha_floor = number(table, "alpha_floor", o.alpha_floor, 1e-6, 1);
  o.average = number(table, "average", o.average, 0, 0.999999);
  table.finish();
}

void read_schedule(Table table, ScheduleOptions& s, int epochs) {
  s.kind = table.choice("kind", s.kind,
                        {{"constant", ScheduleKind::Constant},
                         {"step", ScheduleKind::Step},
                         {"cosine", ScheduleKind::Cosine}});
  const bool has_steps = s.kind == ScheduleKind::Step && epochs > 1;
  s.milestones =
      table.integers("milestones", 1, has_steps ? epochs - 1 : 100000, config::Order::Rising);
  s.factor = number(table, "factor", s.factor, 0, 1);
  s.warmup_epochs = number(table, "warmup_epochs", s.warmup_epochs, 0, epochs);
  s.final_rate = number(table, "final_rate", s.final_rate, 0, 1);
  table.finish();
}

// The keys of one layer's policy, on top of `fallback`.
LayerPolicy read_layer(Table& table, LayerPolicy fallback) {
  using Precision = LayerPolicy::Precision;
  LayerPolicy policy = fallback;
  policy.precision =
      table.choice("precision", policy.precision,
                   {{"quantized", Precision::Quantized}, {"float", Precision::Float}});
  numeric::WeightSpec& weights = policy.weights;
  const bool floats = weights.scheme == numeric::WeightScheme::None;
  weights.scheme = named(table, "weights", weights.scheme);
  weights.bits = bits(table, "weight_bits", floats ? graph::kFloatBits : weights.bits);
  weights.granularity =
      named(table, "granularity",
            weights.scheme == numeric::WeightScheme::DoReFa ? numeric::Granularity::Tensor
                                                            : weights.granularity);
  policy.activation_bits = bits(table, "activation_bits", policy.activation_bits);
  if (weights.bits == graph::kFloatBits) {
    weights = {};
    if (policy.activation_bits == graph::kFloatBits) policy.precision = Precision::Float;
  } else if (weights.scheme == numeric::WeightScheme::None) {
    throw_error(ErrorCode::InvalidArgument,
                "weights: expected a scheme, found none; for float weights say weight_bits = 32");
  }
  if (policy.precision == Precision::Quantized) value_or_throw(numeric::check(weights));
  return policy;
}

LayerPolicy read_layer_table(std::optional<Table> table, const LayerPolicy& fallback) {
  if (!table) return fallback;
  LayerPolicy policy = read_layer(*table, fallback);
  table->finish();
  return policy;
}

std::vector<LayerPolicy> all_layers(const QuantizePolicy& policy) {
  std::vector<LayerPolicy> layers{policy.inner, policy.first, policy.last};
  for (const graph::LayerOverride& each : policy.overrides) layers.push_back(each.policy);
  return layers;
}

bool quantizes(const QuantizePolicy& policy) {
  const auto layers = all_layers(policy);
  return std::any_of(layers.begin(), layers.end(), [](const LayerPolicy& layer) {
    return layer.precision == LayerPolicy::Precision::Quantized;
  });
}

void check_scales(const QuantizePolicy& policy, bool calibrated) {
  for (const LayerPolicy& each : all_layers(policy)) {
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
  policy.alpha = static_cast<float>(number(table, "alpha", policy.alpha, 0.01, 1000));
  policy.shortcut_bits = integer(table, "shortcut_bits", policy.shortcut_bits, 0, 8);
  if (auto calibrate = table.table("calibrate")) {
    Calibration calibration;
    using numeric::ClipRule;
    numeric::Calibration& clips = calibration.clips;
    clips.rule = calibrate->choice("method", clips.rule,
                                   {{"max", ClipRule::Max},
                                    {"percentile", ClipRule::Percentile},
                                    {"mse", ClipRule::LeastError}});
    clips.percentile = number(*calibrate, "percentile", clips.percentile, 0.5, 1);
    calibration.batches = integer(*calibrate, "batches", calibration.batches, 1, 1000);
    calibrate->finish();
    recipe.calibration = calibration;
  }
  table.finish();
  if (!quantizes(policy)) return;
  check_scales(policy, recipe.calibration.has_value());
  recipe.quantize = policy;
}

void read_data(Table table, Recipe& recipe) {
  using Crop = data::Augmentation::Crop;
  using Flip = data::Augmentation::Flip;
  recipe.dataset = table.text("set", "");
  recipe.augmentation.pad_crop = integer(table, "pad_crop", 0, 0, 64);
  recipe.augmentation.flip =
      table.choice("flip", Flip::Off, {{"off", Flip::Off}, {"horizontal", Flip::Horizontal}});
  recipe.augmentation.crop = table.choice("crop", Crop::Centre,
                                          {{"centre", Crop::Centre},
                                           {"random", Crop::Random},
                                           {"random-resized", Crop::RandomResized}});
  recipe.data_threads = integer(table, "threads", 0, 0, 256);
  table.finish();
}

void read_dropout(Table table, Recipe& recipe) {
  Dropout dropout;
  dropout.after = table.text("after", "");
  dropout.rate = number(table, "rate", dropout.rate, 0, 0.99);
  table.finish();
  recipe.dropout.push_back(std::move(dropout));
}

void read_distillation(Table table, Recipe& recipe) {
  Distillation distillation;
  const std::string network = table.text("network", "");
  distillation.network = network.empty() ? recipe.network : network;
  distillation.start = table.text("start", network.empty() ? recipe.start : "");
  distillation.temperature = number(table, "temperature", distillation.temperature, 0.1, 100);
  distillation.share = number(table, "share", distillation.share, 0, 1);
  table.finish();
  if (distillation.start.empty() && !distillation.network.ends_with(".safetensors")) {
    throw_error(ErrorCode::InvalidArgument,
                "distill.start: expected a file with the teacher's weights");
  }
  recipe.distillation = std::move(distillation);
}

Recipe read(Table table, std::string_view source) {
  Recipe recipe;
  recipe.text = source;
  recipe.network = table.text("network", "");
  recipe.start = table.text("start", "");
  recipe.epochs = integer(table, "epochs", recipe.epochs, 0, 100000);
  recipe.batch_size = integer(table, "batch_size", recipe.batch_size, 2, 65536);
  recipe.seed = static_cast<std::uint64_t>(integer(table, "seed", 1, 0, 1 << 30));
  recipe.threads = integer(table, "threads", 0, 0, 256);
  recipe.precision = table.choice("precision", nn::Precision::F32,
                                  {{"f32", nn::Precision::F32}, {"bf16", nn::Precision::Bf16}});
  recipe.norm_batches = integer(table, "norm_batches", recipe.norm_batches, 0, 100000);
  recipe.checkpoint_seconds =
      number(table, "checkpoint_seconds", recipe.checkpoint_seconds, 0, 1e6);
  if (auto part = table.table("data")) read_data(*part, recipe);
  for (Table& part : table.tables("dropout")) read_dropout(std::move(part), recipe);
  if (auto part = table.table("distill")) read_distillation(*part, recipe);
  if (auto part = table.table("optimizer")) read_optimizer(*part, recipe.optimizer);
  if (auto part = table.table("schedule")) read_schedule(*part, recipe.schedule, recipe.epochs);
  if (auto part = table.table("quantize")) read_quantize(*part, recipe);
  table.finish();
  if (recipe.network.empty()) throw_error(ErrorCode::InvalidArgument, "network: expected a name");
  if (recipe.dataset.empty()) throw_error(ErrorCode::InvalidArgument, "data.set: expected a name");
  if (recipe.optimizer.average > 0 && recipe.norm_batches == 0) {
    throw_error(ErrorCode::InvalidArgument,
                "norm_batches: expected at least 1, because optimizer.average leaves weights that "
                "batch norm has not seen");
  }
  return recipe;
}

// The table called `key`, made if it is missing.
toml::table& table_in(toml::table& table, std::string_view key) {
  if (table[key].as_table() == nullptr) table.insert_or_assign(key, toml::table{});
  return *table[key].as_table();
}

// A TOML value; text that is none stands for itself.
toml::table value_of(const std::string& text) {
  try {
    toml::table parsed = toml::parse("value = " + text);
    if (parsed.size() == 1) return parsed;
  } catch (const toml::parse_error&) {
  }
  return toml::table{{"value", text}};
}

// Applies "table.key=value".
void set(toml::table& recipe, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw_error(ErrorCode::InvalidArgument, "--set: expected key=value, found '", setting, "'");
  }
  const std::string path = setting.substr(0, equals);
  toml::table* table = &recipe;
  std::size_t begin = 0;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
    const std::string key = path.substr(begin, dot - begin);
    if (toml::node* node = table->get(key); node != nullptr && !node->is_table()) {
      throw_error(ErrorCode::InvalidArgument, "--set ", setting, ": expected ", path.substr(0, dot),
                  " to be a table, found another value in the recipe");
    }
    table = &table_in(*table, key);
    begin = dot + 1;
  }
  const toml::table value = value_of(setting.substr(equals + 1));
  table->insert_or_assign(path.substr(begin), *value.get("value"));
}

}  // namespace

std::string recipe_for(std::string_view text, std::string_view where,
                       const RecipeChanges& changes) {
  toml::table table = config::parse(text, where);
  if (!changes.network.empty()) {
    table.insert_or_assign("network", changes.network);
    table.erase("start");
    table_in(table, "quantize");
  }
  if (!changes.dataset.empty()) table_in(table, "data").insert_or_assign("set", changes.dataset);
  if (changes.bits) {
    toml::table& quantize = table_in(table, "quantize");
    quantize.insert_or_assign("weight_bits", *changes.bits);
    quantize.insert_or_assign("activation_bits", *changes.bits);
  }
  for (const std::string& setting : changes.settings) set(table, setting);
  std::ostringstream out;
  out << toml::toml_formatter(table) << '\n';
  return out.str();
}

Recipe parse_recipe(std::string_view text, std::string_view where) {
  const toml::table table = config::parse(text, where);
  try {
    return read(Table(table, std::string(where)), text);
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
