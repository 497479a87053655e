/* Depthwise convolution of rows: lanes are channels, up to DW_PIXELS_MOST outputs of a row are summed at a time, then
 * those below them, which read mostly the same rows. A tap that lies outside the image is left out, so that every
 * output is the chain of fma over the taps inside, by ky, then kx, whichever way it is computed. The last block of
 * channels ends with them, and so begins inside the one before: what both have is computed twice, since loads with
 * masks take the multipliers' ports. */
#include <string.h>

#include "kernel/isa/depthwise_f32.h"

/* Nothing of x is known from here on, and nothing made of it is kept in advance: gcc computes the columns' addresses
 * and the bits of `valid` before the loop over rows, until it runs out of registers. Volatile, so that it stays there.
 */
#define FORGET(x) __asm__ volatile("" : "+r"(x))

/* An undilated row of kw taps: each column is loaded once, into a register, and meets every output that wants it.
 * row[at] is the first column; those whose bit of `valid` is not set lie outside. */
V_FN void row_fixed(v_f32 *acc, const float *row, ptrdiff_t at, ptrdiff_t step, const float *weight, int pixels, int kw,
                    int stride, uint32_t valid)
{
    v_f32 w[7];
    row += at;
    FORGET(row);
    FORGET(valid);
    V_UNROLL(8)
    for (int kx = 0; kx < kw; kx++)
        w[kx] = v_load(weight + kx * VL);
    V_UNROLL(32)
    for (int j = 0; j < (pixels - 1) * stride + kw; j++, row += step) {
        if (!(valid >> j & 1))
            continue;
        v_f32 in = v_load(row);
        V_UNROLL(8)
        for (int i = 0; i < pixels; i++)
            if (j >= i * stride && j < i * stride + kw)
                v_fma_to(&acc[i], in, w[j - i * stride]);
    }
}

/* Any row; all its columns from kx_begin to kx_end lie inside. */
V_FN void row_any(v_f32 *acc, const float *row, const struct kernel_depthwise_f32 *d, const struct columns *b,
                  const float *weight, int lanes, int pixels, bool masked)
{
    ptrdiff_t tap = d->dilation * d->in_step, pixel = d->stride * d->in_step;
    for (int kx = b->kx_begin; kx < b->kx_end; kx++) {
        v_f32 w = v_load(weight + (ptrdiff_t)kx * VL);
        ptrdiff_t from = b->at + kx * tap;
        V_UNROLL(8)
        for (int i = 0; i < pixels; i++, from += pixel)
            acc[i] = v_fma(load_lanes(row + from, lanes, masked), w, acc[i]);
    }
}

/* Column j of three taps of one channel of each group: lane i meets lane from[i], or all the first one where a vector
 * is `one` group, since a permutation takes a multiplier's port, and a broadcast takes none. */
V_FN void group_column(v_f32 *acc, const float *row, int j, const v_f32 *w, v_i32 from, int pixels, int stride,
                       bool one)
{
    v_f32 in = one ? v_set1(*row) : v_permute(v_load(row), from);
    V_UNROLL(16)
    for (int i = 0; i < pixels; i++)
        if (j >= i * stride && j < i * stride + 3)
            v_fma_to(&acc[i], in, w[j - i * stride]);
}

/* row_fixed() of such columns. */
V_FN void row_group(v_f32 *acc, const float *row, ptrdiff_t at, ptrdiff_t step, const float *weight, v_i32 from,
                    int pixels, int stride, bool one, uint32_t valid)
{
    const v_f32 w[3] = {v_load(weight), v_load(weight + VL), v_load(weight + 2 * VL)};
    row += at;
    FORGET(row);
    FORGET(valid);
    V_UNROLL(32)
    for (int j = 0; j < (pixels - 1) * stride + 3; j++, row += step) {
        if (!(valid >> j & 1)) /* compilers take an `if` here for a rare case, and jump out and back */
            continue;
        group_column(acc, row, j, w, from, pixels, stride, one);
    }
}

