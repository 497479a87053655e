/* Pools. The places of maxima, a second output, are not made: an operator that takes them fails. */
#include <string.h>

#include "format/pnnx/read.h"

struct pool {
    int axes;
    struct value *x;
    bool bare; /* without a batch */
    int64_t kernel[WINDOW_AXES], strides[WINDOW_AXES], pads[WINDOW_AXES], dilations[WINDOW_AXES];
};

static void read_pool(struct reader *r, struct pool *p)
{
    *p = (struct pool){.axes = pnnx_axes(r)};
    p->x = pnnx_batched(r, pnnx_in(r, "input", 0), p->axes, &p->bare);
    pnnx_window(r, "kernel_size", p->axes, 0, p->kernel);
    pnnx_window(r, "stride", p->axes, 0, p->strides);
    pnnx_window(r, "padding", p->axes, 0, p->pads);
    pnnx_window(r, "dilation", p->axes, 1, p->dilations);
    for (int i = 0; i < p->axes; i++) {
        if (!p->strides[i])
            p->strides[i] = p->kernel[i];
        if (2 * p->pads[i] > p->kernel[i])
            build_fail(&r->b, "has a pad of %lld and a window of %lld", (long long)p->pads[i], (long long)p->kernel[i]);
    }
}

static struct value *set(struct reader *r, struct pool *p, struct value *v)
{
    pnnx_window_set(r, v, p->axes, p->kernel, p->strides, p->pads, p->dilations);
    return pnnx_bool(r, "ceil_mode", false) ? build_int(&r->b, v, "ceil_mode", 1) : v;
}

struct value *pnnx_max_pool(struct reader *r)
{
    struct pool p;
    read_pool(r, &p);
    return pnnx_unbatched(r, set(r, &p, BUILD(&r->b, "MaxPool", p.x)), p.bare);
}

struct value *pnnx_avg_pool(struct reader *r)
{
    struct pool p;
    int64_t taps = 1, divisor = pnnx_int(r, "divisor_override", 0);
    read_pool(r, &p);
    bool counts = pnnx_bool(r, "count_include_pad", true) || divisor;
    if (divisor && pnnx_bool(r, "ceil_mode", false))
        build_fail(&r->b, "has a divisor of its own and ceil_mode, which is not known");
    struct value *v = set(r, &p, BUILD(&r->b, "AveragePool", p.x));
    for (int i = 0; i < p.axes; i++)
        taps *= p.kernel[i];
    if (counts)
        build_int(&r->b, v, "count_include_pad", 1);
    if (divisor)
        v = pnnx_by(r, "Mul", v, (double)taps / (double)divisor);
    return pnnx_unbatched(r, v, p.bare);
}

/* Of squares: of other powers PyTorch keeps the sign. */
struct value *pnnx_lp_pool(struct reader *r)
{
    struct pool p;
    read_pool(r, &p);
    if (pnnx_float(r, "norm_type", 2) != 2)
        build_fail(&r->b, "has the norm %s; 2 is known", pnnx_text(r, "norm_type"));
    return pnnx_unbatched(r, build_int(&r->b, set(r, &p, BUILD(&r->b, "LpPool", p.x)), "p", 2), p.bare);
}

/* Bins of nearly equal size; None, which pnnx writes as 0, keeps an axis. */
struct value *pnnx_adaptive_pool(struct reader *r)
{
    struct build *b = &r->b;
    int axes = pnnx_axes(r);
    bool all_one = true, bare, average = strcmp(r->arg, "average") == 0;
    int64_t size[WINDOW_AXES] = {0};
    struct value *x = pnnx_batched(r, pnnx_in(r, "input", 0), axes, &bare);
    pnnx_window(r, "output_size", axes, 0, size);
    for (int i = 0; i < axes; i++)
        all_one &= size[i] == 1;
    if (all_one)
        return pnnx_unbatched(r, BUILD(b, average ? "GlobalAveragePool" : "GlobalMaxPool", x), bare);
    struct value *v = build_ints(b, BUILD(b, "nn.AdaptivePool", x), "output_size", axes, size);
    return pnnx_unbatched(r, build_string(b, v, "mode", r->arg), bare);
}
