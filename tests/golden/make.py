#!/usr/bin/env python3
"""Makes the reference values that every clone has: tests/golden/*.h5, in float64 with PyTorch's autograd.

    apt-get install python3-torch python3-h5py
    tests/golden/make.py            # writes beside itself

losses.h5   every loss with its options, n = 9 samples in 5 dimensions; formulas written out below, densely
train.h5's  two short runs of a convnet with BatchNorm everywhere: both views in one pass (joint), or one pass per view
knn.h5      weighted nearest neighbours with exact ties

The layouts are those that `hardneg verify` knows: groups, arrays and attributes by name.
"""
import math
import os
import sys

import h5py
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def float32_exact(x):
    """Inputs are numbers that a float holds exactly: both builds start from the same values."""
    return torch.tensor(np.asarray(x, np.float32).astype(np.float64))


# ---- losses: rows view-major, row v*n + a is view v of sample a -------------------------------------------------
def loss_rows(z, label, o):
    """Row losses (mean over positives), how many positives, which anchors count, which are clamped."""
    m = z.shape[0]
    n = m // 2
    t = o["temperature"]
    s = z @ z.T / t
    own = torch.eye(m, dtype=torch.bool)
    partner = own.roll(n, 1)
    same = label[:, None] == label[None, :]
    positive = same & ~own if o["positives"] == "label" else partner
    negative = ~same if o["loss"] in ("scl", "hard_scl") else ~own & ~partner
    tilt = o["beta"] if o["hardening"] == "tilt" else 0.0
    inf = torch.tensor(float("-inf"))
    weight = torch.where(negative, tilt * (s.detach() if o["detach"] else s), inf)
    counts = (positive.sum(1) > 0) & (negative.sum(1) > 0)
    # log E = log sum w e^s - log sum w, over the negatives of an anchor that has some
    some = torch.where(counts[:, None] & negative, weight, torch.zeros(()))
    mask = torch.where(counts[:, None] & negative, torch.zeros(()), inf)
    mask = torch.where(counts[:, None], mask, torch.zeros(()))
    log_e = torch.logsumexp(some + torch.where(negative, s, torch.zeros(())) + mask, 1) - torch.logsumexp(some + mask, 1)
    k = 2 * n - 2
    tau = o["tau_plus"]
    estimate = (k * log_e.exp()[:, None] - tau * k * s.exp()) / (1 - tau)
    floor = k * math.exp(-1 / t)
    clamped = (estimate < floor) & positive & counts[:, None] if o["clamp"] else torch.zeros(m, m, dtype=torch.bool)
    if o["clamp"]:
        estimate = torch.clamp(estimate, min=floor)
    pair = torch.where(positive, torch.log1p(estimate / s.exp()), torch.zeros(()))
    return pair, positive, counts, clamped


def reduce_rows(pair, positive, counts, reduction):
    each = positive.sum(1).clamp(min=1)
    row = pair.sum(1) / each
    if not counts.any():
        return pair.sum() * 0, row
    if reduction == "pairs":
        return pair[counts].sum() / positive[counts].sum(), row
    return row[counts].mean(), row


LOSS_DEFAULTS = dict(loss="hard", temperature=0.5, beta=1.0, tau_plus=0.0, clamp=0, detach=0, hardening="tilt",
                     positives="view", reduction="anchors", threshold=0.0, k=0, n=9, D=5, seed=1, classes=3, spread=1.0)


def loss_cases():
    yield "infonce", dict(loss="infonce", hardening="none", beta=0.0)
    yield "infonce_cold", dict(loss="infonce", hardening="none", beta=0.0, temperature=0.05)
    yield "debiased", dict(loss="debiased", hardening="none", beta=0.0, tau_plus=0.1, clamp=1)
    yield "debiased_clamped", dict(loss="debiased", hardening="none", beta=0.0, tau_plus=0.6, clamp=1, spread=0.2)
    yield "hard", dict(tau_plus=0.1, clamp=1)
    yield "hard_b5", dict(beta=5.0, temperature=0.2, tau_plus=0.05, clamp=1)
    yield "hard_detached", dict(beta=2.0, detach=1)
    yield "scl", dict(loss="scl", hardening="none", beta=0.0, positives="label", reduction="pairs")
    yield "scl_view", dict(loss="scl", hardening="none", beta=0.0)
    for reduction in ("pairs", "anchors"):
        for detach in (0, 1):
            yield f"hard_scl_{reduction}_{detach}", dict(loss="hard_scl", positives="label", reduction=reduction,
                                                         detach=detach, beta=1.5)
    yield "hard_scl_view", dict(loss="hard_scl", beta=3.0)
    yield "hard_scl_one_class", dict(loss="hard_scl", positives="label", reduction="pairs", classes=1)


