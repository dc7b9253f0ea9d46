"""Networks of words and of vectors that stand for things: translation, a language model, distances."""

import math

from .drawn import seeded, whole


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
