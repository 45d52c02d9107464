// SPDX-License-Identifier: Apache-2.0
// Two networks of the PACT paper without residuals, as in Tensorpack's examples of DoReFa that the
// paper builds on. Pooling comes before the activation, and no layer that batch norm follows has a
// bias.
#pragma once

#include "pact/base/result.h"
#include "pact/graph/network.h"
#include "pact/models/models.h"

namespace pact::models {

/// Seven convolutions and a fully connected layer for SVHN, of images from 40 x 40. The dropout
/// before conv7 is a matter of training: the recipe's `dropout`.
Result<graph::Network> svhn_7conv(const Task& task);

/// AlexNet with batch norm after every layer but the first and the last, two groups in conv2, conv4
/// and conv5, of images from 224 x 224.
Result<graph::Network> alexnet_bn(const Task& task);

}  // namespace pact::models
