/* Few planes of bytes to pixels, 16 at a time. */
#include <string.h>

#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

#define PIXELS 16

typedef uint8_t bytes __attribute__((vector_size(PIXELS)));

static bytes load(const void *p)
{
    bytes x;
    memcpy(&x, p, sizeof x);
    return x;
}

static void store(void *p, bytes x)
{
    memcpy(p, &x, sizeof x);
}

#define SIXTEEN(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)

/* Byte i of the result's first half is of pair i / 2. */
#define LOW(i)  (i) / 2 + (i) % 2 * PIXELS
#define HIGH(i) LOW(i) + PIXELS / 2

static void two(uint8_t *out, const uint8_t *in, ptrdiff_t step)
{
    bytes a = load(in), b = load(in + step);
    store(out, __builtin_shufflevector(a, b, SIXTEEN(LOW)));
    store(out + PIXELS, __builtin_shufflevector(a, b, SIXTEEN(HIGH)));
}

/* Byte i of result r is of pixel (16 r + i) / 3. First those of the planes 0 and 1, then that of plane 2. */
#define AT(r, i)    (16 * (r) + (i))
#define PAIR(r, i)  AT(r, i) / 3 + AT(r, i) % 3 % 2 * PIXELS
#define THIRD(r, i) (AT(r, i) % 3 == 2 ? AT(r, i) / 3 + PIXELS : (i))
#define PAIR_0(i)   PAIR(0, i)
#define PAIR_1(i)   PAIR(1, i)
#define PAIR_2(i)   PAIR(2, i)
#define THIRD_0(i)  THIRD(0, i)
#define THIRD_1(i)  THIRD(1, i)
#define THIRD_2(i)  THIRD(2, i)
#define JOIN(r)     __builtin_shufflevector(__builtin_shufflevector(a, b, SIXTEEN(PAIR_##r)), c, SIXTEEN(THIRD_##r))

static void three(uint8_t *out, const uint8_t *in, ptrdiff_t step)
{
    bytes a = load(in), b = load(in + step), c = load(in + 2 * step);
    store(out, JOIN(0));
    store(out + PIXELS, JOIN(1));
    store(out + 2 * PIXELS, JOIN(2));
}

typedef uint16_t pairs __attribute__((vector_size(PIXELS)));

static void four(uint8_t *out, const uint8_t *in, ptrdiff_t step)
{
    uint8_t first[2 * PIXELS], second[2 * PIXELS];
    two(first, in, step);
    two(second, in + 2 * step, step);
    for (int i = 0; i < 2; i++) {
        pairs a = (pairs)load(first + i * PIXELS), b = (pairs)load(second + i * PIXELS);
        store(out + 2 * i * PIXELS, (bytes)__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
        store(out + (2 * i + 1) * PIXELS, (bytes)__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15));
    }
}

void K(interleave_8)(void *out, const void *in, ptrdiff_t step, size_t planes, size_t n)
{
    static void (*const blocks[])(uint8_t *, const uint8_t *, ptrdiff_t) = {[2] = two, [3] = three, [4] = four};
    uint8_t *to = out;
    const uint8_t *from = in;
    size_t i = 0;
    for (; n >= PIXELS && i < n; i += PIXELS) { /* the last block ends with the planes */
        size_t at = i < n - PIXELS ? i : n - PIXELS;
        blocks[planes](to + at * planes, from + at, step);
    }
    for (; i < n; i++)
        for (size_t j = 0; j < planes; j++)
            to[i * planes + j] = from[i + j * (size_t)step];
}
