/* What the functions of operators see of them. */
#include <stdio.h>
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_NUMBERS 1024 /* of a list that is made a constant */

/* ---- operands ---- */

/* Word k of "X Y"; false when there are fewer. */
static bool word(const char *list, int k, const char **at, size_t *n)
{
    for (*at = list; *at; *at += *n) {
        *at += strspn(*at, " ");
        *n = strcspn(*at, " ");
        if (*n == 0)
            return false;
        if (k-- == 0)
            return true;
    }
    return false;
}

/* The slot of role k: by its name in a program, by its place in PIR. */
static const struct paddle_slot *find(const struct paddle_node *o, const struct paddle_slot *slots, int count,
                                      const char *roles, int k)
{
    const char *role;
    size_t n;
    if (o->r->is_pir || !roles || k < 0)
        return k >= 0 && k < count ? &slots[k] : NULL;
    for (int i = 0; i < count && word(roles, k, &role, &n); i++)
        if (strlen(slots[i].role) == n && memcmp(slots[i].role, role, n) == 0)
            return &slots[i];
    return NULL;
}

static const struct paddle_slot *in_slot(const struct paddle_node *o, int k)
{
    return find(o, o->op->in, o->op->in_count, o->kind ? o->kind->in : NULL, k);
}

static const struct paddle_slot *out_slot(const struct paddle_node *o, int k)
{
    return find(o, o->op->out, o->op->out_count, o->kind ? o->kind->out : NULL, k);
}

/* The only operand of a slot. */
static struct paddle_operand *only(const struct paddle_slot *s)
{
    return s && s->count > 0 ? s->all[0] : NULL;
}

bool paddle_has(const struct paddle_node *o, int k)
{
    const struct paddle_operand *a = only(in_slot(o, k));
    return a && (a->value || a->parts);
}

struct value *paddle_optional(struct paddle_node *o, int k)
{
    struct paddle_operand *a = o->b->failed ? NULL : only(in_slot(o, k));
    if (a && !a->value && a->parts && a->part_count == 1)
        a = a->parts[0];
    return a ? a->value : NULL;
}

/* "NHWC" and its like: input and output 0 of such an operator go through Transposes. */
static bool has_channels_last(const struct paddle_node *o)
{
    const char *layout = paddle_text(o, "data_format|data_layout", "");
    return strlen(layout) > 2 && *layout == 'N' && layout[strlen(layout) - 1] == 'C';
}

struct value *paddle_in(struct paddle_node *o, int k)
{
    struct value *v = paddle_optional(o, k);
    if (v && k == 0 && has_channels_last(o) && paddle_rank(o, v) > 2)
        v = build_channels_first(o->b, v, paddle_rank(o, v));
    struct paddle_operand *a = only(in_slot(o, k));
    if (!v && a)
        build_fail(o->b, "it takes '%.200s', which no operator before it makes", a->name);
    else if (!v)
        build_fail(o->b, "its input %d is missing", k);
    return v;
}

const char *paddle_in_name(const struct paddle_node *o, int k)
{
    const struct paddle_operand *a = only(in_slot(o, k));
    return a ? a->name : "";
}

/* Lists may be named again and again: what is made of them is counted. */
static void count_parts(struct paddle_node *o, int count)
{
    o->r->parts += count;
    if (o->r->parts > PADDLE_PARTS)
        build_fail(o->b, "lists of more than %d elements in all", PADDLE_PARTS);
}

int paddle_all(struct paddle_node *o, int k, struct value ***list)
{
    const struct paddle_slot *s = in_slot(o, k);
    const struct paddle_operand *first = only(s);
    bool is_list = first && first->parts;
    int count = is_list ? first->part_count : s ? s->count : 0;
    struct paddle_operand **all = is_list ? first->parts : s ? s->all : NULL;
    count_parts(o, count);
    *list = o->b->failed ? NULL : paddle_alloc(o->r, (size_t)count, sizeof(struct value *));
    if (!*list)
        return 0;
    for (int i = 0; i < count && !o->b->failed; i++) {
        (*list)[i] = all[i] ? all[i]->value : NULL;
        if (!(*list)[i])
            build_fail(o->b, "it takes '%.200s', which no operator before it makes", all[i] ? all[i]->name : "");
    }
    return o->b->failed ? 0 : count;
}

int paddle_out_count(const struct paddle_node *o, int k)
{
    const struct paddle_slot *s = out_slot(o, k);
    return s ? s->count : 0;
}

void paddle_give_part(struct paddle_node *o, int k, int i, struct value *v)
{
    const struct paddle_slot *s = out_slot(o, k);
    if (o->b->failed || !s || i >= s->count || !s->all[i])
        return;
    s->all[i]->value = v;
    s->all[i]->parts = NULL;
}

void paddle_give(struct paddle_node *o, int k, struct value *v)
{
    if (v && k == 0 && has_channels_last(o) && paddle_rank(o, v) > 2)
        v = build_channels_last(o->b, v, paddle_rank(o, v));
    paddle_give_part(o, k, 0, v);
}

