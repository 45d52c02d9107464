// SPDX-License-Identifier: Apache-2.0
// Named tensors in a safetensors file: an 8-byte little-endian header length, a JSON header, then
// the elements. Used for state dicts that PyTorch users save and for checkpoints. Files are
// untrusted: every length and offset is checked before it is used.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "pact/base/result.h"
#include "pact/graph/network.h"
#include "pact/graph/tensor.h"

namespace pact::graph {

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads F32, F64, F16 and BF16 (as floats), I32 and I64. Other element types are an error.
Result<TensorFile> parse_safetensors(std::span<const std::byte> bytes);
Result<TensorFile> read_safetensors(const std::filesystem::path& path);

/// The bytes of a file; the same content always gives the same bytes.
std::vector<std::byte> serialize_safetensors(const TensorFile& file);

/// Takes the parameters of `network` out of `tensors` by name. A tensor that is missing, extra or
/// of another shape is an error that names it. PyTorch's batch norm counters
/// ("num_batches_tracked") are ignored.
Status load_parameters(Network& network, const std::map<std::string, Tensor>& tensors);

/// A network with its parameters in one file: the text form is the metadata entry "network".
/// Tensors whose name starts with "optimizer." are not parameters; network_from leaves them alone.
TensorFile to_tensor_file(const Network& network);
/// Errors begin with `path`, where the file was read, if it is given.
Result<Network> network_from(const TensorFile& file, const std::filesystem::path& path = {});
Result<Network> read_network(const std::filesystem::path& path);

}  // namespace pact::graph
