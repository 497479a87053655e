/* depthwise_f32 and its packing, for every level of this processor. */
#include "chain.h"

#define MAX_CHANNELS 72
#define MAX_WIDTH    64
#define MAX_KERNEL   9
#define MAX_STEP     80
#define MAX_TAPS     (9 * 16) /* of a channel: over all of its group's */

static struct guard input, packed, outputs, addends, biases;

#define MAX_ROWS     5 /* of a result */
#define MAX_ROW_STEP 3

/* Some rows' worth of a problem, with weights as [channels][taps]. */
struct problem {
    struct kernel_depthwise_f32 d;
    const float *row[MAX_KERNEL + (MAX_ROWS - 1) * MAX_ROW_STEP];
    float weight[MAX_CHANNELS * MAX_TAPS];
};

static struct problem problem;

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

static float naive(const struct kernels *k, const struct problem *p, int y, int x, int c, const float *add)
{
    const struct kernel_depthwise_f32 *d = &p->d;
    struct chain sum = chain_start(k);
    int group = d->group > 1 ? d->group : 1, rows = group * d->kernel_h;
    const float *const *row = d->row + y * d->row_step;
    for (int r = 0; r < rows; r++) {
        int ky = r % d->kernel_h, from = c / group * group + r / d->kernel_h;
        for (int kx = 0; kx < d->kernel_w; kx++) {
            int column = x * d->stride + kx * d->dilation - d->pad_left;
            if (row[ky] && column >= 0 && column < d->in_width)
                chain_add(&sum, row[ky][column * d->in_step + from], p->weight[(c * rows + r) * d->kernel_w + kx]);
        }
    }
    return chain_end(&sum, k, d->bias ? &d->bias[c] : NULL, add ? &add[y * d->add_row + x * d->add_step + c] : NULL,
                     d->add_last, d->act);
}

/* The rows lie in one array that ends with the last channel of a last pixel, before a forbidden page; which row is the
 * last changes. */
static void make_rows(struct problem *p)
{
    struct kernel_depthwise_f32 *d = &p->d;
    size_t row = (size_t)(d->in_step * (d->in_width - 1) + d->channels);
    unsigned rows = (unsigned)(d->kernel_h + (d->rows - 1) * d->row_step);
    float *all = guard_floats(input, row * rows);
    guard_fill(all, row * rows, 1);
    unsigned turn = guard_random();
    for (unsigned y = 0; y < rows; y++)
        p->row[y] = guard_random() % 5 ? all + (turn + y) % rows * row : NULL;
    d->row = p->row;
}

/* Channels, width, kernel, stride, dilation, group are given; the rest is random. */
static void make_groups(struct problem *p, int channels, int width, int kernel, int stride, int dilation, int group)
{
    p->d = (struct kernel_depthwise_f32){.channels = channels,
                                         .width = width,
                                         .kernel_h = kernel > 5 ? random_to(3) : kernel,
                                         .kernel_w = kernel,
                                         .rows = random_to(2) == 1 ? 1 : random_to(MAX_ROWS),
                                         .row_step = random_to(MAX_ROW_STEP),
                                         .stride = stride,
                                         .dilation = dilation,
                                         .group = group,
                                         .in_step = channels + random_to(3) - 1,
                                         .out_step = channels + random_to(4),
                                         .add_step = channels + random_to(3) - 1,
                                         .pad_left = random_to((kernel - 1) * dilation + 3) - 1,
                                         .act = chain_random_act()};
    p->d.out_row = width * p->d.out_step + random_to(3) - 1;
    p->d.add_row = width * p->d.add_step + random_to(3) - 1;
    int span = (width - 1) * stride + (kernel - 1) * dilation + 1 - p->d.pad_left;
    p->d.in_width = span - kernel + random_to(2 * kernel);
    if (p->d.in_width < 1 || guard_random() % 8 == 0)
        p->d.in_width = random_to(4);
    if (p->d.in_width > MAX_WIDTH)
        p->d.in_width = MAX_WIDTH;
    guard_fill(p->weight, (size_t)(channels * p->d.kernel_h * kernel * group), 1);
    make_rows(p);
}

static void make_problem(struct problem *p, int channels, int width, int kernel, int stride, int dilation)
{
    make_groups(p, channels, width, kernel, stride, dilation, 1);
}

static void check_outputs(const struct kernels *k, const struct problem *p, const float *add)
{
    const struct kernel_depthwise_f32 *d = &p->d;
    for (int i = 0; i < d->rows * d->width; i++) {
        int y = i / d->width, x = i % d->width;
        for (int c = 0; c < d->channels; c++) {
            float got = d->out[y * d->out_row + x * d->out_step + c], want = naive(k, p, y, x, c, add);
            CHECK_MSG(chain_same_bits(got, want),
                      "%s kernel %dx%d stride %d dilation %d pad %d "
                      "channels %d width %d of %d act %d: [%d][%d][%d] %a, want %a",
                      k->isa, d->kernel_h, d->kernel_w, d->stride, d->dilation, d->pad_left, d->channels, d->width,
                      d->in_width, (int)d->act.kind, y, x, c, (double)got, (double)want);
        }
    }
}

