/* What operators see of their operands and parameters; and the table of operators. */
#include <stdio.h>
#include <string.h>

#include "format/coreml/coreml.h"

/* ---- parameters ---- */

static const struct coreml_arg *arg_of(const struct coreml_op *o, const char *name)
{
    for (int i = 0; i < o->arg_count; i++)
        if (strcmp(o->args[i].role, name) == 0)
            return &o->args[i];
    return NULL;
}

struct value *coreml_optional(struct coreml_op *o, const char *name)
{
    const struct coreml_arg *a = arg_of(o, name);
    char flag;
    if (o->b->failed)
        return NULL;
    if (a && a->count)
        return coreml_get(o->r, a->all[0]);
    if (strcmp(name, "y") == 0 && coreml_field_of(o, "alpha", &flag)) /* a layer against a number */
        return coreml_number(o, coreml_optional(o, "x"), coreml_float(o, "alpha", 0));
    return coreml_weight_count(o, name) > 0 ? coreml_weights(o, name, 0, NULL) : NULL;
}

int coreml_params(struct coreml_op *o, const char *name, double *numbers, int max)
{
    int64_t ints[64];
    char flag = 0;
    uint64_t number = coreml_field_of(o, name, &flag);
    struct value *v = arg_of(o, name) ? coreml_optional(o, name) : NULL;
    if (o->b->failed)
        return -1;
    if (!v && number) {
        int count = coreml_numbers(o->params, number, flag == '~', numbers, max);
        if (count == 0 && flag != '*' && flag != '~') /* a field that is 0 is not in the file */
            numbers[count++] = 0;
        return count ? count : -1;
    }
    if (!v)
        return -1;
    struct node *n = v->producer;
    const struct tensor *t = v->constant ? v->constant : n && node_is(n, "Cast") ? n->in[0]->constant : NULL;
    if (t && !v->is_input && t->dtype != DTYPE_STRING && t->count <= max) {
        tensor_load_f64(t, 0, t->count, numbers);
        return (int)t->count;
    }
    int count = build_known(o->b, v, ints, 64, NULL);
    for (int i = 0; i < count && i < max; i++)
        numbers[i] = (double)ints[i];
    return count < 0 ? NUMBERS_LATER : count;
}

const char *coreml_word(struct coreml_op *o, const char *name, const char *otherwise)
{
    struct value *v = arg_of(o, name) ? coreml_optional(o, name) : NULL;
    const struct tensor *t = v ? v->constant : NULL;
    if (!t || t->dtype != DTYPE_STRING || t->count != 1)
        return otherwise;
    const struct str *s = t->data;
    return coreml_text(o->r, bytes_of(s->data, s->size));
}

int64_t coreml_param(struct coreml_op *o, const char *name, int64_t otherwise)
{
    double number;
    int count = coreml_params(o, name, &number, 1);
    if (count == NUMBERS_LATER)
        build_fail(o->b, "%s must be known", name);
    return count < 1 || !(number > -9e18 && number < 9e18) ? otherwise : (int64_t)number;
}

float coreml_float(struct coreml_op *o, const char *name, float otherwise)
{
    double number = (double)otherwise;
    if (coreml_params(o, name, &number, 1) == NUMBERS_LATER)
        build_fail(o->b, "%s must be known", name);
    return (float)number;
}

int coreml_ints(struct coreml_op *o, const char *name, int64_t *values, int max)
{
    double numbers[64];
    int count = coreml_params(o, name, numbers, 64);
    if (count == NUMBERS_LATER || count > max)
        build_fail(o->b, "%s must be known, and at most %d numbers", name, max);
    for (int i = 0; i < count && !o->b->failed; i++)
        values[i] = numbers[i] > -9e18 && numbers[i] < 9e18 ? (int64_t)numbers[i] : 0;
    return count < 0 || o->b->failed ? 0 : count;
}

struct value *coreml_in(struct coreml_op *o, const char *name)
{
    struct value *v = coreml_optional(o, name);
    if (!v)
        build_fail(o->b, "its operand %s is missing", name);
    return v;
}

void coreml_give(struct coreml_op *o, int k, struct value *v)
{
    if (k < o->out_count)
        o->out[k] = v;
}

struct value *coreml_number(struct coreml_op *o, struct value *v, double number)
{
    return build_number(o->b, build_dtype_of(o->b, v), number);
}

/* ---- formulas ---- */

static struct value *term_in(void *op, const char *name, bool want)
{
    return want ? coreml_in(op, name) : coreml_optional(op, name);
}

