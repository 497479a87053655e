/* Instance and group normalisation. A row-major tensor has every group of channels of an image as one row, which is
 * normalised as a whole, then scaled and shifted channel by channel. Channels-last, blocks of pixels give each
 * channel's mean and squared deviations, those of a group are joined (Chan, Golub, LeVeque, "Algorithms for computing
 * the sample variance", 1983), and become a scale and a shift of each channel. */
#include <math.h>

#include "exec/lower.h"

struct group_args {
    struct view x, out;
    const struct kernels *kernels;
    const float *scale, *shift;       /* [channels] */
    int64_t images, groups, channels; /* channels of a group */
    int64_t pixels;
    float epsilon;
    /* channels-last: */
    struct nest nest;      /* an image's pixels: out, then x */
    int64_t blocks, block; /* of pixels, and how many are in each but the last */
    struct view parts;     /* [images][blocks][mean, squares][all channels] */
    struct view factors;   /* [images][scale, shift][all channels] */
};

/* ---- rows ---- */

static void normalise(const struct group_args *a, int64_t group)
{
    size_t row = (size_t)(a->channels * a->pixels);
    const float *x = (const float *)view_data(&a->x) + (size_t)group * row;
    float *out = (float *)view_data(&a->out) + (size_t)group * row;
    int64_t first = group % a->groups * a->channels;
    a->kernels->layer_norm_f32(
        &(struct kernel_norm_f32){.out = out, .in = x, .rows = 1, .n = row, .epsilon = a->epsilon, .mean = true});
    for (int64_t c = 0; c < a->channels; c++, out += a->pixels)
        a->kernels->unary_f32(out, out, (size_t)a->pixels,
                              (struct kernel_act){KERNEL_AFFINE, a->scale[first + c], a->shift[first + c]});
}

static void run_groups(const struct step *s, struct tile tile)
{
    for (int64_t i = tile.first; i < tile.last; i++)
        normalise(s->args, i);
}

static int lower_rows(struct plan *p, struct node *n, struct group_args *a, struct error *err)
{
    if (plan_in_dense(p, n, 0, ORDER_ROWS, &a->x, err) < 0 || plan_out_dense(p, n, 0, &a->out, err) < 0)
        return -1;
    int64_t units = a->images * a->groups;
    return plan_step(
        p, &(struct step){.node = n, .kernel = "group_norm_f32", .run = run_groups, .args = a, .units = units}, err,
        PLAN_WRITES(&a->out, &a->x));
}

/* ---- channels last ---- */

/* Pixels of a block at most, and floats that one should have. */
#define BLOCK_PIXELS 64
#define BLOCK_FLOATS 16384

static int64_t all_channels(const struct group_args *a)
{
    return a->groups * a->channels;
}

static int64_t block_first(const struct group_args *a, int64_t block)
{
    int64_t first = block * a->block;
    return first < a->pixels ? first : a->pixels;
}

static float *parts_of(const struct group_args *a, int64_t image, int64_t block)
{
    return (float *)view_data(&a->parts) + (image * a->blocks + block) * 2 * all_channels(a);
}

/* Pixels from `first` on that lie in a row, before `last`, as rows of what is to be scaled. */
static struct kernel_scale_f32 find_run(const struct group_args *a, int64_t image, int64_t first, int64_t last)
{
    ptrdiff_t offset[2];
    nest_at(&a->nest, 2, first, offset);
    return (struct kernel_scale_f32){.out = (float *)view_data(&a->out) + image * a->out.stride[0] + offset[0],
                                     .in = (const float *)view_data(&a->x) + image * a->x.stride[0] + offset[1],
                                     .out_step = nest_step(&a->nest, 0),
                                     .in_step = nest_step(&a->nest, 1),
                                     .rows = (size_t)nest_run(&a->nest, first, last),
                                     .n = (size_t)all_channels(a)};
}

