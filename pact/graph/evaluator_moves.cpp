// SPDX-License-Identifier: Apache-2.0
// Operations that move elements: floats, levels and accumulators alike.
#include "pact/graph/evaluator_ops.h"

namespace pact::graph {
namespace {

std::size_t count(const Operands& o) {
  return static_cast<std::size_t>(element_count(o.type().shape));
}

// The value that `move` makes of the elements of the first input.
template <typename Move>
Value moved(const Operands& o, const Move& move) {
  return std::visit([&](const auto& in) { return Value(move(in)); }, *o.values[0]);
}

std::vector<numeric::Tap> taps_of(const Resize& op, const Operands& o, std::size_t extent) {
  const bool rows = extent == 1;
  return numeric::resize_taps({.in = o.input_type().shape[extent],
                               .out = o.type().shape[extent],
                               .scale = rows ? op.scale.y : op.scale.x},
                              op.rule);
}

// Calls pixel(channel, row, column) for each element of the result, in order.
template <typename T, typename Pixel>
std::vector<T> each_pixel(const Operands& o, const Pixel& pixel) {
  const Shape& shape = o.type().shape;
  std::vector<T> out;
  out.reserve(count(o));
  for (std::int64_t c = 0; c < shape[0]; ++c) {
    for (std::int64_t y = 0; y < shape[1]; ++y) {
      for (std::int64_t x = 0; x < shape[2]; ++x) out.push_back(pixel(c, y, x));
    }
  }
  return out;
}

}  // namespace

Value concatenate(const Operands& o) {
  return moved(o, [&](auto out) {
    for (std::size_t i = 1; i < o.values.size(); ++i) {
      const auto& part = std::get<decltype(out)>(*o.values[i]);
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  });
}

Value slice(const Slice& op, const Operands& o) {
  const auto size = static_cast<std::ptrdiff_t>(o.type().channel_size());
  return moved(o, [&](const auto& in) {
    const auto begin = in.begin() + op.first * size;
    return std::decay_t<decltype(in)>(begin, begin + op.count * size);
  });
}

Value rearrange(const Rearrange& op, const Operands& o) {
  const std::size_t rank = op.view.size();
  Shape strides(rank, 1);  // of the view
  for (std::size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * op.view[i];
  return moved(o, [&](const auto& in) {
    std::decay_t<decltype(in)> out;
    out.reserve(in.size());
    Shape at(rank, 0);  // in the permuted tensor
    for (std::size_t n = 0; n < in.size(); ++n) {
      std::int64_t source = 0;
      for (std::size_t i = 0; i < rank; ++i) {
        source += at[i] * strides[static_cast<std::size_t>(op.order[i])];
      }
      out.push_back(in[static_cast<std::size_t>(source)]);
      for (std::size_t i = rank; i-- > 0;) {
        if (++at[i] < op.view[static_cast<std::size_t>(op.order[i])]) break;
        at[i] = 0;
      }
    }
    return out;
  });
}

Value shortcut(const Shortcut& op, const Operands& o) {
  const Shape& from = o.input_type().shape;
  const Shape& to = o.type().shape;
  return moved(o, [&](const auto& in) {
    std::decay_t<decltype(in)> out(count(o));
    for (std::int64_t c = 0; c < from[0]; ++c) {
      for (std::int64_t y = 0; y < to[1]; ++y) {
        for (std::int64_t x = 0; x < to[2]; ++x) {
          out[static_cast<std::size_t>(((c + op.before) * to[1] + y) * to[2] + x)] =
              in[static_cast<std::size_t>((c * from[1] + y * op.stride.y) * from[2] +
                                          x * op.stride.x)];
        }
      }
    }
    return out;
  });
}

Value pad(const Pad& op, const Operands& o) {
  const Shape& from = o.input_type().shape;
  const Shape& to = o.type().shape;
  return moved(o, [&](const auto& in) {
    std::decay_t<decltype(in)> out(count(o));
    for (std::int64_t c = 0; c < from[0]; ++c) {
      for (std::int64_t y = 0; y < from[1]; ++y) {
        for (std::int64_t x = 0; x < from[2]; ++x) {
          const std::int64_t row = op.padding.top + y * op.spread.y;
          const std::int64_t column = op.padding.left + x * op.spread.x;
          out[static_cast<std::size_t>((c * to[1] + row) * to[2] + column)] =
              in[static_cast<std::size_t>((c * from[1] + y) * from[2] + x)];
        }
      }
    }
    return out;
  });
}

Value resize(const Resize& op, const Operands& o) {
  const Shape& from = o.input_type().shape;
  const auto rows = taps_of(op, o, 1);
  const auto columns = taps_of(op, o, 2);
  const auto place = [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    return static_cast<std::size_t>((c * from[1] + y) * from[2] + x);
  };
  const auto row_of = [&](std::int64_t y) { return rows[static_cast<std::size_t>(y)]; };
  const auto column_of = [&](std::int64_t x) { return columns[static_cast<std::size_t>(x)]; };
  if (op.rule.interpolation == numeric::Interpolation::Nearest) {
    return moved(o, [&](const auto& in) {
      using T = typename std::decay_t<decltype(in)>::value_type;
      return each_pixel<T>(o, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
        return in[place(c, row_of(y).first, column_of(x).first)];
      });
    });
  }
  return each_pixel<float>(o, [&](std::int64_t c, std::int64_t y, std::int64_t x) {
    const numeric::Tap row = row_of(y);
    const numeric::Tap column = column_of(x);
    const auto pair = [&](std::int64_t at) {
      return std::array{o.floats()[place(c, at, column.first)],
                        o.floats()[place(c, at, column.second)]};
    };
    return numeric::interpolate(pair(row.first), pair(row.second), row, column);
  });
}

}  // namespace pact::graph