/* The same of one group, of whose columns only the first and the last may lie outside: tap by tap, so that sums do not
 * wait for what was just added to them. */
V_FN void row_whole(v_f32 *acc, const float *row, ptrdiff_t at, ptrdiff_t step, const float *weight, int pixels,
                    int stride, uint32_t valid)
{
    const int last = (pixels - 1) * stride + 2;
    row += at;
    FORGET(row);
    FORGET(valid);
    V_UNROLL(3)
    for (int kx = 0; kx < 3; kx++) {
        const float *column = row + kx * step;
        v_f32 w = v_load(weight + kx * VL);
        V_UNROLL(16)
        for (int i = 0; i < pixels; i++, column += stride * step) {
            int j = i * stride + kx;
            if ((j == 0 || j == last) && !(valid >> j & 1))
                continue;
            v_fma_to(&acc[i], v_set1(*column), w);
        }
    }
}

/* The end of DW_PIXELS sums by whole vectors, through memory, as two callers share it. */
V_APART void end_stored(const struct kernel_depthwise_f32 *d, struct tile t, struct lanes l, const v_f32 *sums)
{
    v_f32 acc[DW_PIXELS];
    V_UNROLL(8)
    for (int i = 0; i < DW_PIXELS; i++)
        acc[i] = sums[i];
    end_block(acc, d, t, 0, l, DW_PIXELS, false);
}

V_FN void end_apart(const v_f32 *acc, const struct kernel_depthwise_f32 *d, struct tile t, struct lanes l)
{
    v_f32 sums[DW_PIXELS]; /* the copy has the address, and acc needs none */
    V_UNROLL(8)
    for (int i = 0; i < DW_PIXELS; i++)
        sums[i] = acc[i];
    end_stored(d, t, l, sums);
}

/* A block of channels; `masked` if there are fewer than a vector holds. */
V_FN void tile_block(const struct kernel_depthwise_f32 *d, const struct columns *b, struct tile t, int c, int pixels,
                     bool masked)
{
    struct lanes l = lanes_at(d, c, masked);
    const float *weight = d->weight + (ptrdiff_t)c * d->kernel_h * d->kernel_w;
    v_f32 acc[DW_PIXELS];
    V_UNROLL(8)
    for (int i = 0; i < pixels; i++)
        acc[i] = v_zero();
    for (int ky = 0; ky < d->kernel_h; ky++, weight += d->kernel_w * VL) {
        const float *row = d->row[ky];
        if (row)
            row_any(acc, row + l.first, d, b, weight, l.count, pixels, masked);
    }
    if (pixels == DW_PIXELS && !masked)
        end_apart(acc, d, t, l);
    else
        end_block(acc, d, t, 0, l, pixels, masked);
}

/* Channels of whole groups that a vector holds. */
static int group_lanes(int group)
{
    return group > 1 ? VL / group * group : VL;
}

/* The first channel of each lane's group. */
V_APART v_i32 group_starts(int group)
{
    int32_t start[VL];
    v_i32 starts;
    for (int i = 0; i < VL; i++)
        start[i] = i / group * group % VL;
    memcpy(&starts, start, sizeof starts);
    return starts;
}

/* One block of channels, in groups of several: the first channel of each first. A vector is read that ends inside. */
V_FN void group_block(const struct kernel_depthwise_f32 *d, const struct columns *b, struct tile t, int c,
                      const float *weight, v_i32 from, int lanes, int pixels, int stride, bool one)
{
    int first = c < d->channels - VL ? c : d->channels - VL;
    v_f32 acc[DW_PIXELS_MOST];
    const int columns = (pixels - 1) * stride + 3;
    const uint32_t all = (UINT32_C(1) << columns) - 1, ends = UINT32_C(1) << (columns - 1) | 1;
    from = v_add_i32(from, v_set1_i32(c - first));
    V_UNROLL(16)
    for (int i = 0; i < pixels; i++)
        acc[i] = v_zero();
    for (int i = 0; i < d->group; i++, from = v_add_i32(from, v_set1_i32(1)))
        for (int ky = 0; ky < d->kernel_h; ky++, weight += 3 * VL) {
            const float *row = d->row[ky];
            if (row && one && (b->valid | ends) == all)
                row_whole(acc, row + first + i, b->at, d->in_step, weight, pixels, stride, b->valid);
            else if (row)
                row_group(acc, row + first + (one ? i : 0), b->at, d->in_step, weight, from, pixels, stride, one,
                          b->valid);
        }
    end_block(acc, d, t, 0, (struct lanes){c, 0, lanes}, pixels, true);
}

