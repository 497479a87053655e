/* PIR's JSON, of Paddle 3: operators with numbered operands, and blocks within. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/paddle/paddle.h"
#include "parse/json.h"

bool paddle_is_pir(const struct blob *blob)
{
    static const char *const words[] = {"\"base_code\"", "\"pir\""};
    char text[512] = "";
    size_t n = blob->size < sizeof(text) - 1 ? blob->size : sizeof(text) - 1;
    memcpy(text, blob->data, n);
    return text[strspn(text, " \r\n\t")] == '{' && strstr(text, words[0]) && strstr(text, words[1]);
}

static const struct {
    const char *name;
    enum dtype dtype;
} dtypes[] = {
    {"bool", DTYPE_BOOL},
    {"i8", DTYPE_I8},
    {"i16", DTYPE_I16},
    {"i32", DTYPE_I32},
    {"i64", DTYPE_I64},
    {"ui8", DTYPE_U8},
    {"f16", DTYPE_F16},
    {"bf16", DTYPE_BF16},
    {"f32", DTYPE_F32},
    {"f64", DTYPE_F64},
    {"int8", DTYPE_I8},
    {"int16", DTYPE_I16},
    {"int32", DTYPE_I32},
    {"int64", DTYPE_I64},
    {"uint8", DTYPE_U8},
    {"float16", DTYPE_F16},
    {"float32", DTYPE_F32},
    {"float64", DTYPE_F64},
    {"bfloat16", DTYPE_BF16},
    {"float8_e4m3fn", DTYPE_F8E4M3FN},
    {"f8e4m3fn", DTYPE_F8E4M3FN},
    {"f8e5m2", DTYPE_F8E5M2},
    {"float8_e5m2", DTYPE_F8E5M2},
};

enum dtype paddle_dtype_named(const char *name)
{
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(*dtypes); i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return dtypes[i].dtype;
    return DTYPE_NONE;
}

/* ---- the tree ---- */

struct listing {
    struct paddle_reader *r;
    const struct json *j;
};

static const struct json_node *member(const struct listing *l, const struct json_node *n, const char *key)
{
    return json_member(l->j, n, key);
}

static size_t count_of(const struct listing *l, const struct json_node *list)
{
    size_t count = 0;
    for (const struct json_node *n = json_first(l->j, list); n; n = json_next(l->j, n))
        count++;
    return count;
}

static const char *text_of(const struct json_node *n)
{
    return n && n->kind == JSON_STRING ? n->string : "";
}

static double number_of(const struct json_node *n)
{
    double value = 0;
    if (n && n->kind == JSON_NUMBER)
        value = n->number;
    else if (n && n->kind == JSON_TRUE)
        value = 1;
    else if (n && n->kind == JSON_STRING)
        text_to_f64(n->string, strlen(n->string), &value);
    return value;
}

static int64_t whole(double value)
{
    if (!(value > -9.2e18))
        return isnan(value) ? 0 : INT64_MIN;
    return value < 9.2e18 ? (int64_t)value : INT64_MAX;
}

