# SPDX-License-Identifier: Apache-2.0
# Trains the network of examples/bring-your-own-network.md in PyTorch and writes it as ONNX:
#   python3 tools/onnx/example_network.py examples/fashion-cnn.onnx
import gzip
import sys

import torch
from torch import nn

FOLDER = "/usr/share/datasets/fashion-mnist/"


def read(name, header):
    with gzip.open(FOLDER + name + ".gz") as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 48, 3, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(48)
        self.linear = nn.Linear(48, 10)

    def forward(self, x):
        x = nn.functional.relu(self.bn1(self.conv1(x)))
        x = nn.functional.relu6(self.bn2(self.conv2(x)))
        x = nn.functional.relu(self.bn3(self.conv3(x)))
        return self.linear(x.mean((2, 3)))


def main(path):
    torch.manual_seed(1)
    images = read("train-images-idx3-ubyte", 16).view(-1, 1, 28, 28).float() / 255
    images = (images - 0.286) / 0.353
    labels = read("train-labels-idx1-ubyte", 8).long()
    net = Network()
    epochs, batch = 4, 128
    steps = len(images) // batch
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * steps)
    for epoch in range(epochs):
        for part in torch.randperm(len(images))[: steps * batch].view(steps, batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(images[part]), labels[part])
            loss.backward()
            optimizer.step()
            schedule.step()
        print("epoch", epoch + 1, "loss", loss.item(), flush=True)
    net.eval()
    torch.onnx.export(
        net,
        images[:1],
        path,
        opset_version=13,
        training=torch.onnx.TrainingMode.PRESERVE,  # batch norm stays a node of its own
        do_constant_folding=False,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )


main(sys.argv[1])