/* A block of channels of row y. */
V_FN void fixed_block(const struct kernel_depthwise_f32 *d, const struct columns *b, struct tile t, int y,
                      struct lanes l, const float *weight, int pixels, int kw, int stride)
{
    const float *const *row = d->row + y * d->row_step, *const *end = row + d->kernel_h;
    v_f32 acc[DW_PIXELS];
    V_UNROLL(8)
    for (int i = 0; i < pixels; i++)
        acc[i] = v_zero();
    for (; row < end; row++, weight += kw * VL)
        if (*row)
            row_fixed(acc, *row + l.first, b->at, d->in_step, weight, pixels, kw, stride, b->valid);
    end_block(acc, d, t, y, l, pixels, false);
}

V_FN void tile_fixed(const struct kernel_depthwise_f32 *d, struct tile t, int pixels, int kw, int stride)
{
    ptrdiff_t first = (ptrdiff_t)t.x * stride - d->pad_left;
    struct columns b = {.at = first * d->in_step};
    b.valid = valid_columns(first, d->in_width, (pixels - 1) * stride + kw);
    const float *weight = d->weight;
    for (int c = 0; c < d->channels; c += VL, weight += d->kernel_h * kw * VL)
        for (int y = 0; y < d->rows; y++)
            fixed_block(d, &b, t, y, lanes_at(d, c, false), weight, pixels, kw, stride);
}

/* a / b rounded up, b > 0. */
static ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b)
{
    return a > 0 ? (a - 1) / b + 1 : -(-a / b);
}

/* Of several pixels, all taps lie inside. */
V_FN void tile_any(const struct kernel_depthwise_f32 *d, struct tile t, int pixels)
{
    ptrdiff_t first = (ptrdiff_t)t.x * d->stride - d->pad_left;
    struct columns b = {.at = first * d->in_step, .kx_end = d->kernel_w};
    if (pixels == 1) {
        b.kx_begin = clamp(ceil_div(-first, d->dilation), 0, d->kernel_w);
        b.kx_end = clamp(ceil_div(d->in_width - first, d->dilation), b.kx_begin, d->kernel_w);
    }
    if (pixels <= DW_PIXELS_FEW && d->channels < VL)
        tile_block(d, &b, t, 0, pixels, true);
    for (int c = 0; c < d->channels && d->channels >= VL; c += VL)
        tile_block(d, &b, t, c, pixels, false);
}

typedef tile_fn *tile_fns[DW_PIXELS_MOST + 1]; /* by the number of pixels, where there is one */

#define ANY_TILE(pixels)                                                                                               \
    static void tile_##pixels(const struct kernel_depthwise_f32 *d, struct tile t)                                     \
    {                                                                                                                  \
        tile_any(d, t, pixels);                                                                                        \
    }
EACH_PIXELS_EXACT(ANY_TILE)

#define ANY_ENTRY(pixels) [pixels] = tile_##pixels,
static const tile_fns any_tiles = {EACH_PIXELS_EXACT(ANY_ENTRY)};

#if !V_SMALL
#define TILE(pixels, kw, stride)                                                                                       \
    static void tile_##pixels##_##kw##_##stride(const struct kernel_depthwise_f32 *d, struct tile t)                   \
    {                                                                                                                  \
        tile_fixed(d, t, pixels, kw, stride);                                                                          \
    }
