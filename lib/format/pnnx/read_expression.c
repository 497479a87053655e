/* pnnx.Expression: "add(@0,mul(@1,2.0))" of the inputs, lists "[size(@0,0),-1]", or a constant of the script. */
#include <string.h>

#include "base/text.h"
#include "format/pnnx/read.h"

#define DEPTH    64
#define NAME     32
#define ELEMENTS 64

/* A value, or a number that takes the type of what it meets. */
struct term {
    struct value *value;
    double number;
    bool is_whole; /* of a number without a point */
};

struct parse {
    struct reader *r;
    const char *at;
    int depth;
};

static struct term expression(struct parse *p);

static struct term failure(struct parse *p)
{
    build_fail(&p->r->b, "has an expression that is not understood from '%.40s' on", p->at);
    return (struct term){0};
}

/* A number as a constant beside `other`, or by itself. */
static struct value *as_value(struct parse *p, struct term t, const struct term *other)
{
    struct reader *r = p->r;
    enum dtype dtype = other && other->value ? build_known_dtype(&r->b, other->value) : DTYPE_NONE;
    if (t.value || r->b.failed)
        return t.value;
    bool fits = t.is_whole ? dtype != DTYPE_NONE && dtype != DTYPE_BOOL : dtype_info(dtype)->class == DTYPE_CLASS_FLOAT;
    return build_number(&r->b, fits ? dtype : t.is_whole ? DTYPE_I64 : DTYPE_F32, t.number);
}

