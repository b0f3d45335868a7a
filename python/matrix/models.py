"""The models of the matrix, each in a full size and in a small one whose archive is a few kilobytes.

One function a model returns `(model, example, second)`: the module in evaluation mode and two batches of inputs of different
sizes. Between them they use what models under audit use: convolutions of one to three dimensions, plain, grouped, strided and
transposed, batch and layer normalisation, in-place activations, residuals, attention by hand and fused, recurrence, embeddings,
embedding bags, dropout, pooling, interpolation, several inputs and several outputs.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """Layers in a row with dropout between them."""

    def __init__(self, sizes):
        super().__init__()
        layers = []
        for inputs, outputs in zip(sizes[:-2], sizes[1:-1]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(0.1)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))

    def forward(self, x):
        return self.layers(x)


class LeNet(nn.Module):
    """Two convolutions with pooling, three linear layers, tanh."""

    def __init__(self, side, channels, hidden):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels[0], 5, padding=2)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 3)
        flat = channels[1] * ((side // 2 - 2) // 2) ** 2
        self.fc1 = nn.Linear(flat, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.max_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut, normalised after each convolution."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        kept = x if self.shortcut is None else self.shortcut(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x += kept
        return self.relu(x)


class ResNet18(nn.Module):
    """The residual network for images of ImageNet's size, with in-place activations and an in-place sum."""

    def __init__(self, width, classes):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        channels = width
        for stage in range(4):
            outputs = width * 2**stage
            blocks = [BasicBlock(channels, outputs, 1 if stage == 0 else 2), BasicBlock(outputs, outputs, 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            channels = outputs
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.pool(x).flatten(1))


class WideBlock(nn.Module):
    """A block that normalises before each convolution, with dropout."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x):
        begun = F.relu(self.bn1(x))
        kept = x if self.shortcut is None else self.shortcut(begun)
        return kept + self.conv2(F.relu(self.bn2(self.conv1(begun))))


class WideResNet(nn.Module):
    """A wide residual network for images of 32 × 32."""

    def __init__(self, depth, factor, base, classes):
        super().__init__()
        each = (depth - 4) // 6
        self.stem = nn.Conv2d(3, base, 3, 1, 1, bias=False)
        blocks, channels = [], base
        for stage in range(3):
            for number in range(each):
                outputs = base * factor * 2**stage
                blocks.append(WideBlock(channels, outputs, 2 if stage > 0 and number == 0 else 1))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.relu(self.bn(self.blocks(self.stem(x))))
        return self.fc(x.mean((2, 3)))


class Inverted(nn.Module):
    """Expansion, depthwise convolution, a gate by channel, projection."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.expand = nn.Sequential(nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True))
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.Hardswish()
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(hidden, max(hidden // 4, 1), 1), nn.ReLU(), nn.Conv2d(max(hidden // 4, 1), hidden, 1), nn.Hardsigmoid()
        )
        self.project = nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        hidden = self.depthwise(self.expand(x))
        made = self.project(hidden * self.gate(hidden))
        return x + made if self.residual else made


class Depthwise(nn.Module):
    """A small network for phones."""

    def __init__(self, channels, expansion, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels[0], 3, 2, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.SiLU())
        blocks = []
        for inputs, outputs in zip(channels[:-1], channels[1:]):
            blocks.append(Inverted(inputs, outputs, 2 if inputs != outputs else 1, expansion))
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels[-1], classes))

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


