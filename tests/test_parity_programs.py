"""Whole listings, as they are written for PyTorch: the same code with the same first weights gives the same losses.

A program takes the library and its nn, nn.functional and optim, and yields what is compared. Everything is float64.
"""

import copy
import math

import numpy as np
import pytest

import minigrad as mg

pytestmark = pytest.mark.parity


def seeded(lib, model, seed=0):
    """The model in float64 with weights that depend on the seed and on their names alone; buffers stay."""
    rng, state = np.random.default_rng(seed), dict(model.state_dict())
    for name, p in model.named_parameters(remove_duplicate=False):
        scale = 1 / math.sqrt(math.prod(p.shape[1:])) if p.dim() > 1 else 0.2
        values = rng.standard_normal(tuple(p.shape)) * scale + (p.dim() == 1 and name.endswith("weight"))
        state[name] = lib.from_numpy(values)
    model.double().load_state_dict(state)
    return model


def normal(lib, *shape, seed=1):
    return lib.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def whole(lib, high, *shape, seed=1):
    return lib.from_numpy(np.random.default_rng(seed).integers(0, high, shape))


def residual_network(lib, nn, F, optim):
    class BasicBlock(nn.Module):
        def __init__(self, inplanes, planes, stride=1):
            super().__init__()
            self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.downsample = None
            if stride != 1 or inplanes != planes:
                self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False),
                                                nn.BatchNorm2d(planes))

        def forward(self, x):
            identity = x if self.downsample is None else self.downsample(x)
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            out += identity
            return self.relu(out)

    class ResNet(nn.Module):
        def __init__(self, num_classes=5):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
                                      nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
            self.layer1 = nn.Sequential(BasicBlock(4, 4), BasicBlock(4, 4))
            self.layer2 = nn.Sequential(BasicBlock(4, 8, 2), BasicBlock(8, 8))
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.fc = nn.Linear(8, num_classes)
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                    nn.init.constant_(m.weight, 1)

        def forward(self, x):
            x = self.layer2(self.layer1(self.stem(x)))
            return self.fc(lib.flatten(self.avgpool(x), 1))

    device = lib.device("cuda" if lib.cuda.is_available() and False else "cpu")
    model = seeded(lib, ResNet()).to(device)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=[2, 4], gamma=0.1)
    images, labels = normal(lib, 4, 3, 24, 24).to(device), lib.tensor([0, 3, 4, 1]).to(device)
    model.train()
    for _ in range(5):
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        yield loss.item()
    model.eval()
    with lib.no_grad():
        output = model(images)
        pred = output.argmax(dim=1, keepdim=True)
        yield pred.eq(labels.view_as(pred)).sum().item()
        yield output
    yield f"{loss:.6f}", scheduler.get_last_lr(), sum(p.numel() for p in model.parameters() if p.requires_grad)


