// SPDX-License-Identifier: Apache-2.0
#include "pact/data/image.h"

#include <gtest/gtest.h>
#include <png.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "pact/data/jpeg_writer_test.h"

namespace pact::data {
namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<std::uint8_t>;

class ReadImage : public testing::Test {
 protected:
  ReadImage() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = fs::path(testing::TempDir()) / text("pact_image_", ::getpid(), "_", test->name());
  }
  ~ReadImage() override { fs::remove(path_); }

  Result<Image> read(const Bytes& file) const {
    std::ofstream out(path_, std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.data()), std::streamsize(file.size()));
    out.close();
    return read_image(path_);
  }

  std::string error(const Bytes& file) const {
    const Result<Image> image = read(file);
    return image ? "no error" : image.error().message;
  }

  void expect_image(const Result<Image>& image, int channels, int height, int width,
                    const Bytes& pixels) const {
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->channels, channels);
    EXPECT_EQ(image->height, height);
    EXPECT_EQ(image->width, width);
    EXPECT_EQ(image->pixels, pixels);
  }

  fs::path path_;
};

struct PngSpec {
  int height = 0;
  int width = 0;
  int colour = PNG_COLOR_TYPE_GRAY;
  int depth = 8;
  int interlace = PNG_INTERLACE_NONE;
  std::vector<png_color> palette{};
  Bytes palette_alpha{};
};

// `rows` is as in the file: packed, big-endian, interleaved.
Bytes write_png(const PngSpec& spec, Bytes rows) {
  Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep data, std::size_t length) {
        auto* target = static_cast<Bytes*>(png_get_io_ptr(writer));
        target->insert(target->end(), data, data + length);
      },
      nullptr);
  png_set_IHDR(png, info, png_uint_32(spec.width), png_uint_32(spec.height), spec.depth,
               spec.colour, spec.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!spec.palette.empty()) {
    png_set_PLTE(png, info, spec.palette.data(), int(spec.palette.size()));
  }
  if (!spec.palette_alpha.empty()) {
    png_set_tRNS(png, info, spec.palette_alpha.data(), int(spec.palette_alpha.size()), nullptr);
  }
  png_write_info(png, info);
  const std::size_t stride = png_get_rowbytes(png, info);
  EXPECT_EQ(rows.size(), stride * std::size_t(spec.height));
  std::vector<png_bytep> pointers;
  for (int y = 0; y < spec.height; ++y) pointers.push_back(rows.data() + std::size_t(y) * stride);
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

// A smooth picture, which JPEG keeps nearly as it is: [row][column][channel].
Bytes gradient(int channels, int height, int width) {
  Bytes bytes;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) bytes.push_back(std::uint8_t(20 + 3 * x + 2 * y + 40 * c));
    }
  }
  return bytes;
}

TEST_F(ReadImage, GreyPng) {
  const Bytes file = write_png({.height = 2, .width = 3}, {1, 2, 3, 4, 5, 255});
  expect_image(read(file), 1, 2, 3, {1, 2, 3, 4, 5, 255});
}

TEST_F(ReadImage, RgbPngBecomesPlanes) {
  const PngSpec spec{.height = 1, .width = 2, .colour = PNG_COLOR_TYPE_RGB};
  expect_image(read(write_png(spec, {1, 2, 3, 4, 5, 6})), 3, 1, 2, {1, 4, 2, 5, 3, 6});
}

TEST_F(ReadImage, InterlacedPng) {
  Bytes rows;
  for (int i = 0; i < 9 * 11; ++i) rows.push_back(std::uint8_t(2 * i));
  const PngSpec spec{.height = 9, .width = 11, .interlace = PNG_INTERLACE_ADAM7};
  expect_image(read(write_png(spec, rows)), 1, 9, 11, rows);
}

TEST_F(ReadImage, PngOfOneBitIsExpanded) {
  const PngSpec spec{.height = 1, .width = 3, .depth = 1};
  expect_image(read(write_png(spec, {0b10100000})), 1, 1, 3, {255, 0, 255});
}

TEST_F(ReadImage, PngOfSixteenBitsIsRounded) {
  // 0x1280 is 18.43 of 255; 0x00ff is 0.99.
  const PngSpec spec{.height = 1, .width = 4, .depth = 16};
  const Bytes rows = {0x12, 0x80, 0x00, 0xff, 0xff, 0xff, 0x00, 0x00};
  expect_image(read(write_png(spec, rows)), 1, 1, 4, {18, 1, 255, 0});
}

