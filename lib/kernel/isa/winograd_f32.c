/* Winograd's transforms of a tile: lanes are channels, a tile is transformed along its columns, then along its rows.
 * The matrices follow from the points (see kernel/winograd.h): a row of the input's is a coefficient list of f(x)/(x -
 * p). */
#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"
#include "kernel/winograd.h"

enum { UNROLL = V_SMALL ? 1 : 6 }; /* lines of a tile */

#define TILE    WINOGRAD_TILE /* the largest */
#define OUTPUTS (WINOGRAD_TILE - 2)
#define ROOT2   1.41421356f

/* a b + c for a number a. */
V_FN v_f32 times(float a, v_f32 b, v_f32 c)
{
    return v_fma(v_set1(a), b, c);
}

/* f = x (x - 1) (x + 1). The first half of the results, or the second. */
V_FN void input_4(v_f32 *o, const v_f32 *d, int half)
{
    o[0] = half == 0 ? v_sub(d[2], d[0]) : v_sub(d[2], d[1]);
    o[1] = half == 0 ? v_add(d[2], d[1]) : v_sub(d[3], d[1]);
}

/* f = x (x² - 1/2) (x² - 2) */
V_FN void input_6(v_f32 *o, const v_f32 *d, int half)
{
    if (half == 0) {
        v_f32 even = times(-2, d[2], d[4]), odd = times(-2, d[1], d[3]), root = v_set1(ROOT2 / 2);
        o[0] = v_add(times(-2.5f, d[2], d[4]), d[0]);
        o[1] = v_fma(odd, root, even);
        o[2] = v_fnma(odd, root, even);
    } else {
        v_f32 even = times(-0.5f, d[2], d[4]), odd = times(-0.5f, d[1], d[3]), root = v_set1(ROOT2);
        o[0] = v_fma(odd, root, even);
        o[1] = v_fnma(odd, root, even);
        o[2] = v_add(times(-2.5f, d[3], d[5]), d[1]);
    }
}

/* Row i: the points to the power of i; infinity counts in the last. */
V_FN void output_4(v_f32 *o, const v_f32 *m)
{
    o[0] = v_add(m[0], v_add(m[1], m[2]));
    o[1] = v_add(v_sub(m[1], m[2]), m[3]);
}

V_FN void output_6(v_f32 *o, const v_f32 *m)
{
    v_f32 sum_a = v_add(m[1], m[2]), less_a = v_sub(m[1], m[2]);
    v_f32 sum_b = v_add(m[3], m[4]), less_b = v_sub(m[3], m[4]);
    o[0] = v_add(m[0], v_add(sum_a, sum_b));
    o[1] = times(ROOT2 / 2, less_a, v_mul(less_b, v_set1(ROOT2)));
    o[2] = times(0.5f, sum_a, v_add(sum_b, sum_b));
    o[3] = times(ROOT2 / 4, less_a, times(2 * ROOT2, less_b, m[5]));
}

V_FN void input_line(v_f32 *o, const v_f32 *d, int tile, int half)
{
    if (tile == 4)
        input_4(o, d, half);
    else
        input_6(o, d, half);
}

V_FN void output_line(v_f32 *o, const v_f32 *m, int tile)
{
    if (tile == 4)
        output_4(o, m);
    else
        output_6(o, m);
}

/* Masks cost nothing on AVX-512. Elsewhere channels that do not fill a vector are moved to memory of their own, which
 * is transformed in whole vectors. */
#ifdef ISA_avx512
#define MASKED true
#else
#define MASKED false
#endif

V_FN v_f32 load(const float *p, int lanes)
{
    return MASKED ? v_load_n(p, lanes) : v_load(p);
}

V_FN void store(float *p, v_f32 x, int lanes)
{
    if (MASKED)
        v_store_n(p, x, lanes);
    else
        v_store(p, x);
}

/* `count` times the first `lanes` floats, each to a vector. */
static void gather(float *to, const float *from, ptrdiff_t step, int count, int lanes)
{
    for (int i = 0; i < count; i++)
        v_store(to + i * VL, v_load_n(from + i * step, lanes));
}

