# SPDX-License-Identifier: Apache-2.0
# Writes torchvision's networks, and a decoder, as ONNX files with random weights, and pixels to run
# them on:
#   python3 tools/onnx/fixtures.py out/onnx
import sys

import torch
from torch import nn
from torch.nn import functional
from torchvision import models

NAMES = [
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "vgg16",
    "squeezenet1_1",
    "shufflenet_v2_x1_0",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "decoder",
]


def layer(convolution, channels):
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())


class Decoder(nn.Module):
    """Shrinks the image and makes maps of it again, in every way that PyTorch has for it."""

    def __init__(self):
        super().__init__()
        self.first = layer(nn.Conv2d(3, 16, 3, stride=4, padding=1), 16)
        self.second = layer(nn.Conv2d(16, 32, 3, stride=2, padding=1), 32)
        self.spread = layer(
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1, groups=4), 16
        )
        self.joined = layer(nn.Conv2d(32, 16, 3, padding=1), 16)
        self.nearest = nn.Upsample(scale_factor=2, mode="nearest")
        self.fine = layer(nn.Conv2d(16, 8, 3, padding=1), 8)
        self.linear = nn.Upsample(scale_factor=0.75, mode="bilinear", align_corners=False)
        self.corners = nn.Upsample(size=(100, 90), mode="bilinear", align_corners=True)
        self.maps = nn.Conv2d(16, 5, 1)

    def forward(self, image):
        skip = self.first(image)
        deep = self.second(functional.max_pool2d(functional.pad(skip, (0, 1, 0, 1)), 2, stride=1))
        x = self.joined(torch.cat([self.spread(deep), skip], 1))
        x = self.fine(self.nearest(x))
        x = torch.cat([self.corners(x), self.corners(self.linear(x))], 1)
        return self.maps(x)


def network(name):
    torch.manual_seed(1)
    options = {"init_weights": True} if name == "googlenet" else {}
    net = Decoder() if name == "decoder" else getattr(models, name)(weights=None, **options)
    # Batch norm gets statistics of its own, so that values neither vanish nor explode.
    net.train()
    with torch.no_grad():
        for _ in range(2):
            net(torch.randn(4, 3, 224, 224))
    return net.eval()


def main(folder):
    torch.manual_seed(2)
    with open(f"{folder}/pixels.u8", "wb") as file:
        file.write(torch.randint(0, 256, (4, 3, 224, 224), dtype=torch.uint8).numpy().tobytes())
    for name in NAMES:
        torch.onnx.export(
            network(name),
            torch.randn(1, 3, 224, 224),
            f"{folder}/{name}.onnx",
            opset_version=13,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
            training=torch.onnx.TrainingMode.PRESERVE,  # batch norm stays a node of its own
            do_constant_folding=False,
        )
        print(f"{folder}/{name}.onnx", flush=True)


main(sys.argv[1])
