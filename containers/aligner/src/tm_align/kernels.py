"""The compiled loops of the embedding tier: exact integer dot products, band searches and posteriors.

Vectors are int16 in units of 1/32767, so a dot product of two unit vectors fits an int32 and its value does not depend
on the order of summation: the same input gives the same bytes on every processor and number of threads. It is also the
fastest form: one ``vpmaddwd`` multiplies twice as many numbers as a float32 multiply-add.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]

UNIT = 32767
"""The int16 that stands for 1.0."""

PADDING = 4
"""Rows of zeros at the end of an array of vectors: the height of a tile of ``dots_4x4``."""

_LEAST_SQUARE = 1e-24
"""Squares of a vector's components whose sum is below this have lost digits in float32, or all."""

_i32 = np.int32
_f32 = np.float32


@njit(cache=True, nogil=True)
def _extreme_row(vector: F32, out: I16) -> bool:
    """``_unit_row`` for vectors whose squares leave the range of float32; slower, and so not for all."""
    square = 0.0
    for k in range(vector.size):
        square += np.float64(vector[k]) * np.float64(vector[k])
    if not np.isfinite(square):
        return False
    scale = 32767.0 / np.sqrt(square) if square > 0.0 else 0.0
    for k in range(vector.size):
        out[k] = _i32(np.float64(vector[k]) * scale + 32768.5) - 32768
    return True


@njit(cache=True, nogil=True)
def _unit_row(vector: F32, lanes: F32, out: I16) -> bool:
    """Write one vector at length 1; False when it is not finite. Zeros stay zeros."""
    width = vector.size
    lanes[:] = _f32(0.0)
    whole = width - width % 16
    for k in range(0, whole, 16):  # sixteen sums in a fixed order: vectorised, and the same on every processor
        for lane in range(16):
            lanes[lane] += vector[k + lane] * vector[k + lane]
    square = 0.0
    for lane in range(16):
        square += lanes[lane]
    for k in range(whole, width):
        square += np.float64(vector[k]) * np.float64(vector[k])
    if not _LEAST_SQUARE < square < np.inf:
        return _extreme_row(vector, out)
    scale = _f32(32767.0 / np.sqrt(square))
    for k in range(width):
        # Adding first makes the truncation a rounding: cheaper than rint, and vectorised.
        out[k] = _i32(vector[k] * scale + _f32(32768.5)) - 32768
    return True


@njit(cache=True, nogil=True)
def quantise_rows(vectors: F32, rows: I32, out: I16) -> int:
    """Write the unit vectors of ``vectors[rows]`` as int16; -1 and null vectors become zeros.

    Returns the first position in ``rows`` whose vector is not finite, or -1.
    """
    lanes = np.empty(16, np.float32)
    for p in range(rows.size):
        if rows[p] < 0:
            out[p, :] = 0
        elif not _unit_row(vectors[rows[p]], lanes, out[p]):
            return p
    return -1


@njit(cache=True, nogil=True)
def quantise_half_rows(vectors: U16, rows: I32, out: I16) -> int:
    """``quantise_rows`` for float16 given as its bits: numba has no float16."""
    lanes = np.empty(16, np.float32)
    bits = np.empty(vectors.shape[1], np.int32)
    floats = bits.view(np.float32)
    for p in range(rows.size):
        if rows[p] < 0:
            out[p, :] = 0
            continue
        half = vectors[rows[p]]
        largest = _i32(0)
        for k in range(half.size):
            magnitude = _i32(_i32(half[k]) & _i32(0x7FFF))
            largest = max(largest, magnitude)
            bits[k] = _i32(_i32(magnitude << _i32(13)) | _i32(_i32(_i32(half[k]) & _i32(0x8000)) << _i32(16)))
        for k in range(half.size):
            floats[k] *= _f32(2.0**112)  # the two formats' exponents begin 112 apart
        if largest >= 0x7C00 or not _unit_row(floats, lanes, out[p]):
            return p
    return -1


