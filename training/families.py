"""What differs between the demonstration families: networks, views, losses and recipes."""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Recipe:
    """How one variant is built and trained."""
    reduce: int           # the input is averaged down by this factor inside the graph
    widths: tuple         # channels of the stem and of each stage
    blocks: tuple         # residual blocks of each of them
    epochs: float
    rate: float
    views: int            # transformed copies of the input whose answers are averaged
    partner: 'Recipe' = None  # a second network that is trained beside the first and asked too


def unit(inputs, outputs, kernel, stride):
    padding = tuple(size // 2 for size in kernel)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        self.first = unit(channels, channels, kernel, 1)
        self.second = unit(channels, channels, kernel, 1)
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


class Trunk(nn.Module):
    """A small residual network; every stage halves the picture (or quarters the signal)."""

    def __init__(self, recipe, stem_kernel, kernel, stem_stride, stride):
        super().__init__()
        layers, channels = [], 1
        for index, (width, blocks) in enumerate(zip(recipe.widths, recipe.blocks)):
            stem = index == 0
            layers += [unit(channels, width, stem_kernel if stem else kernel, stem_stride if stem else stride), nn.ReLU()]
            layers += [Block(width, kernel) for _ in range(blocks)]
            channels = width
        self.layers = nn.Sequential(*layers)
        self.channels = channels

    def forward(self, x):
        return self.layers(x)


class InspectNet(nn.Module):
    """The first stages look for defects place by place, the last one judges the whole part.

    While it trains, the network also says what it sees in each of 12 x 12 places. Without that hint a defect of a few
    pixels is found only after hours.
    """
    PLACES = 12

    def __init__(self, recipe):
        super().__init__()
        self.reduce = recipe.reduce
        local = Recipe(recipe.reduce, recipe.widths[:-1], recipe.blocks[:-1], 0, 0, 1)
        self.trunk = Trunk(local, (5, 5), (3, 3), 2, 2)
        channels = self.trunk.channels
        self.places = nn.Conv2d(channels, 6, 1)
        self.whole = nn.Sequential(unit(channels, recipe.widths[-1], (3, 3), 2), nn.ReLU(),
                                   *[Block(recipe.widths[-1], (3, 3)) for _ in range(recipe.blocks[-1])])
        self.head = nn.Linear(2 * recipe.widths[-1] + 6, 6)

    def forward(self, x):
        if self.reduce > 1:
            x = F.avg_pool2d(x, self.reduce)
        local = self.trunk(x * 4 - 2)
        places = self.places(local)
        whole = self.whole(local)
        # The average describes the part, the maximum finds the one spot that is wrong.
        scores = self.head(torch.cat([whole.mean((2, 3)), whole.amax((2, 3)), places.amax((2, 3))], 1))
        return (scores, places) if self.training else scores


class GaugeNet(nn.Module):
    """Scores positions along the scale; the reading is their centre of mass."""
    POSITIONS = 60

    def __init__(self, recipe):
        super().__init__()
        self.reduce = recipe.reduce
        self.trunk = Trunk(recipe, (5, 5), (3, 3), 2, 2)
        side = 96 // recipe.reduce
        for _ in recipe.widths:
            side = (side + 1) // 2
        self.squeeze = nn.Sequential(nn.Conv2d(self.trunk.channels, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.head = nn.Linear(24 * side * side, self.POSITIONS)
        # A little beyond both ends, so that the centre of mass can reach 0 and 1.
        self.register_buffer('positions', torch.linspace(-0.1, 1.1, self.POSITIONS))

    def forward(self, x):
        if self.reduce > 1:
            x = F.avg_pool2d(x, self.reduce)
        return self.head(self.squeeze(self.trunk(x * 4 - 2)).flatten(1))


class Pair(nn.Module):
    """Two networks of different size or resolution err on different pictures. Returns the logarithm of their mean score."""

    def __init__(self, make, recipe):
        super().__init__()
        self.members = nn.ModuleList([make(recipe), make(recipe.partner)])
        if hasattr(self.members[0], 'positions'):
            self.register_buffer('positions', self.members[0].positions)

    def forward(self, x):
        outputs = [member(x) for member in self.members]
        if self.training:
            return outputs
        return torch.log(0.5 * (F.softmax(outputs[0], 1) + F.softmax(outputs[1], 1)) + 1e-9)


def make(network, recipe):
    return Pair(network, recipe) if recipe.partner else network(recipe)


class VibrationNet(nn.Module):
    def __init__(self, recipe):
        super().__init__()
        self.take = 2048 // recipe.reduce
        self.trunk = Trunk(recipe, (1, 15), (1, 7), (1, 4), (1, 2))
        self.head = nn.Linear(2 * self.trunk.channels, 5)

    def forward(self, x):
        x = self.trunk((x[:, :, :self.take] * 0.5).unsqueeze(2))
        return self.head(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))


class Inspect:
    shape = (1, 96, 96)
    input_name, output_name = 'image', 'scores'
    recipes = {
        'large': Recipe(1, (16, 32, 64, 96), (0, 2, 1, 0), 2, 4e-3, 8,
                        partner=Recipe(1, (16, 32, 48, 64), (0, 1, 1, 0), 2, 4e-3, 8)),
        'medium': Recipe(2, (16, 40, 64), (1, 1, 0), 4, 4e-3, 8),
        'small': Recipe(2, (16, 40, 64), (1, 1, 0), 4, 4e-3, 1),
        'tiny': Recipe(2, (12, 32, 48), (0, 1, 0), 5, 5e-3, 1),
    }

    def make_net(self, name):
        return make(InspectNet, self.recipes[name])

    def augment(self, x, y):
        """Parts have no up or down: mirrored and transposed copies are as good as new ones. The map turns with them."""
        label, places = y[:, 0], y[:, 1:].view(-1, 1, InspectNet.PLACES, InspectNet.PLACES)
        for axes in ((2,), (3,)):
            if torch.rand(()) < 0.5:
                x, places = x.flip(axes), places.flip(axes)
        if torch.rand(()) < 0.5:
            x, places = x.transpose(2, 3), places.transpose(2, 3)
        return x, (label, places)

    def loss(self, output, y):
        if isinstance(output, list):
            return sum(self.loss(member, y) for member in output)
        (scores, seen), (label, places) = output, y
        label = label.long()
        places = F.adaptive_max_pool2d(places, seen.shape[2])
        wanted = places[:, 0].long() * label[:, None, None]
        weight = 1 + 7 * places[:, 0]
        by_place = (F.cross_entropy(seen, wanted, reduction='none') * weight).mean()
        return F.cross_entropy(scores, label, label_smoothing=0.02) + 2 * by_place

    def right(self, output, y):
        return output.argmax(1) == y[:, 0].long()

    def finish(self, net, views):
        return ClassifierViews(net, views)


def shifted(x, count):
    """Copies moved by one pixel: the strides of the network see other pixels, what is in the picture stays the same."""
    padded = F.pad(x, (1, 1, 1, 1), mode='replicate')
    size = x.shape[2]
    return [padded[:, :, top:top + size, left:left + size] for top, left in ((0, 0), (2, 1), (1, 2))[:count]]


class ClassifierViews(nn.Module):
    """Averages the class scores over mirrored and transposed copies: no part changes its class when it is turned over."""

    def __init__(self, net, views):
        super().__init__()
        self.net, self.views = net, views

    def forward(self, x):
        if self.views == 1:
            return F.softmax(self.net(x), 1)
        copies = [x]
        if self.views >= 16:
            copies += shifted(x, 1)
        if self.views >= 2:
            copies += [copy.flip(3) for copy in copies]
        if self.views >= 4:
            copies += [copy.flip(2) for copy in copies]
        if self.views >= 8:
            copies += [copy.transpose(2, 3) for copy in copies]
        scores = F.softmax(self.net(torch.cat(copies)), 1)
        return scores.view(self.views, -1, scores.shape[1]).mean(0)


class Gauge:
    shape = (1, 96, 96)
    input_name, output_name = 'image', 'reading'
    tolerance = 0.02
    recipes = {
        'large': Recipe(1, (16, 32, 64), (0, 1, 1), 2, 4e-3, 16,
                        partner=Recipe(2, (24, 40, 48), (1, 1, 0), 2, 4e-3, 16)),
        'medium': Recipe(2, (12, 24, 40), (1, 1, 0), 3, 4e-3, 4),
        'small': Recipe(3, (12, 24, 48), (0, 1, 1), 4, 4e-3, 2),
        'tiny': Recipe(4, (16, 40), (1, 1), 5, 4e-3, 1),
    }

    def make_net(self, name):
        return make(GaugeNet, self.recipes[name])

    def augment(self, x, y):
        half = len(x) // 2
        if torch.rand(()) < 0.5:
            # In a mirror the scale runs backwards.
            x, y = torch.cat([x[:half].flip(3), x[half:]]), torch.cat([1 - y[:half], y[half:]])
        if torch.rand(()) < 0.5:
            x = torch.cat([x[:half], 1 - x[half:]])
        return x, y

    def loss(self, output, y):
        if isinstance(output, list):
            return sum(self.loss(member, y) for member in output)
        positions = torch.linspace(-0.1, 1.1, GaugeNet.POSITIONS)
        target = torch.exp(-0.5 * ((positions - y[:, None]) / 0.02) ** 2)
        target = target / target.sum(1, keepdim=True)
        reading = (F.softmax(output, 1) * positions).sum(1)
        return -(target * F.log_softmax(output, 1)).sum(1).mean() + 5 * (reading - y).abs().mean()

    def right(self, output, y):
        return (output[:, 0] - y).abs() <= self.tolerance

    def finish(self, net, views):
        return GaugeViews(net, views)


class GaugeViews(nn.Module):
    """Averages readings over copies whose answer is known from the original's: mirrored (the scale runs backwards),
    inverted (a dark dial becomes a light one) and shifted by a pixel (nothing changes but the noise of the answer).
    """

    def __init__(self, net, views):
        super().__init__()
        self.net, self.views = net, views

    def read(self, x):
        return (F.softmax(self.net(x), 1) * self.net.positions).sum(1, keepdim=True)

    def forward(self, x):
        if self.views == 1:
            return self.read(x).clamp(0, 1)
        copies = [x]
        if self.views >= 8:
            copies += shifted(x, self.views // 4 - 1)
        if self.views >= 4:
            copies += [1 - copy for copy in copies]
        copies += [copy.flip(3) for copy in copies]
        readings = self.read(torch.cat(copies)).view(2, self.views // 2, -1, 1).mean(1)
        return (0.5 * (readings[0] + 1 - readings[1])).clamp(0, 1)


class Vibration:
    shape = (1, 2048)
    input_name, output_name = 'acceleration', 'scores'
    recipes = {
        'large': Recipe(1, (32, 64, 96, 128), (1, 2, 2, 0), 3, 3e-3, 8),
        'medium': Recipe(2, (24, 32, 48, 64), (0, 1, 1, 0), 3, 4e-3, 8),
        'small': Recipe(3, (16, 24, 32, 48), (0, 1, 1, 0), 3, 4e-3, 2),
        'tiny': Recipe(4, (16, 24, 32, 32), (0, 1, 1, 0), 3, 4e-3, 1),
    }

    def make_net(self, name):
        return make(VibrationNet, self.recipes[name])

    def augment(self, x, y):
        half = len(x) // 2
        return torch.cat([-x[:half], x[half:]]), y

    def loss(self, output, y):
        return F.cross_entropy(output, y.long(), label_smoothing=0.02)

    def right(self, output, y):
        return output.argmax(1) == y.long()

    def finish(self, net, views):
        return SignViews(net, views)


class SignViews(nn.Module):
    """Averages over the signal and its negative (which way round the sensor is mounted must not matter), each listened to
    from a few samples earlier or later (the blows fall differently between the strides of the network).
    """
    SHIFT = 5

    def __init__(self, net, views):
        super().__init__()
        self.net, self.views = net, views

    def forward(self, x):
        if self.views == 1:
            return F.softmax(self.net(x), 1)
        shifts = self.views // 2
        length = 2048 - self.SHIFT * (shifts - 1)
        copies = [x[:, :, self.SHIFT * shift:self.SHIFT * shift + length] for shift in range(shifts)]
        copies += [-copy for copy in copies]
        scores = F.softmax(self.net(torch.cat(copies)), 1)
        return scores.view(self.views, -1, scores.shape[1]).mean(0)


FAMILIES = {'inspect': Inspect(), 'gauge': Gauge(), 'vibration': Vibration()}