/* A program has operands for all; in PIR they are a list of one. */
void paddle_give_all(struct paddle_node *o, int k, int count, struct value *const *parts)
{
    struct paddle_operand *to = only(out_slot(o, k));
    if (!o->r->is_pir) {
        for (int i = 0; i < count; i++)
            paddle_give_part(o, k, i, parts[i]);
        return;
    }
    count_parts(o, count);
    if (o->b->failed || !to)
        return;
    struct paddle_operand *all = paddle_alloc(o->r, (size_t)count, sizeof(*all));
    struct paddle_operand **list = paddle_alloc(o->r, (size_t)count, sizeof(*list));
    if (o->b->failed)
        return;
    for (int i = 0; i < count; i++) {
        all[i] = (struct paddle_operand){.name = to->name, .rank = -1, .value = parts[i]};
        list[i] = &all[i];
    }
    to->parts = list;
    to->part_count = count;
    to->value = NULL;
}

/* ---- types ---- */

static const struct type *type_of(struct paddle_node *o, struct value *v)
{
    const struct type *type = v ? build_type(o->b, v) : NULL;
    return type && type->kind == TYPE_TENSOR ? type : NULL;
}

int paddle_rank(struct paddle_node *o, struct value *v)
{
    const struct type *type = type_of(o, v);
    if (type && type->rank >= 0)
        return type->rank;
    build_fail(o->b, "the rank of its input must be known");
    return 0;
}

int64_t paddle_dim(struct paddle_node *o, struct value *v, int axis)
{
    const struct type *type = type_of(o, v);
    return type && axis >= 0 && axis < type->rank && type->dims[axis] >= 0 ? type->dims[axis] : -1;
}

enum dtype paddle_type(struct paddle_node *o, struct value *v)
{
    const struct type *type = type_of(o, v);
    return type ? type->dtype : DTYPE_NONE;
}

int paddle_axis(struct paddle_node *o, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(o->b, "axis %lld of %d", (long long)axis, rank);
    return 0;
}

/* ---- attributes ---- */

const struct paddle_attr *paddle_attr(const struct paddle_node *o, const char *names)
{
    for (const char *at = names; *at; at += strspn(at, "|")) {
        size_t n = strcspn(at, "|");
        for (int i = 0; i < o->op->attr_count; i++)
            if (strlen(o->op->attrs[i].name) == n && memcmp(o->op->attrs[i].name, at, n) == 0)
                return &o->op->attrs[i];
        at += n;
    }
    return NULL;
}

static int64_t whole(const struct paddle_attr *a, int i)
{
    if (a->kind == PADDLE_INTS)
        return a->ints[i];
    double f = a->kind == PADDLE_FLOATS ? a->floats[i] : 0;
    return f > -9e18 && f < 9e18 ? (int64_t)f : f < 0 ? INT64_MIN : 0;
}

static double real(const struct paddle_attr *a, int i)
{
    return a->kind == PADDLE_FLOATS ? a->floats[i] : a->kind == PADDLE_INTS ? (double)a->ints[i] : 0;
}

int64_t paddle_int(const struct paddle_node *o, const char *names, int64_t otherwise)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    return a && a->count ? whole(a, 0) : otherwise;
}

float paddle_float(const struct paddle_node *o, const char *names, float otherwise)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    return a && a->count ? (float)real(a, 0) : otherwise;
}

bool paddle_bool(const struct paddle_node *o, const char *names, bool otherwise)
{
    return paddle_int(o, names, otherwise) != 0;
}

const char *paddle_text(const struct paddle_node *o, const char *names, const char *otherwise)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    return a && a->kind == PADDLE_TEXTS && a->count ? a->texts[0] : otherwise;
}

bool paddle_is(const struct paddle_node *o, const char *names, const char *text)
{
    return strcmp(paddle_text(o, names, ""), text) == 0;
}

enum dtype paddle_dtype_of(const struct paddle_node *o, const char *names, enum dtype otherwise)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    enum dtype dtype = !a ? DTYPE_NONE : a->kind == PADDLE_TYPE ? a->dtype : a->count ? paddle_dtype(whole(a, 0)) : 0;
    return dtype == DTYPE_NONE ? otherwise : dtype;
}

int paddle_list(const struct paddle_node *o, const char *names, int64_t *values, int max)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    for (int i = 0; a && i < a->count && i < max; i++)
        values[i] = whole(a, i);
    return a ? a->count < max ? a->count : max : -1;
}

int paddle_floats(const struct paddle_node *o, const char *names, float *values, int max)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    for (int i = 0; a && i < a->count && i < max; i++)
        values[i] = (float)real(a, i);
    return a ? a->count < max ? a->count : max : -1;
}

/* ---- numbers ---- */

struct value *paddle_as(struct paddle_node *o, struct value *v, enum dtype dtype)
{
    return paddle_type(o, v) == dtype || dtype == DTYPE_NONE ? v : build_cast(o->b, v, dtype);
}

static struct value *flat_i64(struct paddle_node *o, struct value *v)
{
    const struct type *type = type_of(o, v);
    v = type && type->rank == 1 ? v : BUILD(o->b, "Reshape", v, BUILD_LIST(o->b, -1));
    return paddle_as(o, v, DTYPE_I64);
}