#define TILES(pixels) TILE(pixels, 3, 1) TILE(pixels, 3, 2) TILE(pixels, 5, 1) TILE(pixels, 5, 2) TILE(pixels, 7, 1)
EACH_PIXELS(TILES)

#define ENTRY_3_1(pixels) [pixels] = tile_##pixels##_3_1,
#define ENTRY_3_2(pixels) [pixels] = tile_##pixels##_3_2,
#define ENTRY_5_1(pixels) [pixels] = tile_##pixels##_5_1,
#define ENTRY_5_2(pixels) [pixels] = tile_##pixels##_5_2,
#define ENTRY_7_1(pixels) [pixels] = tile_##pixels##_7_1,

static const struct fixed {
    int kw, stride;
    tile_fns tiles;
} fixed[] = {{3, 1, {EACH_PIXELS(ENTRY_3_1)}},
             {3, 2, {EACH_PIXELS(ENTRY_3_2)}},
             {5, 1, {EACH_PIXELS(ENTRY_5_1)}},
             {5, 2, {EACH_PIXELS(ENTRY_5_2)}},
             {7, 1, {EACH_PIXELS(ENTRY_7_1)}}};
#endif

/* Of the tiles that may sum more than is left, which costs little, since what lies outside is left out. */
static int tile_pixels(int left, tile_fn *const *tiles)
{
    if (V_SMALL)
        return 4;
    if (DW_PIXELS_MOST > 8 && left > 7 && tiles[DW_PIXELS_MOST])
        return DW_PIXELS_MOST;
    return left % 8 ? 7 : 8;
}

/* Of those that may not. */
static int exact_pixels(int left, int channels)
{
    return left >= DW_PIXELS && (DW_PIXELS_FEW == DW_PIXELS || channels >= VL) ? DW_PIXELS : left >= 4 ? 4 : 1;
}

/* Outputs from <= x < end. */
static void run_tiles(const struct kernel_depthwise_f32 *d, int from, int end, tile_fn *const *tiles)
{
    for (int x = from, pixels; x < end; x += pixels) {
        int left = end - x;
        pixels = tiles == any_tiles ? exact_pixels(left, d->channels) : tile_pixels(left, tiles);
        tiles[pixels](d, (struct tile){x, pixels < left ? pixels : left});
    }
}

/* Outputs from <= x < end one by one, each with the taps that lie inside the row. */
static void run_edge(const struct kernel_depthwise_f32 *d, int from, int end)
{
    for (int x = from; x < end; x++)
        tile_1(d, (struct tile){x, 1});
}

static void run_any(const struct kernel_depthwise_f32 *d)
{
    ptrdiff_t span = (ptrdiff_t)(d->kernel_w - 1) * d->dilation;
    int begin = clamp(ceil_div(d->pad_left, d->stride), 0, d->width);
    int end = clamp(ceil_div((ptrdiff_t)d->in_width + d->pad_left - span, d->stride), begin, d->width);
    run_edge(d, 0, begin);
    run_tiles(d, begin, end, any_tiles);
    run_edge(d, end, d->width);
}

static tile_fn *const *find_fixed(const struct kernel_depthwise_f32 *d)
{
#if V_SMALL
    (void)d;
#else
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].kw == d->kernel_w && fixed[i].stride == d->stride && d->dilation == 1)
            return fixed[i].tiles;
#endif
    return NULL;
}

/* Longer rows of stride 1, undilated: 6 taps at a time, then one by one, where their columns are inside. There are
 * DW_PIXELS sums in any case, of which `pixels` are wanted: what else follows the taps weighs little. */