static bool taken(struct parse *p, char c)
{
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

/* A list of tensors is a tuple, the operator's output. */
static void give_tuple(struct reader *r, int n, const struct term *in)
{
    struct pnnx_operand *out = lookup_find(&r->names, r->op->out[0]);
    struct pnnx_operand *all = arena_alloc(&r->arena, (size_t)n * sizeof(*all), r->b.err);
    out->parts = arena_alloc(&r->arena, (size_t)n * sizeof(struct pnnx_operand *), r->b.err);
    build_check(&r->b, all && out->parts);
    for (int i = 0; i < n && !r->b.failed; i++) {
        all[i] = (struct pnnx_operand){.name = out->name, .value = in[i].value};
        out->parts[i] = &all[i];
    }
    out->part_count = n;
}

/* "[a,b]": a list of sizes, or, as the whole expression, of tensors. */
static struct term list(struct parse *p)
{
    struct reader *r = p->r;
    struct term in[ELEMENTS];
    struct value *values[ELEMENTS];
    int n = 0;
    bool tensors = false;
    while (!r->b.failed && !taken(p, ']')) {
        if (n == ELEMENTS)
            return failure(p);
        in[n++] = expression(p);
        if (!taken(p, ',') && *p->at != ']')
            return failure(p);
    }
    for (int i = 0; i < n && !r->b.failed; i++)
        tensors |= in[i].value && pnnx_rank(r, in[i].value) > 0;
    for (int i = 0; i < n && !r->b.failed; i++)
        in[i].value = as_value(p, in[i], NULL);
    if (r->b.failed || (tensors && p->depth > 1))
        return failure(p);
    if (tensors) {
        give_tuple(r, n, in);
        return (struct term){0};
    }
    for (int i = 0; i < n; i++)
        values[i] = build_reshape(&r->b, build_cast(&r->b, in[i].value, DTYPE_I64), 1, (int64_t[]){1});
    return (struct term){.value = n ? pnnx_concat(r, n, values, 0) : build_list(&r->b, 0, NULL)};
}

/* "@12": an input. */
static struct term operand(struct parse *p)
{
    size_t n = strspn(p->at, "0123456789");
    int64_t i;
    if (!text_to_i64(p->at, n, &i) || i >= p->r->op->in_count)
        return failure(p);
    p->at += n;
    return (struct term){.value = pnnx_at(p->r, (int)i)};
}

/* "size(@0,1)": the size of an axis; without one the whole shape. */
static struct term size_of(struct parse *p, int count, const struct term *in)
{
    struct reader *r = p->r;
    struct build *b = &r->b;
    if (count < 1 || !in[0].value || (count > 1 && in[1].value))
        return failure(p);
    if (count == 1)
        return (struct term){.value = BUILD(b, "Shape", in[0].value)};
    int axis = pnnx_axis(r, (int64_t)in[1].number, pnnx_rank(r, in[0].value));
    return (struct term){.value = BUILD(b, "Squeeze", build_shape(b, in[0].value, axis, axis + 1))};
}

static struct term call(struct parse *p, const char *name, int count, struct term *in)
{
    struct value *values[2] = {NULL};
    if (strcmp(name, "size") == 0)
        return size_of(p, count, in);
    for (int i = 0; i < count && count <= 2; i++)
        values[i] = as_value(p, in[i], count == 2 ? &in[1 - i] : NULL);
    struct value *v = p->r->b.failed || count > 2 ? NULL : pnnx_function(p->r, name, count, values);
    if (!v)
        build_fail(&p->r->b, "has the function %s of %d operands, which is not known", name, count);
    return (struct term){.value = v};
}

/* "add(@0,1)"; pnnx writes some functions of one operand as "expm1,@0". */
static struct term function(struct parse *p)
{
    char name[NAME];
    struct term in[3];
    int n = 0;
    size_t size = strspn(p->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (!size || size >= NAME)
        return failure(p);
    memcpy(name, p->at, size);
    name[size] = '\0';
    p->at += size;
    if (taken(p, ',')) {
        in[n++] = expression(p);
        return call(p, name, n, in);
    }
    if (!taken(p, '('))
        return failure(p);
    while (!p->r->b.failed && !taken(p, ')')) {
        if (n == 3)
            return failure(p);
        in[n++] = expression(p);
        if (!taken(p, ',') && *p->at != ')')
            return failure(p);
    }
    return p->r->b.failed ? (struct term){0} : call(p, name, n, in);
}

static struct term expression(struct parse *p)
{
    struct term t = {0};
    if (p->r->b.failed || ++p->depth > DEPTH)
        return failure(p);
    size_t n = strcspn(p->at, ",)]");
    int64_t whole;
    t.is_whole = text_to_i64(p->at, n, &whole);
    if (taken(p, '['))
        t = list(p);
    else if (taken(p, '@'))
        t = operand(p);
    else if (text_to_f64(p->at, n, &t.number))
        p->at += n;
    else if ((n == 4 && memcmp(p->at, "True", n) == 0) || (n == 5 && memcmp(p->at, "False", n) == 0))
        t.value = build_number(&p->r->b, DTYPE_BOOL, n == 4), p->at += n;
    else
        t = function(p);
    p->depth--;
    return t;
}

/* Whether it is a constant of the script, which operators take by its text. */
static bool is_literal(const struct pnnx_operator *op, const char *text)
{
    return op->in_count == 0 && !strchr(text + (*text != '\0'), '(');
}

struct value *pnnx_expression(struct reader *r)
{
    const char *text = pnnx_param(r->op, "expr");
    if (!text || r->op->out_count != 1) {
        build_fail(&r->b, "has no expression, or not one output");
        return NULL;
    }
    if (is_literal(r->op, text)) {
        struct pnnx_operand *out = lookup_find(&r->names, r->op->out[0]);
        out->literal = text;
        return NULL;
    }
    struct parse p = {.r = r, .at = text};
    struct term t = expression(&p);
    bool tuple = ((struct pnnx_operand *)lookup_find(&r->names, r->op->out[0]))->parts != NULL;
    if (!r->b.failed && *p.at)
        failure(&p);
    return tuple ? NULL : as_value(&p, t, NULL);
}

/* pnnx.SliceIndexes: "indexes=(0,@0,2147483647)", numbers and inputs as a list. */
struct value *pnnx_slice_indexes(struct reader *r)
{
    const char *text = pnnx_param(r->op, "indexes");
    struct parse p = {.r = r, .at = text && *text == '(' ? text + 1 : ""};
    struct value *in[ELEMENTS];
    int n = 0;
    while (!r->b.failed && !taken(&p, ')')) {
        struct term t = n < ELEMENTS ? expression(&p) : failure(&p);
        struct value *v = build_cast(&r->b, as_value(&p, t, NULL), DTYPE_I64);
        if (!r->b.failed)
            in[n++] = build_reshape(&r->b, v, 1, (int64_t[]){1});
        if (!taken(&p, ',') && *p.at != ')')
            failure(&p);
    }
    return pnnx_concat(r, n, in, 0);
}

/* Of an axis behind those that have an index: neighbours are one axis together, whose index this is. */
static struct value *next_index(struct reader *r, const struct type *x, int at, struct value *before, struct value *v)
{
    bool fits = x && at < x->rank && x->dims[at] > 0;
    struct value *size = fits ? build_number(&r->b, DTYPE_I64, (double)x->dims[at]) : NULL;
    if (!size)
        build_fail(&r->b, "has indices for axes that are apart, or of sizes that are not known");
    return BUILD(&r->b, "Add", BUILD(&r->b, "Mul", before, size), BUILD(&r->b, "Mod", v, size));
}

/* Makes `count` axes from `axis` on one; those before keep their sizes. */
static struct value *merge_axes(struct reader *r, struct value *x, const struct type *type, int axis, int count)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < type->rank; i++) {
        int to = i < axis ? i : i < axis + count ? axis : i - count + 1;
        bool again = i > axis && i < axis + count;
        dims[to] = i < axis ? 0 : again ? dims[to] * type->dims[i] : type->dims[i] < 0 ? -1 : type->dims[i];
    }
    return build_reshape(&r->b, x, type->rank - count + 1, dims);
}

/* Tensor.index: "expr=[None,[1,3,2]]" or "[None,@1,@2]", indices for one axis or for neighbours. */
struct value *pnnx_index(struct reader *r)
{
    const char *text = pnnx_param(r->op, "expr");
    struct parse p = {.r = r, .at = text && *text == '[' ? text + 1 : ""};
    struct value *x = pnnx_at(r, 0), *index = NULL;
    const struct type *type = r->b.failed ? NULL : build_type(&r->b, x);
    int axis = 0, count = 0;
    for (int at = 0; !r->b.failed && !taken(&p, ']'); at++) {
        if (strncmp(p.at, "None", 4) == 0) {
            p.at += 4;
        } else {
            struct value *v = as_value(&p, expression(&p), NULL);
            index = index ? next_index(r, at == axis + count ? type : NULL, at, index, v) : v;
            axis = count++ ? axis : at;
        }
        if (!taken(&p, ',') && *p.at != ']')
            failure(&p);
    }
    if (!r->b.failed && (!index || build_known_dtype(&r->b, index) == DTYPE_BOOL))
        build_fail(&r->b, "has no index, or one of truth values, which is not known");
    if (count > 1 && !r->b.failed)
        x = merge_axes(r, x, type, axis, count);
    return build_int(&r->b, BUILD(&r->b, "Gather", x, index), "axis", axis);
}
