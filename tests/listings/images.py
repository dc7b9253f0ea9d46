"""Networks of images: they classify, segment, generate, are trained further."""

import copy

from .drawn import normal, seeded, whole


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
