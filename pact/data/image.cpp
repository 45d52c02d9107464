// SPDX-License-Identifier: Apache-2.0
#include "pact/data/image.h"

#include <jpeglib.h>
#include <png.h>
// Needs jpeglib.h before it.
#include <jerror.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "pact/base/file.h"

// libpng and libjpeg report errors by a jump out of their callbacks. So that no destructor is
// jumped over, each call into them happens inside a `guarded` lambda that owns nothing: what needs
// releasing belongs to a decoder object outside.

namespace pact::data {
namespace {

constexpr std::uint64_t kMaxPixels = std::uint64_t(1) << 26;
constexpr std::uint64_t kMaxSide = 1000000;

// Guards against progressive files that repeat scans to burn time; real encoders use about 10.
constexpr int kMaxScans = 500;

using Bytes = std::span<const std::byte>;

// What a decoder yields: [row][column][channel]; 2 and 4 channels are 1 and 3 with alpha.
struct Interleaved {
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> bytes;
};

std::size_t row_bytes(const Interleaved& picture) {
  return std::size_t(picture.width) * std::size_t(picture.channels);
}

Error damaged(const std::filesystem::path& path, std::string_view format, const char* message) {
  return make_error(ErrorCode::Corrupt, path.string(), ": expected a whole ", format,
                    ", found damage (", message, ")");
}

// Called before anything is allocated by the size that a header claims.
Status check_size(const std::filesystem::path& path, const Interleaved& picture) {
  const auto width = std::uint64_t(picture.width);
  const auto height = std::uint64_t(picture.height);
  if (width <= kMaxSide && height <= kMaxSide && width * height <= kMaxPixels) return {};
  return make_error(ErrorCode::Unsupported, path.string(), ": expected at most ", kMaxPixels,
                    " pixels and ", kMaxSide, " on a side, found ", width, "x", height);
}

class PngDecoder {
 public:
  explicit PngDecoder(Bytes bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &fail, &ignore);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  const char* message() const { return message_; }

  bool read_size(Interleaved& picture) {
    if (info_ == nullptr) return false;
    return guarded([&] {
      // The limits of libpng give way to `check_size`, which has the better message.
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      png_set_read_fn(png_, this, &take);
      png_read_info(png_, info_);
      picture.width = static_cast<int>(png_get_image_width(png_, info_));
      picture.height = static_cast<int>(png_get_image_height(png_, info_));
    });
  }

  // Asks for 8 bits a channel without a palette, and says how many channels that makes.
  bool read_channels(Interleaved& picture) {
    return guarded([&] {
      png_set_expand(png_);
      png_set_scale_16(png_);
      passes_ = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      picture.channels = png_get_channels(png_, info_);
    });
  }

  bool read_rows(std::uint8_t* rows, int height) {
    const std::size_t stride = png_get_rowbytes(png_, info_);
    return guarded([&] {
      for (int pass = 0; pass < passes_; ++pass) {
        for (int row = 0; row < height; ++row) {
          png_read_row(png_, rows + std::size_t(row) * stride, nullptr);
        }
      }
      png_read_end(png_, nullptr);
    });
  }

 private:
  template <typename Body>
  bool guarded(const Body& body) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    body();
    return true;
  }

  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    auto* decoder = static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::snprintf(decoder->message_, sizeof decoder->message_, "%s", message);
    png_longjmp(png, 1);
  }

  static void ignore(png_structp, png_const_charp) {}

  static void take(png_structp png, png_bytep target, std::size_t length) {
    auto* decoder = static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (decoder->rest_.size() < length) png_error(png, "the file ends early");
    std::memcpy(target, decoder->rest_.data(), length);
    decoder->rest_ = decoder->rest_.subspan(length);
  }

  Bytes rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  char message_[128] = "cannot start libpng";
};

Result<Interleaved> decode_png(const std::filesystem::path& path, Bytes bytes) {
  PngDecoder decoder(bytes);
  Interleaved picture;
  if (!decoder.read_size(picture)) return damaged(path, "PNG", decoder.message());
  PACT_CHECK_OK(check_size(path, picture));
  if (!decoder.read_channels(picture)) return damaged(path, "PNG", decoder.message());
  picture.bytes.resize(row_bytes(picture) * std::size_t(picture.height));
  if (!decoder.read_rows(picture.bytes.data(), picture.height)) {
    return damaged(path, "PNG", decoder.message());
  }
  return picture;
}

