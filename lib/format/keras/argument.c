/* Arguments that operations of keras.ops and TensorFlow are called with. */
#include <string.h>

#include "format/keras/keras.h"

static bool is_constant_value(const struct json *j, const struct json_node *n)
{
    const struct json_node *first = n && n->kind == JSON_ARRAY ? json_first(j, n) : NULL;
    return first && first->kind == JSON_STRING && strcmp(first->string, "_CONSTANT_VALUE") == 0;
}

static const struct json_node *element(const struct json *j, const struct json_node *list, int k)
{
    const struct json_node *e = json_first(j, list);
    while (e && k-- > 0)
        e = json_next(j, e);
    return e;
}

/* Argument k by position. Keras 2 writes ["layer", 0, 0, {}], a list of such, or ["_CONSTANT_VALUE", -1, number, {}];
 * the outer list of one is left out. */
const struct json_node *keras_by_position(struct keras_call *l, int k)
{
    const struct json *j = &l->r->json;
    const struct json_node *first = json_first(j, l->args), *e;
    if (first && first->kind == JSON_STRING)
        e = k ? NULL : l->args;
    else
        e = element(j, l->args, k);
    return is_constant_value(j, e) ? element(j, e, 2) : e;
}

const struct json_node *keras_parameter(struct keras_call *l, const char *name, int position)
{
    const struct json *j = &l->r->json;
    const struct json_node *kwargs = l->kwargs, *first = json_first(j, l->args), *n;
    if (!kwargs && is_constant_value(j, l->args))
        kwargs = element(j, l->args, 3);
    else if (!kwargs && is_constant_value(j, first))
        kwargs = element(j, first, 3);
    n = json_member(j, kwargs, name);
    if (!n && position >= 0)
        n = keras_by_position(l, position);
    if (!n)
        n = json_member(j, l->config, name);
    return n && n->kind != JSON_NULL ? n : NULL;
}

/* The dims of a list of lists of numbers, of which the first of each list tells: how many. */
static int list_dims(struct keras_call *l, const struct json_node *n, int64_t *dims)
{
    const struct json *j = &l->r->json;
    int rank = 0;
    for (; n && n->kind == JSON_ARRAY && rank < TENSOR_MAX_RANK; n = json_first(j, n)) {
        dims[rank] = 0;
        for (const struct json_node *e = json_first(j, n); e && keras_count_work(l->r, 1); e = json_next(j, e))
            dims[rank]++;
        rank++;
    }
    return rank;
}

static void fill(struct keras_call *l, const struct json_node *n, int depth, struct tensor *t, int64_t *at)
{
    if (!keras_count_work(l->r, 1))
        return;
    if (n->kind != JSON_ARRAY && (depth != t->rank || *at >= t->count))
        build_fail(l->b, "it has a constant that is no tensor");
    else if (n->kind != JSON_ARRAY)
        tensor_set_f64(t, (*at)++, n->kind == JSON_NUMBER ? n->number : n->kind == JSON_TRUE);
    else if (depth >= t->rank)
        build_fail(l->b, "it has a constant of too many axes");
    for (const struct json_node *e = json_first(&l->r->json, n); e && !l->b->failed; e = json_next(&l->r->json, e))
        fill(l, e, depth + 1, t, at);
}

/* Whether a number among them is a float, as Python writes it. */
static bool has_float(struct keras_call *l, const struct json_node *n)
{
    const struct json *j = &l->r->json;
    for (const struct json_node *e = json_first(j, n); e && keras_count_work(l->r, 1); e = json_next(j, e))
        if (has_float(l, e))
            return true;
    return n->kind == JSON_NUMBER && strcspn(j->text + n->at, ".eEI") < n->end - n->at;
}

/* Numbers have the type of the tensor that they meet, but that floats make integers floats. */
static enum dtype type_beside(struct keras_call *l, const struct json_node *n, struct value *like)
{
    enum dtype dtype = like ? build_dtype_of(l->b, like) : DTYPE_I32;
    if (dtype_info(dtype)->class != DTYPE_CLASS_FLOAT && has_float(l, n))
        return DTYPE_F32;
    return dtype == DTYPE_BOOL && n->kind == JSON_NUMBER ? DTYPE_I32 : dtype;
}

enum dtype keras_named_type(const struct json_node *n)
{
    static const char *const names[] = {"float32", "float16", "bfloat16", "int32", "int64", "uint8", "bool"};
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F32, DTYPE_F32, DTYPE_I32, DTYPE_I64, DTYPE_U8, DTYPE_BOOL};
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(*dtypes) && n && n->kind == JSON_STRING; i++)
        if (strcmp(names[i], n->string) == 0)
            return dtypes[i];
    return DTYPE_NONE;
}

/* A tensor, or numbers of the type of another one, or of a type of their own. */
struct value *keras_operand(struct keras_call *l, const char *name, int position, struct value *like)
{
    const struct json *j = &l->r->json;
    const struct json_node *n = keras_parameter(l, name, position), *config;
    struct value *v = n ? keras_argument(l, n) : NULL;
    int64_t dims[TENSOR_MAX_RANK], at = 0;
    if (v || l->b->failed)
        return v;
    const char *class = keras_class_of(j, n);
    bool is_array = n && (strcmp(class, "__tensor__") == 0 || strcmp(class, "__numpy__") == 0);
    config = is_array ? json_member(j, n, "config") : NULL;
    enum dtype dtype = keras_named_type(json_member(j, config, "dtype"));
    n = config ? json_member(j, config, "value") : n;
    bool plain = n && (n->kind == JSON_NUMBER || n->kind == JSON_TRUE || n->kind == JSON_FALSE);
    if (!plain && (!n || n->kind != JSON_ARRAY)) {
        build_fail(l->b, "its argument %d is no tensor, and no number", position);
        return NULL;
    }
    dtype = dtype == DTYPE_NONE ? type_beside(l, n, like) : dtype;
    int rank = list_dims(l, n, dims);
    int64_t count = tensor_count(rank, dims); /* numbers that stand in the file, where the rows are of one length */
    if (count < 0)
        build_fail(l->b, "it has a constant whose rows differ in length");
    struct tensor *t =
        !l->b->failed && keras_count_work(l->r, (size_t)count) ? tensor_new(dtype, rank, dims, l->b->err) : NULL;
    build_check(l->b, t != NULL);
    if (t)
        fill(l, n, 0, t, &at);
    if (t && at != count)
        build_fail(l->b, "it has a constant whose rows differ in length");
    return build_constant(l->b, NULL, t);
}

int keras_parameter_list(struct keras_call *l, const char *name, int position, int64_t *values, int max)
{
    const struct json_node *n = keras_parameter(l, name, position);
    return n && !l->b->failed ? keras_list_of(l, n, name, values, max) : -1;
}

bool keras_parameter_flag(struct keras_call *l, const char *name, int position)
{
    const struct json_node *n = keras_parameter(l, name, position);
    return n && n->kind == JSON_TRUE;
}

int64_t keras_parameter_int(struct keras_call *l, const char *name, int position, int64_t otherwise)
{
    const struct json_node *n = keras_parameter(l, name, position);
    return n ? keras_number(l, n, name) : otherwise;
}