TEST_F(ReadImage, AlphaIsBlendedOntoWhite) {
  const PngSpec rgba{.height = 1, .width = 3, .colour = PNG_COLOR_TYPE_RGB_ALPHA};
  expect_image(read(write_png(rgba, {10, 20, 30, 255, 10, 20, 30, 0, 100, 0, 255, 51})), 3, 1, 3,
               {10, 255, 224, 20, 255, 204, 30, 255, 255});
  const PngSpec grey{.height = 1, .width = 2, .colour = PNG_COLOR_TYPE_GRAY_ALPHA};
  expect_image(read(write_png(grey, {0, 128, 9, 255})), 1, 1, 2, {127, 9});
  const PngSpec wide{.height = 1, .width = 1, .colour = PNG_COLOR_TYPE_GRAY_ALPHA, .depth = 16};
  expect_image(read(write_png(wide, {0, 0, 0x80, 0x80})), 1, 1, 1, {127});
}

TEST_F(ReadImage, PalettesAreExpanded) {
  PngSpec spec{.height = 1,
               .width = 3,
               .colour = PNG_COLOR_TYPE_PALETTE,
               .depth = 2,
               .palette = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}};
  const Bytes rows = {0b10000100};
  expect_image(read(write_png(spec, rows)), 3, 1, 3, {7, 1, 4, 8, 2, 5, 9, 3, 6});
  spec.palette_alpha = {255, 0};
  expect_image(read(write_png(spec, rows)), 3, 1, 3, {7, 1, 255, 8, 2, 255, 9, 3, 255});
}

TEST_F(ReadImage, PngTruncatedAnywhereIsAnError) {
  const PngSpec spec{.height = 5, .width = 7, .colour = PNG_COLOR_TYPE_RGB};
  const Bytes file = write_png(spec, gradient(3, 5, 7));
  ASSERT_TRUE(read(file));
  for (std::size_t size = 8; size < file.size(); ++size) {
    EXPECT_EQ(error(Bytes(file.begin(), file.begin() + std::ptrdiff_t(size))),
              path_.string() + ": expected a whole PNG, found damage (the file ends early)")
        << size;
  }
}

TEST_F(ReadImage, PngWithAnyBitFlippedIsAnError) {
  const Bytes file = write_png({.height = 5, .width = 7}, gradient(1, 5, 7));
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = file;
      damaged[i] ^= std::uint8_t(1 << bit);
      EXPECT_NE(error(damaged), "no error") << "byte " << i << " bit " << bit;
    }
  }
}

TEST_F(ReadImage, PngErrorsNameTheDamage) {
  Bytes file = write_png({.height = 5, .width = 7}, gradient(1, 5, 7));
  const Bytes type = {'I', 'D', 'A', 'T'};
  const auto data = std::search(file.begin(), file.end(), type.begin(), type.end());
  ASSERT_NE(data, file.end());
  data[8] ^= 1;
  const Result<Image> image = read(file);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::Corrupt);
  EXPECT_EQ(image.error().message.find(path_.string() + ": expected a whole PNG, found damage ("),
            0u);
  EXPECT_NE(image.error().message.find("IDAT"), std::string::npos) << image.error().message;
}

void put_big_endian(Bytes& bytes, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[offset + i] = std::uint8_t(value >> (24 - 8 * i));
}

