/* Convolutions many of whose taps lie in the padding, as in strongly dilated ones and in short volumes: the result is
 * cut into boxes whose outputs have the same taps inside the input, and each box is a product over these taps alone.
 * Axes that are cut need no border. */
#include <string.h>

#include "exec/lower_conv.h"

#define KERNEL_MAX 8 /* taps of an axis */
#define BANDS_MAX  (2 * KERNEL_MAX + 1)
#define BOXES_MAX  128 /* steps that this is worth */

/* Outputs [first, first + count) of an axis have the taps [tap, tap + taps) inside the input. */
struct band {
    int64_t first, count, tap, taps;
};

struct bands {
    int count;
    struct band band[BANDS_MAX];
};

/* The taps of axis i that output `at` has inside the input. */
static struct band taps_at(const struct window *w, int i, int64_t at)
{
    int64_t from = at * w->stride[i] - w->begin[i], tap = 0, end = 0;
    if (from < 0)
        tap = (-from + w->dilation[i] - 1) / w->dilation[i];
    if (from < w->in[i])
        end = (w->in[i] - from + w->dilation[i] - 1) / w->dilation[i];
    end = end < w->kernel[i] ? end : w->kernel[i];
    return tap < end ? (struct band){at, 1, tap, end - tap} : (struct band){at, 1, 0, 0};
}

/* a / b rounded up, not below 0 and not above `most`. */
static int64_t clamped_ceil(int64_t a, int64_t b, int64_t most)
{
    int64_t x = a > 0 ? (a - 1) / b + 1 : 0;
    return x < most ? x : most;
}

/* Adds a place to a sorted list without doubles. */
static int add_cut(int64_t *cut, int count, int64_t at)
{
    int i = count;
    while (i > 0 && cut[i - 1] > at)
        i--;
    if (i > 0 && cut[i - 1] == at)
        return count;
    memmove(cut + i + 1, cut + i, sizeof *cut * (size_t)(count - i));
    cut[i] = at;
    return count + 1;
}

/* Of a volume the first axis too: a box of it still has whole planes of pixels. */
static bool is_cut(const struct window *w, int i)
{
    return w->kernel[i] > 1 && (w->dilation[i] > 1 || (w->rank == 3 && i == 0));
}

/* The outputs of axis i change their taps where a tap enters the input or leaves it. */
static bool find_bands(const struct window *w, int i, struct bands *b)
{
    int64_t cut[2 * KERNEL_MAX + 2] = {0, w->out[i]};
    int count = 2;
    if (!is_cut(w, i)) {
        *b = (struct bands){1, {{0, w->out[i], 0, w->kernel[i]}}};
        return true;
    }
    if (w->kernel[i] > KERNEL_MAX)
        return false;
    for (int64_t k = 0; k < w->kernel[i]; k++) {
        int64_t before = w->begin[i] - k * w->dilation[i];
        count = add_cut(cut, count, clamped_ceil(before, w->stride[i], w->out[i]));
        count = add_cut(cut, count, clamped_ceil(before + w->in[i], w->stride[i], w->out[i]));
    }
    b->count = count - 1;
    for (int k = 0; k < b->count; k++) {
        b->band[k] = taps_at(w, i, cut[k]);
        b->band[k].count = cut[k + 1] - cut[k];
    }
    return true;
}

/* Sums of axis i, of all outputs together; and the part of its taps that are read at all. */
static double count_sums(const struct bands *b, int64_t kernel, double *read)
{
    double sums = 0, taps = 0;
    for (int k = 0; k < b->count; k++) {
        sums += (double)b->band[k].count * (double)b->band[k].taps;
        taps += (double)b->band[k].taps;
    }
    *read *= taps < (double)kernel ? taps / (double)kernel : 1;
    return sums;
}

static bool fits(const struct node *n, struct conv *c, struct bands *bands, int (*border)[2])
{
    int boxes = 1, cut = 0;
    if (!exec_conv_read(n, c))
        return false;
    struct window whole = c->w; /* where it is not cut */
    for (int i = 0; i < c->w.rank; i++) {
        if (is_cut(&c->w, i)) {
            whole.kernel[i] = whole.out[i] = 1;
            whole.begin[i] = 0;
            cut++;
        }
        if (!find_bands(&c->w, i, &bands[i]))
            return false;
        boxes *= bands[i].count;
        if (boxes > BOXES_MAX)
            return false;
    }
    return cut > 0 && exec_conv_border(n, &whole, NULL, border);
}

/* What a step costs beside its sums. */
#define STEP_CYCLES 2000

static double dilated_cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    struct bands bands[VIEW_SPATIAL];
    int border[VIEW_SPATIAL][2];
    if (!fits(n, &c, bands, border))
        return -1;
    double sums = (double)n->in[0]->type.dims[0], floats = exec_conv_packed(k, &c), boxes = 1, read = 1;
    for (int i = 0; i < c.w.rank; i++) {
        sums *= count_sums(&bands[i], c.w.kernel[i], &read);
        boxes *= bands[i].count;
    }
    return exec_conv_cycles(k, sums * floats / c.taps, floats * read * sizeof(float)) + boxes * STEP_CYCLES;
}

static bool dilated_border(const struct node *n, int (*border)[2])
{
    struct conv c;
    struct bands bands[VIEW_SPATIAL];
    return fits(n, &c, bands, border);
}

static int dilated_lower(struct plan *p, struct node *n, struct error *err)
{
    struct conv c;
    struct view x;
    struct conv_ports ports;
    struct bands bands[VIEW_SPATIAL];
    int border[VIEW_SPATIAL][2];
    int64_t counts[VIEW_SPATIAL], at[VIEW_SPATIAL] = {0};
    if (!fits(n, &c, bands, border))
        return 1;
    if (plan_in_channels(p, n, 0, border, &x, err) < 0 || exec_conv_ports(p, n, &ports, err) < 0)
        return -1;
    for (int i = 0; i < c.w.rank; i++)
        counts[i] = bands[i].count;
    do {
        struct conv_part part = {.first = {0}};
        for (int i = 0; i < c.w.rank; i++) {
            const struct band *b = &bands[i].band[at[i]];
            part.first[i] = b->first;
            part.count[i] = b->count;
            part.tap[i] = b->tap;
            part.taps[i] = b->taps;
        }
        if (exec_conv_emit(p, n, "dilated_f32", &c, &ports, &x, &part, err) < 0)
            return -1;
    } while (window_next(c.w.rank, counts, at));
    return 0;
}

const struct exec_way exec_way_dilated = {.cost = dilated_cost, .border = dilated_border, .lower = dilated_lower};
