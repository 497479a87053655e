/* Layers that turn numbers into categories, and categories into vectors. */
#include <string.h>

#include "format/keras/keras.h"

#define MOST_TOKENS (1 << 16)

/* Indices of categories as vectors of so many, as output_mode says; as they are for "int". */
static struct value *encoded(struct keras_call *l, struct value *v, int64_t count, const char *otherwise)
{
    struct build *b = l->b;
    const char *mode = keras_text(l, "output_mode", otherwise);
    int rank = keras_rank(l, v);
    bool one = strcmp(mode, "one_hot") == 0, multi = strcmp(mode, "multi_hot") == 0;
    if (strcmp(mode, "int") == 0)
        return build_cast(b, v, l->r->major >= 3 ? DTYPE_I32 : DTYPE_I64);
    if ((!one && !multi && strcmp(mode, "count") != 0) || count < 1 || count > MOST_TOKENS || rank < 1 ||
        l->in_count != 1)
        build_fail(b, "its output_mode \"%.20s\" of %lld is not read, want int, one_hot, multi_hot or count", mode,
                   (long long)count);
    if (one && rank > 1 && keras_dim(l, v, rank - 1) == 1)
        v = BUILD(b, "Squeeze", v, BUILD_LIST(b, -1));
    v = BUILD(b, "OneHot", v, build_number(b, DTYPE_I64, (double)count), build_f32s(b, 2, (float[]){0, 1}));
    if (one || rank < 2)
        return v;
    v = BUILD(b, multi ? "ReduceMax" : "ReduceSum", v, BUILD_LIST(b, -2));
    return build_int(b, v, "keepdims", 0);
}

/* The numbers of a list, as a constant of that type; NULL after a failure. */
static struct value *numbers(struct keras_call *l, const char *name, enum dtype dtype, int64_t *count)
{
    const struct json *j = &l->r->json;
    const struct json_node *list = keras_member(l, name);
    *count = 0;
    for (const struct json_node *n = json_first(j, list); n; n = json_next(j, n))
        if (++*count > MOST_TOKENS || n->kind != JSON_NUMBER)
            build_fail(l->b, "its %s must be at most %d numbers", name, MOST_TOKENS);
    if (*count == 0)
        build_fail(l->b, "it has no %s in the file", name);
    struct tensor *t =
        l->b->failed || !keras_count_work(l->r, (size_t)*count) ? NULL : tensor_new(dtype, 1, count, l->b->err);
    int64_t i = 0;
    for (const struct json_node *n = t ? json_first(j, list) : NULL; n; n = json_next(j, n))
        tensor_set_f64(t, i++, n->number);
    build_check(l->b, t != NULL);
    return build_constant(l->b, NULL, t);
}

void keras_read_category_encoding(struct keras_call *l)
{
    struct value *v = build_cast(l->b, keras_in(l, 0), DTYPE_I64);
    keras_give(l, encoded(l, v, keras_int(l, "num_tokens", 0), "multi_hot"));
}

/* How many bounds are not above it. */
void keras_read_discretization(struct keras_call *l)
{
    int64_t count;
    struct value *in[] = {build_cast(l->b, keras_in(l, 0), DTYPE_F32), numbers(l, "bin_boundaries", DTYPE_F32, &count)};
    struct value *v =
        build_formula(l->b, "$0 [-1] Unsqueeze:2 $1 GreaterOrEqual:2 Cast/to=7 [-1] ReduceSum:2/keepdims=0", 2, in);
    keras_give(l, encoded(l, v, count + 1, "int"));
}

/* Its place in the vocabulary, behind one for what is not in it. */
void keras_read_integer_lookup(struct keras_call *l)
{
    int64_t count, oov = keras_int(l, "num_oov_indices", 1);
    struct value *in[] = {build_cast(l->b, keras_in(l, 0), DTYPE_I64), numbers(l, "vocabulary", DTYPE_I64, &count),
                          build_number(l->b, DTYPE_I64, (double)oov)};
    if (oov < 0 || oov > 1 || keras_member(l, "mask_token") || keras_bool(l, "invert", false))
        build_fail(l->b, "want at most one index for what is not in its vocabulary, and no mask");
    struct value *v = build_formula(l->b,
                                    "$0 [-1] Unsqueeze:2 $1 Equal:2 Cast/to=7 >e e ArgMax/axis=-1/keepdims=0 $2 Add:2 "
                                    "e [-1] ReduceMax:2/keepdims=0 Mul:2",
                                    3, in);
    keras_give(l, encoded(l, v, count + oov, "int"));
}
