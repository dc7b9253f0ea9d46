"""Images of another size; pixels and channels exchanged."""

from draws import case, normal

CASES = {
    "resample": [
        case("linear", normal(2, 3, 4), axis=1, size=5),
        case("linear, fewer", normal(2, 5), axis=-1, size=2, align_corners=True),
        case("nearest", normal(3, 2, 2), axis=0, size=7, kind="nearest"),
        case("nearest-exact", normal(2, 5), axis=1, size=3, kind="nearest-exact"),
        case("cubic", normal(2, 4), axis=1, size=7, kind="cubic", zoom=1.8),
        case("cubic, antialias", normal(2, 6), axis=1, size=3, kind="cubic", antialias=True),
        case("area", normal(2, 5, 2), axis=1, size=3, kind="area"),
    ],
    "resample_back": [
        case("linear", normal(2, 5, 2), axis=1, size=3),
        case("linear, more", normal(2, 2), axis=-1, size=5, align_corners=True),
        case("nearest", normal(7, 2), axis=0, size=3, kind="nearest"),
        case("cubic", normal(2, 7), axis=1, size=4, kind="cubic", zoom=1.8),
        case("area", normal(2, 3), axis=1, size=5, kind="area"),
    ],
    "interpolate": [
        case("nearest, twice", normal(2, 2, 3, 2), size=(6, 4)),
        case("nearest, zoom", normal(1, 2, 4, 5), size=(6, 3), zoom=(1.6, 0.75)),
        case("nearest-exact", normal(2, 1, 4, 5), size=(3, 7), mode="nearest-exact"),
        case("sequence", normal(2, 3, 4), size=(7,), mode="linear"),
        case("bilinear", normal(1, 2, 3, 4), size=(5, 2), mode="bilinear"),
        case("bilinear, corners", normal(1, 2, 3, 4), size=(1, 7), mode="bilinear", align_corners=True),
        case("bilinear, antialias", normal(1, 1, 6, 5), size=(2, 7), mode="bilinear", antialias=True),
        case("bicubic", normal(1, 2, 4, 3), size=(7, 2), mode="bicubic"),
        case("bicubic, zoom", normal(1, 1, 4, 5), size=(6, 8), mode="bicubic", zoom=(1.7, 1.6)),
        case("bicubic, corners", normal(1, 1, 2, 5), size=(5, 3), mode="bicubic", align_corners=True),
        case("bicubic, antialias", normal(1, 1, 7, 4), size=(3, 6), mode="bicubic", antialias=True),
        case("area", normal(2, 2, 5, 3), size=(3, 4), mode="area"),
        case("volume", normal(1, 2, 2, 3, 2), size=(3, 2, 4), mode="trilinear"),
    ],
    "pixel_shuffle": [
        case("image", normal(2, 8, 2, 3), upscale_factor=2),
        case("no batch", normal(9, 1, 2), upscale_factor=3),
        case("two axes in front", normal(2, 1, 4, 2, 2), upscale_factor=2),
    ],
    "pixel_unshuffle": [
        case("image", normal(2, 2, 4, 6), downscale_factor=2),
        case("no batch", normal(1, 3, 6), downscale_factor=3),
        case("two axes in front", normal(2, 1, 2, 2, 4), downscale_factor=2),
    ],
    "channel_shuffle": [
        case("image", normal(2, 6, 2, 3), groups=2),
        case("sequence", normal(2, 6, 2), groups=3),
    ],
}