/* And back. */
static void scatter(float *to, ptrdiff_t step, const float *from, int count, int lanes)
{
    for (int i = 0; i < count; i++)
        v_store_n(to + i * step, v_load(from + i * VL), lanes);
}

/* The lanes from channel c on: a whole vector, or fewer. */
V_FN int lanes_at(ptrdiff_t c, ptrdiff_t channels)
{
    return channels - c < VL ? (int)(channels - c) : VL;
}

/* ---- input ---- */

/* Half of the results: of each line's, the halves have nothing in common, and one's columns stay in registers. */
V_FN void input_half(const struct kernel_winograd_input_f32 *w, int c, int lanes, int tile, int half)
{
    v_f32 columns[TILE / 2][TILE];
    V_UNROLL(UNROLL)
    for (int x = 0; x < tile; x++) {
        v_f32 d[TILE], o[TILE / 2];
        V_UNROLL(UNROLL)
        for (int y = 0; y < tile; y++)
            d[y] = load(w->x + y * w->row + x * w->pixel + c, lanes);
        input_line(o, d, tile, half);
        V_UNROLL(UNROLL)
        for (int y = 0; y < tile / 2; y++)
            columns[y][x] = o[y];
    }
    V_UNROLL(UNROLL)
    for (int y = 0; y < tile / 2; y++) {
        float *to = w->out + (half * (tile / 2) + y) * tile * w->plane + c;
        v_f32 o[TILE];
        input_line(o, columns[y], tile, 0);
        input_line(o + tile / 2, columns[y], tile, 1);
        V_UNROLL(UNROLL)
        for (int x = 0; x < tile; x++)
            store(to + x * w->plane, o[x], lanes);
    }
}

V_FN void input_lanes(const struct kernel_winograd_input_f32 *w, int c, int lanes, int tile)
{
    input_half(w, c, lanes, tile, 0);
    input_half(w, c, lanes, tile, 1);
}

V_APART void input_rest(const struct kernel_winograd_input_f32 *w, int c, int lanes)
{
    float x[TILE * TILE * VL], out[TILE * TILE * VL];
    int tile = w->size + 2;
    for (int y = 0; y < tile; y++)
        gather(x + y * tile * VL, w->x + y * w->row + c, w->pixel, tile, lanes);
    K(winograd_input_f32)(&(struct kernel_winograd_input_f32){w->size, VL, x, tile * VL, VL, out, VL});
    scatter(w->out + c, w->plane, out, tile * tile, lanes);
}

V_FN void input_tile(const struct kernel_winograd_input_f32 *w, int tile)
{
    for (int c = 0; c < w->channels; c += VL) {
        int lanes = lanes_at(c, w->channels);
        if (MASKED || lanes == VL)
            input_lanes(w, c, lanes, tile);
        else
            input_rest(w, c, lanes);
    }
}

static void input_tile_4(const struct kernel_winograd_input_f32 *w)
{
    input_tile(w, 4);
}

static void input_tile_6(const struct kernel_winograd_input_f32 *w)
{
    input_tile(w, 6);
}

void K(winograd_input_f32)(const struct kernel_winograd_input_f32 *w)
{
    if (w->size == 2)
        input_tile_4(w);
    else
        input_tile_6(w);
}

/* ---- output ---- */

/* The results of a tile in channels c to c + lanes, through what follows the sums, pixel by pixel. */
static void finish(const struct kernel_winograd_output_f32 *w, v_f32 *acc, int c, int lanes)
{
    float sum[OUTPUTS * OUTPUTS * VL];
    void *out[OUTPUTS * OUTPUTS];
    const void *add[OUTPUTS * OUTPUTS];
    int count = 0;
    for (int y = 0; y < w->height; y++)
        for (int x = 0; x < w->width; x++, count++) {
            v_store(sum + count * VL, acc[y * w->size + x]);
            out[count] = w->out + y * w->out_row + x * w->out_pixel;
            add[count] = w->add ? w->add + y * w->add_row + x * w->add_pixel : NULL;
        }
    struct kernel_epilogue to = {.add = w->add ? add : NULL, .add_last = w->add_last, .act = w->act};
    K(epilogue_rows)(sum, count, VL, lanes, out, c, &to);
}