def u_net(lib, nn, F, optim):
    def double_conv(i, o):
        return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
                             nn.Conv2d(o, o, 3, padding=1), nn.GroupNorm(2, o), nn.LeakyReLU(0.1))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.inc, self.down1, self.down2 = double_conv(1, 4), double_conv(4, 6), double_conv(6, 6)
            self.pool = nn.MaxPool2d(2)
            self.up1 = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv1 = double_conv(12, 4)
            self.up2 = nn.ConvTranspose2d(4, 4, kernel_size=2, stride=2)
            self.outc = nn.Conv2d(8, 3, kernel_size=1)

        def join(self, x, skip):
            dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
            return lib.cat([skip, F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])], dim=1)

        def forward(self, x):
            x1 = self.inc(x)
            x2 = self.down1(self.pool(x1))
            x3 = self.down2(self.pool(x2))
            x = self.conv1(self.join(self.up1(x3), x2))
            return self.outc(self.join(self.up2(x), x1))

    net = seeded(lib, UNet())
    optimizer = optim.RMSprop(net.parameters(), lr=1e-3, weight_decay=1e-8, momentum=0.9)
    images, masks = normal(lib, 2, 1, 11, 10), whole(lib, 3, 2, 11, 10)
    masks[0, 0, :3] = 255
    valid = masks != 255
    for _ in range(4):
        logits = net(images)
        loss = F.cross_entropy(logits, masks, ignore_index=255)
        probs = F.softmax(logits, dim=1) * valid.unsqueeze(1)
        truth = F.one_hot(masks.masked_fill(~valid, 0), 3).permute(0, 3, 1, 2).double()
        inter = (probs * truth).sum(dim=(2, 3))
        loss += 1 - ((2 * inter + 1e-6) / (probs.sum(dim=(2, 3)) + truth.sum(dim=(2, 3)) + 1e-6)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        yield loss.item(), nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        nn.utils.clip_grad_value_(net.parameters(), 0.1)
        optimizer.step()
    pred = logits.argmax(1)
    yield (pred[valid] == masks[valid]).double().mean().item()


def variational_autoencoder(lib, nn, F, optim):
    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc21, self.fc22 = nn.Linear(20, 12), nn.Linear(12, 3), nn.Linear(12, 3)
            self.fc3, self.fc4 = nn.Linear(3, 12), nn.Linear(12, 20)

        def reparameterize(self, mu, logvar, eps):
            std = lib.exp(0.5 * logvar)
            assert lib.randn_like(std).shape == std.shape == eps.shape
            return mu + eps * std

        def forward(self, x, eps):
            h = F.relu(self.fc1(x.view(-1, 20)))
            mu, logvar = self.fc21(h), self.fc22(h)
            z = self.reparameterize(mu, logvar, eps)
            return lib.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar

    model = seeded(lib, VAE())
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    x = normal(lib, 4, 1, 4, 5).sigmoid()
    for k in range(8):
        recon, mu, logvar = model(x, normal(lib, 4, 3, seed=k))
        bce = F.binary_cross_entropy(recon, x.view(-1, 20), reduction="sum")
        kld = -0.5 * lib.sum(1 + logvar - mu.pow(2) - logvar.exp())
        optimizer.zero_grad()
        (bce + kld).backward()
        optimizer.step()
        yield bce.item(), kld.item()


def adversarial_networks(lib, nn, F, optim):
    """DCGAN's loop with the gradient penalty of WGAN-GP, which is differentiated twice."""
    generator = nn.Sequential(nn.ConvTranspose2d(3, 6, 4, 1, 0, bias=False), nn.BatchNorm2d(6), nn.ReLU(True),
                              nn.ConvTranspose2d(6, 1, 4, 2, 1, bias=False), nn.Tanh())
    critic = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.InstanceNorm2d(4, affine=True),
                           nn.Conv2d(4, 1, 4, 1, 0), nn.Flatten(0))

    def weights_init(m):
        if m.__class__.__name__.find("Conv") != -1:
            nn.init.normal_(m.weight.data, 0.0, 0.02)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.bias.data, 0)

    generator.apply(weights_init)
    assert generator[0].weight.abs().max().item() < 0.2
    seeded(lib, generator), seeded(lib, critic, 1)
    d_optimizer = optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
    g_optimizer = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    for k in range(4):
        real, noise = normal(lib, 3, 1, 8, 8, seed=k), normal(lib, 3, 3, 1, 1, seed=k + 10)
        label = lib.full((3,), 1.0, dtype=lib.float64)
        d_optimizer.zero_grad()
        real_loss = criterion(critic(real), label)
        real_loss.backward()
        fake = generator(noise)
        label.fill_(0.0)
        fake_loss = criterion(critic(fake.detach()), label)
        alpha = normal(lib, 3, 1, 1, 1, seed=k).sigmoid()
        mixed = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_(True)
        scores = critic(mixed)
        gradients = lib.autograd.grad(outputs=scores, inputs=mixed, grad_outputs=lib.ones_like(scores),
                                      create_graph=True, retain_graph=True, only_inputs=True)[0]
        penalty = ((gradients.view(gradients.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()
        (fake_loss + 10 * penalty).backward()
        d_optimizer.step()
        generator.zero_grad()
        g_loss = criterion(critic(fake), label.new_ones(3))
        g_loss.backward()
        g_optimizer.step()
        yield real_loss.item(), fake_loss.item(), penalty.item(), g_loss.item()


def sequence_to_sequence(lib, nn, F, optim):
    """A packed bidirectional LSTM, and a GRU that attends to it (Bahdanau), every other time with teacher forcing."""
    rnn = nn.utils.rnn

    class Encoder(nn.Module):
        def __init__(self, vocabulary=9, d=6):
            super().__init__()
            self.embedding = nn.Embedding(vocabulary, d, padding_idx=0)
            self.lstm = nn.LSTM(d, d // 2, num_layers=2, batch_first=True, bidirectional=True)

        def forward(self, x, lengths):
            packed = rnn.pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
            out, (h, c) = self.lstm(packed, (h0 := packed.data.new_zeros(4, x.size(0), 3), h0))
            out, _ = rnn.pad_packed_sequence(out, batch_first=True)
            return out, lib.cat((h[-2], h[-1]), dim=1).unsqueeze(0)

    class Decoder(nn.Module):
        def __init__(self, vocabulary=8, d=6):
            super().__init__()
            self.embedding = nn.Embedding(vocabulary, d)
            self.Wa, self.Ua, self.Va = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, 1)
            self.gru, self.out = nn.GRU(2 * d, d, batch_first=True), nn.Linear(d, vocabulary)

        def forward(self, keys, padding, h, target=None, steps=4):
            token = lib.empty(keys.size(0), 1, dtype=lib.long, device=keys.device).fill_(1)
            logits = []
            for i in range(steps):
                scores = self.Va(lib.tanh(self.Wa(h.permute(1, 0, 2)) + self.Ua(keys))).squeeze(2).unsqueeze(1)
                scores = scores.masked_fill(padding.unsqueeze(1), float("-inf"))
                context = lib.bmm(F.softmax(scores, dim=-1), keys)
                o, h = self.gru(lib.cat((self.embedding(token), context), dim=2), h)
                logits.append(self.out(o))
                token = logits[-1].argmax(-1).detach() if target is None else target[:, i].unsqueeze(1)
            return F.log_softmax(lib.cat(logits, dim=1), dim=-1)

    encoder, decoder = seeded(lib, Encoder()), seeded(lib, Decoder(), 1)
    optimizers = [optim.Adam(m.parameters(), lr=0.01) for m in (encoder, decoder)]
    sequences = [lib.tensor(s) for s in ([1, 2, 3, 4], [5, 6], [7, 8, 1])]
    lengths = lib.tensor([len(s) for s in sequences])
    x = rnn.pad_sequence(sequences, batch_first=True, padding_value=0)
    y = whole(lib, 8, 3, 4)
    for i in range(4):
        for optimizer in optimizers:
            optimizer.zero_grad()
        keys, h = encoder(x, lengths)
        output = decoder(keys, x == 0, h, y if i % 2 else None)
        loss = nn.NLLLoss(ignore_index=0)(output.view(-1, output.size(-1)), y.view(-1))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        yield loss.item(), math.exp(loss.item())
    yield encoder.embedding.weight, encoder.lstm.weight_hh_l1_reverse.grad


def small_gpt(lib, nn, F, optim):
    class CausalSelfAttention(nn.Module):
        def __init__(self, d, heads, size):
            super().__init__()
            self.c_attn, self.c_proj, self.heads = nn.Linear(d, 3 * d), nn.Linear(d, d), heads
            self.register_buffer("mask", lib.tril(lib.ones(size, size)).view(1, 1, size, size))

        def forward(self, x):
            b, t, c = x.size()
            q, k, v = [part.view(b, t, self.heads, c // self.heads).swapaxes(1, 2)
                       for part in self.c_attn(x).chunk(3, dim=2)]
            att = (q @ k.mT) * (1.0 / math.sqrt(k.size(-1)))
            att = F.softmax(att.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf")), dim=-1)
            assert lib.allclose(att @ v, F.scaled_dot_product_attention(q, k, v, is_causal=True))
            return self.c_proj((att @ v).swapaxes(1, 2).contiguous().view(b, t, c))

    class Block(nn.Module):
        def __init__(self, d, heads, size):
            super().__init__()
            self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(d), CausalSelfAttention(d, heads, size), nn.LayerNorm(d)
            self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(approximate="tanh"), nn.Linear(4 * d, d))

        def forward(self, x):
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class GPT(nn.Module):
        def __init__(self, vocabulary=11, d=8, heads=2, size=6, layers=2):
            super().__init__()
            self.transformer = nn.ModuleDict({
                "wte": nn.Embedding(vocabulary, d), "wpe": nn.Embedding(size, d),
                "h": nn.ModuleList([Block(d, heads, size) for _ in range(layers)]), "ln_f": nn.LayerNorm(d)})
            self.lm_head = nn.Linear(d, vocabulary, bias=False)
            self.transformer.wte.weight = self.lm_head.weight

        def forward(self, idx, targets=None):
            x = self.transformer.wte(idx) + self.transformer.wpe(lib.arange(0, idx.size(1), dtype=lib.long))
            for block in self.transformer.h:
                x = block(x)
            logits = self.lm_head(self.transformer.ln_f(x))
            return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1), ignore_index=-1)

        @lib.no_grad()
        def generate(self, idx, n, top_k):
            for _ in range(n):
                logits = self(idx, idx)[0][:, -1, :]
                v, _ = lib.topk(logits, top_k)
                logits[logits < v[:, [-1]]] = -float("Inf")
                idx = lib.cat((idx, lib.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
            return idx

    model = seeded(lib, GPT())
    groups = [{"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 3))
    x, y = whole(lib, 11, 2, 6), whole(lib, 11, 2, 6, seed=2)
    for _ in range(5):
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        yield loss.item(), scheduler.get_last_lr()
    yield model.generate(x[:, :2], 4, top_k=1), len(list(model.parameters())), list(model.state_dict())


def fine_tuning(lib, nn, F, optim):
    """A frozen first layer, groups with rates of their own, a mean of the weights, and hooks that collect features."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), nn.Conv2d(4, 6, 3, padding="same"),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10))
    for param in model.parameters():
        param.requires_grad = False
    model[6] = nn.Linear(model[6].in_features, 2)
    seeded(lib, model)
    model[3].requires_grad_(True)
    mean = copy.deepcopy(model).requires_grad_(False)
    groups = [{"params": model[6].parameters()}, {"params": model[3].parameters(), "lr": 1e-3}]
    optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1, 0.01], epochs=3, steps_per_epoch=2)
    features, gradients = {}, {}
    handles = [m.register_forward_hook(lambda m, args, out, name=name: features.__setitem__(name, out.detach()))
               for name, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    model[4].register_full_backward_hook(lambda m, gi, go: gradients.__setitem__("3", gi[0]))
    x, y = normal(lib, 4, 1, 6, 6), lib.tensor([0, 1, 1, 0])
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y) + 1e-3 * sum(p.abs().sum() for p in model[6].parameters())
        loss.backward()
        optimizer.step()
        scheduler.step()
        with lib.no_grad():
            for average, p in zip(mean.parameters(), model.parameters(), strict=True):
                average.mul_(0.9).add_(p, alpha=0.1)
        yield loss.item(), [group["lr"] for group in optimizer.param_groups]
    assert model[0].weight.grad is None
    cam = F.relu((gradients["3"].mean(dim=(2, 3), keepdim=True) * features["3"]).sum(1, keepdim=True))
    yield F.interpolate(cam, size=(6, 6), mode="bilinear", align_corners=False), mean.eval()(x)
    for handle in handles:
        handle.remove()
    features.clear()
    model.eval()
    x.requires_grad_()
    model(x).gather(1, y.view(-1, 1)).squeeze(1).sum().backward()
    yield x.grad.abs().amax(dim=1), len(features)
    x.grad.zero_()
    yield x.grad, lib.clamp(x + 0.1 * x.grad.sign(), -1, 1)


def embeddings(lib, nn, F, optim):
    """word2vec with negative samples, then a siamese network on its vectors with parameters in lists and dicts."""
    class SkipGram(nn.Module):
        def __init__(self, vocabulary, d):
            super().__init__()
            self.u, self.v = nn.Embedding(vocabulary, d), nn.Embedding(vocabulary, d)

        def forward(self, center, context, negative):
            u = self.u(center)
            positive = F.logsigmoid(lib.sum(lib.mul(u, self.v(context)), dim=1))
            negative = F.logsigmoid(-lib.bmm(self.v(negative), u.unsqueeze(2)).squeeze(2)).sum(1)
            return -(positive + negative).mean()

    class Projection(nn.Module):
        def __init__(self, d):
            super().__init__()
            self.weights = nn.ParameterList([nn.Parameter(lib.randn(d, d)) for _ in range(2)])
            self.acts = nn.ModuleDict([["prelu", nn.PReLU()], ["tanh", nn.Tanh()]])
            self.scale = nn.ParameterDict({"out": nn.Parameter(lib.ones(d))})
            self.register_parameter("bias", None)

        def forward(self, x):
            for w, act in zip(self.weights, self.acts.values(), strict=True):
                x = act(x.mm(w))
            return x * self.scale["out"]

    words = seeded(lib, SkipGram(12, 4))
    optimizer = optim.Adagrad(words.parameters(), lr=0.1)
    indices = whole(lib, 12, 5), whole(lib, 12, 5, seed=2), whole(lib, 12, 5, 3, seed=3)
    for _ in range(4):
        loss = words(*indices)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()
    vectors = words.u.weight.detach()
    similar, best = F.cosine_similarity(vectors[3].unsqueeze(0), vectors).topk(4)
    yield similar, best
    net = seeded(lib, Projection(4))
    optimizer = optim.SGD(net.parameters(), lr=0.05)
    same = lib.tensor([0, 1, 0, 1]).double()
    for _ in range(4):
        a, p, n = net(vectors[:4]), net(vectors[4:8]), net(vectors[8:])
        loss = nn.TripletMarginLoss(margin=1.0)(a, p, n)
        d = F.pairwise_distance(a, p)
        loss = loss + lib.mean(same * d.pow(2) + (1 - same) * lib.pow(lib.clamp(2.0 - d, min=0.0), 2))
        loss = loss + nn.CosineEmbeddingLoss(margin=0.2)(a, n, 2 * same - 1)
        net.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()
    yield list(net.state_dict())


PROGRAMS = [residual_network, u_net, variational_autoencoder, adversarial_networks, sequence_to_sequence, small_gpt,
            fine_tuning, embeddings]


def flat(found):
    return [x for part in found for x in flat(part)] if isinstance(found, (list, tuple)) else [found]


def run(program, lib):
    """What a program yields, in order: numbers and arrays as arrays, strings as they are."""
    found = flat(list(program(lib, lib.nn, lib.nn.functional, lib.optim)))
    return [x if isinstance(x, str) else np.asarray(x.detach().numpy() if hasattr(x, "detach") else x) for x in found]


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.__name__ for program in PROGRAMS])
def test_a_listing_gives_the_same_losses(program):
    import torch

    mine, theirs = run(program, mg), run(program, torch)
    assert len(mine) == len(theirs) > 4
    for a, b in zip(mine, theirs, strict=True):
        if isinstance(a, str):
            assert a == b
        else:
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