def write_losses(path):
    with h5py.File(path, "w") as f:
        for index, (name, changes) in enumerate(loss_cases()):
            o = dict(LOSS_DEFAULTS, **changes, seed=100 + index)
            g = torch.Generator().manual_seed(o["seed"])
            n = o["n"]
            centre = torch.randn(n, o["D"], generator=g)
            z = torch.cat([centre + o["spread"] * torch.randn(n, o["D"], generator=g) for _ in range(2)])
            z = float32_exact(F.normalize(z, dim=1)).requires_grad_()
            label = torch.randint(0, o["classes"], (n,), generator=g) * 7 - 3
            pair, positive, counts, clamped = loss_rows(z, label.repeat(2), o)
            loss, row = reduce_rows(pair, positive, counts, o["reduction"])
            loss.backward()
            case = f.create_group(f"cases/{name}")
            for key in ("loss", "temperature", "beta", "tau_plus", "clamp", "detach", "hardening", "threshold", "k",
                        "positives", "reduction", "n", "D", "seed"):
                case.attrs[key] = o[key]
            case.attrs["kind"] = "views"
            case.attrs["float32_error_grad"] = 0.0
            case["z"], case["grad"] = z.detach().numpy(), z.grad.numpy()
            case["label"] = label.numpy()
            case["loss"] = float(loss.detach())
            case["row_loss"] = np.where(counts.numpy(), row.detach().numpy(), np.nan)
            case["excluded"] = int((~counts).sum())
            case["clamped"] = int(clamped.any(1).sum())
            case["undefined"] = 0


