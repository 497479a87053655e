/* DeformConv: a convolution whose taps are moved by learned offsets and read by linear interpolation. (Dai et al. 2017,
 * Zhu et al. 2018.) */
#include <math.h>
#include <stdlib.h>

#include "op/conv.h"
#include "op/real.h"
#include "op/rows.h"

struct deform {
    const double *offset, *mask; /* of all images; mask may be NULL */
    int64_t groups;              /* offset groups */
};

/* The value of a plane at a place between pixels: linear on each axis, 0 outside. */
static double sample(const double *plane, int rank, const int64_t *dims, const double *at)
{
    double sum = 0;
    for (unsigned corner = 0; corner < 1u << rank; corner++) {
        double weight = 1;
        int64_t offset = 0;
        for (int i = 0; i < rank && weight != 0; i++) {
            bool upper = corner >> i & 1;
            double low = floor(at[i]), x = low + upper;
            bool inside = x >= 0 && x < (double)dims[i]; /* NaN is nowhere */
            weight *= !inside ? 0 : upper ? at[i] - low : 1 - (at[i] - low);
            offset = inside ? offset * dims[i] + (int64_t)x : 0;
        }
        if (weight != 0)
            sum += weight * plane[offset];
    }
    return sum;
}

/* The tiles' rows: channel and tap; columns: places of the output. */
static void load_deformed(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b)
{
    const struct conv_part *part = g->user;
    const struct conv *conv = part->conv;
    const struct deform *d = conv->load_user;
    const struct window *w = &conv->window;
    int64_t per_group = conv->in_channels / conv->groups;
    for (int p = 0; p < k; p++) {
        int64_t channel = (depth + p) / conv->taps, tap = (depth + p) % conv->taps, tap_at[WINDOW_MAX];
        int64_t group = (part->group * per_group + channel) / (conv->in_channels / d->groups);
        int64_t moved = (part->image * d->groups + group) * conv->taps + tap;
        conv_tap(w, tap, tap_at);
        for (int j = 0; j < n; j++) {
            int64_t rest = column + j;
            double at[WINDOW_MAX];
            for (int i = w->rank - 1; i >= 0; i--) {
                int64_t place = rest % w->out[i];
                rest /= w->out[i];
                at[i] = (double)(place * w->stride[i] - w->begin[i] + tap_at[i] * w->dilation[i]) +
                        d->offset[(moved * w->rank + i) * conv->out_size + column + j];
            }
            double value = sample(part->planes + channel * conv->in_size, w->rank, w->in, at);
            b[p * GEMM_N + j] = d->mask ? value * d->mask[moved * conv->out_size + column + j] : value;
        }
    }
}

/* offset: N x groups*taps*rank x out…, mask: N x groups*taps x out… */
static int check_operands(struct op_eval *c, const struct conv *conv, int64_t groups, struct error *err)
{
    if (groups < 1 || conv->in_channels % groups)
        return eval_error(c, err, "attribute offset_group: %lld, want a divisor of the %lld channels",
                          (long long)groups, (long long)conv->in_channels);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < conv->rank; i++)
        dims[i] = conv->dims[i];
    if (__builtin_mul_overflow(groups, conv->taps, &dims[1]) || dims[1] > INT64_MAX / TENSOR_MAX_RANK)
        return eval_error(c, err, "attribute offset_group: %lld is too large", (long long)groups);
    if (real_want_dims(c, 4, "mask", conv->rank, dims, err) < 0)
        return -1;
    dims[1] *= conv->window.rank;
    return real_want_dims(c, 2, "offset", conv->rank, dims, err);
}

int eval_deform_conv(struct op_eval *c, struct error *err)
{
    struct conv conv;
    struct deform d = {.groups = op_int(c->node, "offset_group")};
    const struct tensor *bias = eval_in(c, 3), *mask = eval_in(c, 4);
    if (conv_init(&conv, c, eval_in(c, 0), eval_in(c, 1), bias, err) < 0 || check_operands(c, &conv, d.groups, err) < 0)
        return -1;
    double *offsets = real_load(eval_in(c, 2), err), *masks = offsets && mask ? real_load(mask, err) : NULL;
    int result = -1;
    if (offsets && (masks || !mask)) {
        d.offset = offsets;
        d.mask = masks;
        conv.load = load_deformed;
        conv.load_user = &d;
        result = conv_give(c, &conv, bias, err);
    }
    free(offsets);
    free(masks);
    return result;
}

int infer_deform_conv(struct op_infer *c, struct error *err)
{
    return conv_infer(c, 0, 1, infer_dtype(c, 0), err);
}