class JpegDecoder {
 public:
  JpegDecoder() {
    jpeg_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = &fail;
    errors_.base.emit_message = &judge;
    progress_.progress_monitor = &limit_scans;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&jpeg_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  const char* message() const { return errors_.message; }
  bool is_supported() const { return jpeg_.num_components != 2 && jpeg_.num_components <= 4; }
  bool is_inverted() const { return jpeg_.saw_Adobe_marker != 0; }
  int components() const { return jpeg_.num_components; }

  bool read_header(Bytes bytes, Interleaved& picture) {
    return guarded([&] {
      jpeg_create_decompress(&jpeg_);
      jpeg_.progress = &progress_;
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_read_header(&jpeg_, TRUE);
      picture.width = static_cast<int>(jpeg_.image_width);
      picture.height = static_cast<int>(jpeg_.image_height);
      picture.channels = jpeg_.num_components;
    });
  }

  bool read_rows(std::uint8_t* rows, std::size_t stride) {
    return guarded([&] {
      jpeg_.out_color_space = jpeg_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
      if (jpeg_.num_components == 4) jpeg_.out_color_space = JCS_CMYK;
      jpeg_start_decompress(&jpeg_);
      while (jpeg_.output_scanline < jpeg_.output_height) {
        JSAMPROW row = rows + jpeg_.output_scanline * stride;
        jpeg_read_scanlines(&jpeg_, &row, 1);
      }
      jpeg_finish_decompress(&jpeg_);
    });
  }

 private:
  struct Errors {
    jpeg_error_mgr base;  // first, so that a pointer to it is one to this
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
  };

  template <typename Body>
  bool guarded(const Body& body) {
    if (setjmp(errors_.jump) != 0) return false;
    body();
    return true;
  }

  [[noreturn]] static void fail(j_common_ptr jpeg) {
    auto* errors = reinterpret_cast<Errors*>(jpeg->err);
    jpeg->err->format_message(jpeg, errors->message);
    std::longjmp(errors->jump, 1);
  }

  // libjpeg only warns when it invents pixels for lost data. These few warnings lose none.
  static void judge(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
      case JWRN_ADOBE_XFORM:
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_JFIF_MAJOR:
        return;
      default:
        fail(jpeg);
    }
  }

  static void limit_scans(j_common_ptr jpeg) {
    if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMaxScans) return;
    auto* errors = reinterpret_cast<Errors*>(jpeg->err);
    std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxScans);
    std::longjmp(errors->jump, 1);
  }

  jpeg_decompress_struct jpeg_{};
  jpeg_progress_mgr progress_{};
  Errors errors_{};
};

// Each colour is what its ink and the black let through. Adobe's files hold what is left of white.
void cmyk_to_rgb(Interleaved& picture, bool inverted) {
  const std::size_t pixels = picture.bytes.size() / 4;
  for (std::size_t i = 0; i < pixels; ++i) {
    int light[4];
    for (std::size_t c = 0; c < 4; ++c) {
      const int value = picture.bytes[4 * i + c];
      light[c] = inverted ? value : 255 - value;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      picture.bytes[3 * i + c] = static_cast<std::uint8_t>((light[c] * light[3] + 127) / 255);
    }
  }
  picture.bytes.resize(3 * pixels);
  picture.channels = 3;
}

Result<Interleaved> decode_jpeg(const std::filesystem::path& path, Bytes bytes) {
  JpegDecoder decoder;
  Interleaved picture;
  if (!decoder.read_header(bytes, picture)) return damaged(path, "JPEG", decoder.message());
  PACT_CHECK_OK(check_size(path, picture));
  if (!decoder.is_supported()) {
    return make_error(ErrorCode::Unsupported, path.string(),
                      ": expected a grey, RGB or CMYK JPEG, found one of ", decoder.components(),
                      " components");
  }
  picture.bytes.resize(row_bytes(picture) * std::size_t(picture.height));
  if (!decoder.read_rows(picture.bytes.data(), row_bytes(picture))) {
    return damaged(path, "JPEG", decoder.message());
  }
  if (picture.channels == 4) cmyk_to_rgb(picture, decoder.is_inverted());
  return picture;
}