/* Channel by channel the mean of a block's pixels, and the sum of their squared deviations from it. */
static void measure(const struct group_args *a, int64_t image, int64_t block, float *minus)
{
    const void *row[BLOCK_PIXELS], *deviation[BLOCK_PIXELS];
    struct kernel_scale_f32 run[BLOCK_PIXELS];
    size_t n = (size_t)all_channels(a), rows = 0;
    float *mean = parts_of(a, image, block), *deviations = minus + n;
    int64_t first = block_first(a, block), last = block_first(a, block + 1);
    int runs = 0;
    for (int64_t at = first; at < last; at += (int64_t)run[runs++].rows) {
        struct kernel_scale_f32 *next = &run[runs];
        *next = find_run(a, image, at, last);
        next->out = deviations + rows * n;
        next->out_step = (ptrdiff_t)n;
        next->shift = minus;
        for (size_t i = 0; i < next->rows; i++, rows++) {
            row[rows] = next->in + (ptrdiff_t)i * next->in_step;
            deviation[rows] = deviations + rows * n;
        }
    }
    struct kernel_reduce_f32 sum = {.op = KERNEL_SUM,
                                    .rows = (int)rows,
                                    .width = 1,
                                    .row = row,
                                    .channels = n,
                                    .scale = 1 / (float)rows,
                                    .out = mean};
    a->kernels->reduce_rows_f32(&sum);
    a->kernels->unary_f32(minus, mean, n, (struct kernel_act){KERNEL_NEG, 0, 0});
    for (int i = 0; i < runs; i++)
        a->kernels->scale_shift_f32(&run[i]);
    sum.op = KERNEL_SUM_SQUARE;
    sum.row = deviation;
    sum.scale = 1;
    sum.out = mean + n;
    a->kernels->reduce_rows_f32(&sum);
}

static void run_measure(const struct step *s, struct tile tile)
{
    const struct group_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++)
        measure(a, i / a->blocks, i % a->blocks, tile.scratch);
}

/* The mean of a group, and 1 / its deviation. */
static void join(const struct group_args *a, int64_t image, int64_t group, double *mean, double *factor)
{
    double sum = 0, squares = 0;
    int64_t first = group * a->channels;
    for (int64_t b = 0; b < a->blocks; b++) {
        double count = (double)(block_first(a, b + 1) - block_first(a, b));
        for (int64_t c = first; c < first + a->channels; c++)
            sum += count * (double)parts_of(a, image, b)[c];
    }
    *mean = sum / (double)(a->pixels * a->channels);
    for (int64_t b = 0; b < a->blocks; b++) {
        const float *part = parts_of(a, image, b);
        double count = (double)(block_first(a, b + 1) - block_first(a, b));
        for (int64_t c = first; c < first + a->channels; c++) {
            double apart = (double)part[c] - *mean;
            squares += (double)part[all_channels(a) + c] + count * apart * apart;
        }
    }
    *factor = 1 / sqrt(squares / (double)(a->pixels * a->channels) + (double)a->epsilon);
}

static void run_join(const struct step *s, struct tile tile)
{
    const struct group_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t image = i / a->groups, first = i % a->groups * a->channels;
        float *scale = (float *)view_data(&a->factors) + image * 2 * all_channels(a), *shift = scale + all_channels(a);
        double mean, factor;
        join(a, image, i % a->groups, &mean, &factor);
        for (int64_t c = first; c < first + a->channels; c++) {
            scale[c] = (float)((double)a->scale[c] * factor);
            shift[c] = (float)((double)a->shift[c] - mean * (double)a->scale[c] * factor);
        }
    }
}

static void run_apply(const struct step *s, struct tile tile)
{
    const struct group_args *a = s->args;
    struct kernel_scale_f32 run;
    for (int64_t i = tile.first; i < tile.last; i += (int64_t)run.rows) {
        int64_t image = i / a->pixels, first = i - image * a->pixels;
        run = find_run(a, image, first, first + tile.last - i < a->pixels ? first + tile.last - i : a->pixels);
        run.scale = (const float *)view_data(&a->factors) + image * 2 * all_channels(a);
        run.shift = run.scale + all_channels(a);
        a->kernels->scale_shift_f32(&run);
    }
}

static int emit_channels(struct plan *p, struct node *n, struct group_args *a, struct error *err)
{
    int64_t blocks = a->images * a->blocks, groups = a->images * a->groups, pixels = a->images * a->pixels;
    size_t row = (size_t)all_channels(a) * sizeof(float);
    struct step measuring = {.node = n,
                             .kernel = "group_norm_f32",
                             .run = run_measure,
                             .args = a,
                             .units = blocks,
                             .scratch = row * (size_t)(a->block + 1)};
    struct step joining = {.node = n, .kernel = "group_norm_f32", .run = run_join, .args = a, .units = groups};
    struct step applying = {.node = n, .kernel = "group_norm_f32", .run = run_apply, .args = a, .units = pixels};
    joining.tiles = plan_tiles(blocks * all_channels(a), 16384, groups);
    applying.tiles = plan_tiles(view_count(&a->out), 16384, pixels);
    return plan_step(p, &measuring, err, PLAN_WRITES(&a->parts, &a->x)) < 0 ||
                   plan_step(p, &joining, err, PLAN_WRITES(&a->factors, &a->parts)) < 0 ||
                   plan_step(p, &applying, err, PLAN_WRITES(&a->out, &a->x, &a->factors)) < 0
               ? -1
               : 0;
}

