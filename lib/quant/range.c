#include "quant/range.h"

#include <math.h>
#include <string.h>

#define STEPS    255  /* between 256 values */
#define OUTSIDE  1e-4 /* the share that choose_percentile() leaves on either side */
#define FRACTION 100  /* candidates for an end */
#define BINS     (2 * QUANT_BINS)

static void choose_all(const struct quant_histogram *h, const double *function, double *low, double *high)
{
    (void)function;
    *low = (double)h->least;
    *high = (double)h->greatest;
}

/* How far one may go from an end so that all that is left out has a result like that of the new end. */
static int skip_flat(const double *function, int from, int to, double slack)
{
    int at = from, by = from < to ? 1 : -1;
    double least = INFINITY, most = -INFINITY;
    for (int i = from; i != to; i += by) {
        least = fmin(least, function[i]);
        most = fmax(most, function[i]);
        if (function[i] - least <= slack && most - function[i] <= slack)
            at = i;
    }
    return at;
}

/* Leaves out what a function makes the same of, to half a step of its result: no bytes are spent on it. */
static void drop_flat(const double *function, int *first, int *last)
{
    double least = INFINITY, most = -INFINITY;
    for (int i = *first; i <= *last + 1; i++) {
        least = fmin(least, function[i]);
        most = fmax(most, function[i]);
    }
    double slack = (most - least) / STEPS / 2;
    if (*first < QUANT_BINS)
        *first = skip_flat(function, *first, QUANT_BINS, slack);
    if (*last > QUANT_BINS)
        *last = skip_flat(function, *last + 1, QUANT_BINS, slack) - 1;
}

static void choose_percentile(const struct quant_histogram *h, const double *function, double *low, double *high)
{
    double left = OUTSIDE * h->total, below = 0, above = 0;
    int first = 0, last = BINS - 1;
    choose_all(h, function, low, high);
    while (first < last && (below += h->counts[first]) <= left)
        first++;
    while (last > first && (above += h->counts[last]) <= left)
        last--;
    if (function)
        drop_flat(function, &first, &last);
    *low = fmax(*low, quant_bin(h, first));
    *high = fmin(*high, quant_bin(h, last));
}

/* ---- least squares ---- */

/* Sums over the bins before each: how many numbers, what the function makes of them, its squares, and the squares of
 * its slope. */
struct moments {
    double n[BINS + 1], sum[BINS + 1], squares[BINS + 1], slopes[BINS + 1];
};

/* A zero is exact, whatever the scale: its bin costs nothing. */
static void sum_up(const struct quant_histogram *h, const double *function, struct moments *m)
{
    m->n[0] = m->sum[0] = m->squares[0] = m->slopes[0] = 0;
    for (int i = 0; i < BINS; i++) {
        double n = h->counts[i], x = function ? (function[i] + function[i + 1]) / 2 : quant_bin(h, i);
        double slope = function ? (function[i + 1] - function[i]) / (double)h->width : 1;
        m->n[i + 1] = m->n[i] + n;
        m->sum[i + 1] = m->sum[i] + n * x;
        m->squares[i + 1] = m->squares[i] + n * x * x;
        m->slopes[i + 1] = m->slopes[i] + (i == QUANT_BINS ? 0 : n * slope * slope);
    }
}

static int bin_of(const struct quant_histogram *h, double x)
{
    double at = x / (double)h->width + QUANT_BINS;
    return at < 0 ? 0 : at > BINS ? BINS : (int)at;
}

/* Squares of the distances of bins [first, last) to x. */
static double distance(const struct moments *m, int first, int last, double x)
{
    double n = m->n[last] - m->n[first], sum = m->sum[last] - m->sum[first];
    return m->squares[last] - m->squares[first] - 2 * x * sum + x * x * n;
}

/* Rounding inside costs a twelfth of a step's square (Widrow), times that of the slope. */
static double cost(const struct quant_histogram *h, const double *function, const struct moments *m, double low,
                   double high)
{
    int first = bin_of(h, low), last = bin_of(h, high);
    double step = (high - low) / STEPS, inside = m->slopes[last] - m->slopes[first];
    return distance(m, 0, first, function ? function[first] : low) +
           distance(m, last, BINS, function ? function[last] : high) + fmax(0, inside) * step * step / 12;
}

/* The best of the candidates for one end, given the other. */
static double best_end(const struct quant_histogram *h, const double *function, const struct moments *m, double end,
                       double other)
{
    double best = end, least = INFINITY;
    for (int i = FRACTION; i >= 1; i--) {
        double x = end * i / FRACTION;
        double c = end > 0 ? cost(h, function, m, other, x) : cost(h, function, m, x, other);
        if (c < least) {
            least = c;
            best = x;
        }
    }
    return best;
}

