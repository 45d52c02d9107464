// SPDX-License-Identifier: Apache-2.0
#include "bench/onednn.h"

#include <cstring>

namespace pact::bench {
namespace {

using dnnl::memory;

// Both operands and the result in bytes, one scale for all, the scratchpad from outside.
dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_output_scales(0, {0.01F});
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

memory::desc any(const memory::dims& dims, memory::data_type type) {
  return {dims, type, memory::format_tag::any};
}

}  // namespace

OneDnn::OneDnn(const format::Model& model, int batch) {
  using enum memory::data_type;
  for (const format::Node& node : model.nodes) {
    const auto* conv = std::get_if<format::Conv>(&node.operation);
    if (conv == nullptr) continue;
    const format::Value& in = model.input_of(node);
    const format::Value& out = node.value;
    if (in.pixels() == 1 && out.pixels() == 1) {
      const dnnl::inner_product_forward::desc op(
          dnnl::prop_kind::forward_inference, any({batch, in.channels}, u8),
          any({out.channels, in.channels}, s8), any({batch, out.channels}, u8));
      const dnnl::inner_product_forward::primitive_desc chosen(op, attributes(), engine_);
      add(dnnl::inner_product_forward(chosen), chosen.src_desc(), chosen.weights_desc(),
          chosen.dst_desc(), chosen.scratchpad_desc());
      continue;
    }
    const memory::dims weights =
        conv->groups == 1
            ? memory::dims{out.channels, in.channels, conv->kernel.y, conv->kernel.x}
            : memory::dims{conv->groups, out.channels / conv->groups, in.channels / conv->groups,
                           conv->kernel.y, conv->kernel.x};
    const dnnl::convolution_forward::desc op(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        any({batch, in.channels, in.height, in.width}, u8), any(weights, s8),
        any({batch, out.channels, out.height, out.width}, u8), {conv->stride.y, conv->stride.x},
        {conv->dilation.y - 1, conv->dilation.x - 1}, {conv->padding.top, conv->padding.left},
        {conv->padding.bottom, conv->padding.right});
    const dnnl::convolution_forward::primitive_desc chosen(op, attributes(), engine_);
    add(dnnl::convolution_forward(chosen), chosen.src_desc(), chosen.weights_desc(),
        chosen.dst_desc(), chosen.scratchpad_desc());
  }
}

memory OneDnn::filled(const memory::desc& description) {
  memory result(description, engine_);
  if (description.get_size() > 0) {
    std::memset(result.get_data_handle(), 1, description.get_size());
  }
  return result;
}

void OneDnn::add(const dnnl::primitive& primitive, const memory::desc& source,
                 const memory::desc& weights, const memory::desc& target,
                 const memory::desc& scratchpad) {
  layers_.push_back({primitive,
                     {{DNNL_ARG_SRC, filled(source)},
                      {DNNL_ARG_WEIGHTS, filled(weights)},
                      {DNNL_ARG_DST, filled(target)},
                      {DNNL_ARG_SCRATCHPAD, filled(scratchpad)}}});
}

void OneDnn::run() {
  for (const Layer& layer : layers_) layer.primitive.execute(stream_, layer.arguments);
  stream_.wait();
}

}  // namespace pact::bench
