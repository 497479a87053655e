/* Histograms that grow, and the ranges chosen from them. */
#include <math.h>

#include "../../test.h"
#include "base/hash.h"
#include "quant/range.h"

/* What nn.Histogram gives, from its definition. */
static void observe(struct quant_histogram *h, const float *x, int n)
{
    struct tensor *counts = tensor_new(DTYPE_I32, 1, (int64_t[]){2 * QUANT_BINS}, NULL);
    struct tensor *range = tensor_new(DTYPE_F32, 1, (int64_t[]){3}, NULL);
    float *r = range->data, width = ldexpf(1, -60);
    r[1] = r[2] = x[0];
    for (int i = 0; i < n; i++) {
        r[1] = fminf(r[1], x[i]);
        r[2] = fmaxf(r[2], x[i]);
    }
    while (fmaxf(-r[1], r[2]) > QUANT_BINS * width)
        width *= 2;
    r[0] = width;
    for (int i = 0; i < n; i++) {
        int at = (int)floorf(x[i] / width) + QUANT_BINS;
        ((int32_t *)counts->data)[at < 2 * QUANT_BINS ? at : 2 * QUANT_BINS - 1]++;
    }
    quant_observe(h, counts, range, 1);
    tensor_unref(counts);
    tensor_unref(range);
}

static void growing(void)
{
    static struct quant_histogram h, at_once;
    static float x[3000];
    uint64_t seed = 3;
    for (int i = 0; i < 3000; i++)
        x[i] = (float)hash_normal(&seed) * (i < 1000 ? 0.01f : i < 2000 ? 5 : 0.3f);
    for (int i = 0; i < 3; i++)
        observe(&h, x + i * 1000, 1000);
    observe(&at_once, x, 3000);
    CHECK(h.total == 3000 && h.width == at_once.width && h.least == at_once.least && h.greatest == at_once.greatest);
    double off = 0;
    for (int i = 0; i < 2 * QUANT_BINS; i++)
        off += fabs(h.counts[i] - at_once.counts[i]);
    CHECK_MSG(off == 0, "%g", off);
}

static struct quant_range choose(const struct quant_histogram *h, const char *method, enum dtype dtype)
{
    struct quant_range r;
    quant_range_choose(h, quant_range_find(method), NULL, dtype, &r);
    return r;
}

/* The mean square of what rounding to a range costs. */
static double cost(const struct quant_range *r, const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double y = fmin((double)r->high, fmax((double)r->low, (double)x[i]));
        y = nearbyint(y / (double)r->scale) * (double)r->scale;
        sum += (y - (double)x[i]) * (y - (double)x[i]);
    }
    return sum / n;
}

static void ranges(void)
{
    static struct quant_histogram normal, positive, outlier, none;
    static float x[20000], y[20001];
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        x[i] = (float)hash_normal(&seed);
        y[i] = fmaxf(0, x[i]);
    }
    y[20000] = 100;
    observe(&normal, x, 20000);
    observe(&positive, y, 20000);
    observe(&outlier, y, 20001);
    struct quant_range r = choose(&normal, "minmax", DTYPE_U8);
    CHECK(fabsf(r.low - normal.least) <= r.scale && fabsf(r.high - normal.greatest) <= r.scale);
    CHECK(r.low == (float)-r.zero * r.scale); /* 0 is exact */
    r = choose(&normal, "minmax", DTYPE_I8);
    CHECK(r.zero >= -128 && r.zero < 127 && fabsf(r.low - normal.least) <= r.scale);
    size_t count;
    const struct quant_range_method *methods = quant_range_methods(&count);
    struct quant_range best = choose(&normal, "mse", DTYPE_U8);
    for (size_t i = 0; i < count; i++) { /* no way is better in squares than that of least squares */
        struct quant_range p = choose(&positive, methods[i].name, DTYPE_U8),
                           q = choose(&normal, methods[i].name, DTYPE_U8);
        CHECK_MSG(p.zero == 0 && p.low == 0 && p.high > 2, "%s: %g to %g", methods[i].name, p.low, p.high);
        CHECK_MSG(cost(&best, x, 20000) <= 1.02 * cost(&q, x, 20000), "%s", methods[i].name);
        p = choose(&outlier, methods[i].name, DTYPE_U8);
        bool all = strcmp(methods[i].name, "minmax") == 0 || strcmp(methods[i].name, "mse") == 0;
        CHECK_MSG(all ? p.high > 98 : p.high < 50, "%s: %g", methods[i].name, p.high);
        p = choose(&none, methods[i].name, DTYPE_U8);
        CHECK(p.scale == 1 && p.zero == 0);
    }
    r = choose(&outlier, "percentile", DTYPE_U8);
    CHECK_MSG(quant_range_clipped(&outlier, &r) > 0 && quant_range_clipped(&outlier, &r) < 1e-3, "%g",
              quant_range_clipped(&outlier, &r));
    CHECK(!quant_range_find("guess"));
}

/* Before a function that is flat below 0, nothing is spent on what lies there. */
static void before_a_function(void)
{
    static struct quant_histogram h;
    static float x[20000];
    static double relu[2 * QUANT_BINS + 1];
    uint64_t seed = 9;
    struct quant_range r;
    for (int i = 0; i < 20000; i++)
        x[i] = (float)hash_normal(&seed);
    observe(&h, x, 20000);
    for (int i = 0; i <= 2 * QUANT_BINS; i++)
        relu[i] = fmax(0, (i - QUANT_BINS) * (double)h.width);
    quant_range_choose(&h, quant_range_find("mse"), relu, DTYPE_U8, &r);
    CHECK_MSG(r.low > -0.1f && r.high > 2.5f, "%g to %g", r.low, r.high);
    quant_range_choose(&h, quant_range_find("minmax"), relu, DTYPE_U8, &r);
    CHECK_MSG(r.low < -3, "%g", r.low);
    quant_range_choose(&h, quant_range_find("percentile"), relu, DTYPE_U8, &r);
    CHECK_MSG(r.low > -0.1f && r.high > 2.5f, "%g to %g", r.low, r.high);
    for (int i = 0; i <= 2 * QUANT_BINS; i++) /* flat above 1 */
        relu[i] = fmin(1, (i - QUANT_BINS) * (double)h.width);
    quant_range_choose(&h, quant_range_find("percentile"), relu, DTYPE_U8, &r);
    CHECK_MSG(r.low < -2.5f && r.high < 1.1f && r.high > 0.9f, "%g to %g", r.low, r.high);
}

int main(void)
{
    RUN(before_a_function);
    RUN(growing);
    RUN(ranges);
    return TEST_END();
}
