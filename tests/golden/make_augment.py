#!/usr/bin/env python3
"""Makes tests/golden/augment.h5: image operations as Pillow 12 does them.

    pip install 'pillow>=12,<13' numpy h5py
    tests/golden/make_augment.py    # writes beside itself

The calls are those that torchvision makes on Pillow images.  The layout is that which `hardneg verify` knows.
"""
import os

import h5py
import numpy as np
from PIL import Image, ImageEnhance

HERE = os.path.dirname(os.path.abspath(__file__))
ENHANCE = (ImageEnhance.Brightness, ImageEnhance.Contrast)
CONSTANTS = {"cifar10": ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010], "colour"),
             "fashion_mnist": ([0.2860], [0.3530], "grey")}


def smooth(rng, n, h, w, c):
    """Images with large shapes, some grain, and values at both ends."""
    coarse = rng.uniform(-80, 340, (n, 4, 4, c))
    up = np.stack([np.stack([np.asarray(Image.fromarray(a[..., k].astype(np.float32)).resize((w, h), Image.BICUBIC))
                             for k in range(c)], -1) for a in coarse])
    grained = np.clip(up + rng.normal(0, 12, up.shape), 0, 255).astype(np.uint8)
    return grained if c > 1 else grained[..., 0]


def box(rng, h, w):
    ch, cw = int(rng.integers(1, h + 1)), int(rng.integers(1, w + 1))
    return int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1)), ch, cw


def resized(image, i, j, h, w, size):
    return image.crop((j, i, j + w, i + h)).resize((size, size), Image.BILINEAR)


def tensor(image, mean, std):
    a = np.asarray(image)
    a = a[..., None] if a.ndim == 2 else a
    f = np.float32
    return np.moveaxis((a.astype(f) / f(255) - np.asarray(mean, f)) / np.asarray(std, f), -1, 0)


def put(group, **arrays):
    for name, value in arrays.items():
        group.create_dataset(name, data=value)


def operations(h5, pil, rng):
    for name, size, count in (("colour", 32, 6), ("colour", 20, 4), ("colour", 50, 1), ("grey", 28, 6), ("grey", 9, 4),
                              ("oblong", 24, 3)):
        images = pil[name]
        which = np.arange(count, dtype=np.int32) % len(images)
        boxes = [box(rng, images[0].height, images[0].width) for _ in range(count)]
        group = h5.create_group(f"resized_crop/{name}_to_{size}")
        group.attrs["source"], group.attrs["size"] = name, size
        put(group, image=which, crop=np.array(boxes, np.int32),
            result=np.stack([np.asarray(resized(images[n], *b, size)) for n, b in zip(which, boxes)]))
    for name, images in pil.items():
        put(h5.require_group("hflip"), **{name: np.stack([np.asarray(a.transpose(Image.FLIP_LEFT_RIGHT)) for a in images])})
        if images[0].mode == "RGB":
            put(h5.require_group("grey"), **{name: np.stack([np.asarray(a.convert("L")) for a in images])})
    factors = np.array([0.0, 0.6, 1.0, 1.4, 2.5, *rng.uniform(0.2, 1.8, 3)], np.float32).astype(np.float64)
    for op, enhance in zip(("brightness", "contrast"), ENHANCE):
        for name in ("colour", "grey"):
            which = np.arange(len(factors), dtype=np.int32) % len(pil[name])
            put(h5.create_group(f"{op}/{name}"), image=which, factor=factors,
                result=np.stack([np.asarray(enhance(pil[name][n]).enhance(f)) for n, f in zip(which, factors)]))
    for const, (mean, std, name) in CONSTANTS.items():
        group = h5.create_group(f"normalize/{const}")
        group.attrs["source"] = name
        put(group, mean=np.array(mean), std=np.array(std), result=np.stack([tensor(pil[name][0], mean, std)]))


def test_views(h5, pil):
    for number, (name, shorter, size) in enumerate((("oblong", 24, 20), ("oblong", 0, 21), ("grey", 32, 28),
                                                    ("colour", 0, 37))):
        image = pil[name][0]
        if shorter:
            short, long = sorted(image.size)
            other = int(shorter * long / short)
            image = image.resize((shorter, other) if image.width <= image.height else (other, shorter), Image.BILINEAR)
        left, top = (int(round((n - size) / 2)) if n >= size else -((size - n) // 2) for n in image.size)
        group = h5.create_group(f"test_view/{number:02d}")
        group.attrs["source"], group.attrs["image"] = name, 0
        group.attrs["resize"], group.attrs["center_crop"] = shorter, size
        put(group, result=np.asarray(image.crop((left, top, left + size, top + size))))


def pipeline(h5, pil, rng, name, source, size, count, jitter, constants):
    mean, std, _ = CONSTANTS[constants]
    images = pil[source]
    p = {"image": np.arange(count, dtype=np.int32) % len(images),
         "crop": np.array([box(rng, images[0].height, images[0].width) for _ in range(count)], np.int32),
         "flip": (rng.random(count) < 0.5).astype(np.uint8), "jitter": (rng.random(count) < jitter).astype(np.uint8),
         "order": np.stack([rng.permutation(4) for _ in range(count)]).astype(np.int32),
         "factors": rng.uniform(0.6, 1.4, (count, 4)).astype(np.float32).astype(np.float64),
         "grey": (rng.random(count) < 0.2).astype(np.uint8), "blur": np.zeros(count, np.uint8), "sigma": np.ones(count)}
    views = []
    for k, n in enumerate(p["image"]):
        a = resized(images[n], *[int(v) for v in p["crop"][k]], size)
        a = a.transpose(Image.FLIP_LEFT_RIGHT) if p["flip"][k] else a
        for op in p["order"][k] if p["jitter"][k] else ():
            a = ENHANCE[op](a).enhance(float(p["factors"][k][op])) if op < 2 else a  # grey: no saturation, no hue
        views.append(a.convert("L").convert(a.mode) if p["grey"][k] else a)
    group = h5.create_group(f"pipelines/{name}")
    group.attrs["source"], group.attrs["size"], group.attrs["constants"] = source, size, constants
    put(group, **p, result=np.stack([np.asarray(a) for a in views]),
        tensor=np.stack([tensor(a, mean, std) for a in views[:2]]))


def main():
    rng = np.random.default_rng(7)
    with h5py.File(os.path.join(HERE, "augment.h5"), "w") as h5:
        source = {"colour": smooth(rng, 3, 32, 32, 3), "grey": smooth(rng, 4, 28, 28, 1),
                  "oblong": smooth(rng, 1, 27, 40, 3)}
        put(h5.create_group("sources"), **source)
        pil = {name: [Image.fromarray(a) for a in images] for name, images in source.items()}
        operations(h5, pil, rng)
        test_views(h5, pil)
        pipeline(h5, pil, rng, "grey", "grey", 28, 12, 0.8, "fashion_mnist")
        pipeline(h5, pil, rng, "colour", "colour", 32, 6, 0.0, "cifar10")


if __name__ == "__main__":
    main()
