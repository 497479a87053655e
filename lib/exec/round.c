/* What products read more often than once, rounded to the 16-bit type of their weights before: a map, or the rows that
 * a convolution makes of one. */
#include "exec/round.h"

#include "base/mem.h"

struct round_args {
    struct gemm_job from;
    struct view to; /* a row for each pixel */
};

static void run_round(const struct step *s, struct tile tile)
{
    const struct round_args *r = s->args;
    const struct gemm_job *j = &r->from;
    const int inner = GEMM_AXES - 1;
    for (int64_t i = tile.first; i < tile.last; i++) {
        const float *from = view_data(&j->a);
        uint16_t *to = (uint16_t *)view_data(&r->to) + i * j->dims[inner] * r->to.stride[0];
        int64_t rest = i;
        for (int axis = inner - 1; axis >= 0; rest /= j->dims[axis--])
            from += rest % j->dims[axis] * j->a_stride[axis];
        for (int64_t x = 0; x < j->dims[inner]; x++, from += j->a_stride[inner], to += r->to.stride[0])
            for (int t = 0; t < j->taps; t++)
                j->product->round(to + (ptrdiff_t)t * j->k, from + j->tap[t], (size_t)j->k);
    }
}

/* Rows that are whole cache lines; of half or whole pages, they would lie in two of its sets or one. */
#define LINE      32
#define HALF_PAGE 1024

int round_pixels(struct plan *p, const struct node *n, const struct gemm_job *job, struct view *to, struct error *err)
{
    struct round_args *r = plan_alloc(p, sizeof *r, err);
    int64_t length = (int64_t)job->taps * job->k, rows = 1,
            pitch = (length + LINE - 1) / LINE * LINE + (length % HALF_PAGE ? 0 : LINE);
    size_t bytes;
    for (int i = 0; i < GEMM_AXES - 1; i++)
        rows *= job->dims[i];
    const int64_t pixels = rows * job->dims[GEMM_AXES - 1];
    if (!r)
        return -1;
    if (!mem_mul((size_t)pixels, (size_t)pitch * sizeof(uint16_t), &bytes) || bytes > TENSOR_MAX_BYTES)
        return error_set(err, "a rounded map is too large");
    if (plan_scratch(p, bytes, to, err) < 0)
        return -1;
    to->dtype = DTYPE_BF16;
    to->rank = 2;
    to->dims[0] = pixels;
    to->dims[1] = length;
    to->stride[0] = pitch;
    to->stride[1] = 1;
    *r = (struct round_args){*job, *to};
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "round",
                                    .run = run_round,
                                    .args = r,
                                    .units = rows,
                                    .tiles = plan_tiles((double)pixels * (double)length, 32768, rows)},
                     err, PLAN_WRITES(to, &job->a));
}

int round_map(struct plan *p, const struct node *n, const struct kernel_product *product, struct view *x,
              struct error *err)
{
    static const ptrdiff_t tap[1];
    struct gemm_job job = {.product = product, .a = *x, .tap = tap, .taps = 1, .k = (int)x->dims[1]};
    struct view to;
    const int before = GEMM_AXES + 1 - x->rank; /* axes that it does not have */
    for (int i = 0; i < GEMM_AXES; i++)
        job.dims[i] = 1;
    job.dims[before] = x->dims[0];
    job.a_stride[before] = x->stride[0];
    for (int i = 2; i < x->rank; i++) {
        job.dims[before + i - 1] = x->border[i - 2][0] + x->dims[i] + x->border[i - 2][1];
        job.a_stride[before + i - 1] = x->stride[i];
        job.a.offset -= x->border[i - 2][0] * x->stride[i];
    }
    if (round_pixels(p, n, &job, &to, err) < 0)
        return -1;
    x->dtype = to.dtype;
    x->buffer = to.buffer;
    x->offset = 0;
    x->stride[1] = 1;
    int64_t step = to.stride[0];
    for (int i = x->rank - 1; i > 1; i--) {
        x->stride[i] = step;
        x->offset += x->border[i - 2][0] * step;
        step *= job.dims[before + i - 1];
    }
    x->stride[0] = step;
    return 0;
}