static void choose_least_squares(const struct quant_histogram *h, const double *function, double *low, double *high)
{
    struct moments m;
    double least = fmin(0, (double)h->least), greatest = fmax(0, (double)h->greatest);
    sum_up(h, function, &m);
    *low = least;
    *high = greatest;
    for (int round = 0; round < 3; round++) {
        *high = greatest > 0 ? best_end(h, function, &m, greatest, *low) : 0;
        *low = least < 0 ? best_end(h, function, &m, least, *high) : 0;
    }
}

/* ---- entropy ---- */

/* The relative entropy of a distribution of magnitudes p[n], of which what lies beyond was added to the last, and the
 * same spread over `levels` levels (Migacz, 8-bit inference with TensorRT, 2017). */
static double divergence(const double *magnitudes, int n, double beyond, int levels)
{
    double total = beyond, result = 0;
    for (int i = 0; i < n; i++)
        total += magnitudes[i];
    for (int level = 0; level < levels; level++) {
        int first = (int)((int64_t)n * level / levels), last = (int)((int64_t)n * (level + 1) / levels), filled = 0;
        double sum = 0;
        for (int i = first; i < last; i++) {
            sum += magnitudes[i];
            filled += magnitudes[i] > 0;
        }
        for (int i = first; i < last; i++) {
            double p = magnitudes[i] + (i == n - 1 ? beyond : 0);
            if (p > 0)
                result += p / total * log(p / (magnitudes[i] > 0 ? sum / filled : 1e-12 * total));
        }
    }
    return result;
}

static void choose_entropy(const struct quant_histogram *h, const double *function, double *low, double *high)
{
    double magnitudes[QUANT_BINS], least = INFINITY, beyond = 0;
    bool both = h->least < 0 && h->greatest > 0;
    int levels = both ? STEPS / 2 + 1 : STEPS + 1, best = QUANT_BINS;
    for (int i = 0; i < QUANT_BINS; i++)
        magnitudes[i] = h->counts[QUANT_BINS + i] + h->counts[QUANT_BINS - 1 - i];
    magnitudes[0] = magnitudes[1]; /* that many are zero says nothing of the rest */
    choose_all(h, function, low, high);
    for (int n = QUANT_BINS; n > levels; n -= 4) {
        double d = divergence(magnitudes, n, beyond, levels);
        if (d < least) {
            least = d;
            best = n;
        }
        for (int i = n - 4; i < n; i++)
            beyond += magnitudes[i];
    }
    *low = fmax(*low, -best * (double)h->width);
    *high = fmin(*high, best * (double)h->width);
}

/* ---- all ---- */

static const struct quant_range_method methods[] = {
#define RANGE(name, choose, what) {name, what, choose},
#include "quant/range.def"
#undef RANGE
};

const struct quant_range_method *quant_range_methods(size_t *count)
{
    *count = sizeof methods / sizeof *methods;
    return methods;
}

const struct quant_range_method *quant_range_find(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

void quant_range_set(double low, double high, enum dtype dtype, struct quant_range *range)
{
    int least = dtype == DTYPE_I8 ? -128 : 0;
    low = fmin(0, low);
    high = fmax(0, high);
    float scale = (float)((high - low) / STEPS);
    range->scale = scale >= 1e-30f && isfinite(scale) ? scale : 1;
    range->zero = least + (int)nearbyint(fmin(STEPS, -low / (double)range->scale));
    range->low = (float)(least - range->zero) * range->scale;
    range->high = (float)(least + STEPS - range->zero) * range->scale;
}

void quant_range_choose(const struct quant_histogram *h, const struct quant_range_method *method,
                        const double *function, enum dtype dtype, struct quant_range *range)
{
    double low = 0, high = 0;
    if (h->total > 0)
        method->choose(h, function, &low, &high);
    quant_range_set(low, high, dtype, range);
}

double quant_range_clipped(const struct quant_histogram *h, const struct quant_range *range)
{
    double outside = 0;
    double slack = 0.5 * (double)h->width; /* a bin that holds the end is inside */
    for (int i = 0; i < BINS; i++) {
        double x = quant_bin(h, i);
        if (x + slack < (double)range->low || x - slack > (double)range->high)
            outside += h->counts[i];
    }
    return h->total > 0 ? outside / h->total : 0;
}