@njit(cache=True, nogil=True)
def quantise_sums(vectors: F32, numbers: I32, runs: int, out: I16) -> int:
    """``quantise_rows`` where number ``i * runs + k`` is the sum of ``vectors[i:i+k+1]``."""
    lanes = np.empty(16, np.float32)
    total = np.empty(vectors.shape[1], np.float32)
    for p in range(numbers.size):
        if numbers[p] < 0:
            out[p, :] = 0
            continue
        first, more = numbers[p] // runs, numbers[p] % runs
        total[:] = vectors[first]
        for i in range(first + 1, first + more + 1):
            total += vectors[i]
        if not _unit_row(total, lanes, out[p]):
            return p
    return -1


@njit(cache=True, nogil=True)
def halve(units: I16) -> I16:
    """Unit vectors of neighbouring pairs' sums; an odd last vector stays alone. Both arrays are padded."""
    n, width = units.shape[0] - PADDING, units.shape[1]
    out = np.zeros(((n + 1) // 2 + PADDING, width), np.int16)
    sums = np.empty(width, np.float32)
    lanes = np.empty(16, np.float32)
    for p in range(out.shape[0] - PADDING):
        second = min(2 * p + 1, n - 1)
        for k in range(width):
            sums[k] = _i32(units[2 * p, k]) + _i32(units[second, k])
        _unit_row(sums, lanes, out[p])
    return out


@njit(cache=True, nogil=True)
def mean_cosines(units: I16, others: I16) -> F32:
    """Each vector's mean cosine with all of ``others``: one product with their mean, no sampling. Both are padded."""
    count, width = max(1, others.shape[0] - PADDING), units.shape[1]
    total = np.zeros(width, np.int64)
    for p in range(others.shape[0]):
        for k in range(width):
            total[k] += others[p, k]
    mean = np.empty(width, np.float32)
    for k in range(width):
        mean[k] = total[k] / count
    out = np.empty(units.shape[0] - PADDING, np.float32)
    for p in range(out.size):
        lanes = np.zeros(16, np.float32)
        for k in range(0, width - width % 16, 16):
            for lane in range(16):
                lanes[lane] += mean[k + lane] * units[p, k + lane]
        for k in range(width - width % 16, width):
            lanes[0] += mean[k] * units[p, k]
        out[p] = lanes.sum() / (32767.0 * 32767.0)
    return out


@njit(cache=True, nogil=True)
def dots_4x4(x: I16, i: int, y: I16, j: int, out: I32) -> None:
    """The 16 dot products of ``x[i:i+4]`` with ``y[j:j+4]``: the sums stay in registers, each load serves four."""
    x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
    y0, y1, y2, y3 = y[j], y[j + 1], y[j + 2], y[j + 3]
    a0 = a1 = a2 = a3 = _i32(0)
    b0 = b1 = b2 = b3 = _i32(0)
    c0 = c1 = c2 = c3 = _i32(0)
    d0 = d1 = d2 = d3 = _i32(0)
    for k in range(x.shape[1]):
        p, q, r, s = _i32(x0[k]), _i32(x1[k]), _i32(x2[k]), _i32(x3[k])
        t, u, v, w = _i32(y0[k]), _i32(y1[k]), _i32(y2[k]), _i32(y3[k])
        # numba widens int32 products to int64; cast back, or the loop is not vectorised.
        a0, a1, a2, a3 = _i32(a0 + _i32(p * t)), _i32(a1 + _i32(p * u)), _i32(a2 + _i32(p * v)), _i32(a3 + _i32(p * w))
        b0, b1, b2, b3 = _i32(b0 + _i32(q * t)), _i32(b1 + _i32(q * u)), _i32(b2 + _i32(q * v)), _i32(b3 + _i32(q * w))
        c0, c1, c2, c3 = _i32(c0 + _i32(r * t)), _i32(c1 + _i32(r * u)), _i32(c2 + _i32(r * v)), _i32(c3 + _i32(r * w))
        d0, d1, d2, d3 = _i32(d0 + _i32(s * t)), _i32(d1 + _i32(s * u)), _i32(d2 + _i32(s * v)), _i32(d3 + _i32(s * w))
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = a0, a1, a2, a3
    out[1, 0], out[1, 1], out[1, 2], out[1, 3] = b0, b1, b2, b3
    out[2, 0], out[2, 1], out[2, 2], out[2, 3] = c0, c1, c2, c3
    out[3, 0], out[3, 1], out[3, 2], out[3, 3] = d0, d1, d2, d3