class FusedAttention(nn.Module):
    """Self-attention by the fused operator."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        query, key, value = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class VitBlock(nn.Module):
    """Attention and two linear layers, each normalised before and added to what came in."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = FusedAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """A vision transformer with a token for the class."""

    def __init__(self, side, patch, width, depth, heads, classes):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width) * 0.02)
        self.blocks = nn.Sequential(*[VitBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


class Recurrent(nn.Module):
    """Recurrent layers over a series, and what the last step says."""

    def __init__(self, kind, features, hidden, layers, bidirectional, classes):
        super().__init__()
        self.rnn = kind(features, hidden, layers, batch_first=True, bidirectional=bidirectional)
        self.fc = nn.Linear(hidden * (2 if bidirectional else 1), classes)

    def forward(self, x):
        steps, _ = self.rnn(x)
        return self.fc(steps[:, -1])


class Audio(nn.Module):
    """Convolutions over the raw waveform."""

    def __init__(self, channels, kernel, stride, classes):
        super().__init__()
        layers = [nn.Conv1d(1, channels[0], kernel, stride), nn.BatchNorm1d(channels[0]), nn.ReLU(), nn.MaxPool1d(4)]
        for inputs, outputs in zip(channels[:-1], channels[1:]):
            layers += [nn.Conv1d(inputs, outputs, 3, padding=1), nn.BatchNorm1d(outputs), nn.LeakyReLU(0.1), nn.MaxPool1d(2)]
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x):
        x = self.layers(x)
        x = F.avg_pool1d(x, x.shape[-1])
        return F.log_softmax(self.fc(x.permute(0, 2, 1)).squeeze(1), dim=-1)


class Split3d(nn.Module):
    """A convolution in space, then one in time."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        middle = (inputs * outputs * 27) // (inputs * 9 + 3 * outputs)
        self.space = nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.bn1 = nn.BatchNorm3d(middle)
        self.time = nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False)
        self.bn2 = nn.BatchNorm3d(outputs)

    def forward(self, x):
        return F.relu(self.bn2(self.time(F.relu(self.bn1(self.space(x))))))


class Video(nn.Module):
    """(2+1)-D convolutions with shortcuts."""

    def __init__(self, channels, classes):
        super().__init__()
        self.stem = Split3d(3, channels[0], 1)
        self.stages = nn.ModuleList(Split3d(i, o, 2) for i, o in zip(channels[:-1], channels[1:]))
        self.again = nn.ModuleList(Split3d(o, o, 1) for o in channels[1:])
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x):
        x = self.stem(x)
        for stage, again in zip(self.stages, self.again):
            x = stage(x)
            x = x + again(x)
        return self.fc(self.pool(x).flatten(1))


class MaskedAttention(nn.Module):
    """Self-attention step by step, which leaves out what the mask does."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.each = heads, width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(0.1)

    def split(self, x):
        return x.view(x.shape[0], -1, self.heads, self.each).transpose(1, 2)

    def forward(self, x, mask):
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(query / self.each**0.5, key.transpose(2, 3))
        scores = scores.masked_fill((mask == 0)[:, None, None, :], float("-inf"))
        mixed = torch.matmul(self.dropout(scores.softmax(-1)), value)
        return self.out(mixed.transpose(1, 2).contiguous().view(x.shape[0], -1, self.heads * self.each))


class TextBlock(nn.Module):
    """Attention and two linear layers, each normalised after the sum."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = MaskedAttention(width, heads)
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        x = self.norm1(x + self.attention(x, mask))
        return self.norm2(x + self.dropout(self.down(F.gelu(self.up(x)))))


class Text(nn.Module):
    """A classifier of token ids with a mask; it answers by a dictionary, as models of texts do."""

    def __init__(self, vocabulary, length, width, depth, heads, classes):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = nn.Embedding(length, width)
        self.register_buffer("places", torch.arange(length)[None], persistent=False)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.blocks = nn.ModuleList(TextBlock(width, heads) for _ in range(depth))
        self.pre = nn.Linear(width, width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, input_ids, attention_mask):
        x = self.norm(self.words(input_ids) + self.positions(self.places[:, : input_ids.shape[1]]))
        for block in self.blocks:
            x = block(x, attention_mask)
        return {"logits": self.classifier(F.relu(self.pre(x[:, 0])))}


class Words(nn.Module):
    """A classifier of tokens by the mean of what they stand for, under the name that such a layer often has."""

    def __init__(self, vocabulary, width, classes):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.hidden = nn.Linear(width, width)
        self.output = nn.Linear(width, classes)

    def forward(self, tokens):
        return self.output(F.relu(self.hidden(self.embedding(tokens).mean(1))))


