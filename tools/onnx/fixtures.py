# SPDX-License-Identifier: Apache-2.0
# Writes torchvision's networks as ONNX files with random weights, and pixels to run them on:
#   python3 tools/onnx/fixtures.py out/onnx
import sys

import torch
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
]


def network(name):
    torch.manual_seed(1)
    options = {"init_weights": True} if name == "googlenet" else {}
    net = getattr(models, name)(weights=None, **options)
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