# ---- a convnet with BatchNorm, as hardneg builds it ------------------------------------------------------------
def convnet(channels, c, head):
    layers, last = [], c
    for width in channels:
        layers += [nn.Conv2d(last, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        last = width
    encoder = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    projector = nn.Sequential(nn.Linear(last, head[0], bias=False), nn.BatchNorm1d(head[0]), nn.ReLU(),
                              nn.Linear(head[0], head[1]))
    return nn.ModuleDict(dict(encoder=encoder, projector=projector))


def embed(net, x):
    return F.normalize(net["projector"](net["encoder"](x)), dim=1)


def write_training(path, joint):
    steps, n, shape, channels, head = 3, 8, (2, 8, 8), (6, 8), (12, 7)
    torch.manual_seed(7 + joint)
    net = convnet(channels, shape[0], head)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(float32_exact(p))
    views = torch.round(torch.randn(steps, 2, n, *shape) * 64) / 64
    labels = torch.randint(0, 3, (steps, n))
    options = dict(LOSS_DEFAULTS, loss="hard", tau_plus=0.1, clamp=1)
    adam = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
    with h5py.File(path, "w") as f:
        f.attrs["title"] = "convnet with BatchNorm, hard, Adam"
        s = f.create_group("settings").attrs
        for key, value in dict(batch=n, head=head, joint_bn=joint, loss_kind="hard", loss_t=0.5, loss_beta=1.0,
                               loss_tau_plus=0.1, net="convnet", norm=1, optimizer_kind="adam", optimizer_lr=2e-3,
                               optimizer_weight_decay=1e-4, seed=7, shape=shape, channels=channels, steps=steps,
                               store_moments=1).items():
            s[key] = value
        names = [k for k, _ in net.named_parameters()]
        f["parameter_order"] = np.array(names, dtype="S")
        for k, v in net.state_dict().items():
            f[f"init/{k}"] = v.numpy() if v.dtype == torch.int64 else v.numpy().astype(np.float32)
        losses, zs = [], []
        for step in range(steps):
            x = views[step]
            z = embed(net, x.reshape(2 * n, *shape)) if joint else torch.cat([embed(net, x[0]), embed(net, x[1])])
            z.retain_grad()
            pair, positive, counts, _ = loss_rows(z, labels[step].repeat(2), options)
            loss, _ = reduce_rows(pair, positive, counts, "anchors")
            adam.zero_grad()
            loss.backward()
            if step == 0:
                f["z_grad"] = z.grad.reshape(2, n, -1).numpy()
                for k, p in net.named_parameters():
                    f[f"grad/{k}"] = p.grad.numpy()
            adam.step()
            losses.append(float(loss.detach()))
            zs.append(z.detach().reshape(2, n, -1).numpy())
        f["views"], f["labels"] = views.numpy().astype(np.float32), labels.numpy().astype(np.int32)
        f["lr"], f["loss"], f["z"] = np.full(steps, 2e-3), np.array(losses), np.array(zs)
        for k, v in net.state_dict().items():
            f[f"final/{k}"] = v.numpy()
        for k, p in net.named_parameters():
            f[f"exp_avg/{k}"] = adam.state[p]["exp_avg"].numpy()
            f[f"exp_avg_sq/{k}"] = adam.state[p]["exp_avg_sq"].numpy()
        net.eval()
        with torch.no_grad():
            f["eval/feature"] = F.normalize(net["encoder"](views[0, 0]), dim=1).numpy()
            f["eval/output"] = embed(net, views[0, 0]).numpy()


# ---- weighted nearest neighbours -------------------------------------------------------------------------------
def write_knn(path):
    rng = np.random.default_rng(5)
    classes, d = 4, 8
    centre = rng.normal(size=(classes, d))

    def draw(count):
        y = rng.integers(0, classes, count).astype(np.int32)
        x = centre[y] + 1.2 * rng.normal(size=(count, d))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), y

    bank, bank_label = draw(90)
    query, query_label = draw(30)
    bank[80:] = bank[:10]       # equal rows, half of them with another label: exact ties
    bank_label[80:85] = (bank_label[:5] + 1) % classes
    query[:10] = bank[:10]
    with h5py.File(path, "w") as f:
        f["bank"], f["bank_label"], f["query"], f["query_label"] = bank, bank_label, query, query_label
        sim = np.array([[math.fsum(float(a) * float(b) for a, b in zip(q, r)) for r in bank] for q in query])
        order = np.argsort(-sim, axis=1, kind="stable")
        for k, t in ((1, 0.5), (5, 0.5), (20, 0.1), (90, 0.5)):
            score = np.zeros((len(query), classes))
            for i, near in enumerate(order[:, :k]):
                for j in near:
                    score[i, bank_label[j]] += math.exp(sim[i, j] / t)
            ranking = np.argsort(-score, axis=1, kind="stable").astype(np.int32)
            g = f.create_group(f"k{k}" if t == 0.5 else f"k{k}_t{t}")
            g.attrs["k"], g.attrs["t"] = k, t
            g.attrs["top1"] = float(np.mean(ranking[:, 0] == query_label))
            g.attrs["top5"] = float(np.mean((ranking[:, :5] == query_label[:, None]).any(1)))
            shown = order[:, :min(k, 25)].astype(np.int32)
            g["neighbour"], g["similarity"] = shown, np.take_along_axis(sim, shown, 1)
            g["score"], g["ranking"] = score, ranking
            pad = np.concatenate([np.take_along_axis(sim, order, 1), np.full((len(query), 1), -9.0)], 1)
            g["boundary_tie"] = (pad[:, k - 1] == pad[:, k]).astype(np.uint8)
            best = np.sort(score, axis=1)
            g["score_tie"] = (best[:, -1] == best[:, -2]).astype(np.uint8)


def main():
    write_losses(os.path.join(HERE, "losses.h5"))
    write_training(os.path.join(HERE, "train_joint.h5"), 1)
    write_training(os.path.join(HERE, "train_per_view.h5"), 0)
    write_knn(os.path.join(HERE, "knn.h5"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
