/* Winograd's transforms, for every level of this processor: each against the oracle, which has its matrices from the
 * points, and all three together against the convolution's definition. */
#include "chain.h"

#define TILE     6
#define CHANNELS 40
#define GAP      3

static struct guard inputs, planes, outputs, addends, biases;

static float *random_floats(struct guard g, size_t n)
{
    float *p = guard_floats(g, n);
    guard_fill(p, n, 1);
    return p;
}

/* A tile's transform has every channel of every plane, and nothing else, written. */
static void check_input(const struct kernels *k, int size, int channels)
{
    int tile = size + 2;
    size_t planes_size = (size_t)(tile * tile * (channels + GAP)), bytes = planes_size * sizeof(float);
    static float want[TILE * TILE * (CHANNELS + GAP)];
    struct kernel_winograd_input_f32 w = {size,         channels, NULL,          tile * (channels + 1) + 2,
                                          channels + 1, want,     channels + GAP};
    w.x = random_floats(inputs, (size_t)((tile - 1) * w.row + (tile - 1) * w.pixel + channels));
    kernel_reference()->winograd_input_f32(&w);
    float *got = w.out = guard_out(planes, bytes - GAP * sizeof(float), 0);
    k->winograd_input_f32(&w);
    CHECK_MSG(guard_intact(planes, got, bytes), "%s size %d: written before the planes", k->isa, size);
    for (int i = 0; i < tile * tile; i++) {
        CHECK_CLOSE(got + i * w.plane, want + i * w.plane, (size_t)channels, 1e-6, 8, "%s size %d channels %d plane %d",
                    k->isa, size, channels, i);
        for (int j = 0; i + 1 < tile * tile && j < GAP * (int)sizeof(float); j++)
            CHECK(((unsigned char *)(got + i * w.plane + channels))[j] == 0xa5);
    }
}

static void check_output(const struct kernels *k, int size, int channels, int height, int width)
{
    int tile = size + 2, pixel = channels + GAP, row = size * pixel;
    static float want[TILE * TILE * (CHANNELS + GAP)];
    unsigned choice = guard_random();
    struct kernel_winograd_output_f32 w = {.size = size, .channels = channels, .height = height, .width = width};
    size_t floats = (size_t)((height - 1) * row + (width - 1) * pixel + channels);
    w.plane = channels + 1;
    w.sums = random_floats(planes, (size_t)(tile * tile * (channels + 1) - 1));
    w.bias = choice & 1 ? random_floats(biases, (size_t)channels) : NULL;
    w.add = choice & 2 ? random_floats(addends, floats) : NULL;
    w.add_row = w.out_row = row;
    w.add_pixel = w.out_pixel = pixel;
    w.add_last = choice & 4;
    w.act = chain_random_act();
    w.out = want;
    kernel_reference()->winograd_output_f32(&w);
    float *got = w.out = guard_out(outputs, floats * sizeof(float), 0);
    k->winograd_output_f32(&w);
    CHECK_MSG(guard_intact(outputs, got, floats * sizeof(float)), "%s size %d: written before C", k->isa, size);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            CHECK_CLOSE(got + y * row + x * pixel, want + y * row + x * pixel, (size_t)channels, 2e-6, 8,
                        "%s size %d channels %d (%d, %d) act %d", k->isa, size, channels, y, x, (int)w.act.kind);
}

/* Filters' elements, and nothing between their planes; no tap beyond the last is read. */
static void check_filter(const struct kernels *k, int size, int n)
{
    int tile = size + 2, tap = n + GAP;
    size_t plane = (size_t)(n + 1), floats = plane * (size_t)(tile * tile) - 1;
    static float want[TILE * TILE * (CHANNELS + GAP)];
    const float *w = random_floats(inputs, (size_t)(8 * tap + n));
    float *got = guard_out(planes, floats * sizeof(float), 0);
    kernel_reference()->winograd_filter_f32(want, plane, size, w, (size_t)tap, (size_t)n);
    k->winograd_filter_f32(got, plane, size, w, (size_t)tap, (size_t)n);
    CHECK_MSG(guard_intact(planes, got, floats * sizeof(float)), "%s size %d: written before the planes", k->isa, size);
    for (int i = 0; i < tile * tile; i++) {
        CHECK_CLOSE(got + (size_t)i * plane, want + (size_t)i * plane, (size_t)n, 1e-6, 8, "%s size %d n %d plane %d",
                    k->isa, size, n, i);
        for (int j = 0; i + 1 < tile * tile && j < (int)sizeof(float); j++)
            CHECK(((unsigned char *)(got + (size_t)i * plane + n))[j] == 0xa5);
    }
}

static void every_width(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int size = 2; size <= 4; size += 2)
            for (int channels = 1; channels <= CHANNELS; channels++) {
                check_input(k, size, channels);
                check_filter(k, size, channels);
                check_output(k, size, channels, size, size);
                check_output(k, size, channels, 1 + (int)(guard_random() % (unsigned)size),
                             1 + (int)(guard_random() % (unsigned)size));
            }
}