static struct value *joined(struct paddle_node *o, int k)
{
    struct value **parts;
    int count = paddle_all(o, k, &parts);
    for (int i = 0; i < count; i++)
        parts[i] = flat_i64(o, parts[i]);
    return count == 0 ? NULL : paddle_concat(o, count, parts, 0);
}

struct value *paddle_numbers(struct paddle_node *o, const char *names, int k, int many)
{
    int64_t values[MOST_NUMBERS];
    const struct paddle_attr *a = paddle_attr(o, names);
    if (many >= 0 && paddle_has(o, many))
        return joined(o, many);
    if (k >= 0 && paddle_has(o, k))
        return joined(o, k);
    if (a && a->count > MOST_NUMBERS)
        build_fail(o->b, "its %s has %d numbers, want at most %d", names, a->count, MOST_NUMBERS);
    int count = paddle_list(o, names, values, MOST_NUMBERS);
    return count < 0 || o->b->failed ? NULL : build_list(o->b, count, values);
}

int paddle_ints(struct paddle_node *o, const char *names, int k, int many, int64_t *values, int max,
                const int64_t *open)
{
    bool given = (many >= 0 && paddle_has(o, many)) || (k >= 0 && paddle_has(o, k));
    if (!given) {
        const struct paddle_attr *a = paddle_attr(o, names);
        return a && a->count > max ? -1 : paddle_list(o, names, values, max);
    }
    return build_known(o->b, paddle_numbers(o, names, k, many), values, max, open);
}

int paddle_want_ints(struct paddle_node *o, const char *names, int k, int many, int64_t *values, int max)
{
    int count = paddle_ints(o, names, k, many, values, max, NULL);
    if (count < 0)
        build_fail(o->b, "its %s must be known, of at most %d numbers", names, max);
    return o->b->failed ? 0 : count;
}

int64_t paddle_want_int(struct paddle_node *o, const char *names, int k, int64_t otherwise)
{
    int64_t value = otherwise;
    if (!paddle_has(o, k))
        return paddle_int(o, names, otherwise);
    return paddle_want_ints(o, names, k, -1, &value, 1) == 1 ? value : otherwise;
}

struct value *paddle_scalar(struct paddle_node *o, const char *names, int k, enum dtype dtype, double otherwise)
{
    const struct paddle_attr *a = paddle_attr(o, names);
    struct value *v = k >= 0 ? paddle_optional(o, k) : NULL;
    if (!v)
        return build_number(o->b, dtype, a && a->count ? real(a, 0) : otherwise);
    return build_reshape(o->b, paddle_as(o, v, dtype), 0, NULL);
}

struct value *paddle_number(struct paddle_node *o, struct value *v, double number)
{
    enum dtype dtype = paddle_type(o, v);
    return build_number(o->b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, number);
}

struct value *paddle_with(struct paddle_node *o, const char *op, struct value *v, double number)
{
    return BUILD(o->b, op, v, paddle_number(o, v, number));
}

struct value *paddle_concat(struct paddle_node *o, int count, struct value *const *in, int64_t axis)
{
    return count == 1 ? in[0] : build_int(o->b, build_node(o->b, "Concat", count, in), "axis", axis);
}

struct value *paddle_along_channels(struct paddle_node *o, struct value *v, int rank)
{
    int64_t dims[TENSOR_MAX_RANK] = {1, -1};
    for (int i = 2; i < rank; i++)
        dims[i] = 1;
    return rank <= 1 ? v : build_reshape(o->b, v, rank, dims);
}

/* ---- formulas ---- */

static struct value *term(void *data, const char *name, bool want)
{
    int k = *name - '0';
    return (want ? paddle_in : paddle_optional)(data, k);
}

static int parameter(void *data, const char *name, double *numbers, int max)
{
    const struct paddle_attr *a = paddle_attr(data, name);
    for (int i = 0; a && i < a->count && i < max; i++)
        numbers[i] = real(a, i);
    if (a && strcmp(name, "dtype") == 0) { /* ONNX's number of it */
        *numbers = paddle_dtype_of(data, name, DTYPE_F32);
        return 1;
    }
    return a ? a->count : -1;
}

void paddle_formula(struct paddle_node *o, const char *formula)
{
    struct value *out[4];
    const struct build_terms t = {
        .op = o, .in = term, .numbers = parameter, .call = torch_formula_call, .kept = &o->r->formulas};
    int count = build_formulas(o->b, formula, &t, out, 4);
    for (int i = 0; i < count; i++)
        paddle_give(o, i, out[i]);
}

/* Behind " ; " stands another one, for operators without input 1. */
void paddle_read_formula(struct paddle_node *o)
{
    char text[400];
    const char *other = strstr(o->kind->arg, " ; ");
    int n = (int)(other ? other - o->kind->arg : (ptrdiff_t)sizeof(text) - 1);
    snprintf(text, sizeof(text), "%.*s", n, o->kind->arg);
    paddle_formula(o, other && !paddle_has(o, 1) ? other + 3 : text);
}