static ptrdiff_t floats_of(const struct kernel_depthwise_f32 *d, ptrdiff_t row, ptrdiff_t step)
{
    return (d->rows - 1) * row + (d->width - 1) * step + d->channels;
}

static void check_gaps(const struct kernels *k, const struct kernel_depthwise_f32 *d)
{
    ptrdiff_t end = floats_of(d, d->out_row, d->out_step);
    CHECK_MSG(guard_intact(outputs, d->out, sizeof(float) * (size_t)end), "%s: written outside the rows", k->isa);
    for (ptrdiff_t i = 0; i < end; i++) {
        const unsigned char *p = (const unsigned char *)(d->out + i);
        ptrdiff_t at = i % d->out_row;
        if (at % d->out_step >= d->channels || at / d->out_step >= d->width)
            CHECK_MSG(p[0] == 0xa5 && p[3] == 0xa5, "%s channels %d: written behind pixel %td", k->isa, d->channels,
                      at / d->out_step);
    }
}

static void run_problem(const struct kernels *k, struct problem *p)
{
    struct kernel_depthwise_f32 *d = &p->d;
    int taps = d->kernel_h * d->kernel_w * d->group;
    float *weight =
        guard_floats(packed, kernel_depthwise_packed(k, (size_t)d->channels, (size_t)d->group, (size_t)taps));
    k->depthwise_pack_f32(weight, p->weight, taps, d->channels, d->group, taps);
    d->weight = weight;
    float *bias = guard_floats(biases, (size_t)d->channels);
    guard_fill(bias, (size_t)d->channels, 1);
    size_t count = (size_t)floats_of(d, d->add_row, d->add_step);
    float *add = guard_floats(addends, count);
    guard_fill(add, count, 1);
    unsigned choice = guard_random();
    d->bias = choice & 1 ? bias : NULL;
    d->add = choice & 2 ? add : NULL;
    d->add_last = choice & 4;
    size_t bytes = sizeof(float) * (size_t)floats_of(d, d->out_row, d->out_step);
    d->out = guard_out(outputs, bytes, sizeof(float) * (choice >> 3 & 1));
    k->depthwise_f32(d);
    check_outputs(k, p, d->add);
    check_gaps(k, d);
}

static void every_group(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int group = 2; kernel_depthwise_groups(k, group, k->vector, 3, 1, 1); group++)
            for (int width = 1; width <= 20; width++)
                for (int stride = 1; stride <= 2; stride++) {
                    int least = (k->vector + group - 1) / group * group, channels = least + group * (width % 4);
                    make_groups(&problem, channels, width, 3, stride, 1, group);
                    run_problem(k, &problem);
                }
}

static void every_channel_count(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int channels = 1; channels <= 37; channels++) {
            for (int kernel = 1; kernel <= 7; kernel += 2) {
                make_problem(&problem, channels, random_to(17), kernel, random_to(2), 1);
                run_problem(k, &problem);
            }
        }
    }
}

static void every_shape(void)
{
    static const int kernels[] = {1, 2, 3, 5, 7, 11};
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int width = 1; width <= 17; width++) {
            for (int i = 0; i < 6 * 3 * 2; i++) {
                make_problem(&problem, random_to(20), width, kernels[i % 6], 1 + i / 6 % 3, 1 + i / 18);
                run_problem(k, &problem);
            }
        }
    }
}

/* Rows wide enough to be taken apart, of more channels than a vector holds. */
static void dilated(void)
{
    static const int kernels[] = {2, 3, 5, 7, 9};
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int width = 8; width <= 17; width++)
            for (int i = 0; i < 5 * 3; i++) {
                make_problem(&problem, k->vector - 1 + random_to(k->vector + 4), width, kernels[i % 5], 1, 2 + i / 5);
                run_problem(k, &problem);
            }
}

/* All columns of every window inside, outside to the left, to the right. */
static void outside(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int pad = -3; pad <= 12; pad++) {
            for (int kernel = 3; kernel <= 4; kernel++) {
                make_problem(&problem, 9, 11, kernel, 1, 1);
                problem.d.pad_left = pad;
                problem.d.in_width = 5;
                make_rows(&problem);
                run_problem(k, &problem);
            }
        }
    }
}

static void residual_in_place(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int last = 0; last < 2; last++) {
            make_problem(&problem, 21, 13, 3, 1, 1);
            struct kernel_depthwise_f32 *d = &problem.d;
            float weight[9 * 32], out[MAX_ROWS * 14 * 32], before[MAX_ROWS * 14 * 32];
            k->depthwise_pack_f32(weight, problem.weight, 9, 21, 1, 9);
            guard_fill(out, sizeof out / sizeof *out, 1);
            memcpy(before, out, sizeof out);
            d->weight = weight;
            d->out = out;
            d->add = out;
            d->add_step = d->out_step;
            d->add_row = d->out_row;
            d->add_last = last;
            k->depthwise_f32(d);
            check_outputs(k, &problem, before);
        }
    }
}