// A PNG whose header claims another size, with the right check sum.
Bytes png_claiming(std::uint32_t height, std::uint32_t width) {
  Bytes file = write_png({.height = 1, .width = 1}, {7});
  put_big_endian(file, 16, width);
  put_big_endian(file, 20, height);
  std::uint32_t crc = ~std::uint32_t(0);
  for (std::size_t i = 12; i < 29; ++i) {
    crc ^= file[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  put_big_endian(file, 29, ~crc);
  return file;
}

TEST_F(ReadImage, SmallestPng) { expect_image(read(png_claiming(1, 1)), 1, 1, 1, {7}); }

TEST_F(ReadImage, HugePngIsRefusedByItsHeader) {
  const std::string expected =
      path_.string() + ": expected at most 67108864 pixels and 1000000 on a side, found ";
  EXPECT_EQ(error(png_claiming(8193, 8192)), expected + "8192x8193");
  EXPECT_EQ(error(png_claiming(1, 1000001)), expected + "1000001x1");
  EXPECT_EQ(error(png_claiming(0x7fffffff, 0x7fffffff)), expected + "2147483647x2147483647");
  EXPECT_NE(error(png_claiming(0xffffffff, 1)).find("found damage"), std::string::npos);
  EXPECT_NE(error(png_claiming(0, 1)).find("found damage"), std::string::npos);
  // Allowed by the limit, though the file does not hold so much.
  EXPECT_NE(error(png_claiming(67, 1000000)).find("found damage"), std::string::npos);
}

void expect_near(const Bytes& found, const Bytes& expected, int tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(int(found[i]), int(expected[i]), tolerance) << "byte " << i;
  }
}

TEST_F(ReadImage, GreyJpeg) {
  for (const auto scans : {JpegSpec::Scans::Baseline, JpegSpec::Scans::Progressive}) {
    const Bytes pixels = gradient(1, 9, 20);
    const auto image = read(write_jpeg({.height = 9, .width = 20, .scans = scans}, pixels));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->channels, 1);
    EXPECT_EQ(image->height, 9);
    EXPECT_EQ(image->width, 20);
    expect_near(image->pixels, pixels, 2);
  }
}

TEST_F(ReadImage, RgbJpegBecomesPlanes) {
  const JpegSpec spec{.channels = 3, .height = 16, .width = 24, .colours = JCS_RGB};
  const auto image = read(write_jpeg(spec, gradient(3, 16, 24)));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->channels, 3);
  EXPECT_EQ(image->height, 16);
  EXPECT_EQ(image->width, 24);
  Bytes planes;
  for (int c = 0; c < 3; ++c) {
    for (std::uint8_t value : gradient(1, 16, 24)) planes.push_back(std::uint8_t(value + 40 * c));
  }
  expect_near(image->pixels, planes, 4);
}

TEST_F(ReadImage, JpegTruncatedAnywhereIsAnError) {
  for (const auto scans : {JpegSpec::Scans::Baseline, JpegSpec::Scans::Progressive}) {
    const Bytes file = write_jpeg({.height = 16, .width = 16, .scans = scans}, gradient(1, 16, 16));
    ASSERT_TRUE(read(file));
    for (std::size_t size = 3; size < file.size(); ++size) {
      const auto image = read(Bytes(file.begin(), file.begin() + std::ptrdiff_t(size)));
      ASSERT_FALSE(image) << size << " of " << file.size();
      EXPECT_EQ(image.error().code, ErrorCode::Corrupt);
    }
    EXPECT_EQ(
        error(Bytes(file.begin(), file.end() - 2)),
        path_.string() + ": expected a whole JPEG, found damage (Premature end of JPEG file)");
  }
}

// Most flips change pixels only, which a format without check sums cannot notice.
TEST_F(ReadImage, JpegWithAnyBitFlippedIsReadOrRefused) {
  const Bytes file = write_jpeg({.height = 9, .width = 9}, gradient(1, 9, 9));
  int refused = 0;
  for (std::size_t i = 3; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = file;
      damaged[i] ^= std::uint8_t(1 << bit);
      refused += read(damaged) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 100);
}

// A grey JPEG with bytes that belong to nothing before its frame header, as some cameras write.
Bytes jpeg_with_stray_bytes() {
  Bytes file = write_jpeg({.height = 8, .width = 8}, Bytes(64, 200));
  const Bytes frame = {0xff, 0xc0, 0x00, 0x0b, 0x08};
  const auto found = std::search(file.begin(), file.end(), frame.begin(), frame.end());
  EXPECT_NE(found, file.end());
  file.insert(found, {0x00, 0x12, 0x34});
  return file;
}

TEST_F(ReadImage, HarmlessJpegWarningsAreNotErrors) {
  expect_image(read(jpeg_with_stray_bytes()), 1, 8, 8, Bytes(64, 200));
}

TEST_F(ReadImage, HugeJpegIsRefusedByItsHeader) {
  Bytes file = write_jpeg({.height = 8, .width = 8}, Bytes(64, 200));
  const Bytes frame = {0xff, 0xc0, 0x00, 0x0b, 0x08};
  const auto found = std::search(file.begin(), file.end(), frame.begin(), frame.end());
  ASSERT_NE(found, file.end());
  put_big_endian(file, std::size_t(found - file.begin()) + 5, 65000u << 16 | 65000u);
  EXPECT_EQ(error(file),
            path_.string() +
                ": expected at most 67108864 pixels and 1000000 on a side, found 65000x65000");
}

