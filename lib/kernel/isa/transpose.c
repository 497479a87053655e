/* Transpose of 4-byte elements, in registers: VL rows by 4 columns at a time. */
#include <string.h>

#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

typedef int32_t v_four __attribute__((vector_size(16)));
typedef v_four v_four_memory __attribute__((aligned(4), may_alias));
typedef int64_t v_pairs __attribute__((vector_size(VL * 4)));
typedef int64_t v_four_pairs __attribute__((vector_size(16)));

/* 4 x 4 elements in each 16-byte part of four vectors: x[r][c] -> x[c][r]. First elements of two rows pair up, then
 * pairs of two such. `lanes` and `pairs` list the elements and pairs of a vector of `type`, `n` of the former. */
#define LOW(i, n)  ((i) & ~3) + ((i) >> 1 & 1) + ((i)&1) * (n)
#define HIGH(i, n) LOW(i, n) + 2
#define EVEN(i, n) ((i) & ~1) + ((i)&1) * (n)
#define ODD(i, n)  EVEN(i, n) + 1
#define TRANSPOSE_4(x, type, pairs_type, lanes, pairs, n)                                                              \
    do {                                                                                                               \
        pairs_type a_ = (pairs_type)__builtin_shufflevector((x)[0], (x)[1], lanes(LOW, n));                            \
        pairs_type b_ = (pairs_type)__builtin_shufflevector((x)[2], (x)[3], lanes(LOW, n));                            \
        pairs_type c_ = (pairs_type)__builtin_shufflevector((x)[0], (x)[1], lanes(HIGH, n));                           \
        pairs_type d_ = (pairs_type)__builtin_shufflevector((x)[2], (x)[3], lanes(HIGH, n));                           \
        (x)[0] = (type)__builtin_shufflevector(a_, b_, pairs(EVEN, n / 2));                                            \
        (x)[1] = (type)__builtin_shufflevector(a_, b_, pairs(ODD, n / 2));                                             \
        (x)[2] = (type)__builtin_shufflevector(c_, d_, pairs(EVEN, n / 2));                                            \
        (x)[3] = (type)__builtin_shufflevector(c_, d_, pairs(ODD, n / 2));                                             \
    } while (0)

V_FN v_four load_four(const int32_t *p)
{
    return *(const v_four_memory *)p;
}

/* load_every_fourth: four columns of rows 0, 4, 8, … side by side. (Of what gcc knows to join vectors, only the
 * intrinsics take the second one from memory.) */
#if VL == 16
V_FN v_i32 load_every_fourth(const int32_t *p, ptrdiff_t step)
{
    __m512i x = _mm512_castsi128_si512((__m128i)load_four(p));
    x = _mm512_inserti32x4(x, (__m128i)load_four(p + 4 * step), 1);
    x = _mm512_inserti32x4(x, (__m128i)load_four(p + 8 * step), 2);
    return (v_i32)_mm512_inserti32x4(x, (__m128i)load_four(p + 12 * step), 3);
}
#elif VL == 8
V_FN v_i32 load_every_fourth(const int32_t *p, ptrdiff_t step)
{
    __m256i x = _mm256_castsi128_si256((__m128i)load_four(p));
    return (v_i32)_mm256_inserti128_si256(x, (__m128i)load_four(p + 4 * step), 1);
}
#else
#define load_every_fourth(p, step) load_four(p)
#endif

/* VL rows, four columns. */
V_FN void wide_block(int32_t *out, ptrdiff_t out_step, const int32_t *in, ptrdiff_t in_step)
{
    v_i32 x[4];
    V_UNROLL(4)
    for (int i = 0; i < 4; i++)
        x[i] = load_every_fourth(in + i * in_step, in_step);
    TRANSPOSE_4(x, v_i32, v_pairs, LANES, LANE_PAIRS, VL);
    V_UNROLL(4)
    for (int i = 0; i < 4; i++)
        v_store_i32(out + i * out_step, x[i]);
}