static void long_block(const struct kernel_depthwise_f32 *d, struct tile t, int c)
{
    struct lanes l = lanes_at(d, c, false);
    const float *weight = d->weight + (ptrdiff_t)c * d->kernel_h * d->kernel_w;
    v_f32 acc[DW_PIXELS];
    V_UNROLL(8)
    for (int i = 0; i < DW_PIXELS; i++)
        acc[i] = v_zero();
    for (int ky = 0; ky < d->kernel_h; ky++, weight += (ptrdiff_t)d->kernel_w * VL) {
        const float *row = d->row[ky];
        ptrdiff_t first = (ptrdiff_t)t.x - d->pad_left, step = d->in_step;
        int kx = 0;
#define TAPS(n)                                                                                                        \
    for (; row && kx + n <= d->kernel_w; kx += n, first += n)                                                          \
        row_fixed(acc, row + l.first, first * step, step, weight + (ptrdiff_t)kx * VL, DW_PIXELS, n, 1,                \
                  valid_columns(first, d->in_width, DW_PIXELS - 1 + n));
        TAPS(6)
        TAPS(1)
#undef TAPS
    }
    end_apart(acc, d, t, l);
}

static void run_long(const struct kernel_depthwise_f32 *d)
{
    for (int x = 0; x < d->width; x += DW_PIXELS)
        for (int c = 0; c < d->channels; c += VL)
            long_block(d, (struct tile){x, d->width - x < DW_PIXELS ? d->width - x : DW_PIXELS}, c);
}

static bool is_long(const struct kernel_depthwise_f32 *d)
{
    return !V_SMALL && d->kernel_w > 7 && d->stride == 1 && d->dilation == 1;
}

V_FN void tile_group(const struct kernel_depthwise_f32 *d, struct tile t, int pixels, int stride, bool one)
{
    ptrdiff_t first = (ptrdiff_t)t.x * stride - d->pad_left;
    struct columns b = {.at = first * d->in_step};
    v_i32 starts = group_starts(d->group);
    const float *weight = d->weight;
    b.valid = valid_columns(first, d->in_width, (pixels - 1) * stride + 3);
    int block = group_lanes(d->group);
    for (int c = 0; c < d->channels; c += block, weight += d->group * d->kernel_h * 3 * VL)
        group_block(d, &b, t, c, weight, starts, d->channels - c < block ? d->channels - c : block, pixels, stride,
                    one);
}

#define GROUP_TILE(name, pixels, stride, one)                                                                          \
    static void name##_##pixels##_##stride(const struct kernel_depthwise_f32 *d, struct tile t)                        \
    {                                                                                                                  \
        tile_group(d, t, pixels, stride, one);                                                                         \
    }
#define GROUP_TILES(pixels)   GROUP_TILE(group, pixels, 1, false) GROUP_TILE(group, pixels, 2, false)
#define GROUP_ENTRY_1(pixels) [pixels] = group_##pixels##_1,
#define GROUP_ENTRY_2(pixels) [pixels] = group_##pixels##_2,

EACH_PIXELS(GROUP_TILES)
static const tile_fns group_tiles[2] = {{EACH_PIXELS(GROUP_ENTRY_1)}, {EACH_PIXELS(GROUP_ENTRY_2)}};

#ifdef ISA_avx512
#define WHOLE_TILES(pixels) GROUP_TILE(whole, pixels, 1, true) GROUP_TILE(whole, pixels, 2, true)
WHOLE_TILES(7)
WHOLE_TILES(14)
static const tile_fns whole_tiles[2] = {{[7] = whole_7_1, [14] = whole_14_1}, {[7] = whole_7_2, [14] = whole_14_2}};
#else
#define whole_tiles group_tiles
#endif

static void run_row(const struct kernel_depthwise_f32 *d);

/* Rows of a dilated kernel that are taken apart, and the outputs that each part then must have. */
#define DILATED_ROWS  16
#define DILATED_WIDTH 4

static bool comes_apart(const struct kernel_depthwise_f32 *d)
{
    return !V_SMALL && d->dilation > 1 && d->stride == 1 && d->group <= 1 && d->channels >= VL &&
           d->kernel_h <= DILATED_ROWS && d->width / d->dilation >= DILATED_WIDTH;
}