/* Row (y, x, j) of what the three make of one tile of `channels` and n filters. */
static void convolve(const struct kernels *k, int size, int channels, int n, const float *x, const float *filters,
                     float *out)
{
    int tile = size + 2, nr = k->gemm_f32->nr;
    static float v[TILE * TILE * CHANNELS], packed[TILE * TILE * CHANNELS * 64], sums[TILE * TILE * CHANNELS];
    static float taps[9 * CHANNELS * 64];
    size_t plane = kernel_gemm_packed(k, (size_t)channels, (size_t)n);
    struct kernel_winograd_input_f32 in = {size, channels, x, tile * channels, channels, v, channels};
    k->winograd_input_f32(&in);
    for (int j = 0; j < n; j += nr) {
        int some = n - j < nr ? n - j : nr;
        size_t panel = kernel_gemm_packed(k, (size_t)channels, (size_t)some);
        k->gemm_f32->pack(taps, filters + j * channels * 9, 9, 1, channels, 9, some, channels * 9);
        k->winograd_filter_f32(packed + j * channels, plane, size, taps, panel, panel);
    }
    for (int i = 0; i < tile * tile; i++) {
        const void *row = v + i * channels;
        void *c = sums + i * n;
        const ptrdiff_t tap = 0;
        struct kernel_gemm g = {.a = &row, .tap = &tap, .taps = 1, .k = channels, .c = &c, .m = 1, .n = n};
        g.b = packed + (size_t)i * plane;
        k->gemm_f32->run(&g);
    }
    struct kernel_winograd_output_f32 w = {.size = size, .channels = n, .height = size, .width = size, .sums = sums};
    w.plane = n;
    w.out = out;
    w.out_row = size * n;
    w.out_pixel = n;
    k->winograd_output_f32(&w);
}

static double definition(int tile, int channels, const float *x, const float *filter, int at_y, int at_x)
{
    double sum = 0;
    for (int t = 0; t < 9; t++)
        for (int c = 0; c < channels; c++)
            sum += (double)x[((at_y + t / 3) * tile + at_x + t % 3) * channels + c] * (double)filter[c * 9 + t];
    return sum;
}

/* All levels, and the oracle itself: it is a convolution. */
static void together(void)
{
    static float x[TILE * TILE * CHANNELS], filters[CHANNELS * CHANNELS * 9], out[16 * CHANNELS];
    const struct kernels *k = kernel_reference();
    for (int l = 0; k; k = guard_level(&l))
        for (int size = 2; size <= 4; size += 2)
            for (int n = 1; n <= CHANNELS; n += 3) {
                int channels = 1 + n % 7;
                guard_fill(x, TILE * TILE * CHANNELS, 1);
                guard_fill(filters, CHANNELS * CHANNELS * 9, 1);
                convolve(k, size, channels, n, x, filters, out);
                for (int i = 0; i < size * size * n; i++) {
                    double want =
                        definition(size + 2, channels, x, filters + i % n * channels * 9, i / n / size, i / n % size);
                    CHECK_MSG(fabs((double)out[i] - want) < 2e-5, "%s size %d n %d: %g, want %g", k->isa, size, n,
                              (double)out[i], want);
                }
            }
}

/* ---- in whole numbers ---- */

#define DEPTH   104
#define COLUMNS 40

static struct whole {
    int m, depth, n, height, width;
    bool is_signed;
    const uint8_t *x;                   /* [m][36 pixels][depth] */
    int8_t filters[COLUMNS][9 * DEPTH]; /* [9][depth] */
    int16_t v[TILE * TILE * KERNEL_GEMM_MR_MAX * DEPTH];
    int32_t sums[TILE * TILE * KERNEL_GEMM_MR_MAX * COLUMNS], bias[COLUMNS];
} whole;

/* Any bytes, or the least and the largest. */
static uint8_t draw_byte(bool extreme, bool is_signed)
{
    uint8_t x = (uint8_t)guard_random();
    return !extreme ? x : (uint8_t)(is_signed ? (x & 1 ? 127 : -128) : (x & 1 ? 255 : 0));
}

static void draw_whole(struct whole *w, const struct kernels *k)
{
    unsigned draw = guard_random();
    *w = (struct whole){.m = 1 + (int)(guard_random() % (unsigned)k->winograd_q8->mr),
                        .depth = k->winograd_q8->least + 8 * (int)(guard_random() % 10),
                        .n = 1 + (int)(guard_random() % (unsigned)k->winograd_q8->nr),
                        .height = 1 + (int)(guard_random() % 4),
                        .width = 1 + (int)(guard_random() % 4),
                        .is_signed = draw & 1};
    size_t bytes = (size_t)(w->m * TILE * TILE * w->depth);
    uint8_t *x = inputs.end - bytes;
    for (size_t i = 0; i < bytes; i++)
        x[i] = draw & 4 ? 255 : draw_byte(draw & 2, w->is_signed);
    for (int j = 0; j < w->n; j++)
        for (int i = 0; i < 9 * w->depth; i++)
            w->filters[j][i] = (int8_t)(draw & 8 ? -128 : draw_byte(draw & 16, true));
    w->x = x;
}

