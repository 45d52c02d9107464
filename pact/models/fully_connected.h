// SPDX-License-Identifier: Apache-2.0
// Networks of fully connected layers alone.
#pragma once

#include "pact/models/models.h"

namespace pact::models {

/// Three hidden layers of 1024 with batch norm: the LFC of FINN (Umuroglu et al. 2017, table 2).
Result<graph::Network> lfc(const Task& task);

}  // namespace pact::models