static void not_a_number(void)
{
    static const enum kernel_act_kind kinds[] = {KERNEL_NONE, KERNEL_RELU, KERNEL_CLIP};
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int i = 0; i < 3; i++) {
            make_problem(&problem, 19, 9, 3, 1, 1);
            struct kernel_depthwise_f32 *d = &problem.d;
            float rows[3][11 * 19], weight[9 * 32], out[9 * 19];
            guard_fill(rows[0], 3 * 11 * 19, 1);
            rows[1][5 * 19 + 18] = NAN;
            rows[2][0] = -INFINITY;
            for (int ky = 0; ky < 3; ky++)
                problem.row[ky] = rows[ky];
            k->depthwise_pack_f32(weight, problem.weight, 9, 19, 1, 9);
            *d = (struct kernel_depthwise_f32){.row = problem.row,
                                               .rows = 1,
                                               .in_step = 19,
                                               .out_step = 19,
                                               .in_width = 11,
                                               .width = 9,
                                               .channels = 19,
                                               .kernel_h = 3,
                                               .kernel_w = 3,
                                               .stride = 1,
                                               .dilation = 1,
                                               .weight = weight,
                                               .out = out,
                                               .act = {kinds[i], 0, 6}};
            k->depthwise_f32(d);
            check_outputs(k, &problem, NULL);
            for (int x = 0; x < 9; x++)
                CHECK_MSG((isnan(out[x * 19 + 18]) != 0) == (x >= 3 && x <= 5), "%s act %d: %d", k->isa, i, x);
        }
    }
}

/* Agreement with the oracle in double, which has its own packing. */
static void oracle(void)
{
    const struct kernels *k, *ref = kernel_reference();
    for (int l = 0; (k = guard_level(&l));) {
        for (int round = 0; round < 40; round++) {
            make_problem(&problem, random_to(20), random_to(17), random_to(5), random_to(2), random_to(2));
            struct kernel_depthwise_f32 *d = &problem.d;
            int taps = d->kernel_h * d->kernel_w;
            float weight[2][25 * 40], out[2][MAX_ROWS * 18 * 32];
            d->act.kind = KERNEL_NONE;
            for (int i = 0; i < 2; i++) {
                (i ? ref : k)->depthwise_pack_f32(weight[i], problem.weight, taps, d->channels, 1, taps);
                d->weight = weight[i];
                d->out = out[i];
                (i ? ref : k)->depthwise_f32(d);
            }
            for (int i = 0; i < d->rows * d->width * d->channels; i++) {
                int pixel = i / d->channels;
                ptrdiff_t at = pixel / d->width * d->out_row + pixel % d->width * d->out_step + i % d->channels;
                CHECK_MSG(fabsf(out[0][at] - out[1][at]) <= 0x1p-24f * (float)(taps * taps), "%s: %g, oracle %g",
                          k->isa, (double)out[0][at], (double)out[1][at]);
            }
        }
    }
}

static void check_packing(const struct kernels *k, int channels, int taps)
{
    float w[40 * 12];
    guard_fill(w, 40 * 12, 1);
    size_t floats = kernel_depthwise_packed(k, (size_t)channels, 1, (size_t)taps);
    float *to = guard_out(packed, floats * sizeof(float), 0);
    k->depthwise_pack_f32(to, w, taps + 1, channels, 1, taps);
    CHECK_MSG(guard_intact(packed, to, floats * sizeof(float)), "%s: written before the weights", k->isa);
    for (size_t i = 0; i < floats; i++) {
        int lane = (int)i % k->vector, first = (int)i / k->vector / taps * k->vector;
        int tap = (int)i / k->vector % taps, most = channels - k->vector; /* the last block ends with the channels */
        int c = (most >= 0 && first > most ? most : first) + lane;
        float want = c < channels ? w[c * (taps + 1) + tap] : 0;
        CHECK_MSG(to[i] == want, "%s: channel %d, tap %d", k->isa, c, tap);
    }
}

static void packing(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int channels = 1; channels <= 37; channels++)
            check_packing(k, channels, random_to(11));
    for (int channels = 1; channels <= 10; channels++)
        check_packing(kernel_reference(), channels, 9);
}

int main(void)
{
    input = guard_new(sizeof(float) * (MAX_KERNEL + (MAX_ROWS - 1) * MAX_ROW_STEP) * MAX_WIDTH * MAX_STEP);
    packed = guard_new(sizeof(float) * MAX_TAPS * (MAX_CHANNELS + 16) * 2);
    outputs = guard_new(sizeof(float) * MAX_ROWS * 21 * MAX_STEP);
    addends = guard_new(sizeof(float) * MAX_ROWS * 21 * MAX_STEP);
    biases = guard_new(sizeof(float) * MAX_CHANNELS);
    RUN(every_channel_count);
    RUN(every_group);
    RUN(every_shape);
    RUN(dilated);
    RUN(outside);
    RUN(residual_in_place);
    RUN(not_a_number);
    RUN(oracle);
    RUN(packing);
    return TEST_END();
}