/* Adds a row's pixels of the residual, of which there are as many as the row has. */
V_FN void add_row(const struct kernel_winograd_output_f32 *w, v_f32 *sum, int y, int c, int lanes)
{
    const float *add = w->add + y * w->add_row + c;
    V_UNROLL(4)
    for (int x = 0; x < OUTPUTS; x++, add += w->add_pixel)
        if (x < w->width)
            sum[x] = v_add(sum[x], load(add, lanes));
}

/* The same in registers, for a simple activation, row by row of `size` pixels. */
V_APART void finish_simple(const struct kernel_winograd_output_f32 *w, const v_f32 *acc, int c, int lanes, int size)
{
    for (int y = 0; y < w->height; y++, acc += size) {
        float *out = w->out + y * w->out_row + c;
        v_f32 sum[OUTPUTS];
        V_UNROLL(4)
        for (int x = 0; x < OUTPUTS; x++)
            sum[x] = acc[x];
        if (w->add && !w->add_last)
            add_row(w, sum, y, c, lanes);
        epilogue_simple(sum, OUTPUTS, w->act);
        if (w->add && w->add_last)
            add_row(w, sum, y, c, lanes);
        V_UNROLL(4)
        for (int x = 0; x < OUTPUTS; x++, out += w->out_pixel)
            if (x < w->width)
                store(out, sum[x], lanes);
    }
}

V_FN void output_lanes(const struct kernel_winograd_output_f32 *w, int c, int lanes, int tile)
{
    int size = tile - 2;
    v_f32 rows[OUTPUTS][TILE], acc[OUTPUTS * OUTPUTS], bias = w->bias ? load(w->bias + c, lanes) : v_zero();
    V_UNROLL(UNROLL)
    for (int x = 0; x < tile; x++) {
        v_f32 m[TILE], o[OUTPUTS];
        V_UNROLL(UNROLL)
        for (int y = 0; y < tile; y++)
            m[y] = load(w->sums + (y * tile + x) * w->plane + c, lanes);
        output_line(o, m, tile);
        V_UNROLL(UNROLL)
        for (int y = 0; y < size; y++)
            rows[y][x] = o[y];
    }
    V_UNROLL(UNROLL)
    for (int y = 0; y < size; y++) {
        v_f32 o[OUTPUTS];
        output_line(o, rows[y], tile);
        V_UNROLL(UNROLL)
        for (int x = 0; x < size; x++)
            acc[y * size + x] = v_add(o[x], bias);
    }
    if (kernel_act_is_quick(w->act))
        finish_simple(w, acc, c, lanes, size);
    else
        finish(w, acc, c, lanes);
}

V_APART void output_rest(const struct kernel_winograd_output_f32 *w, int c, int lanes)
{
    float sums[TILE * TILE * VL], bias[VL];
    v_f32 acc[OUTPUTS * OUTPUTS];
    struct kernel_winograd_output_f32 whole = {.size = w->size,
                                               .channels = VL,
                                               .height = w->size,
                                               .width = w->size,
                                               .sums = sums,
                                               .plane = VL,
                                               .bias = w->bias ? bias : NULL,
                                               .out = (float *)(void *)acc,
                                               .out_row = w->size * VL,
                                               .out_pixel = VL};
    gather(sums, w->sums + c, w->plane, (w->size + 2) * (w->size + 2), lanes);
    if (w->bias)
        gather(bias, w->bias + c, 0, 1, lanes);
    K(winograd_output_f32)(&whole);
    finish(w, acc, c, lanes);
}

V_FN void output_tile(const struct kernel_winograd_output_f32 *w, int tile)
{
    for (int c = 0; c < w->channels; c += VL) {
        int lanes = lanes_at(c, w->channels);
        if (MASKED || lanes == VL)
            output_lanes(w, c, lanes, tile);
        else
            output_rest(w, c, lanes);
    }
}