TEST_F(ReadImage, JpegWithCountlessScansIsRefused) {
  const Bytes file = write_jpeg({.channels = 3,
                                 .height = 8,
                                 .width = 8,
                                 .colours = JCS_RGB,
                                 .scans = JpegSpec::Scans::PerChannel},
                                Bytes(192, 200));
  expect_image(read(file), 3, 8, 8, Bytes(192, 200));
  const Bytes marker = {0xff, 0xda};
  const auto last_scan = std::find_end(file.begin(), file.end(), marker.begin(), marker.end());
  ASSERT_NE(last_scan, file.end());
  const auto with_scans = [&](int count) {
    Bytes repeated(file.begin(), last_scan);
    for (int i = 2; i < count; ++i) repeated.insert(repeated.end(), last_scan, file.end() - 2);
    repeated.insert(repeated.end(), file.end() - 2, file.end());
    return repeated;
  };
  expect_image(read(with_scans(500)), 3, 8, 8, Bytes(192, 200));
  EXPECT_EQ(error(with_scans(501)),
            path_.string() + ": expected a whole JPEG, found damage (more than 500 scans)");
}

// Ink of 55 and black of 35 let 200/255 * 220/255 of the light through.
TEST_F(ReadImage, CmykJpegBecomesRgb) {
  Bytes ink;
  for (int i = 0; i < 64; ++i) ink.insert(ink.end(), {55, 0, 255, 35});
  const JpegSpec spec{.channels = 4, .height = 8, .width = 8, .colours = JCS_CMYK};
  Bytes planes(64, 173);
  planes.resize(128, 220);
  planes.resize(192, 0);
  auto image = read(write_jpeg(spec, ink));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->channels, 3);
  expect_near(image->pixels, planes, 2);
  // Adobe's files hold the inverse of the ink.
  for (std::uint8_t& value : ink) value = std::uint8_t(255 - value);
  JpegSpec adobe = spec;
  adobe.marker = JpegSpec::Marker::Adobe;
  image = read(write_jpeg(adobe, ink));
  ASSERT_TRUE(image) << image.error().message;
  expect_near(image->pixels, planes, 2);
}

TEST_F(ReadImage, JpegOfTwoComponentsIsUnsupported) {
  const JpegSpec spec{.channels = 2, .height = 8, .width = 8, .colours = JCS_UNKNOWN};
  const auto image = read(write_jpeg(spec, Bytes(128, 200)));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::Unsupported);
  EXPECT_EQ(image.error().message,
            path_.string() + ": expected a grey, RGB or CMYK JPEG, found one of 2 components");
}

TEST_F(ReadImage, ForeignFilesAreRefused) {
  const std::string expected =
      path_.string() + ": expected the first bytes of a PNG or JPEG, found ";
  EXPECT_EQ(error({}), expected + "an empty file");
  EXPECT_EQ(error({'G', 'I', 'F', '8', '9', 'a', 0, 0, 0, 0}), expected + "others");
  EXPECT_EQ(error({0xff, 0xd8}), expected + "others");
  const auto missing = read_image(path_.string() + ".missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
}

TEST_F(ReadImage, NothingIsPrinted) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const Bytes jpeg = write_jpeg({.height = 16, .width = 16}, gradient(1, 16, 16));
  const Bytes png = write_png({.height = 5, .width = 7}, gradient(1, 5, 7));
  EXPECT_NE(error(Bytes(jpeg.begin(), jpeg.end() - 9)), "no error");
  EXPECT_NE(error(Bytes(png.begin(), png.end() - 9)), "no error");
  EXPECT_EQ(error(jpeg_with_stray_bytes()), "no error");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

Image grey(int height, int width, const Bytes& pixels) { return {1, height, width, pixels}; }

TEST(Fit, KeepsAPictureOfTheRightSize) {
  const Image image{3, 2, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}};
  const Image same = fit(image, 3, 2, 2);
  EXPECT_EQ(same.channels, 3);
  EXPECT_EQ(same.height, 2);
  EXPECT_EQ(same.width, 2);
  EXPECT_EQ(same.pixels, image.pixels);
}

