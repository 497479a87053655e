/* The tile registers of AMX in plain C, in the stead of kernel/isa/amx.h, as Intel's architecture manual describes
 * them: kernels written for them run on processors without AMX. What a processor would refuse ends the program. */
#ifndef KERNEL_ISA_AMX_H
#define KERNEL_ISA_AMX_H

#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "kernel/isa/vec.h"

#define AMX_ROWS  16
#define AMX_BYTES 64

static struct twin_tile {
    int rows, bytes; /* 0: not set */
    uint8_t at[AMX_ROWS][AMX_BYTES];
} twin_tiles[8];

V_APART void amx_shape(int rows, int depth)
{
    memset(twin_tiles, 0, sizeof twin_tiles);
    for (int i = 0; i < 8; i++) {
        twin_tiles[i].rows = i < 6 ? rows : depth / 4;
        twin_tiles[i].bytes = i == 4 || i == 5 ? depth : AMX_BYTES;
    }
}

V_FN void amx_leave(void)
{
    memset(twin_tiles, 0, sizeof twin_tiles);
}

V_APART struct twin_tile *twin_tile(int i)
{
    struct twin_tile *t = &twin_tiles[i];
    if (t->rows < 1 || t->rows > AMX_ROWS || t->bytes < 4 || t->bytes > AMX_BYTES)
        abort();
    return t;
}

V_APART void twin_zero(int i)
{
    struct twin_tile *t = twin_tile(i);
    memset(t->at, 0, sizeof t->at);
}

V_APART void twin_load(int i, const void *from, ptrdiff_t step)
{
    struct twin_tile *t = twin_tile(i);
    twin_zero(i);
    for (int r = 0; r < t->rows; r++)
        memcpy(t->at[r], (const char *)from + r * step, (size_t)t->bytes);
}

V_APART void twin_store(int i, void *to, ptrdiff_t step)
{
    struct twin_tile *t = twin_tile(i);
    for (int r = 0; r < t->rows; r++)
        memcpy((char *)to + r * step, t->at[r], (size_t)t->bytes);
}

/* Products read and write nothing but tiles; under the sanitizers they would take most of the tests' time. */
#define TWIN_PRODUCT __attribute__((no_sanitize("address", "undefined")))

/* What the four bytes at a and b add to a sum of four bytes. */
typedef void twin_dot_fn(void *sum, const void *a, const void *b);

TWIN_PRODUCT V_FN void tdpbusd(void *sum, const void *a, const void *b)
{
    uint32_t s;
    memcpy(&s, sum, sizeof s);
    for (int i = 0; i < 4; i++)
        s += (uint32_t)(((const uint8_t *)a)[i] * ((const int8_t *)b)[i]);
    memcpy(sum, &s, sizeof s);
}

TWIN_PRODUCT V_FN void tdpbssd(void *sum, const void *a, const void *b)
{
    uint32_t s;
    memcpy(&s, sum, sizeof s);
    for (int i = 0; i < 4; i++)
        s += (uint32_t)(((const int8_t *)a)[i] * ((const int8_t *)b)[i]);
    memcpy(sum, &s, sizeof s);
}

TWIN_PRODUCT V_FN void tdpbf16ps(void *sum, const void *a, const void *b)
{
    uint16_t x[2], y[2];
    float s;
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    memcpy(&s, sum, sizeof s);
    for (int i = 0; i < 2; i++)
        s += half_bf16_to_f32(x[i]) * half_bf16_to_f32(y[i]);
    memcpy(sum, &s, sizeof s);
}

TWIN_PRODUCT V_APART void twin_multiply(twin_dot_fn *dot, int sums, int left, int right)
{
    struct twin_tile *c = twin_tile(sums), *a = twin_tile(left), *b = twin_tile(right);
    if (a->rows != c->rows || b->bytes != c->bytes || a->bytes != b->rows * 4)
        abort();
    for (int i = 0; i < c->rows; i++)
        for (int j = 0; j < c->bytes; j += 4)
            for (int l = 0; l < b->rows; l++)
                dot(&c->at[i][j], &a->at[i][l * 4], &b->at[l][j]);
}

#define AMX_LOAD(tile, p, step)        twin_load(tile, p, (ptrdiff_t)(step))
#define AMX_STORE(tile, p, step)       twin_store(tile, p, (ptrdiff_t)(step))
#define AMX_ZERO(tile)                 twin_zero(tile)
#define AMX_MULTIPLY(product, c, a, b) twin_multiply(product, c, a, b)

#endif