static void output_tile_4(const struct kernel_winograd_output_f32 *w)
{
    output_tile(w, 4);
}

static void output_tile_6(const struct kernel_winograd_output_f32 *w)
{
    output_tile(w, 6);
}

void K(winograd_output_f32)(const struct kernel_winograd_output_f32 *w)
{
    if (w->size == 2)
        output_tile_4(w);
    else
        output_tile_6(w);
}

/* ---- weights ---- */

V_FN void filter_4(v_f32 *o, const v_f32 *g)
{
    v_f32 half = v_set1(0.5f), even = v_mul(half, v_add(g[0], g[2])), odd = v_mul(half, g[1]);
    o[0] = v_sub(v_zero(), g[0]);
    o[1] = v_add(even, odd);
    o[2] = v_sub(even, odd);
    o[3] = g[2];
}

V_FN void filter_6(v_f32 *o, const v_f32 *g)
{
    v_f32 even = times(-2.0f / 3, g[0], v_mul(v_set1(-1.0f / 3), g[2])), odd = v_mul(v_set1(-ROOT2 / 3), g[1]);
    o[0] = g[0];
    o[1] = v_add(even, odd);
    o[2] = v_sub(even, odd);
    even = times(1.0f / 6, g[0], v_mul(v_set1(1.0f / 3), g[2]));
    odd = v_mul(v_set1(ROOT2 / 6), g[1]);
    o[3] = v_add(even, odd);
    o[4] = v_sub(even, odd);
    o[5] = g[2];
}

V_FN void filter_line(v_f32 *o, const v_f32 *g, int tile)
{
    if (tile == 4)
        filter_4(o, g);
    else
        filter_6(o, g);
}

/* Once a load: lines are not unrolled as those of a run's tiles are. */
V_FN void filter_lanes(float *out, size_t plane, const float *w, size_t tap, int lanes, int tile)
{
    v_f32 columns[TILE][3];
    V_NO_UNROLL
    for (int x = 0; x < 3; x++) {
        v_f32 o[TILE];
        filter_line(o,
                    (v_f32[3]){load(w + (size_t)x * tap, lanes), load(w + (size_t)(3 + x) * tap, lanes),
                               load(w + (size_t)(6 + x) * tap, lanes)},
                    tile);
        V_UNROLL(UNROLL)
        for (int y = 0; y < tile; y++)
            columns[y][x] = o[y];
    }
    V_NO_UNROLL
    for (int y = 0; y < tile; y++) {
        v_f32 o[TILE];
        filter_line(o, columns[y], tile);
        V_UNROLL(UNROLL)
        for (int x = 0; x < tile; x++)
            store(out + (size_t)(y * tile + x) * plane, o[x], lanes);
    }
}

V_APART void filter_rest(float *out, size_t plane, int size, const float *w, size_t tap, int lanes)
{
    float taps[9 * VL], whole[TILE * TILE * VL];
    gather(taps, w, (ptrdiff_t)tap, 9, lanes);
    K(winograd_filter_f32)(whole, VL, size, taps, VL, VL);
    scatter(out, (ptrdiff_t)plane, whole, (size + 2) * (size + 2), lanes);
}

V_FN void filter_tile(float *out, size_t plane, const float *w, size_t tap, size_t n, int tile)
{
    for (size_t i = 0; i < n; i += VL) {
        int lanes = lanes_at((ptrdiff_t)i, (ptrdiff_t)n);
        if (MASKED || lanes == VL)
            filter_lanes(out + i, plane, w + i, tap, lanes, tile);
        else
            filter_rest(out + i, plane, tile - 2, w + i, tap, lanes);
    }
}

void K(winograd_filter_f32)(float *out, size_t plane, int size, const float *w, size_t tap, size_t n)
{
    if (size == 2)
        filter_tile(out, plane, w, tap, n, 4);
    else
        filter_tile(out, plane, w, tap, n, 6);
}