std::uint8_t on_white(int value, int alpha) {
  return static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

Image to_planes(const Interleaved& picture) {
  const std::size_t stride = std::size_t(picture.channels);
  const std::size_t colours = picture.channels <= 2 ? 1 : 3;
  const std::size_t pixels = picture.bytes.size() / stride;
  const bool has_alpha = stride != colours;
  Image image{int(colours), picture.height, picture.width, {}};
  image.pixels.resize(colours * pixels);
  for (std::size_t c = 0; c < colours; ++c) {
    const std::uint8_t* source = picture.bytes.data();
    std::uint8_t* plane = image.pixels.data() + c * pixels;
    for (std::size_t i = 0; i < pixels; ++i, source += stride) {
      plane[i] = has_alpha ? on_white(source[c], source[colours]) : source[c];
    }
  }
  return image;
}

template <std::size_t N>
bool starts_with(Bytes bytes, const std::array<unsigned char, N>& signature) {
  return bytes.size() >= N && std::memcmp(bytes.data(), signature.data(), N) == 0;
}

// The pixels of one side of the source that make up one of the result, and their weights.
struct Window {
  int first = 0;
  std::vector<float> weights;
};

// Windows of a triangle filter over a crop around `middle`. A triangle one source pixel wide is
// bilinear interpolation; when the picture shrinks it widens with the step, which averages the
// area.
std::vector<Window> make_windows(int source, int target, double scale, double middle) {
  const double radius = std::max(1.0, 1 / scale);
  std::vector<Window> windows(static_cast<std::size_t>(target));
  for (int i = 0; i < target; ++i) {
    const double centre = middle + (i + 0.5 - target / 2.0) / scale;
    const int first = std::max(0, int(std::ceil(centre - radius - 0.5)));
    const int last = std::min(source - 1, int(std::floor(centre + radius - 0.5)));
    Window& window = windows[std::size_t(i)];
    window.first = first;
    double sum = 0;
    for (int j = first; j <= last; ++j) sum += 1 - std::abs(j + 0.5 - centre) / radius;
    for (int j = first; j <= last; ++j) {
      window.weights.push_back(float((1 - std::abs(j + 0.5 - centre) / radius) / sum));
    }
  }
  return windows;
}

std::vector<float> resample(const std::uint8_t* plane, int source_width,
                            const std::vector<Window>& rows, const std::vector<Window>& columns) {
  const int first_row = rows.front().first;
  const int row_count = rows.back().first + int(rows.back().weights.size()) - first_row;
  const std::size_t width = columns.size();
  std::vector<float> narrowed(std::size_t(row_count) * width);
  for (std::size_t y = 0; y < std::size_t(row_count); ++y) {
    const std::uint8_t* source = plane + (std::size_t(first_row) + y) * std::size_t(source_width);
    for (std::size_t x = 0; x < width; ++x) {
      float sum = 0;
      const std::uint8_t* pixel = source + columns[x].first;
      for (const float weight : columns[x].weights) sum += weight * float(*pixel++);
      narrowed[y * width + x] = sum;
    }
  }
  std::vector<float> result(rows.size() * width);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    const float* source = narrowed.data() + std::size_t(rows[y].first - first_row) * width;
    for (const float weight : rows[y].weights) {
      for (std::size_t x = 0; x < width; ++x) result[y * width + x] += weight * source[x];
      source += width;
    }
  }
  return result;
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

Image resampled(const Image& image, int channels, const std::vector<Window>& rows,
                const std::vector<Window>& columns) {
  const std::size_t plane = std::size_t(image.height) * std::size_t(image.width);
  std::vector<std::vector<float>> planes;
  for (std::size_t c = 0; c < std::size_t(image.channels); ++c) {
    planes.push_back(resample(image.pixels.data() + c * plane, image.width, rows, columns));
  }
  if (image.channels == 3 && channels == 1) {
    for (std::size_t i = 0; i < planes[0].size(); ++i) {
      planes[0][i] = 0.299f * planes[0][i] + 0.587f * planes[1][i] + 0.114f * planes[2][i];
    }
  }
  Image result{channels, int(rows.size()), int(columns.size()), {}};
  result.pixels.reserve(std::size_t(channels) * planes[0].size());
  for (std::size_t c = 0; c < std::size_t(channels); ++c) {
    const std::vector<float>& source = planes[image.channels == 1 ? 0 : c];
    for (const float value : source) result.pixels.push_back(to_byte(value));
  }
  return result;
}

void check_conversion(const Image& image, int channels, int height, int width) {
  PACT_CHECK(image.channels == 1 || image.channels == 3);
  PACT_CHECK(channels == 1 || channels == 3);
  PACT_CHECK(image.height > 0 && image.width > 0 && height > 0 && width > 0);
}

}  // namespace

Result<Image> read_image(const std::filesystem::path& path) {
  constexpr std::array<unsigned char, 8> kPng = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  constexpr std::array<unsigned char, 3> kJpeg = {0xff, 0xd8, 0xff};
  PACT_TRY(const MappedFile file, MappedFile::open(path));
  const Bytes bytes = file.bytes();
  if (starts_with(bytes, kPng)) {
    PACT_TRY(const Interleaved picture, decode_png(path, bytes));
    return to_planes(picture);
  }
  if (starts_with(bytes, kJpeg)) {
    PACT_TRY(const Interleaved picture, decode_jpeg(path, bytes));
    return to_planes(picture);
  }
  return make_error(ErrorCode::Unsupported, path.string(),
                    ": expected the first bytes of a PNG or JPEG, found ",
                    bytes.empty() ? "an empty file" : "others");
}

Image fit(const Image& image, int channels, int height, int width) {
  check_conversion(image, channels, height, width);
  const double scale = std::max(double(height) / image.height, double(width) / image.width);
  return resampled(image, channels, make_windows(image.height, height, scale, image.height / 2.0),
                   make_windows(image.width, width, scale, image.width / 2.0));
}

Image sample(const Image& image, const Region& region, int channels, int height, int width) {
  check_conversion(image, channels, height, width);
  PACT_CHECK(region.height > 0 && region.width > 0);
  return resampled(
      image, channels,
      make_windows(image.height, height, height / region.height, region.top + region.height / 2),
      make_windows(image.width, width, width / region.width, region.left + region.width / 2));
}

}  // namespace pact::data