/* Every dilation-th output reads every dilation-th column: an undilated row, whose columns serve several outputs. */
static void run_dilated(const struct kernel_depthwise_f32 *d)
{
    const ptrdiff_t step = d->dilation;
    const float *row[DILATED_ROWS];
    struct kernel_depthwise_f32 part = *d;
    part.row = row;
    part.dilation = 1;
    part.in_step *= step;
    part.out_step *= step;
    part.add_step *= step;
    for (int x = 0; x < step; x++) {
        ptrdiff_t before = ceil_div(d->pad_left - x, step), first = x - d->pad_left + before * step;
        for (int ky = 0; ky < d->kernel_h; ky++)
            row[ky] = d->row[ky] ? d->row[ky] + first * d->in_step : NULL;
        part.pad_left = (int)before;
        part.in_width = (int)ceil_div(d->in_width - first, step);
        part.width = (int)ceil_div(d->width - x, step);
        part.out = d->out + x * d->out_step;
        part.add = d->add ? d->add + x * d->add_step : NULL;
        run_row(&part);
    }
}

/* Whether several rows of the result are made together, which mostly read the same: what the kernel reads is then in
 * the level-1 cache. */
static bool is_together(const struct kernel_depthwise_f32 *d)
{
    return d->group <= 1 && d->channels >= VL && find_fixed(d);
}

/* One row; or all, where they are made together. */
static void run_row(const struct kernel_depthwise_f32 *d)
{
    if (comes_apart(d)) {
        run_dilated(d);
        return;
    }
    tile_fn *const *tiles = d->group == VL   ? whole_tiles[d->stride - 1]
                            : d->group > 1   ? group_tiles[d->stride - 1]
                            : is_together(d) ? find_fixed(d)
                                             : NULL;
    if (tiles)
        run_tiles(d, 0, d->width, tiles);
    else if (d->channels >= VL && is_long(d))
        run_long(d);
    else
        run_any(d);
}

static void run_rows(const struct kernel_depthwise_f32 *d)
{
    if (d->rows == 1 || is_together(d)) {
        run_row(d);
        return;
    }
    struct kernel_depthwise_f32 row = *d;
    row.rows = 1;
    for (int y = 0; y < d->rows; y++, row.row += d->row_step, row.out += d->out_row) {
        run_row(&row);
        row.add += row.add ? d->add_row : 0;
    }
}

/* The function over whole rows: with many vectors at once it takes half of what it would take for a few. */
static void activate_rows(const struct kernel_depthwise_f32 *d)
{
    bool is_whole = d->out_step == d->channels;
    size_t n = (size_t)d->channels * (is_whole ? (size_t)d->width : 1);
    for (int y = 0; y < d->rows; y++)
        for (int x = 0; x < (is_whole ? 1 : d->width); x++) {
            float *out = d->out + y * d->out_row + x * d->out_step;
            K(unary_f32)(out, out, n, d->act);
        }
}

static __attribute__((noinline)) void run_activated(const struct kernel_depthwise_f32 *d)
{
    struct kernel_depthwise_f32 sums = *d;
    sums.act.kind = KERNEL_NONE;
    run_rows(&sums);
    activate_rows(d);
}

/* Without a copy of *d where none is needed, as in gemm_f32.c. */
void K(depthwise_f32)(const struct kernel_depthwise_f32 *d)
{
    if (d->add || epilogue_is_clip(d->act))
        run_rows(d);
    else
        run_activated(d);
}

void K(depthwise_pack_f32)(float *packed, const float *w, ptrdiff_t c_step, int channels, int group, int taps)
{
    for (int c = 0, block = group_lanes(group); c < channels; c += block) {
        int first = group <= 1 && channels >= VL && c > channels - VL ? channels - VL : c;
        for (int tap = 0; tap < taps; tap++)
            for (int i = 0; i < VL; i++)
                *packed++ = i < block && first + i < channels ? w[(first + i) * c_step + tap] : 0;
    }
}
