/* Branches over one value whose results are added become one convolution, as RepVGG (Ding et al. 2021), MobileOne and
 * their kin are meant to run: smaller kernels are taps of the largest one, a scale and shift is its middle tap. */
#include <string.h>

#include "pass/affine.h"

/* A plain convolution with constant weights, used once. */
struct branch {
    struct node *n;
    const struct tensor *w, *b; /* b NULL: none */
};

static int64_t entry(const struct node *n, const char *attribute, int i, int64_t usual)
{
    int count;
    const int64_t *list = op_ints(n, attribute, &count);
    return i < count ? list[i] : usual;
}

static bool read_branch(struct value *v, struct branch *b)
{
    struct node *n = pass_sole_producer(v, "", "Conv");
    *b = (struct branch){.n = n};
    if (!n || !pass_is_float(v))
        return false;
    b->w = pass_constant(node_in(n, 1));
    b->b = pass_constant(node_in(n, 2));
    return b->w && b->w->rank > 2 && b->w->count > 0 && (!node_in(n, 2) || (b->b && b->b->count == b->w->dims[0])) &&
           op_int(n, "group") > 0 && strcmp(op_string(n, "auto_pad"), "NOTSET") == 0;
}

/* Where the taps of b lie among a's, along each axis; false when they do not. */
static bool place_taps(const struct branch *a, const struct branch *b, int64_t *at)
{
    if (a->n->in[0] != b->n->in[0] || a->w->dtype != b->w->dtype || a->w->rank != b->w->rank ||
        a->w->dims[0] != b->w->dims[0] || a->w->dims[1] != b->w->dims[1] ||
        op_int(a->n, "group") != op_int(b->n, "group"))
        return false;
    for (int i = 0; i < a->w->rank - 2; i++) {
        int64_t dilation = entry(a->n, "dilations", i, 1), most = a->w->dims[2 + i], taps = b->w->dims[2 + i];
        at[i] = entry(a->n, "pads", i, 0) - entry(b->n, "pads", i, 0);
        if (entry(a->n, "strides", i, 1) != entry(b->n, "strides", i, 1) || at[i] < 0 || at[i] > most - taps ||
            (dilation != 1 && at[i] > 0) || (taps > 1 && entry(b->n, "dilations", i, 1) != dilation))
            return false;
    }
    return true;
}

/* Which element of a's weights element k of b's is. */
static int64_t element_of(const struct tensor *a, const struct tensor *b, const int64_t *at, int64_t k)
{
    int64_t index = 0, step = 1;
    for (int i = a->rank - 1; i >= 2; i--) {
        index += (k % b->dims[i] + at[i - 2]) * step;
        step *= a->dims[i];
        k /= b->dims[i];
    }
    return k * step + index;
}

static int set_constant(struct node *n, int index, struct tensor *t, struct error *err)
{
    struct value *v = pass_add_constant(n->graph, t, err);
    while (v && n->in_count <= index)
        if (node_add_input(n, NULL, err))
            return -1;
    return v ? pass_set_input(n, index, v, err) : -1;
}

static struct tensor *copy_of(const struct tensor *t, struct error *err)
{
    struct tensor *copy = tensor_new(t->dtype, t->rank, t->dims, err);
    if (copy)
        memcpy(copy->data, t->data, t->size);
    return copy;
}

static void add_to(struct tensor *t, int64_t i, double x)
{
    tensor_set_f64(t, i, tensor_get_f64(t, i) + x);
}

/* Gives the branch new weights, which are taken over, and its bias plus `more` (or NULL) plus shifts (or NULL); n, the
 * sum, is what it gives then. */
static int finish(struct node *n, const struct branch *a, struct tensor *w, const struct tensor *more,
                  const struct affine *shifts, struct error *err)
{
    int64_t count = a->w->dims[0];
    struct tensor *b = w ? tensor_new(a->w->dtype, 1, &count, err) : NULL;
    for (int64_t i = 0; b && i < count; i++)
        tensor_set_f64(b, i,
                       (a->b ? tensor_get_f64(a->b, i) : 0) + (more ? tensor_get_f64(more, i) : 0) +
                           (shifts ? affine_shift(shifts, i) : 0));
    int set = b ? set_constant(a->n, 1, w, err) : -1;
    if (!b)
        tensor_unref(w);
    else if (set < 0)
        tensor_unref(b);
    return set < 0 || set_constant(a->n, 2, b, err) < 0 ? -1 : pass_bypass(n, 0, a->n->out[0], err);
}

static int merge_convs(struct node *n, const struct branch *a, const struct branch *b, struct error *err)
{
    int64_t at[TENSOR_MAX_RANK];
    if (!place_taps(a, b, at))
        return 0;
    struct tensor *w = copy_of(a->w, err);
    for (int64_t i = 0; w && i < b->w->count; i++)
        add_to(w, element_of(w, b->w, at, i), tensor_get_f64(b->w, i));
    return finish(n, a, w, b->b, NULL, err);
}

/* The tap that meets the pixel itself; -1: there is none, or more changes than channels do. */
static int64_t own_tap(const struct branch *a)
{
    int64_t tap = 0;
    for (int i = 0; i < a->w->rank - 2; i++) {
        int64_t at = entry(a->n, "pads", i, 0);
        if (entry(a->n, "strides", i, 1) != 1 || at < 0 || at >= a->w->dims[2 + i] ||
            (at > 0 && entry(a->n, "dilations", i, 1) != 1))
            return -1;
        tap = tap * a->w->dims[2 + i] + at;
    }
    return a->w->dims[1] * op_int(a->n, "group") == a->w->dims[0] ? tap : -1;
}

static int merge_affine(struct node *n, const struct branch *a, struct value *v, struct error *err)
{
    struct value *x;
    struct affine s;
    int64_t tap = own_tap(a), area = a->w->count / a->w->dims[0] / a->w->dims[1];
    if (tap < 0 || !v->producer || !v->producer->def || !pass_is_single(v))
        return 0;
    int done = affine_read(v->producer, &x, &s, err);
    if (done <= 0)
        return done;
    bool fits = x == a->n->in[0] && pass_same_dims(x, v) && pass_same_dims(x, n->out[0]) &&
                (s.count == 1 || (s.axis == 1 && s.count == a->w->dims[0]));
    struct tensor *w = fits ? copy_of(a->w, err) : NULL;
    for (int64_t c = 0; w && c < w->dims[0]; c++)
        add_to(w, (c * w->dims[1] + c % w->dims[1]) * area + tap, affine_scale(&s, c));
    done = fits ? finish(n, a, w, NULL, &s, err) : 0;
    affine_release(&s);
    return done;
}

static int rewrite(struct node *n, struct error *err)
{
    struct branch b[2];
    bool conv[2];
    if (!node_is(n, "Add") || n->in_count != 2 || !node_out(n, 0) || !pass_same_dims(n->in[0], n->in[1]))
        return 0;
    for (int i = 0; i < 2; i++)
        conv[i] = read_branch(n->in[i], &b[i]);
    int done = 0;
    for (int i = 0; i < 2 && done == 0; i++)
        if (conv[i])
            done = conv[1 - i] ? merge_convs(n, &b[i], &b[1 - i], err) : merge_affine(n, &b[i], n->in[1 - i], err);
    return done;
}

int pass_merge_branches(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