/* "1.conv2d", "0.t_f32" without what stands before the name. */
static const char *bare(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* ---- operands ---- */

static void set_type(struct listing *l, struct paddle_operand *o, const struct json_node *type)
{
    const struct json_node *parts = member(l, type, "D"), *element = json_first(l->j, parts);
    const struct json_node *shape = element ? json_next(l->j, element) : NULL;
    size_t rank = count_of(l, shape);
    int64_t *dims = rank <= TENSOR_MAX_RANK ? paddle_alloc(l->r, rank, sizeof(*dims)) : NULL;
    const char *name = bare(text_of(member(l, element, "#"))), *kind = bare(text_of(member(l, type, "#")));
    bool is_tensor = strcmp(kind, "t_dtensor") == 0;
    if ((!is_tensor && strcmp(kind, "t_dense_tensor_array") != 0) || !shape || !dims)
        return;
    o->dtype = strncmp(name, "t_", 2) == 0 ? paddle_dtype_named(name + 2) : DTYPE_NONE;
    if (!is_tensor)
        return;
    o->rank = (int)rank;
    o->dims = dims;
    for (const struct json_node *d = json_first(l->j, shape); d; d = json_next(l->j, d))
        *dims++ = whole(number_of(d));
}

/* {"%": 12, "TT": type}, of a block's argument {"#": -1, …}; NULL for 0, which is none. */
static struct paddle_operand *operand(struct listing *l, const struct json_node *n)
{
    char name[32];
    const struct json_node *number = member(l, n, "%");
    int64_t id = whole(number_of(number ? number : member(l, n, "#")));
    if (id == 0)
        return NULL;
    snprintf(name, sizeof(name), "%%%lld", (long long)id);
    struct paddle_operand *o = paddle_operand(l->r, name);
    if (o && member(l, n, "TT"))
        set_type(l, o, member(l, n, "TT"));
    return o;
}

static struct paddle_operand **operands(struct listing *l, const struct json_node *list, int *count)
{
    struct paddle_operand **all = paddle_alloc(l->r, count_of(l, list), sizeof(*all));
    *count = 0;
    for (const struct json_node *n = json_first(l->j, list); n && all; n = json_next(l->j, n))
        all[(*count)++] = operand(l, n);
    return all;
}

static const struct paddle_slot *slots(struct listing *l, const struct json_node *list, int *count)
{
    struct paddle_operand **all = operands(l, list, count);
    struct paddle_slot *to = paddle_alloc(l->r, (size_t)*count, sizeof(*to));
    for (int i = 0; i < *count && to; i++)
        to[i] = (struct paddle_slot){.role = "", .all = &all[i], .count = all[i] != NULL};
    return to;
}

/* ---- attributes ---- */

static void fill_numbers(struct listing *l, struct paddle_attr *a, const struct json_node *first, size_t count,
                         bool real)
{
    double *floats = real ? paddle_alloc(l->r, count, sizeof(*floats)) : NULL;
    int64_t *ints = real ? NULL : paddle_alloc(l->r, count, sizeof(*ints));
    a->kind = real ? PADDLE_FLOATS : PADDLE_INTS;
    if (!floats && !ints)
        return;
    for (const struct json_node *n = first; n && (size_t)a->count < count; n = json_next(l->j, n)) {
        double value = number_of(n->kind == JSON_OBJECT ? member(l, n, member(l, n, "D") ? "D" : "VD") : n);
        if (real)
            floats[a->count++] = value;
        else
            ints[a->count++] = whole(value);
    }
    if (real)
        a->floats = floats;
    else
        a->ints = ints;
}

static void fill_texts(struct listing *l, struct paddle_attr *a, const struct json_node *first, size_t count)
{
    const char **texts = paddle_alloc(l->r, count, sizeof(*texts));
    a->kind = PADDLE_TEXTS;
    a->texts = texts;
    for (const struct json_node *n = first; n && texts && (size_t)a->count < count; n = json_next(l->j, n))
        if ((texts[a->count] = paddle_keep(l->r, text_of(n->kind == JSON_OBJECT ? member(l, n, "D") : n))))
            a->count++;
}

/* Elements of a list say themselves what they are, or, as bare numbers, are whole. */
static void fill_attr(struct listing *l, struct paddle_attr *a, const struct json_node *value)
{
    const char *kind = bare(text_of(member(l, value, "#")));
    const struct json_node *data = member(l, value, "D");
    if (!data) /* a number that JSON does not have */
        data = member(l, value, "VD");
    a->is_list = data && data->kind == JSON_ARRAY;
    const struct json_node *first = a->is_list ? json_first(l->j, data) : data;
    size_t count = a->is_list ? count_of(l, data) : data != NULL;
    if (first && first->kind == JSON_OBJECT)
        kind = bare(text_of(member(l, first, "#")));
    if (strcmp(kind, "a_dtype") == 0) {
        a->kind = PADDLE_TYPE;
        a->dtype = paddle_dtype_named(text_of(data));
    } else if (strcmp(kind, "a_str") == 0) {
        fill_texts(l, a, first, count);
    } else {
        bool real = strcmp(kind, "a_f32") == 0 || strcmp(kind, "a_f64") == 0;
        bool open = first && first->kind == JSON_NUMBER && first->number != (double)whole(first->number);
        fill_numbers(l, a, first, count, real || open);
    }
}

/* ---- operators ---- */

static const struct paddle_block *list_block(struct listing *l, const struct json_node *block);

static const struct paddle_block *region(struct listing *l, const struct json_node *region)
{
    const struct json_node *block = json_first(l->j, member(l, region, "blocks"));
    return block ? list_block(l, block) : NULL;
}

/* "p": a parameter, whose attributes end with its name. One that is not persistent, as its first output attribute says,
 * is not in the file. */
static void list_parameter(struct listing *l, const struct json_node *n)
{
    const struct json_node *name = NULL, *kept_on = json_first(l->j, member(l, n, "OA"));
    for (const struct json_node *a = json_first(l->j, member(l, n, "A")); a; a = json_next(l->j, a))
        name = a->kind == JSON_STRING ? a : name;
    struct paddle_operand *o = operand(l, member(l, n, "O"));
    if (!o || !name) {
        build_fail(&l->r->b, "a parameter without a name");
        return;
    }
    const char *kept = paddle_keep(l->r, name->string);
    o->name = kept ? kept : o->name;
    if (!kept_on || kept_on->kind != JSON_NUMBER || kept_on->number != 0)
        paddle_add_parameter(l->r, o);
}

static void list_op(struct listing *l, struct paddle_op *op, const struct json_node *n)
{
    const char *name = text_of(member(l, n, "#"));
    const struct json_node *list = member(l, n, "A");
    struct paddle_attr *attrs = paddle_alloc(l->r, count_of(l, list), sizeof(*attrs));
    char type[200];
    snprintf(type, sizeof(type), "%s%.180s", strncmp(name, "0.", 2) == 0 ? "builtin." : "", bare(name));
    op->type = paddle_keep(l->r, type);
    op->in = slots(l, member(l, n, "I"), &op->in_count);
    op->out = slots(l, member(l, n, "O"), &op->out_count);
    op->attrs = attrs;
    for (const struct json_node *a = json_first(l->j, list); a && attrs && !l->r->b.failed; a = json_next(l->j, a)) {
        attrs[op->attr_count].name = paddle_keep(l->r, text_of(member(l, a, "N")));
        fill_attr(l, &attrs[op->attr_count++], member(l, a, "AT"));
    }
    for (const struct json_node *g = json_first(l->j, member(l, n, "regions")); g; g = json_next(l->j, g))
        if (op->block_count < 2)
            op->blocks[op->block_count++] = region(l, g);
}

static const struct paddle_block *list_block(struct listing *l, const struct json_node *block)
{
    const struct json_node *list = member(l, block, "ops");
    struct paddle_block *to = paddle_alloc(l->r, 1, sizeof(*to));
    struct paddle_op *ops = paddle_alloc(l->r, count_of(l, list), sizeof(*ops));
    if (!to || !ops)
        return to;
    to->ops = ops;
    to->args = operands(l, member(l, block, "args"), &to->arg_count);
    for (const struct json_node *n = json_first(l->j, list); n && !l->r->b.failed; n = json_next(l->j, n))
        if (strcmp(text_of(member(l, n, "#")), "p") == 0)
            list_parameter(l, n);
        else
            list_op(l, &ops[to->count++], n);
    return to;
}

int paddle_list_pir(struct paddle_reader *r, const struct blob *blob)
{
    struct json j;
    struct listing l = {r, &j};
    build_check(&r->b, json_parse(&j, blob->data, blob->size, r->b.err) == 0);
    if (r->b.failed)
        return -1;
    const struct json_node *program = member(&l, j.node, "program");
    r->main = region(&l, json_first(&j, member(&l, program, "regions")));
    if (!r->main)
        build_fail(&r->b, "the file holds no program");
    json_release(&j);
    return r->b.failed ? -1 : 0;
}
