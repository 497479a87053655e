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

int main(void)
{
    size_t most = TILE * TILE * (CHANNELS + GAP) * sizeof(float);
    inputs = guard_new(2 * most);
    planes = guard_new(most);
    outputs = guard_new(most);
    addends = guard_new(most);
    biases = guard_new(CHANNELS * sizeof(float));
    RUN(every_width);
    RUN(together);
    return TEST_END();
}
