/* The public API: random inputs, and how far results are apart. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "data/npy.h"
#include "op/op.h"

/* ---- random inputs ---- */

#define USUAL_RATE      16000 /* of sound */
#define RANDOM_INTEGERS 100   /* below this, unless they are an index into less */
#define LIMIT_DEPTH     9     /* operators that hand an index on, one behind the other */

static const struct {
    const char *op;
    int input; /* the indices; the table is input 0 */
} lookups[] = {{"Gather", 1},    {"GatherElements", 1}, {"GatherND", 1}, {"ScatterElements", 1},
               {"ScatterND", 1}, {"Slice", 1},          {"GRU", 4},      {"LSTM", 4},
               {"RNN", 4}}; /* lengths: time comes first */

/* A graph's edges are one tensor, of which rows are cut; an index below 0 is made one from the end by Where. */
static const char *const handing_on[] = {"Cast",   "Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Slice",
                                         "Gather", "Split",    "Expand",  "Transpose", "Where",   "TopK"};

/* The axis of the table that a lookup goes along. */
static int64_t table_size(const struct node *n)
{
    const struct value *table = node_in(n, 0);
    const struct attr *axis = node_attr(n, "axis");
    if (!table || table->type.rank < 1)
        return RANDOM_INTEGERS;
    int64_t at = axis && axis->kind == ATTR_INT ? axis->i : 0;
    at += at < 0 ? table->type.rank : 0;
    int64_t dim = at >= 0 && at < table->type.rank ? table->type.dims[at] : 0;
    return dim > 0 ? dim : RANDOM_INTEGERS;
}

static int64_t index_limit(const struct value *v, int depth);

static int64_t outputs_limit(const struct node *n, int64_t limit, int depth)
{
    for (int i = 0; i < (node_is(n, "TopK") ? 1 : n->out_count); i++) { /* its second are places in its first */
        int64_t here = node_out(n, i) ? index_limit(n->out[i], depth) : limit;
        limit = here < limit ? here : limit;
    }
    return limit;
}

/* What integers of this value must stay below. */
static int64_t index_limit(const struct value *v, int depth)
{
    int64_t limit = RANDOM_INTEGERS;
    for (size_t i = 0; depth && i < v->use_count; i++) {
        const struct node *n = v->uses[i].node;
        int64_t here = RANDOM_INTEGERS;
        for (size_t k = 0; k < sizeof lookups / sizeof *lookups; k++)
            if (node_is(n, lookups[k].op) && v->uses[i].index == lookups[k].input)
                here = table_size(n);
        for (size_t k = 0; k < sizeof handing_on / sizeof *handing_on; k++)
            if (node_is(n, handing_on[k]) && (v->uses[i].index == 0 || node_is(n, "Where")))
                here = outputs_limit(n, here, depth - 1);
        limit = here < limit ? here : limit;
    }
    return limit;
}

struct model_tensor *model_tensor_random(const struct model *m, size_t input, uint64_t seed, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct value *v = m->graph->inputs[input];
    const struct type *type = &v->type;
    enum dtype_class class = dtype_info(type->dtype)->class;
    if (type->kind != TYPE_TENSOR || type->rank < 0 || tensor_count(type->rank, type->dims) < 0 ||
        class == DTYPE_CLASS_STRING || class == DTYPE_CLASS_NONE) {
        char text[200];
        error_set(err, "input '%s': no random numbers for %s", v->name, type_text(v->graph, type, text, sizeof text));
        return NULL;
    }
    if (model_is_rate_input(m, input))
        return model_tensor_filled(m, input, USUAL_RATE, error);
    struct tensor *t = tensor_new(type->dtype, type->rank, type->dims, err);
    uint64_t state = seed * 1000003 + input;
    bool is_truth = class == DTYPE_CLASS_BOOL || strstr(v->name, "mask");
    int64_t limit = is_truth ? 2 : index_limit(v, LIMIT_DEPTH);
    for (int64_t i = 0; t && i < t->count; i++)
        if (class == DTYPE_CLASS_FLOAT || class == DTYPE_CLASS_COMPLEX)
            tensor_set_f64(t, i, hash_normal(&state));
        else
            tensor_set_i64(t, i, (int64_t)(hash_random(&state) % (uint64_t)limit));
    return model_outer_tensor(t);
}

struct model_tensor *model_tensor_filled(const struct model *m, size_t input, double number, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct value *v = m->graph->inputs[input];
    enum dtype_class class = dtype_info(v->type.dtype)->class;
    if (v->type.kind != TYPE_TENSOR || v->type.rank < 0 || tensor_count(v->type.rank, v->type.dims) < 0 ||
        class == DTYPE_CLASS_STRING || class == DTYPE_CLASS_NONE) {
        char text[200];
        error_set(err, "input '%s': no number for %s", v->name, type_text(v->graph, &v->type, text, sizeof text));
        return NULL;
    }
    struct tensor *t = tensor_new(v->type.dtype, v->type.rank, v->type.dims, err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, number);
    return model_outer_tensor(t);
}