TEST(Fit, CropsTheCentreOfWideAndTallPictures) {
  EXPECT_EQ(fit(grey(1, 5, {1, 2, 3, 4, 5}), 1, 1, 1).pixels, (Bytes{3}));
  EXPECT_EQ(fit(grey(2, 6, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), 1, 2, 2).pixels,
            (Bytes{3, 4, 9, 10}));
  EXPECT_EQ(fit(grey(5, 1, {1, 2, 3, 4, 5}), 1, 1, 1).pixels, (Bytes{3}));
  EXPECT_EQ(fit(grey(4, 2, {1, 2, 3, 4, 5, 6, 7, 8}), 1, 2, 2).pixels, (Bytes{3, 4, 5, 6}));
}

TEST(Fit, InterpolatesLinearlyWhenItEnlarges) {
  // Centres of the result lie at 0.25, 0.75, 1.25, 1.75 of the source.
  EXPECT_EQ(fit(grey(2, 2, {0, 100, 0, 100}), 1, 4, 4).pixels,
            (Bytes{0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100, 0, 25, 75, 100}));
  EXPECT_EQ(fit(grey(2, 2, {0, 0, 100, 100}), 1, 4, 4).pixels,
            (Bytes{0, 0, 0, 0, 25, 25, 25, 25, 75, 75, 75, 75, 100, 100, 100, 100}));
}

TEST(Fit, AveragesTheAreaWhenItShrinks) {
  // One column in four is bright: sampling would give 0 or 128, the mean is 63.75.
  Bytes pixels;
  for (int i = 0; i < 64 * 64; ++i) pixels.push_back(i % 4 == 1 ? 255 : 0);
  const Image small = fit(grey(64, 64, pixels), 1, 16, 16);
  for (int y = 0; y < 16; ++y) {
    for (int x = 1; x < 15; ++x) {
      EXPECT_NEAR(small.pixels[std::size_t(y * 16 + x)], 64, 1) << y << ", " << x;
    }
  }
}

TEST(Fit, AConstantStaysConstantAtAnySize) {
  for (const int source : {1, 2, 7, 33}) {
    for (const int target : {1, 3, 8, 32, 100}) {
      const Image image = grey(source, 2 * source, Bytes(std::size_t(2 * source * source), 201));
      const Image result = fit(image, 1, target, target + 1);
      EXPECT_EQ(result.pixels, Bytes(std::size_t(target * (target + 1)), 201))
          << source << " to " << target;
    }
  }
}

TEST(Fit, LongThinPicturesKeepTheirMiddle) {
  Bytes pixels(200000, 0);
  for (std::size_t i = 99990; i < 100010; ++i) pixels[i] = 90;
  EXPECT_EQ(fit(grey(1, 200000, pixels), 1, 4, 4).pixels, Bytes(16, 90));
  EXPECT_EQ(fit(grey(200000, 1, pixels), 1, 4, 4).pixels, Bytes(16, 90));
}

TEST(Fit, ConvertsColourToLumaAndGreyToEqualChannels) {
  // 0.299 * 255 = 76.2, 0.587 * 255 = 149.7, 0.114 * 255 = 29.1.
  const Image colours{3, 1, 4, {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255}};
  EXPECT_EQ(fit(colours, 1, 1, 4).pixels, (Bytes{76, 150, 29, 255}));
  const Image result = fit(grey(1, 2, {5, 6}), 3, 1, 2);
  EXPECT_EQ(result.channels, 3);
  EXPECT_EQ(result.pixels, (Bytes{5, 6, 5, 6, 5, 6}));
}

TEST(Sample, TakesTheRegionAndItsSurroundings) {
  const Image ramp = grey(1, 8, {0, 10, 20, 30, 40, 50, 60, 70});
  EXPECT_EQ(sample(ramp, {0, 2, 1, 4}, 1, 1, 4).pixels, (Bytes{20, 30, 40, 50}));
  EXPECT_EQ(sample(ramp, {0, 2.5, 1, 4}, 1, 1, 4).pixels, (Bytes{25, 35, 45, 55}));
  // Twice smaller: weights 1/8, 3/8, 3/8, 1/8, beyond the region too.
  EXPECT_EQ(sample(ramp, {0, 2, 1, 4}, 1, 1, 2).pixels, (Bytes{25, 45}));
}

}  // namespace
}  // namespace pact::data