/* "$*": a list of operands, "values", or all of them. */
static struct value *term_at(void *op, int k)
{
    struct coreml_op *o = op;
    const struct coreml_arg *list = arg_of(o, "values"), *a = list ? list : &o->args[k];
    if (!list && a->count == 0)
        build_fail(o->b, "its operand %s is missing", a->role);
    return o->b->failed ? NULL : coreml_get(o->r, a->all[list ? k : 0]);
}

static int term_numbers(void *op, const char *name, double *numbers, int max)
{
    return coreml_params(op, name, numbers, max);
}

static struct value *term_later(void *op, const char *name)
{
    struct coreml_op *o = op;
    struct value *v = build_cast(o->b, coreml_in(o, name), DTYPE_I64);
    return build_rank_of(o->b, v) == 0 && !o->b->failed ? build_reshape(o->b, v, 1, (int64_t[]){1}) : v;
}

static const char *term_text(void *op, const char *name)
{
    return coreml_word(op, name, NULL);
}

struct value *coreml_formula(struct coreml_op *o, const char *formula)
{
    struct value *out[8] = {NULL};
    const struct coreml_arg *a = arg_of(o, "values");
    const struct build_terms t = {.op = o,
                                  .in = term_in,
                                  .at = term_at,
                                  .count = a ? a->count : o->arg_count,
                                  .numbers = term_numbers,
                                  .later = term_later,
                                  .text = term_text};
    int count = build_formulas(o->b, formula, &t, out, 8);
    for (int k = 1; k < count; k++)
        coreml_give(o, k, out[k]);
    return o->b->failed ? NULL : out[0];
}

/* ---- the table ---- */

void coreml_read_formula(struct coreml_op *o)
{
    coreml_give(o, 0, coreml_formula(o, o->arg));
}

static rows_fn *const reads[] = {
#define FN(read, rows) (rows_fn *)coreml_read_##read,
#include "format/coreml/ops.def"
#undef FN
};

#include "format/coreml/ops.inc"
PACKED_TABLE(groups, rows_fn *, 0, reads);

const char *coreml_operator_at(size_t index)
{
    return rows_name(&groups, index);
}

/* ---- operators that are not known ---- */

#define MOST_KEPT 64 /* operands */

/* Its operands, of which the attribute `operands` has the names. */
static void keep(struct coreml_op *o)
{
    struct value *in[MOST_KEPT];
    struct str names[MOST_KEPT];
    char op[200];
    int count = 0;
    snprintf(op, sizeof(op), "coreml.%.150s", o->type);
    for (int i = 0; i < o->arg_count; i++)
        for (int k = 0; k < o->args[i].count && count < MOST_KEPT && !o->b->failed; k++) {
            names[count] = (struct str){o->args[i].role, strlen(o->args[i].role)};
            in[count++] = coreml_get(o->r, o->args[i].all[k]);
        }
    struct value *v = o->b->failed ? NULL : build_node(o->b, op, count, in);
    build_check(o->b, !o->b->failed && node_set_strings(v->producer, "operands", names, (size_t)count, o->b->err) == 0);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        o->out[k] = build_output(o->b, v, k);
}

/* New values are called as the file calls them. */
static void give_outputs(struct coreml_op *o)
{
    for (int k = 0; k < o->out_count && !o->b->failed; k++) {
        struct value *v = o->out[k];
        if (!v)
            continue;
        const struct type *type = o->fields ? build_type(o->b, v) : NULL;
        if (type && type->dtype != DTYPE_F32 && type->dtype != DTYPE_NONE) /* layers know nothing else */
            v = o->out[k] = build_cast(o->b, v, DTYPE_F32);
        if (o->b->failed)
            return;
        bool fresh = v->producer && !v->is_input && strcmp(v->producer->name, o->name) == 0;
        if (fresh && !graph_find_value(o->b->graph, o->out_names[k]))
            build_name(o->b, v, o->out_names[k]);
        coreml_set(o->r, o->out_names[k], v, bytes_of("", 0));
    }
}

void coreml_read_op(struct coreml_op *o)
{
    if (o->b->failed)
        return;
    coreml_count_ops(o->r, 1);
    if (o->b->graph->node_count > COREML_NODES || o->b->graph->value_count > 2 * COREML_NODES)
        build_fail(o->b, "the operations before it become more than %d nodes", COREML_NODES);
    o->out = coreml_alloc(o->r, (size_t)o->out_count + 1, sizeof(*o->out));
    if (!o->b->failed) {
        coreml_op_fn *read = (coreml_op_fn *)rows_find(&groups, o->type, &o->arg);
        build_layer(o->b, o->name);
        (read ? read : keep)(o);
        build_infer(o->b);
        give_outputs(o);
    }
    if (o->b->failed)
        error_prefix(o->b->err, "'%.200s' (%.100s)", o->name, o->type);
}