/* ---- differences ---- */

static int not_alike(const struct tensor *a, const struct tensor *b, struct error *err)
{
    char have[200], want[200];
    return error_set(err, "%s %s, want %s %s", dtype_info(a->dtype)->name,
                     model_dims_text(a->rank, a->dims, have, sizeof have), dtype_info(b->dtype)->name,
                     model_dims_text(b->rank, b->dims, want, sizeof want));
}

void model_add_difference(struct model_difference *d, int64_t i, double a, double b, double *squares)
{
    double apart = isnan(a) && isnan(b) ? 0 : a == b ? 0 : isfinite(a) && isfinite(b) ? fabs(a - b) : INFINITY;
    if (isfinite(b) && fabs(b) > d->reference)
        d->reference = fabs(b);
    if (apart > d->largest || d->at < 0) {
        d->largest = apart;
        d->at = i;
    }
    d->differing += apart > 0;
    *squares += apart * apart;
}

static void compare_strings(struct model_difference *d, const struct tensor *a, const struct tensor *b, double *squares)
{
    const struct str *x = a->data, *y = b->data;
    for (int64_t i = 0; i < a->count; i++) {
        bool same = x[i].size == y[i].size && (!x[i].size || memcmp(x[i].data, y[i].data, x[i].size) == 0);
        model_add_difference(d, i, same ? 0 : INFINITY, 0, squares);
    }
}

#define CHUNK 512

static void compare_numbers(struct model_difference *d, const struct tensor *a, const struct tensor *b, double *squares)
{
    double x[CHUNK], y[CHUNK];
    for (int64_t first = 0; first < a->count; first += CHUNK) {
        int64_t n = a->count - first < CHUNK ? a->count - first : CHUNK;
        tensor_load_f64(a, first, n, x);
        tensor_load_f64(b, first, n, y);
        for (int64_t i = 0; i < n; i++)
            model_add_difference(d, first + i, x[i], y[i], squares);
    }
}

/* The imaginary parts too: a complex tensor is a real one of twice as many elements. */
static struct tensor *as_reals(const struct tensor *t, struct error *err)
{
    int64_t count = t->count * 2;
    enum dtype part = t->dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64;
    struct tensor *reals = tensor_new(part, 1, &count, err);
    if (reals && t->size)
        memcpy(reals->data, t->data, t->size);
    return reals;
}

static int compare_complex(struct model_difference *d, const struct tensor *a, const struct tensor *b, double *squares,
                           struct error *err)
{
    struct tensor *x = as_reals(a, err), *y = as_reals(b, err);
    if (x && y)
        compare_numbers(d, x, y, squares);
    int status = x && y ? 0 : -1;
    tensor_unref(x);
    tensor_unref(y);
    d->at /= 2;
    return status;
}

/* The next axis from i on whose size is not 1; the rank when there is none. */
static int next_axis(const struct tensor *t, int i)
{
    while (i < t->rank && t->dims[i] == 1)
        i++;
    return i;
}

/* Whether the sizes are the same, but for axes of 1: formats and runtimes differ in those. */
static bool same_dims(const struct tensor *a, const struct tensor *b)
{
    int i = next_axis(a, 0), k = next_axis(b, 0);
    while (i < a->rank && k < b->rank && a->dims[i] == b->dims[k]) {
        i = next_axis(a, i + 1);
        k = next_axis(b, k + 1);
    }
    return i == a->rank && k == b->rank;
}

int model_tensor_compare(const struct model_tensor *have, const struct model_tensor *want, struct model_difference *d,
                         struct model_error *err)
{
    const struct tensor *a = model_inner_tensor(have), *b = model_inner_tensor(want);
    double squares = 0;
    int status = 0;
    if (data_npy_dtype(a->dtype) != data_npy_dtype(b->dtype) || !same_dims(a, b))
        return not_alike(a, b, model_inner(err));
    *d = (struct model_difference){.at = -1};
    enum dtype_class class = dtype_info(a->dtype)->class;
    if (class == DTYPE_CLASS_STRING)
        compare_strings(d, a, b, &squares);
    else if (class == DTYPE_CLASS_COMPLEX)
        status = compare_complex(d, a, b, &squares, model_inner(err));
    else
        compare_numbers(d, a, b, &squares);
    d->rms = a->count ? sqrt(squares / (double)a->count) : 0;
    return status;
}

/* ---- a model against the plain evaluation of another ---- */

#define REFERENCE_MEMORY ((size_t)2 << 30)

struct pair {
    struct model *reference;    /* all its sizes bound */
    struct model_session *s;    /* of the model to be checked */
    struct model_session *same; /* of the reference, where that rounds to integers; else NULL */
    size_t inputs, outputs;
    struct model_tensor **in, **out;
    struct item **items, **want;   /* the same inputs for the reference, and its outputs */
    struct model_tensor **stepped; /* its outputs where it has a session */
};