static int lower_channels(struct plan *p, struct node *n, struct group_args *a, struct error *err)
{
    size_t row = (size_t)all_channels(a) * sizeof(float);
    a->block = BLOCK_FLOATS / all_channels(a);
    a->block = a->block < 8 ? 8 : a->block > BLOCK_PIXELS ? BLOCK_PIXELS : a->block;
    a->blocks = (a->pixels + a->block - 1) / a->block;
    if (plan_in_channels(p, n, 0, NULL, &a->x, err) < 0 ||
        plan_out_over(p, n, 0, 0, ORDER_CHANNELS, &a->out, err) < 0 ||
        plan_scratch(p, (size_t)(a->images * a->blocks) * 2 * row, &a->parts, err) < 0 ||
        plan_scratch(p, (size_t)a->images * 2 * row, &a->factors, err) < 0)
        return -1;
    struct view out = a->out, x = a->x;
    out.dims[0] = x.dims[0] = 1;
    nest_pixels(&a->nest, &out, &x);
    return emit_channels(p, n, a, err);
}

static int group_norm(struct plan *p, struct node *n, int64_t groups, const float *scale, const float *shift,
                      float epsilon, struct error *err)
{
    const int64_t *dims = n->in[0]->type.dims;
    if (!scale || !shift || !exec_lower_is_f32(n, 0) || n->in[0]->type.rank < 3 || view_count(plan_in(n, 0)) == 0 ||
        groups < 1 || dims[1] % groups != 0)
        return 1;
    struct group_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = (struct group_args){.kernels = p->kernels,
                             .images = dims[0],
                             .groups = groups,
                             .channels = dims[1] / groups,
                             .pixels = view_count(plan_in(n, 0)) / dims[0] / dims[1],
                             .scale = scale,
                             .shift = shift,
                             .epsilon = epsilon};
    return view_order(plan_in(n, 0)) == ORDER_CHANNELS ? lower_channels(p, n, a, err) : lower_rows(p, n, a, err);
}

/* With scale and shift of the node's own. */
static int scaled_norm(struct plan *p, struct node *n, int64_t groups, struct error *err)
{
    bool failed = false;
    const float *scale = plan_constant_f32(p, n, 1, &failed, err), *shift = plan_constant_f32(p, n, 2, &failed, err);
    return failed ? -1 : group_norm(p, n, groups, scale, shift, op_float(n, "epsilon"), err);
}

int exec_lower_instance_norm(struct plan *p, struct node *n, struct error *err)
{
    return scaled_norm(p, n, n->in[0]->type.rank >= 2 ? n->in[0]->type.dims[1] : 0, err);
}

int exec_lower_group_norm(struct plan *p, struct node *n, struct error *err)
{
    return scaled_norm(p, n, op_int(n, "num_groups"), err);
}

/* Whether all pixels of an image's channel are taken together, and nothing else. */
static bool is_by_channel(const struct node *n)
{
    const int rank = n->in[0]->type.rank;
    int count;
    const int64_t *axes = op_ints(n, "axes", &count);
    unsigned reduced = op_has(n, "axes") ? 0 : 0xd; /* axes 0, 2 and 3 */
    for (int i = 0; i < count; i++) {
        if (axes[i] < -rank || axes[i] >= rank)
            return false;
        reduced |= 1u << exec_lower_axis(axes[i], rank);
    }
    return rank > 2 && (reduced | 1) == (1u << rank) - 3 && (n->in[0]->type.dims[0] == 1 || !(reduced & 1));
}

/* The standard adds 1e-9 to the deviation. */
int exec_lower_mean_variance(struct plan *p, struct node *n, struct error *err)
{
    if (!is_by_channel(n))
        return 1;
    const int64_t channels = n->in[0]->type.dims[1];
    float *factors = plan_alloc(p, 2 * (size_t)channels * sizeof *factors, err); /* shifts of 0 behind the scales */
    for (int64_t i = 0; factors && i < channels; i++)
        factors[i] = 1;
    return factors ? group_norm(p, n, channels, factors, factors + channels, 1e-18f, err) : -1;
}