class Tabular(nn.Module):
    """Bags of categories and numbers."""

    def __init__(self, categories, width, numbers, hidden, outputs):
        super().__init__()
        self.bag = nn.EmbeddingBag(categories, width, mode="mean")
        self.bn = nn.BatchNorm1d(numbers)
        self.hidden = nn.Linear(width + numbers, hidden)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, categories, numbers):
        x = torch.cat([self.bag(categories), self.bn(numbers)], 1)
        return self.out(F.elu(self.hidden(x))).squeeze(-1)


class Twice(nn.Module):
    """Two convolutions with normalisation in groups."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(2, outputs)

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class Unet(nn.Module):
    """Down and up again with the details kept, a class for each pixel."""

    def __init__(self, width, depth, classes):
        super().__init__()
        sizes = [width * 2**i for i in range(depth + 1)]
        self.first = Twice(3, sizes[0])
        self.down = nn.ModuleList(Twice(i, o) for i, o in zip(sizes[:-1], sizes[1:]))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(o, i, 2, 2) for i, o in zip(sizes[1:-1], sizes[2:]))
        self.last = nn.Conv2d(sizes[1], sizes[0], 1)
        self.up = nn.ModuleList(Twice(2 * s, s) for s in sizes[:-1])
        self.out = nn.Conv2d(sizes[0], classes, 1)

    def forward(self, x):
        kept = [self.first(x)]
        for down in self.down:
            kept.append(down(F.max_pool2d(kept[-1], 2)))
        x = kept.pop()
        for level in reversed(range(len(kept))):
            if level > 0:
                x = self.grow[level - 1](x)
            else:
                x = F.interpolate(self.last(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.up[level](torch.cat([kept[level], x], 1))
        return self.out(x)


class Vae(nn.Module):
    """What an image is rebuilt as from the mean of its code, with mean and logarithm of the variance; nothing is drawn."""

    def __init__(self, side, channels, code):
        super().__init__()
        self.flat = (channels[1], side // 4, side // 4)
        size = channels[1] * (side // 4) ** 2
        self.encoder = nn.Sequential(
            nn.Conv2d(1, channels[0], 3, 2, 1), nn.ELU(), nn.Conv2d(channels[0], channels[1], 3, 2, 1), nn.Softplus(), nn.Flatten()
        )
        self.mean = nn.Linear(size, code)
        self.log_variance = nn.Linear(size, code)
        self.begin = nn.Linear(code, size)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(channels[1], channels[0], 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(channels[0], 1, 4, 2, 1), nn.Sigmoid()
        )

    def forward(self, x):
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden).clamp(-10.0, 10.0)
        rebuilt = self.decoder(F.relu(self.begin(mean)).view(-1, *self.flat))
        return rebuilt, mean, log_variance


def images(batch, channels, *sides):
    """A batch of images, or of series or films, with normally distributed values."""
    return torch.randn(batch, channels, *sides)


def mlp(small):
    sizes = (12, 16, 8, 5) if small else (600, 1024, 512, 256, 100)
    return Mlp(sizes), (torch.randn(4, sizes[0]),), (torch.randn(7, sizes[0]),)


def lenet(small):
    side = 12 if small else 28
    model = LeNet(side, (3, 4), (12, 8)) if small else LeNet(side, (6, 16), (120, 84))
    return model, (images(4, 1, side, side),), (images(7, 1, side, side),)


def resnet18(small):
    side = 16 if small else 224
    model = ResNet18(2, 5) if small else ResNet18(64, 1000)
    return model, (images(3, 3, side, side),), (images(2, 3, side, side),)


def wideresnet(small):
    side = 8 if small else 32
    model = WideResNet(10, 2, 2, 5) if small else WideResNet(28, 2, 16, 10)
    return model, (images(4, 3, side, side),), (images(6, 3, side, side),)


def depthwise(small):
    side = 16 if small else 224
    model = Depthwise((4, 4, 6), 2, 5) if small else Depthwise((16, 16, 24, 24, 40, 40, 80, 80, 160, 160), 4, 1000)
    return model, (images(3, 3, side, side),), (images(2, 3, side, side),)


def vit(small):
    side = 8 if small else 224
    model = Vit(side, 4, 8, 2, 2, 5) if small else Vit(side, 16, 192, 12, 3, 1000)
    return model, (images(3, 3, side, side),), (images(2, 3, side, side),)


def lstm(small):
    features = 3 if small else 32
    model = Recurrent(nn.LSTM, 3, 5, 2, False, 4) if small else Recurrent(nn.LSTM, 32, 256, 2, False, 10)
    length = 6 if small else 100
    return model, (torch.randn(3, length, features),), (torch.randn(5, length, features),)


def gru(small):
    features = 3 if small else 32
    model = Recurrent(nn.GRU, 3, 4, 1, True, 4) if small else Recurrent(nn.GRU, 32, 128, 2, True, 10)
    length = 6 if small else 100
    return model, (torch.randn(3, length, features),), (torch.randn(5, length, features),)


def audio(small):
    length = 128 if small else 16000
    model = Audio((4, 6), 8, 4, 5) if small else Audio((128, 128, 256, 512), 80, 4, 35)
    return model, (images(3, 1, length),), (images(5, 1, length),)


def video(small):
    model = Video((2, 4), 5) if small else Video((32, 64, 128), 50)
    sides = (4, 8, 8) if small else (8, 56, 56)
    return model, (images(2, 3, *sides),), (images(3, 3, *sides),)


def text(small):
    vocabulary, length = (40, 7) if small else (30522, 128)
    model = Text(vocabulary, 12, 8, 2, 2, 3) if small else Text(vocabulary, 512, 768, 6, 12, 4)

    def batch(count):
        ids = torch.randint(1, vocabulary, (count, length))
        lengths = torch.randint(length // 2, length + 1, (count,))
        mask = (torch.arange(length)[None] < lengths[:, None]).long()
        return ids * mask, mask

    return model, batch(3), batch(2)


def words(small):
    vocabulary, length = (20, 6) if small else (20000, 64)
    model = Words(vocabulary, 4, 3) if small else Words(vocabulary, 128, 10)
    return model, (torch.randint(0, vocabulary, (3, length)),), (torch.randint(0, vocabulary, (5, length)),)


def tabular(small):
    categories, bag, numbers = (20, 3, 4) if small else (20000, 26, 13)
    model = Tabular(categories, 4, numbers, 8, 1) if small else Tabular(categories, 64, numbers, 512, 1)

    def batch(count):
        return torch.randint(0, categories, (count, bag)), torch.randn(count, numbers)

    return model, batch(5), batch(3)


def unet(small):
    side = 8 if small else 64
    model = Unet(2, 2, 3) if small else Unet(16, 3, 8)
    return model, (images(2, 3, side, side),), (images(3, 3, side, side),)


def vae(small):
    side = 8 if small else 28
    model = Vae(side, (3, 4), 3) if small else Vae(side, (32, 64), 20)
    return model, (torch.rand(3, 1, side, side),), (torch.rand(5, 1, side, side),)


MATRIX = {
    "mlp": mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "wideresnet": wideresnet,
    "depthwise": depthwise,
    "vit": vit,
    "lstm": lstm,
    "gru": gru,
    "audio": audio,
    "video": video,
    "text": text,
    "words": words,
    "tabular": tabular,
    "unet": unet,
    "vae": vae,
}


def build(name, small):
    """The model called `name` in evaluation mode, an example and a second batch; the same for the same version of torch."""
    torch.manual_seed(2026)
    model, example, second = MATRIX[name](small)
    with torch.no_grad():
        for module in model.modules():
            # As they begin, normalisations scale by one and shift by zero, so that a reader that mixes them up would not be seen.
            if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
        model.train()
        for _ in range(3):
            model(*example)
    return model.eval(), example, second