static int32_t whole_sum(const struct whole *w, int tile, int y, int x, int column)
{
    int32_t sum = 0;
    for (int t = 0; t < 9; t++)
        for (int i = 0; i < w->depth; i++) {
            uint8_t byte = w->x[((tile * TILE + y + t / 3) * TILE + x + t % 3) * w->depth + i];
            sum += (w->is_signed ? (int8_t)byte : byte) * w->filters[column][t * w->depth + i];
        }
    return sum;
}

/* Each element's sums, all tiles at once. */
static void multiply_whole(const struct kernels *k, struct whole *w)
{
    int nr = k->winograd_q8->nr;
    static int8_t taps[9 * DEPTH * COLUMNS];
    int size = w->depth * nr;
    int16_t *b = (int16_t *)(void *)planes.end - TILE * TILE * size;
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    struct kernel_gemm g = {.a = a, .k = w->depth / 2 / 8 * 8, .c = c, .m = w->m, .n = nr};
    memset(taps, 0, sizeof taps);
    for (int j = 0; j < w->n; j++)
        for (int i = 0; i < 9 * w->depth; i++)
            taps[i / w->depth * size + i % w->depth / 2 * 2 * nr + 2 * j + i % 2] = w->filters[j][i];
    k->winograd_q8->filter(b, size, taps, size, size);
    for (int e = 0; e < 2 * TILE * TILE; e++) { /* in two parts, the second added */
        int first = e % 2 ? g.k : 0;
        struct kernel_gemm part = g;
        for (int i = 0; i < w->m; i++) {
            a[i] = w->v + (e / 2 * w->m + i) * w->depth + first;
            c[i] = w->sums + (e / 2 * w->m + i) * nr;
        }
        part.b = b + e / 2 * size + first * nr;
        part.k = e % 2 ? w->depth - first : g.k;
        part.to.add = e % 2 ? a : NULL;
        k->winograd_q8->multiply(&part);
    }
}

/* A tile's results: those of one pixel are near zero by their bias, so that any difference of the sums shows. */
static void check_whole(const struct kernels *k, struct whole *w, int tile)
{
    static float ones[COLUMNS];
    int row = w->n * 4 + 3, at_y = (int)(guard_random() % (unsigned)w->height),
        at_x = (int)(guard_random() % (unsigned)w->width);
    size_t bytes = (size_t)((w->height - 1) * row + w->width * w->n);
    struct kernel_winograd_output_q8 out = {.channels = w->n, .height = w->height, .width = w->width};
    for (int j = 0; j < w->n; j++) {
        ones[j] = 1;
        w->bias[j] = (int)(guard_random() % 100) - whole_sum(w, tile, at_y, at_x, j);
    }
    out.sums = w->sums + tile * k->winograd_q8->nr;
    out.plane = w->m * k->winograd_q8->nr;
    out.to =
        (struct kernel_epilogue){.bias = w->bias, .multiplier = ones, .c = KERNEL_U8, .rounding = {-100, 155, 100}};
    out.out_row = row;
    out.out_pixel = w->n;
    out.out = guard_out(outputs, bytes, 0);
    k->winograd_q8->output(&out);
    CHECK_MSG(guard_intact(outputs, out.out, bytes), "%s: written before C", k->isa);
    for (int y = 0; y < w->height; y++)
        for (int i = 0; i < w->width * w->n; i++) {
            int sum = whole_sum(w, tile, y, i / w->n, i % w->n) + w->bias[i % w->n],
                want = (int)fmin(fmax(sum, -100), 155) + 100, got = out.out[y * row + i];
            CHECK_MSG(got == want, "%s tile %d of %d depth %d n %d (%d, %d): %d, want %d", k->isa, tile, w->m, w->depth,
                      w->n, y, i, got, want);
        }
}

static void whole_numbers(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int round = 0; k->winograd_q8 && round < 40; round++) {
            draw_whole(&whole, k);
            struct kernel_winograd_input_q8 in = {.channels = whole.depth, .is_signed = whole.is_signed};
            in.pixel = whole.depth;
            in.row = TILE * whole.depth;
            in.plane = whole.m * whole.depth;
            for (int i = 0; i < whole.m; i++) {
                in.x = whole.x + i * TILE * in.row;
                in.out = whole.v + i * whole.depth;
                k->winograd_q8->input(&in);
            }
            multiply_whole(k, &whole);
            for (int i = 0; i < whole.m; i++)
                check_whole(k, &whole, i);
        }
}

int main(void)
{
    size_t most = TILE * TILE * (CHANNELS + GAP) * sizeof(float);
    inputs = guard_new(TILE * TILE * KERNEL_GEMM_MR_MAX * DEPTH);
    planes = guard_new(TILE * TILE * DEPTH * COLUMNS * sizeof(int16_t));
    outputs = guard_new(most);
    addends = guard_new(most);
    biases = guard_new(CHANNELS * sizeof(float));
    RUN(every_width);
    RUN(together);
    RUN(whole_numbers);
    return TEST_END();
}
