/* Parameters and inputs of a node. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "format/mxnet/mxnet.h"

/* ---- parameters ---- */

const char *mxnet_text(const struct mxnet_op *o, const char *name, const char *otherwise)
{
    static const char *const places[] = {"attrs", "param", "attr"}; /* as versions have it */
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const struct json_node *list = json_member(&o->r->json, o->node->json, places[i]);
        const struct json_node *n = json_member(&o->r->json, list, name);
        if (n && n->kind == JSON_STRING)
            return strcmp(n->string, "None") == 0 ? otherwise : n->string;
    }
    return otherwise;
}

bool mxnet_is(const struct mxnet_op *o, const char *name, const char *text)
{
    return strcmp(mxnet_text(o, name, ""), text) == 0;
}

bool mxnet_bool(const struct mxnet_op *o, const char *name, bool otherwise)
{
    const char *text = mxnet_text(o, name, otherwise ? "1" : "0");
    return strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
}

float mxnet_float(const struct mxnet_op *o, const char *name, float otherwise)
{
    const char *text = mxnet_text(o, name, "");
    double value = otherwise;
    text_to_f64(text, strlen(text), &value);
    return (float)value;
}

/* The next word of "(1, None, 2L)"; false at its end. */
static bool next(const char **at, size_t *n)
{
    static const char between[] = " ,()[]L";
    *at += strspn(*at, between);
    *n = strcspn(*at, between);
    return *n > 0;
}

int64_t mxnet_int(const struct mxnet_op *o, const char *name, int64_t otherwise)
{
    const char *at = mxnet_text(o, name, "");
    size_t n;
    int64_t value = otherwise;
    if (next(&at, &n) && !text_to_i64(at, n, &value) && (strncasecmp(at, "true", 4) == 0))
        value = 1;
    return value;
}

int mxnet_floats(struct mxnet_op *o, const char *name, float *values, int max)
{
    const char *at = mxnet_text(o, name, "");
    int count = 0;
    double value;
    for (size_t n; next(&at, &n) && !o->b->failed; at += n) {
        if (count == max || !text_to_f64(at, n, &value))
            build_fail(o->b, "%s is not a list of at most %d numbers", name, max);
        else
            values[count++] = (float)value;
    }
    return count;
}

int mxnet_ints(struct mxnet_op *o, const char *name, int64_t *values, int max)
{
    const char *at = mxnet_text(o, name, "");
    int count = 0;
    for (size_t n; next(&at, &n) && !o->b->failed; at += n) {
        int64_t value = MXNET_NONE;
        bool is_number = text_to_i64(at, n, &value) || (n == 4 && memcmp(at, "None", n) == 0);
        if (count == max || !is_number)
            build_fail(o->b, "%s is not a list of at most %d whole numbers", name, max);
        else
            values[count++] = value;
    }
    return count;
}

enum dtype mxnet_dtype(struct mxnet_op *o, const char *name, enum dtype otherwise)
{
    static const char *const names[] = {"float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"};
    const char *text = mxnet_text(o, name, "");
    int64_t number;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(text, names[i]) == 0)
            return mxnet_dtype_of((int64_t)i);
    if (*text && (!text_to_i64(text, strlen(text), &number) || mxnet_dtype_of(number) == DTYPE_NONE))
        build_fail(o->b, "%s is '%.40s', which is no element type that is read", name, text);
    return *text && !o->b->failed ? mxnet_dtype_of(number) : otherwise;
}

/* ---- inputs ---- */

/* What a variable says of itself, else what is known beside the file, else nothing. */
static struct value *graph_input(struct mxnet_reader *r, struct mxnet_node *node)
{
    struct mxnet_op o = {.r = r, .b = &r->b, .node = node};
    int64_t dims[TENSOR_MAX_RANK];
    const struct source_shape *known = source_shape_of(r->source, node->name, node->place);
    int rank = mxnet_ints(&o, "__shape__", dims, TENSOR_MAX_RANK);
    for (int i = 0; i < rank; i++)
        dims[i] = dims[i] < 1 ? DIM_UNKNOWN : dims[i];
    enum dtype dtype = mxnet_dtype(&o, "__dtype__", DTYPE_F32);
    if (rank)
        return build_input(&r->b, node->name, dtype, rank, dims);
    return build_input(&r->b, node->name, dtype, known ? known->rank : -1, known ? known->dims : NULL);
}