/* 1 <= n <= 4. */
V_FN v_four load_some(const int32_t *p, int n)
{
    return n == 4 ? load_four(p) : (v_four){p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
}

/* At most four rows and columns. */
V_FN void small_block(int32_t *out, ptrdiff_t out_step, const int32_t *in, ptrdiff_t in_step, int rows, int columns)
{
    v_four x[4] = {{0}};
    V_UNROLL(4)
    for (int i = 0; i < rows; i++)
        x[i] = load_some(in + i * in_step, columns);
    TRANSPOSE_4(x, v_four, v_four_pairs, LANES_4, LANES_2, 4);
    V_UNROLL(4)
    for (int i = 0; i < columns; i++)
        memcpy(out + i * out_step, &x[i], (size_t)rows * sizeof(*out));
}

/* At most four rows, known at compile time; any columns. */
V_FN void flat_strip(int32_t *out, ptrdiff_t out_step, const int32_t *in, ptrdiff_t in_step, int rows,
                     ptrdiff_t columns)
{
    ptrdiff_t j = 0;
    for (; columns - j >= 4; j += 4)
        small_block(out + j * out_step, out_step, in + j, in_step, rows, 4);
    for (; j < columns; j++)
        small_block(out + j * out_step, out_step, in + j, in_step, rows, 1);
}

/* At most three columns, known at compile time; any rows. */
V_FN void tall_strip(int32_t *out, ptrdiff_t out_step, const int32_t *in, ptrdiff_t in_step, ptrdiff_t rows,
                     int columns)
{
    ptrdiff_t i = 0;
    for (; rows - i >= 4; i += 4)
        small_block(out + i, out_step, in + i * in_step, in_step, 4, columns);
    for (; i < rows; i++)
        small_block(out + i, out_step, in + i * in_step, in_step, 1, columns);
}

/* Rows that do not fill a vector. */
static void last_rows(int32_t *out, ptrdiff_t out_step, const int32_t *in, ptrdiff_t in_step, ptrdiff_t rows,
                      ptrdiff_t columns)
{
    for (; rows >= 4; rows -= 4, in += 4 * in_step, out += 4)
        flat_strip(out, out_step, in, in_step, 4, columns);
    if (rows == 3)
        flat_strip(out, out_step, in, in_step, 3, columns);
    else if (rows == 2)
        flat_strip(out, out_step, in, in_step, 2, columns);
    else if (rows == 1)
        flat_strip(out, out_step, in, in_step, 1, columns);
}

static void last_columns(int32_t *out, ptrdiff_t out_step, const int32_t *in, ptrdiff_t in_step, ptrdiff_t rows,
                         ptrdiff_t columns)
{
    if (columns == 3)
        tall_strip(out, out_step, in, in_step, rows, 3);
    else if (columns == 2)
        tall_strip(out, out_step, in, in_step, rows, 2);
    else if (columns == 1)
        tall_strip(out, out_step, in, in_step, rows, 1);
}

/* Three rows side by side, as planes of colours become pixels: lane i of vector r is of plane AT % 3. First those of
 * the planes 0 and 1, then those of plane 2. */
#define AT(r, i)      (VL * (r) + (i))
#define PAIR(r, i, n) AT(r, i) / 3 + AT(r, i) % 3 % 2 * (n)
#define LAST(r, i, n) (AT(r, i) % 3 == 2 ? AT(r, i) / 3 + (n) : (i))
#define PAIR_0(i, n)  PAIR(0, i, n)
#define PAIR_1(i, n)  PAIR(1, i, n)
#define PAIR_2(i, n)  PAIR(2, i, n)
#define LAST_0(i, n)  LAST(0, i, n)
#define LAST_1(i, n)  LAST(1, i, n)
#define LAST_2(i, n)  LAST(2, i, n)
#define FIRST(r)      __builtin_shufflevector(a, b, LANES(PAIR_##r, VL))
#define JOIN(r)       __builtin_shufflevector(FIRST(r), c, LANES(LAST_##r, VL))

/* Returns how many columns, whole vectors of them, it did. */
static ptrdiff_t three_planes(int32_t *out, const int32_t *in, ptrdiff_t in_step, ptrdiff_t columns)
{
    ptrdiff_t j = 0;
    for (; j + VL <= columns; j += VL, out += 3 * VL) {
        v_i32 a = v_load_i32(in + j), b = v_load_i32(in + in_step + j), c = v_load_i32(in + 2 * in_step + j);
        v_store_i32(out, JOIN(0));
        v_store_i32(out + VL, JOIN(1));
        v_store_i32(out + 2 * VL, JOIN(2));
    }
    return j;
}

/* Columns go by tiles whose lines stay in the first-level cache while the rows pass. Each is a row of the result, pages
 * apart from the next as a rule, which no processor fetches by itself: that is done so many elements before. */
#define TILE  32
#define AHEAD (2 * VL)

void K(transpose_32)(void *out, ptrdiff_t out_step, const void *in, ptrdiff_t in_step, size_t rows, size_t columns)
{
    const ptrdiff_t m = (ptrdiff_t)rows, n = (ptrdiff_t)columns, whole_m = m - m % VL, whole_n = n - n % 4,
                    done = m == 3 && out_step == 3 ? three_planes(out, in, in_step, n) : 0;
    for (ptrdiff_t tile = done; tile < whole_n; tile += TILE) {
        ptrdiff_t width = whole_n - tile < TILE ? whole_n - tile : TILE;
        const int32_t *from = (const int32_t *)in + tile;
        int32_t *to = (int32_t *)out + tile * out_step;
        for (ptrdiff_t i = 0; i < whole_m; i += VL) {
            for (ptrdiff_t j = 0; j < width; j++)
                __builtin_prefetch(to + j * out_step + i + AHEAD, 1);
            for (ptrdiff_t j = 0; j < width; j += 4)
                wide_block(to + j * out_step + i, out_step, from + i * in_step + j, in_step);
        }
        last_rows(to + whole_m, out_step, from + whole_m * in_step, in_step, m - whole_m, width);
    }
    last_columns((int32_t *)out + whole_n * out_step, out_step, (const int32_t *)in + whole_n, in_step, m, n - whole_n);
}
