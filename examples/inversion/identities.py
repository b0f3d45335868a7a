#!/usr/bin/env python3
"""Draws people who do not exist: faces and fingerprints, several pictures of each. identities.py FOLDER [--identities N] [--pictures N] [--seed S]

    pip install numpy
    python examples/inversion/identities.py /tmp/identities     # faces.npz, fingerprints.npz and a sheet of each

An identity is a list of numbers, drawn once: of a face its outline, eyes, brows, nose, mouth, hair, beard, glasses and skin; of a fingerprint the field
of its ridges, by the singular points of Sherlock and Monro (1993), and the chance that its ridges grew from, which made its minutiae. A picture adds
what differs from one time to the next: of a face pose, light, expression, background and noise; of a fingerprint pressure, moisture, rotation, the part
that touched, distortion and noise. Pictures are grey, [side, side] bytes. The same seed draws the same pictures with the same release of NumPy.
"""

import argparse
import pathlib
import struct
import zlib

import numpy as np

SIDE = 32
#: Pixels drawn for each pixel kept, along each side.
FINE = 2
#: Pictures drawn at a time.
SOME = 200


def draw(kind, identities, pictures, seed=0):
    """Pictures [identities * pictures, side, side] of a kind, and whose they are."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    make = faces if kind == "faces" else fingerprints
    return make(identities, pictures, rng), np.repeat(np.arange(identities), pictures)


# Drawing.


def plane(reach):
    """Places of the fine pixels: to the right, and down."""
    line = ((np.arange(SIDE * FINE) + 0.5) / (SIDE * FINE) * 2 - 1) * reach
    return np.meshgrid(line.astype(np.float32), line.astype(np.float32))


def cover(distance, width=0.03):
    """What of a place is within an outline, by the distance from it, which is below 0 inside."""
    return 1 / (1 + np.exp(np.clip(distance / (width / 3), -30, 30)))


def oval(x, y, a, b):
    return (np.sqrt((x / a) ** 2 + (y / b) ** 2 + 1e-6) - 1) * np.minimum(a, b)


def turned(x, y, angle):
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def between(edge, far, x):
    t = np.clip((x - edge) / (far - edge), 0, 1)
    return t * t * (3 - 2 * t)


def over(canvas, what, tone):
    canvas += what * (tone - canvas)


def shrunk(fine):
    return fine.reshape(len(fine), SIDE, FINE, SIDE, FINE).mean((2, 4))


def whole(pictures):
    return np.round(255 * np.clip(pictures, 0, 1)).astype(np.uint8)


# Faces.


def faces(identities, pictures, rng):
    person = {name: value.astype(np.float32) for name, value in face_identities(identities, rng).items()}
    picture = {name: value.astype(np.float32) for name, value in face_pictures(identities * pictures, rng).items()}
    whose = np.repeat(np.arange(identities), pictures)
    sheets = []
    for start in range(0, len(whose), SOME):
        rows = slice(start, start + SOME)
        one = {name: value[whose[rows], None, None] for name, value in person.items()}
        seen = {name: value[rows, None, None] for name, value in picture.items()}
        drawn = shrunk(face(one, seen))
        drawn += seen["noise"] * rng.standard_normal(drawn.shape, np.float32)
        sheets.append(whole(drawn))
    return np.concatenate(sheets)


def face_identities(n, rng):
    def spread(low, high):
        return rng.uniform(low, high, n)

    def some(share):
        return rng.random(n) < share

    old = some(0.25)
    hair = np.where(old & some(0.8), spread(0.6, 0.9), np.where(some(0.25), spread(0.4, 0.65), spread(0.03, 0.28)))
    skin = np.where(some(0.3), spread(0.3, 0.5), spread(0.58, 0.88))
    # Hair and skin of one tone would hide the outline of the head.
    hair = np.where(np.abs(hair - skin) < 0.12, skin - 0.25, hair).clip(0.03, 0.95)
    long = some(0.4)
    bearded = ~long & some(0.5)
    return {
        "width": spread(0.47, 0.64), "height": spread(0.7, 0.86), "power": spread(1.9, 3.0), "jaw": spread(0.1, 0.48), "skin": skin,
        "hair": hair, "volume": np.where(some(0.25), spread(0.14, 0.24), spread(0.03, 0.11)),
        "length": np.where(long, spread(0.45, 1.2), spread(-0.35, 0.0)),
        "bald": ~long & some(0.22), "hairline": spread(-0.66, -0.34), "fringe": spread(-0.5, 0.9), "parting": spread(-0.4, 0.4),
        "curl": np.where(some(0.35), spread(0.04, 0.09), 0.0), "curls": spread(9, 16),
        "apart": spread(0.19, 0.29), "eyes": spread(-0.13, 0.04), "eye": spread(0.085, 0.145), "opening": spread(0.4, 0.85), "slant": spread(-0.3, 0.3),
        "iris": spread(0.03, 0.4), "iris_size": spread(0.45, 0.65),
        "brow": spread(0.018, 0.06), "brow_tilt": spread(-0.35, 0.35), "brow_rise": spread(0.11, 0.2), "brow_length": spread(0.11, 0.19),
        "brow_tone": np.minimum(hair, skin - 0.2) * spread(0.6, 1.0),
        "nose": spread(0.2, 0.38), "nose_width": spread(0.055, 0.15), "nose_depth": spread(0.1, 0.35),
        "mouth": spread(0.4, 0.52), "mouth_width": spread(0.14, 0.29), "lips": spread(0.025, 0.08), "lip_tone": skin * spread(0.5, 0.85),
        "beard": np.where(bearded & some(0.7), spread(0.35, 0.95), 0.0), "beard_top": spread(0.15, 0.55),
        "moustache": np.where(bearded & some(0.6), spread(0.5, 0.95), 0.0), "moustache_width": spread(0.14, 0.26),
        "glasses": np.where(some(0.28), spread(0.7, 1.0), 0.0), "glasses_size": spread(0.15, 0.21), "glasses_power": np.where(some(0.5), 2.0, 5.0),
        "frame": spread(0.012, 0.03), "ears": spread(0.05, 0.15), "lines": np.where(old, spread(0.15, 0.35), spread(0.0, 0.06)),
        "mole": np.where(some(0.3), 1.0, 0.0), "mole_x": spread(-0.3, 0.3), "mole_y": spread(0.1, 0.6), "uneven": spread(-0.04, 0.04),
    }


def face_pictures(n, rng):
    def spread(low, high):
        return rng.uniform(low, high, n)

    return {
        "roll": rng.normal(0, 0.07, n), "yaw": spread(-0.55, 0.55), "pitch": spread(-0.35, 0.35), "scale": spread(0.93, 1.07),
        "right": spread(-0.06, 0.06), "down": spread(-0.06, 0.06),
        "light": spread(-1.2, 1.2), "height": spread(-0.2, 0.9), "ambient": spread(0.5, 0.85), "bright": spread(0.88, 1.1),
        "smile": spread(-0.35, 1.0), "open": np.where(rng.random(n) < 0.3, spread(0.3, 1.0), 0.0), "lids": spread(0.75, 1.15), "raise": spread(-0.02, 0.035),
        "look": spread(-0.3, 0.3), "back": spread(0.25, 0.95), "back_slope": spread(-0.15, 0.15), "clothes": spread(0.08, 0.9), "noise": spread(0.008, 0.03),
    }


def face(p, s):
    """One picture per row, at the fine size."""
    right, down = plane(1.12)
    right, down = (right[None] - s["right"]) * s["scale"], (down[None] - s["down"]) * s["scale"] + 0.02
    canvas = s["back"] + s["back_slope"] * right + np.zeros_like(down)
    x, y = turned(right, down, s["roll"])
    # What is nearer than the outline moves with the turn of the head.
    fx, fy = x - 0.22 * s["yaw"] * np.sqrt(np.clip(1 - (x / 0.75) ** 2, 0, 1)), y - 0.16 * s["pitch"]
    fx = fx / (1 - 0.12 * np.abs(s["yaw"])) * (1 + 0.18 * s["yaw"] * np.sign(fx))
    hx = x + 0.06 * s["yaw"]

    # Shoulders and the neck.
    over(canvas, cover(oval(right, down - 1.35, 0.95, 0.5), 0.05), s["clothes"])
    neck = np.maximum(np.abs(x) - p["width"] * 0.55, np.abs(y - 0.8) - 0.3)
    over(canvas, cover(neck, 0.05), p["skin"] * 0.72)

    # Hair behind the head: down to its length.
    curls = p["curl"] * np.sin(p["curls"] * np.arctan2(hx, -y)) * (1 - p["bald"])
    halo = oval(hx, y + 0.06, p["width"] + p["volume"] + curls, p["height"] + p["volume"] + curls)
    sides = np.maximum(np.abs(hx) - (p["width"] + p["volume"] * 1.2 + curls), np.abs(y - p["length"] / 2) - p["length"] / 2)
    behind = np.minimum(np.where(y < np.maximum(p["length"], -0.1), halo, 1), np.where(p["length"] > 0, sides, 1))
    streaks = 1 + 0.12 * np.sin(23 * hx + 5 * y + 6 * p["parting"])
    tone_of_hair = p["hair"] * streaks * (s["ambient"] + (1 - s["ambient"]) * 0.8)
    over(canvas, cover(behind) * (1 - p["bald"]), tone_of_hair)

    # Ears: the nearer one shows more.
    for side in (-1, 1):
        place = side * (p["width"] - 0.01) - 0.05 * s["yaw"]
        size = p["ears"] * (1 - 0.5 * side * s["yaw"])
        over(canvas, cover(oval(x - place, y - p["eyes"] - 0.12, size, 0.16)) * (p["length"] < 0.3), p["skin"] * 0.78)

    # The head, lit.
    jaw = p["width"] * (1 - p["jaw"] * between(0.05, 1.0, y / p["height"]))
    long = p["height"] + 0.04 * s["open"] * (y > 0)
    radius = (np.abs(x / jaw) ** p["power"] + np.abs(y / long) ** p["power"] + 1e-6) ** (1 / p["power"])
    head = cover((radius - 1) * p["width"])
    nx, ny = np.clip(x / jaw, -1, 1), np.clip(y / long, -1, 1)
    nz = np.sqrt(np.clip(1.15 - nx**2 * 0.8 - ny**2 * 0.5, 0.05, 1))
    flat = np.cos(s["height"])
    lit = nx * np.sin(s["light"]) * flat - ny * np.sin(s["height"]) + nz * np.cos(s["light"]) * flat
    shade = s["ambient"] + (1 - s["ambient"]) * np.clip(lit, 0, 1.1)
    skin = p["skin"] * shade
    over(canvas, head, skin)

    def mark(what, tone, strength=1.0):
        over(canvas, head * what * strength, tone * shade)

    # Cheeks and lines.
    mouth = p["mouth"] + 0.03 * s["open"]
    for side in (-1, 1):
        fold = np.abs(side * fx - (0.1 + 0.3 * (fy - 0.2))) - 0.008
        mark(cover(fold, 0.03) * between(0.18, 0.26, fy) * (1 - between(0.38, 0.5, fy)), p["skin"] * 0.55, p["lines"] + 0.12 * np.clip(s["smile"], 0, 1))
        mark(cover(np.abs(fy + 0.38 + 0.07 * (side > 0)) - 0.006, 0.03) * cover(np.abs(fx) - 0.25, 0.1), p["skin"] * 0.6, p["lines"])

    # The beard below a line from ear to ear, and around the mouth.
    edge = p["beard_top"] - 0.7 * (fx / p["width"]) ** 2 * (p["beard_top"] - 0.1) + 0.05
    around = cover(oval(fx, fy - mouth, p["mouth_width"] + 0.03, 0.09 + 0.05 * s["open"]), 0.08)
    mark(between(-0.05, 0.08, fy - edge) * (1 - 0.85 * around), p["hair"] * 0.9, p["beard"])

    # Eyes, brows, glasses.
    for side in (-1, 1):
        ex, ey = fx - side * p["apart"], fy - p["eyes"] - side * p["uneven"] * 0.5
        mark(cover(oval(ex, ey, p["eye"] * 1.5, p["eye"] * 1.15), 0.12), p["skin"] * 0.8, 0.5)
        tx, ty = turned(side * ex, ey, -p["slant"])
        opening = p["eye"] * p["opening"] * s["lids"] * (1 - 0.2 * np.clip(s["smile"], 0, 1))
        lens = np.abs(ty) - opening * np.clip(1 - (tx / p["eye"]) ** 2, 0, 1) + 0.3 * np.clip(np.abs(tx) - p["eye"], 0, 1)
        inside = cover(lens, 0.02)
        over(canvas, head * inside, 0.93 * (0.4 + 0.6 * shade))
        gaze = oval(ex - 0.3 * p["eye"] * (s["look"] + 0.3 * s["yaw"]), ey, p["eye"] * p["iris_size"], p["eye"] * p["iris_size"])
        over(canvas, head * inside * cover(gaze, 0.025), p["iris"])
        lid = np.abs(ty + opening * np.clip(1 - (tx / p["eye"]) ** 2, 0, 1)) - 0.008
        mark(cover(lid, 0.03) * cover(np.abs(tx) - p["eye"]), np.minimum(p["skin"] * 0.3, 0.15), 0.85)
        bx, by = turned(side * ex, ey + p["brow_rise"] + s["raise"] - side * p["uneven"], -p["brow_tilt"] * 0.8)
        arc = np.abs(by + 1.1 * (bx + 0.02) ** 2) - p["brow"] * (1 - 0.35 * bx / p["brow_length"])
        mark(cover(np.maximum(arc, np.abs(bx) - p["brow_length"])), p["brow_tone"], 0.92)
        ring = ((np.abs(ex) ** p["glasses_power"] + np.abs((ey - 0.01) * 1.1) ** p["glasses_power"] + 1e-9) ** (1 / p["glasses_power"])) - p["glasses_size"]
        over(canvas, cover(np.abs(ring) - p["frame"], 0.02) * p["glasses"], 0.06)
    bridge = np.maximum(np.abs(fy - p["eyes"] + 0.02) - p["frame"], np.abs(fx) - np.clip(p["apart"] - p["glasses_size"], 0.02, 1))
    over(canvas, cover(bridge, 0.02) * p["glasses"], 0.06)

    # The nose: a side in the shade, its tip, its base.
    tip = p["eyes"] + p["nose"]
    along = between(0.0, 1.0, (fy - p["eyes"]) / p["nose"])
    reach = (fy > p["eyes"]) * (fy < tip)
    shadow = np.abs(fx + np.sign(s["light"]) * p["nose_width"] * (0.25 + 0.6 * along)) - 0.02
    mark(cover(shadow, 0.05) * reach, p["skin"] * 0.62, p["nose_depth"] + 0.25 * np.abs(s["light"]) / 1.2)
    ridge = np.abs(fx - np.sign(s["light"]) * 0.01) - 0.02
    over(canvas, head * cover(ridge, 0.05) * reach * 0.25, np.clip(p["skin"] * 1.2, 0, 1) * shade)
    base = np.abs(fy - tip - 0.02 + 0.35 * np.abs(fx)) - 0.012
    mark(cover(np.maximum(base, np.abs(fx) - p["nose_width"])), p["skin"] * 0.45, 0.75)
    for side in (-1, 1):
        mark(cover(oval(fx - side * p["nose_width"] * 0.6, fy - tip, 0.025, 0.016)), p["skin"] * 0.25, 0.8)
        mark(cover(np.abs(oval(fx - side * p["nose_width"] * 0.8, fy - tip + 0.03, 0.04, 0.045)) - 0.005, 0.02), p["skin"] * 0.6, 0.35)

    # The moustache and the mouth.
    hair_of_lip = np.maximum(np.abs(fy - (tip + mouth) / 2 - 0.03 - 0.5 * fx**2) - 0.035, np.abs(fx) - p["moustache_width"])
    mark(cover(hair_of_lip), p["hair"] * 0.85, p["moustache"])
    broad = p["mouth_width"] * (1 + 0.18 * s["smile"])
    bow = fy - mouth + (0.35 * s["smile"] + 0.03) * ((fx / broad) ** 2 - 0.45) * 0.16
    bell = np.clip(1 - (fx / broad) ** 2, 0, 1)
    gap = 0.075 * s["open"]
    mark(cover(np.maximum(np.abs(bow - 0.2 * p["lips"]) - (p["lips"] + gap) * np.sqrt(bell), np.abs(fx) - broad)), p["lip_tone"])
    over(canvas, head * cover(np.abs(bow) - gap * bell, 0.02) * (s["open"] > 0), np.where(bow < -0.3 * gap, 0.85, 0.12))
    mark(cover(np.maximum(np.abs(bow) - 0.008, np.abs(fx) - broad), 0.03) * (s["open"] == 0), p["skin"] * 0.2, 0.8)
    mark(cover(oval(fx, fy - mouth - p["lips"] - 0.07, 0.1, 0.03), 0.06), p["skin"] * 0.75, 0.4)
    mark(cover(oval(fx - p["mole_x"], fy - p["mole_y"], 0.03, 0.03), 0.02), p["skin"] * 0.2, p["mole"])

    # Hair over the forehead, and what is left of it at the sides.
    line = p["hairline"] + p["fringe"] * (fx - p["parting"]) ** 2 - 0.1 * s["pitch"] + curls
    sideburn = np.abs(fx) - p["width"] * 0.84
    front = np.where(p["bald"] > 0, np.where(y < 0.0, np.maximum(-sideburn, -y - 0.5), 1), np.minimum(fy - line, np.where(y < 0.12, -sideburn, 1)))
    reach = np.where(p["bald"] > 0, head, np.maximum(head, cover(halo)))
    shine = 1 + 0.25 * np.clip(lit, 0, 1) * between(0.1, 0.4, -y) * (1 - between(0.5, 0.9, -y))
    over(canvas, reach * cover(front) * (y < 0.3), tone_of_hair * shine)
    return canvas * s["bright"]


# Fingerprints.


def fingerprints(identities, pictures, rng):
    """Ridges of each identity are grown once, on a field larger than what a picture shows."""
    fields, tones = ridges(identities, rng)
    whose = np.repeat(np.arange(identities), pictures)
    seen = {name: value.astype(np.float32) for name, value in touch(len(whose), rng).items()}
    sheets = []
    for start in range(0, len(whose), SOME):
        rows = slice(start, start + SOME)
        one = {name: value[rows, None, None] for name, value in seen.items()}
        drawn = shrunk(touched(fields, whose[rows], tones[whose[rows], None, None], one, rng))
        drawn += one["noise"] * rng.standard_normal(drawn.shape, np.float32)
        sheets.append(whole(drawn))
    return np.concatenate(sheets)


#: Side of a field of ridges, in fine pixels: half as much again as a picture shows.
FIELD = SIDE * FINE * 3 // 2
ANGLES = 24


def ridges(n, rng):
    """Ridges, from -1 to 1, [n, FIELD, FIELD]; dark is 1. They grow from noise along the field of directions."""
    line = np.linspace(-1.5, 1.5, FIELD, dtype=np.float32)
    x, y = (part[None] for part in np.meshgrid(line, line))

    def spread(low, high):
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    # Arch, tented arch, left and right loop, whorl, twin loop: where ridges turn back (cores) and where three ways meet (deltas).
    kind = rng.choice(6, n, p=[0.1, 0.1, 0.25, 0.25, 0.2, 0.1])[:, None, None]
    cx, cy = spread(-0.15, 0.15), spread(-0.3, 0.1)
    side = np.where(kind == 2, -1.0, 1.0)
    apart, tilt = np.where(kind == 5, spread(0.35, 0.6), spread(0.04, 0.3)), np.where(kind == 5, spread(0.3, 1.2), spread(-0.4, 0.4))
    dx, dy = spread(0.55, 0.95), spread(0.6, 1.0)
    no, yes = np.float32(0), np.float32(1)
    second, loop = np.where(kind >= 4, yes, no), np.where((kind == 2) | (kind == 3), yes, no)
    cores = [(cx - apart / 2 * np.sin(tilt) * second, cy - apart / 2 * np.cos(tilt) * second, np.where(kind >= 1, yes, no)),
             (cx + apart / 2 * np.sin(tilt), cy + apart / 2 * np.cos(tilt), second)]
    deltas = [(cx + side * dx * loop - dx * second + 0.03 * (kind == 1), cy + dy, np.where(kind >= 1, yes, no)),
              (cx + dx * spread(0.8, 1.2), cy + dy * spread(0.85, 1.15), second)]

    def half(u, v):
        # The cut points down, where cores and deltas undo each other's.
        return np.arctan2(u, -v) / 2

    angle = sum(w * half(x - u, y - v) for u, v, w in cores) - sum(w * half(x - u, y - v) for u, v, w in deltas)
    arch = spread(0.5, 1.1) * np.exp(-(((y - cy - 0.2) / spread(0.5, 0.8)) ** 2)) * np.sin(np.clip(x - cx, -1.2, 1.2) * spread(1.6, 2.4))
    angle = np.where(kind == 0, arch, angle)
    for _ in range(3):
        waves = spread(-0.12, 0.12) * np.sin(spread(-2, 2) * x + spread(-2, 2) * y + spread(0, 2 * np.pi))
        angle = angle + waves
    period = spread(6.6, 9.4)
    field = rng.standard_normal((n, FIELD, FIELD), np.float32)

    # Filters for each direction, in the domain of frequencies: narrow along the ridges, one period across.
    frequency = np.fft.fftfreq(FIELD)
    fx, fy = frequency[None, None, : FIELD // 2 + 1], frequency[None, :, None]
    bins = np.round(np.mod(angle, np.pi) / np.pi * ANGLES).astype(int) % ANGLES
    bank = []
    for b in range(ANGLES):
        across, along = (part.astype(np.float32) for part in turned(fy, -fx, b * np.pi / ANGLES))
        bank.append((across, along))
    for step in range(14):
        spectrum = np.fft.rfft2(field)
        grown = np.zeros_like(field)
        for b, (across, along) in enumerate(bank):
            near = np.exp(-((np.abs(across) - 1 / period) ** 2) * (2.2 * period) ** 2 - (along * 1.5 * period) ** 2).astype(np.float32)
            passed = np.fft.irfft2(spectrum * near, s=(FIELD, FIELD))
            chosen = bins == b
            grown[chosen] = passed[chosen]
        grown /= np.sqrt((grown**2).mean((1, 2), keepdims=True)) + 1e-6
        field = np.tanh(1.6 * grown)
    return field, rng.uniform(0.05, 0.25, n).astype(np.float32)


def touch(n, rng):
    def spread(low, high):
        return rng.uniform(low, high, n)

    return {
        "roll": rng.normal(0, 0.16, n), "scale": spread(0.95, 1.06), "right": spread(-0.12, 0.12), "down": spread(-0.14, 0.14),
        "pressure": spread(-0.45, 0.4), "contrast": spread(2.0, 5.0), "bend_x": spread(-0.05, 0.05), "bend_y": spread(-0.05, 0.05),
        "phase": spread(0, 2 * np.pi), "width": spread(0.72, 1.05), "height": spread(0.85, 1.15), "part_x": rng.normal(0, 0.13, n),
        "part_y": rng.normal(0, 0.13, n), "dry": spread(0.0, 0.45), "paper": spread(0.8, 0.98), "noise": spread(0.01, 0.045),
    }


def touched(fields, whose, tone, s, rng):
    """One picture per row, at the fine size."""
    right, down = (part[None] for part in plane(1.0))
    x, y = turned((right - s["right"]) * s["scale"], (down - s["down"]) * s["scale"], s["roll"])
    # Skin gives way.
    x, y = x + s["bend_x"] * np.sin(2 * y + s["phase"]), y + s["bend_y"] * np.sin(2 * x + s["phase"])
    places = [np.clip((part / 1.5 + 1) / 2 * (FIELD - 1), 0, FIELD - 1.001) for part in (x, y)]
    (j, i), (u, v) = [part.astype(int) for part in places], [part - np.floor(part) for part in places]
    row = whose[:, None, None]
    ridge = (fields[row, i, j] * (1 - u) + fields[row, i, j + 1] * u) * (1 - v) + (fields[row, i + 1, j] * (1 - u) + fields[row, i + 1, j + 1] * u) * v
    # Dry skin leaves gaps.
    coarse = rng.standard_normal((len(whose), 9, 9), np.float32)
    at = np.linspace(0, 7.99, SIDE * FINE)
    k, w = at.astype(int), (at - np.floor(at)).astype(np.float32)
    patch = coarse[:, k] * (1 - w)[None, :, None] + coarse[:, k + 1] * w[None, :, None]
    patch = patch[:, :, k] * (1 - w) + patch[:, :, k + 1] * w
    ink = 1 / (1 + np.exp(-s["contrast"] * (ridge + s["pressure"] - s["dry"] * np.clip(patch, 0, 2))))
    edge = oval(right - s["part_x"], down - s["part_y"], s["width"], s["height"])
    return s["paper"] + ink * cover(edge + 0.05 * patch, 0.18) * (tone - s["paper"])


KINDS = ["faces", "fingerprints"]


# Files.


def sheet(path, images):
    """Pictures [rows, columns, side, side] side by side, as a PNG."""
    rows, columns, side, _ = images.shape
    board = np.full((rows * (side + 2), columns * (side + 2)), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            board[row * (side + 2) :, column * (side + 2) :][:side, :side] = images[row, column]
    lines = np.pad(board, ((0, 0), (1, 0))).tobytes()

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">2I5B", board.shape[1], board.shape[0], 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--identities", type=int, default=120)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        images, persons = draw(kind, options.identities, options.pictures, options.seed)
        np.savez_compressed(options.folder / f"{kind}.npz", images=images, persons=persons)
        shown = images.reshape(options.identities, options.pictures, SIDE, SIDE)[:12, :10]
        sheet(options.folder / f"{kind}.png", shown)


if __name__ == "__main__":
    main()