static struct value *variable(struct mxnet_reader *r, struct mxnet_node *node)
{
    struct tensor *t = lookup_find(&r->weights, node->name);
    return t ? build_constant(&r->b, node->name, tensor_ref(t)) : graph_input(r, node);
}

/* Output k of a node, or a variable. */
static struct value *output_of(struct mxnet_reader *r, struct mxnet_node *node, int64_t k)
{
    if (!node->out[0] && strcmp(node->op, "null") == 0)
        node->out[0] = variable(r, node);
    return k < node->wanted ? node->out[k] : NULL;
}

/* [node, output, version] */
struct value *mxnet_entry(struct mxnet_reader *r, const struct json_node *entry)
{
    const struct json_node *n = json_first(&r->json, entry), *k = n ? json_next(&r->json, n) : NULL;
    struct mxnet_node *node = n && k ? &r->nodes[(size_t)n->number] : NULL; /* checked before: list_nodes() */
    struct value *v = node && !r->b.failed ? output_of(r, node, (int64_t)k->number) : NULL;
    if (!v)
        build_fail(&r->b, "output %d of '%.200s' is not made before it is taken", k ? (int)k->number : 0,
                   node ? node->name : "");
    return v;
}

struct value *mxnet_in(struct mxnet_op *o, int k)
{
    if (k >= o->in_count)
        build_fail(o->b, "input %d is missing", k);
    if (o->b->failed || o->in[k])
        return o->b->failed ? NULL : o->in[k];
    const struct json_node *n = json_first(&o->r->json, json_member(&o->r->json, o->node->json, "inputs"));
    for (int i = 0; i < k && n; i++)
        n = json_next(&o->r->json, n);
    return o->in[k] = mxnet_entry(o->r, n);
}

struct value *mxnet_hidden(struct mxnet_op *o, const char *suffix)
{
    char name[300];
    snprintf(name, sizeof(name), "%.250s%s", o->node->name, suffix);
    struct tensor *t = o->b->failed ? NULL : lookup_find(&o->r->weights, name);
    if (!t)
        build_fail(o->b, "its weights %s are missing", name);
    return t ? build_constant(o->b, name, tensor_ref(t)) : NULL;
}

struct value **mxnet_all(struct mxnet_op *o)
{
    int k = 0;
    const struct json_node *n = json_first(&o->r->json, json_member(&o->r->json, o->node->json, "inputs"));
    for (; n && k < o->in_count && !o->b->failed; n = json_next(&o->r->json, n), k++)
        if (!o->in[k])
            o->in[k] = mxnet_entry(o->r, n);
    return o->in;
}

void mxnet_give(struct mxnet_op *o, int k, struct value *v)
{
    if (!o->b->failed && k < o->node->wanted)
        o->node->out[k] = v;
}

/* ---- what several of them make ---- */

struct value *mxnet_number(struct mxnet_op *o, struct value *x, double number)
{
    return build_number(o->b, build_dtype_of(o->b, x), number);
}

/* ---- formulas ---- */

static struct value *term_in(void *op, const char *name, bool want)
{
    struct mxnet_op *o = op;
    int k = *name - '0';
    return want || k < o->in_count ? mxnet_in(o, k) : NULL;
}

static struct value *term_at(void *op, int k)
{
    return mxnet_all(op)[k];
}

static int term_numbers(void *op, const char *name, double *numbers, int max)
{
    const char *at = mxnet_text(op, name, NULL);
    int count = 0;
    for (size_t n; at && next(&at, &n) && count < max; at += n, count++)
        if (!text_to_f64(at, n, &numbers[count]))
            numbers[count] = strncasecmp(at, "true", 4) == 0;
    return at ? count : -1;
}

static const char *term_text(void *op, const char *name)
{
    return mxnet_text(op, name, NULL);
}

struct value *mxnet_formula(struct mxnet_op *o, const char *formula)
{
    const struct build_terms t = {
        .op = o, .in = term_in, .at = term_at, .count = o->in_count, .numbers = term_numbers, .text = term_text};
    struct value *v = NULL;
    build_formulas(o->b, formula, &t, &v, 1);
    return o->b->failed ? NULL : v;
}

void mxnet_read_formula(struct mxnet_op *o)
{
    mxnet_give(o, 0, mxnet_formula(o, o->arg));
}
