// SPDX-License-Identifier: Apache-2.0
// Refits the coefficients (c1, c2) of SAWB weight quantization,
// alpha* = c1 * sqrt(E[w^2]) + c2 * E|w|, for every symmetric uniform grid of 2 to 8 bits.
// For each of six zero-mean densities it finds the alpha with the least mean squared quantization
// error by quadrature, then regresses alpha*/E|w| on sqrt(E[w^2])/E|w|.
// Nothing is sampled, so two runs print the same digits.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numbers>
#include <vector>

namespace {

// An even density given on w >= 0 up to a constant factor; it is zero beyond `limit`.
// Its scale is arbitrary: alpha* is proportional to it, and the regression sees only ratios.
struct Density {
  double (*value)(double);
  double limit;
};

double gaussian(double w) { return std::exp(-0.5 * w * w); }
double uniform(double /*w*/) { return 1.0; }
double laplace(double w) { return std::exp(-w); }
double logistic(double w) {
  const double e = std::exp(-w);
  return e / ((1.0 + e) * (1.0 + e));
}
double triangle(double w) { return 1.0 - w; }
double vonMises(double w) { return std::exp(std::cos(w)); }  // kappa = 1

// The unbounded densities are cut where the rest weighs less than 1e-20 of the whole. Cutting the
// Laplace and logistic densities at 10 would already change c1 of 32 levels from 17.09 to 16.77.
constexpr std::array kDensities = {
    Density{.value = gaussian, .limit = 10.0},
    Density{.value = uniform, .limit = 1.0},
    Density{.value = laplace, .limit = 60.0},
    Density{.value = logistic, .limit = 60.0},
    Density{.value = triangle, .limit = 1.0},
    Density{.value = vonMises, .limit = std::numbers::pi},
};

struct Coefficients {
  int levels;
  double c1, c2;
};

// Values of the fms-mo library, for comparison. It has one pair for 8 bits, with zero or without.
constexpr std::array kPublished = {
    Coefficients{.levels = 3, .c1 = 2.6, .c2 = -1.71},
    Coefficients{.levels = 4, .c1 = 3.12, .c2 = -2.064},
    Coefficients{.levels = 8, .c1 = 7.509, .c2 = -6.892},
    Coefficients{.levels = 15, .c1 = 12.035, .c2 = -12.03},
    Coefficients{.levels = 16, .c1 = 12.68, .c2 = -12.80},
    Coefficients{.levels = 32, .c1 = 17.74, .c2 = -18.64},
    Coefficients{.levels = 127, .c1 = 28.24, .c2 = -30.81},
    Coefficients{.levels = 255, .c1 = 31.76, .c2 = -35.04},
    Coefficients{.levels = 256, .c1 = 31.76, .c2 = -35.04},
};

// Integral of f over [from, to] by 5-point Gauss-Legendre on pieces no longer than maxPiece.
template <typename F>
double integrate(F f, double from, double to, double maxPiece) {
  constexpr std::array<double, 3> kNode = {0.0, 0.5384693101056831, 0.9061798459386640};
  constexpr std::array<double, 3> kWeight = {0.5688888888888889, 0.4786286704993665,
                                             0.2369268850561891};
  if (to <= from) {
    return 0.0;
  }
  const int pieces = static_cast<int>(std::ceil((to - from) / maxPiece));
  const double half = 0.5 * (to - from) / pieces;
  double sum = 0.0;
  for (int i = 0; i < pieces; ++i) {
    const double mid = from + (2 * i + 1) * half;
    sum += kWeight[0] * f(mid);
    for (std::size_t n = 1; n < kNode.size(); ++n) {
      sum += kWeight[n] * (f(mid - kNode[n] * half) + f(mid + kNode[n] * half));
    }
  }
  return sum * half;
}

struct Moments {
  double meanAbs, rms;
};

Moments momentsOf(const Density& density) {
  const auto moment = [&](int power) {
    return integrate([&](double w) { return std::pow(w, power) * density.value(w); }, 0.0,
                     density.limit, density.limit / 400);
  };
  const double mass = moment(0);
  return {.meanAbs = moment(1) / mass, .rms = std::sqrt(moment(2) / mass)};
}

// Squared error of the grid, up to the density's constant factor. The integral is split at the
// decision thresholds because the integrand has kinks there, which would spoil the quadrature.
// By symmetry the half w >= 0 is enough. Both kinds of grid are odd (no zero level: even number of
// levels) or even (zero level: odd number of levels) multiples of one step.
double squaredError(const Density& density, int levels, double alpha, double maxPiece) {
  const double step = alpha / (levels - 1);
  double from = 0.0;
  double sum = 0.0;
  for (int multiple = 1 - levels % 2; multiple < levels && from < density.limit; multiple += 2) {
    const double level = multiple * step;
    const bool last = multiple == levels - 1;  // Everything above the last level is clipped to it.
    const double to = last ? density.limit : std::min(level + step, density.limit);
    const auto error = [&](double w) { return (w - level) * (w - level) * density.value(w); };
    sum += integrate(error, from, to, maxPiece);
    from = to;
  }
  return sum;
}

// Minimum of f in [low, high], where f must have one minimum.
template <typename F>
double goldenSection(F f, double low, double high) {
  constexpr double kRatio = 1.0 / std::numbers::phi;
  double left = high - kRatio * (high - low);
  double right = low + kRatio * (high - low);
  double atLeft = f(left);
  double atRight = f(right);
  // The error is flat at its minimum: below about sqrt(machine epsilon) rounding decides.
  while (high - low > 1e-8 * high) {
    if (atLeft < atRight) {
      high = right;
      right = left;
      atRight = atLeft;
      left = high - kRatio * (high - low);
      atLeft = f(left);
    } else {
      low = left;
      left = right;
      atLeft = atRight;
      right = low + kRatio * (high - low);
      atRight = f(right);
    }
  }
  return 0.5 * (low + high);
}

// Best alpha of the grid. The error can have several local minima, for one when alpha passes the
// end of a bounded density, so two nested scans find the interval for the golden-section search.
double bestAlpha(const Density& density, int levels, double rms) {
  constexpr int kScanPoints = 80;
  const auto error = [&](double alpha) { return squaredError(density, levels, alpha, 0.25 * rms); };
  double low = 0.0;
  double high = 16.0 * rms;
  for (int scan = 0; scan < 2; ++scan) {
    const double step = (high - low) / kScanPoints;
    int best = 1;
    double least = error(low + step);
    for (int i = 2; i < kScanPoints; ++i) {
      const double at = error(low + i * step);
      if (at < least) {
        least = at;
        best = i;
      }
    }
    high = low + (best + 1) * step;
    low += (best - 1) * step;
  }
  return goldenSection(error, low, high);
}

struct Point {
  double x, y;  // sqrt(E[w^2]) / E|w| and alpha* / E|w|
};

std::vector<Point> pointsOf(int levels) {
  std::vector<Point> points;
  for (const Density& density : kDensities) {
    const Moments moments = momentsOf(density);
    points.push_back({.x = moments.rms / moments.meanAbs,
                      .y = bestAlpha(density, levels, moments.rms) / moments.meanAbs});
  }
  return points;
}

// Ordinary least squares y = c1 * x + c2; multiplied by E|w| that is the SAWB formula.
Coefficients regress(int levels, const std::vector<Point>& points) {
  const auto count = static_cast<double>(points.size());
  double meanX = 0.0, meanY = 0.0;
  for (const Point& p : points) {
    meanX += p.x / count;
    meanY += p.y / count;
  }
  double sxx = 0.0, sxy = 0.0;
  for (const Point& p : points) {
    sxx += (p.x - meanX) * (p.x - meanX);
    sxy += (p.x - meanX) * (p.y - meanY);
  }
  return {.levels = levels, .c1 = sxy / sxx, .c2 = meanY - sxy / sxx * meanX};
}

void printTableRow(const Coefficients& fit) {
  std::printf("%6d  %8.3f %9.3f", fit.levels, fit.c1, fit.c2);
  for (const Coefficients& known : kPublished) {
    if (known.levels == fit.levels) {
      std::printf("  %8.3f %9.3f  %+8.3f %+8.3f", known.c1, known.c2, fit.c1 - known.c1,
                  fit.c2 - known.c2);
    }
  }
  std::printf("\n");
}

int usage(std::FILE* to, int status) {
  std::fputs(
      "usage: sawb_fit [--header | --help]\n"
      "Fits alpha* = c1 * sqrt(E[w^2]) + c2 * E|w| for grids of 2 to 8 bits; an even number of\n"
      "levels is a grid without zero, an odd number one with zero.\n"
      "  (none)    table beside the values of the fms-mo library\n"
      "  --header  rows of a C++ table\n"
      "  --help    this text\n",
      to);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = [&](const char* option) {
    return argc == 2 && std::strcmp(argv[1], option) == 0;
  };
  const bool header = given("--header");
  if (given("--help")) {
    return usage(stdout, 0);
  }
  if (argc > 1 && !header) {
    return usage(stderr, 2);
  }
  if (!header) {
    std::printf("levels        c1        c2    fms-mo:c1      c2  diff:  c1       c2\n");
  }
  for (int bits = 2; bits <= 8; ++bits) {
    for (const int levels : {(1 << bits) - 1, 1 << bits}) {
      const Coefficients fit = regress(levels, pointsOf(levels));
      if (header) {
        std::printf("{.levels = %d, .c1 = %.3f, .c2 = %.3f},\n", fit.levels, fit.c1, fit.c2);
      } else {
        printTableRow(fit);
      }
    }
  }
  return 0;
}