static void drop_run(struct pair *p)
{
    for (size_t i = 0; p->in && p->items && i < p->inputs; i++) {
        model_tensor_free(p->in[i]);
        item_unref(p->items[i]);
        p->in[i] = NULL;
        p->items[i] = NULL;
    }
    for (size_t i = 0; p->out && p->want && p->stepped && i < p->outputs; i++) {
        model_tensor_free(p->out[i]);
        model_tensor_free(p->stepped[i]);
        item_unref(p->want[i]);
        p->out[i] = p->stepped[i] = NULL;
        p->want[i] = NULL;
    }
}

static void pair_release(struct pair *p)
{
    free(p->in);
    free(p->out);
    free(p->items);
    free(p->want);
    free(p->stepped);
    model_session_free(p->s);
    model_session_free(p->same);
    model_free(p->reference);
}

/* Whether an error of the last bit becomes a step of integers on the way. */
static bool rounds(const struct graph *g)
{
    const struct node *n = g->first;
    while (n && !node_is(n, "QuantizeLinear") && !node_is(n, "DynamicQuantizeLinear"))
        n = n->next;
    return n != NULL;
}

static int pair_init(struct pair *p, const struct model *m, const struct model *reference, struct model_error *error)
{
    struct error *err = model_inner(error);
    p->inputs = model_input_count(reference);
    p->outputs = model_output_count(reference);
    if (model_input_count(m) != p->inputs || model_output_count(m) != p->outputs)
        return error_set(err, "the two have not as many inputs and outputs as each other");
    p->in = mem_calloc(p->inputs, sizeof *p->in, err);
    p->out = mem_calloc(p->outputs, sizeof *p->out, err);
    p->items = mem_calloc(p->inputs, sizeof *p->items, err);
    p->want = mem_calloc(p->outputs, sizeof *p->want, err);
    p->stepped = mem_calloc(p->outputs, sizeof *p->stepped, err);
    if (!p->in || !p->out || !p->items || !p->want || !p->stepped)
        return -1;
    p->s = model_session_new(m, NULL, error);
    p->reference = p->s ? model_copy(reference, error) : NULL;
    if (!p->reference || model_bind_rest(p->reference, error) < 0)
        return -1;
    if (!rounds(p->reference->graph))
        return 0;
    p->same = model_session_new(p->reference, NULL, error);
    return p->same ? 0 : -1;
}

static int compare_output(struct pair *p, size_t i, double tolerance, struct model_agreement *r, struct error *err)
{
    struct model_difference d;
    const struct model_tensor *want = p->stepped[i];
    if (!want && p->want[i] && p->want[i]->tensor)
        want = model_outer_tensor(p->want[i]->tensor);
    if (!want)
        return error_set(err, "no tensor");
    if (model_tensor_compare(p->out[i], want, &d, (struct model_error *)err) < 0)
        return -1;
    double ratio = d.largest > 0 ? d.largest / d.reference : 0;
    if (ratio > r->worst) {
        r->worst = ratio;
        r->output = i;
    }
    r->agrees &= ratio <= tolerance;
    return 0;
}

static int run_pair(struct pair *p, struct model_tensor *const *in, uint64_t seed, struct error *err)
{
    struct graph *g = p->reference->graph;
    for (size_t i = 0; i < p->inputs; i++) {
        p->in[i] = in && in[i] ? model_tensor_ref(in[i])
                               : model_tensor_random(p->reference, i, seed, (struct model_error *)err);
        p->items[i] = item_of_tensor(tensor_ref(model_inner_tensor(p->in[i])), err);
        if (!p->items[i])
            return -1;
    }
    if (model_session_run(p->s, p->in, p->out, (struct model_error *)err) < 0)
        return -1;
    if (p->same)
        return model_session_run(p->same, p->in, p->stepped, (struct model_error *)err);
    if (op_run(g, p->items, p->want, REFERENCE_MEMORY, seed, err) == 0)
        return 0;
    memset(p->want, 0, p->outputs * sizeof *p->want);
    return error_prefix(err, "in the plain evaluation");
}

int model_compare(const struct model *m, const struct model *reference, int runs, double tolerance,
                  struct model_tensor *const *in, struct model_agreement *result, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct pair p = {0};
    struct model_agreement r = {.agrees = true};
    int status = pair_init(&p, m, reference, error);
    while (status == 0 && r.agrees && r.runs < runs) {
        status = run_pair(&p, in, (uint64_t)++r.runs, err);
        for (size_t i = 0; status == 0 && i < p.outputs; i++)
            if ((status = compare_output(&p, i, tolerance, &r, err)) < 0)
                error_prefix(err, "output '%s'", p.reference->graph->outputs[i]->name);
        drop_run(&p);
    }
    pair_release(&p);
    *result = r;
    return status;
}
