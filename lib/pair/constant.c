/* Comparing constants: up to rounding, and where an edge says so, with rows or axes in another order. */
#include <math.h>
#include <string.h>

#include "pair/pair.h"

/* Where an element of one tensor is in the other. */
struct place {
    const int32_t *rows;
    int64_t row; /* elements in one */
    const struct pair_layout *layout;
    int64_t dims[TENSOR_MAX_RANK]; /* of a, squeezed */
};

static int64_t place_of(const struct place *p, int64_t i)
{
    if (p->rows)
        return p->rows[i / p->row] * p->row + i % p->row;
    return p->layout ? pair_layout_map(p->layout, p->dims, i) : i;
}

static bool is_real(const struct tensor *t)
{
    enum dtype_class class = dtype_info(t->dtype)->class;
    return class == DTYPE_CLASS_FLOAT || class == DTYPE_CLASS_COMPLEX;
}

static double apart(double x, double y)
{
    return x == y || (isnan(x) && isnan(y)) ? 0 : isfinite(x) && isfinite(y) ? fabs(x - y) : INFINITY;
}

#define CHUNK 512

static double range_of(const struct tensor *t)
{
    double x[CHUNK], range = 0;
    for (int64_t first = 0; first < t->count; first += CHUNK) {
        int64_t n = t->count - first < CHUNK ? t->count - first : CHUNK;
        tensor_load_f64(t, first, n, x);
        for (int64_t i = 0; i < n; i++)
            range = isfinite(x[i]) && fabs(x[i]) > range ? fabs(x[i]) : range;
    }
    return range;
}

/* Adds up differences, counts those beyond `rounding`; stops at the first beyond `most`. */
static bool compare_numbers(const struct tensor *a, const struct tensor *b, const struct place *p, double rounding,
                            double most, struct pair_change *change)
{
    double x[CHUNK];
    for (int64_t first = 0; first < a->count; first += CHUNK) {
        int64_t n = a->count - first < CHUNK ? a->count - first : CHUNK;
        tensor_load_f64(a, first, n, x);
        for (int64_t i = 0; i < n; i++) {
            double d = apart(x[i], tensor_get_f64(b, place_of(p, first + i)));
            if (d > most)
                return false;
            change->differing += d > rounding;
            change->largest = d > change->largest ? d : change->largest;
        }
    }
    return true;
}

static bool same_strings(const struct tensor *a, const struct tensor *b)
{
    const struct str *x = a->data, *y = b->data;
    for (int64_t i = 0; i < a->count; i++)
        if (x[i].size != y[i].size || (x[i].size && memcmp(x[i].data, y[i].data, x[i].size) != 0))
            return false;
    return true;
}

static int squeeze(const struct tensor *t, int64_t *dims)
{
    struct type type = {.kind = TYPE_TENSOR, .rank = t->rank};
    memcpy(type.dims, t->dims, sizeof type.dims);
    return pair_squeeze(&type, dims);
}

/* Whether they are the same with their axes in an order that nothing in the graphs makes up for. */
static void find_order(const struct tensor *a, const struct tensor *b, const int64_t *dims_a, const int64_t *dims_b,
                       int rank, double most, struct pair_change *change)
{
    struct pair_layout layout;
    for (int i = 0; pair_layout_at(i, rank, dims_a, dims_b, &layout); i++) {
        struct place p = {.layout = &layout};
        struct pair_change ignored = {0};
        memcpy(p.dims, dims_a, sizeof p.dims);
        if (layout.moved && compare_numbers(a, b, &p, most, most, &ignored)) {
            change->other = layout;
            return;
        }
    }
}

/* The largest |factor - 1| when b is a with a factor for each index of an axis, which its largest element tells; else
 * 0. */
static double find_factors(const struct tensor *a, const struct tensor *b, int axis, double most)
{
    int64_t inner = 1, channels = a->dims[axis], n = a->count;
    double worst = 0;
    for (int i = axis + 1; i < a->rank; i++)
        inner *= a->dims[i];
    for (int64_t c = 0; c < channels; c++) {
        double x = 0, y = 0;
        for (int64_t i = c * inner; i < n; i += i % inner == inner - 1 ? (channels - 1) * inner + 1 : 1)
            if (fabs(tensor_get_f64(a, i)) > fabs(x)) {
                x = tensor_get_f64(a, i);
                y = tensor_get_f64(b, i);
            }
        double factor = x != 0 ? y / x : 1;
        for (int64_t i = c * inner; i < n; i += i % inner == inner - 1 ? (channels - 1) * inner + 1 : 1)
            if (!(apart(tensor_get_f64(a, i) * factor, tensor_get_f64(b, i)) <= most))
                return 0;
        worst = fmax(worst, fabs(factor - 1));
    }
    return worst;
}

/* The order in which b has to be read: that of the layout, when it makes these dims those. */
static bool set_place(struct place *p, const struct pair_layout *layout, int rank, const int64_t *dims_b)
{
    if (!layout || !layout->moved || layout->rank != rank)
        return false;
    for (int i = 0; i < rank; i++)
        if (p->dims[layout->perm[i]] != dims_b[i])
            return false;
    p->layout = layout;
    return true;
}

void pair_compare_constants(const struct tensor *a, const struct tensor *b, const int32_t *rows,
                            const struct pair_layout *layout, double precision, int channel, struct pair_change *change)
{
    int64_t dims_b[TENSOR_MAX_RANK];
    struct place p = {.rows = rows, .row = a->rank ? a->dims[a->rank - 1] : 1};
    int rank = squeeze(a, p.dims), rank_b = squeeze(b, dims_b);
    bool in_order = rank == rank_b && memcmp(p.dims, dims_b, sizeof *dims_b * (size_t)rank) == 0;
    *change = (struct pair_change){.count = a->count};
    change->alike = a->count == b->count && rank == rank_b && (set_place(&p, layout, rank, dims_b) || in_order) &&
                    (a->dtype == DTYPE_STRING) == (b->dtype == DTYPE_STRING);
    if (change->alike && a->dtype == DTYPE_STRING) {
        change->differing = same_strings(a, b) ? 0 : a->count;
        change->largest = change->differing ? INFINITY : 0;
        return;
    }
    if (a->count != b->count || rank != rank_b || a->dtype == DTYPE_STRING || b->dtype == DTYPE_STRING)
        return;
    change->range = fmax(range_of(a), range_of(b));
    double most = is_real(a) || is_real(b) ? precision * change->range : 0;
    if (change->alike)
        compare_numbers(a, b, &p, most, INFINITY, change);
    if (!change->alike || change->largest > most)
        find_order(a, b, p.dims, dims_b, rank, most, change);
    change->same = change->alike && change->largest <= most;
    if (change->alike && !change->same && in_order && !rows && channel >= 0 && channel < a->rank && is_real(a))
        change->scaled = find_factors(a, b, channel, most);
}
