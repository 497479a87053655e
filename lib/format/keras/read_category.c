/* Layers that turn numbers into categories, and categories into vectors. */
#include <stdlib.h>
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
        return v;
    if ((!one && !multi && strcmp(mode, "count") != 0) || count < 1 || count > MOST_TOKENS || rank < 1 ||
        l->in_count != 1)
        build_fail(b, "its output_mode \"%.20s\" of %lld is not read, want int, one_hot, multi_hot or count", mode,
                   (long long)count);
    if (one && rank > 1 && keras_dim(l, v, rank - 1) == 1)
        v = BUILD(b, "Squeeze", v, BUILD_LIST(b, -1));
    v = build_one_hot(b, v, build_number(b, DTYPE_I64, (double)count), build_f32s(b, 2, (float[]){0, 1}), -1);
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
    v = build_cast(l->b, v, l->r->major >= 3 ? DTYPE_I32 : DTYPE_I64);
    keras_give(l, encoded(l, v, count + 1, "int"));
}

/* Member n of a vocabulary as element i of a tensor of i64, or of strings. */
static void set_token(struct keras_call *l, struct tensor *t, struct str *texts, int64_t i, const struct json_node *n)
{
    if (n->kind != (texts ? JSON_STRING : JSON_NUMBER))
        build_fail(l->b, "its vocabulary must be %s", texts ? "texts" : "numbers");
    else if (texts)
        texts[i] = (struct str){n->string, strlen(n->string)};
    else
        tensor_set_f64(t, i, n->number);
}

static bool is_same(const struct json_node *a, const struct json_node *b)
{
    return a && b && a->kind == b->kind &&
           (a->kind == JSON_STRING ? strcmp(a->string, b->string) == 0
                                   : a->kind == JSON_NUMBER && a->number == b->number);
}

#define NO_INDEX INT32_MAX /* a row of zeros where indices become vectors */

/* The mask's token has an index, 0, where indices are what is asked for. */
static bool gives_indices(struct keras_call *l)
{
    return strcmp(keras_text(l, "output_mode", "int"), "int") == 0;
}

/* Tokens and their indices: the vocabulary behind the mask's token and one for what is not in it, which may stand at
 * its beginning too. *count: of all indices. */
static void list_tokens(struct keras_call *l, bool is_text, struct tensor **tokens, struct tensor **indices,
                        int64_t *count)
{
    const struct json *j = &l->r->json;
    const struct json_node *n = json_first(j, keras_member(l, "vocabulary")), *mask = keras_member(l, "mask_token");
    int64_t oov = keras_int(l, "num_oov_indices", 1), i = mask ? 1 : 0, most = 0;
    int64_t first = oov + (mask && gives_indices(l) ? 1 : 0);
    if (is_same(n, mask))
        n = json_next(j, n);
    if (oov && is_same(n, keras_member(l, "oov_token")))
        n = json_next(j, n);
    for (const struct json_node *m = n; m; m = json_next(j, m))
        most++;
    if (oov < 0 || oov > 1 || most < 1 || most > MOST_TOKENS || !keras_count_work(l->r, (size_t)most))
        build_fail(l->b, "want 1 to %d tokens in its configuration, and at most one index for what is not in it",
                   MOST_TOKENS);
    most += i;
    *indices = l->b->failed ? NULL : tensor_new(DTYPE_I64, 1, &most, l->b->err);
    struct str *texts = *indices && is_text ? mem_calloc((size_t)most, sizeof(*texts), l->b->err) : NULL;
    *tokens = *indices && !is_text ? tensor_new(DTYPE_I64, 1, &most, l->b->err) : NULL;
    bool fine = texts || *tokens;
    if (fine && mask) {
        set_token(l, *tokens, texts, 0, mask);
        tensor_set_i64(*indices, 0, gives_indices(l) ? 0 : NO_INDEX);
    }
    for (int64_t place = first; fine && n; n = json_next(j, n), i++) {
        set_token(l, *tokens, texts, i, n);
        tensor_set_i64(*indices, i, place++);
    }
    if (texts && !l->b->failed)
        *tokens = tensor_of_strings(1, &most, texts, l->b->err);
    free(texts);
    *count = first + most - (mask ? 1 : 0);
    build_check(l->b, *tokens != NULL);
}

/* Its place in the vocabulary, or, inverted, what stands there. */
void keras_read_lookup(struct keras_call *l)
{
    bool is_text = strcmp(l->kind->onnx, "text") == 0, inverse = keras_bool(l, "invert", false);
    const struct json_node *oov = keras_member(l, "oov_token");
    struct tensor *tokens = NULL, *indices = NULL, *other = NULL;
    struct str unknown = {oov && oov->kind == JSON_STRING ? oov->string : "[UNK]", 0};
    int64_t count = 0, one = 1;
    unknown.size = strlen(unknown.data);
    list_tokens(l, is_text, &tokens, &indices, &count);
    if (is_text && inverse) {
        other = tensor_of_strings(1, &one, &unknown, l->b->err);
    } else if ((other = tensor_new(DTYPE_I64, 1, &one, l->b->err))) {
        int64_t index = gives_indices(l) && keras_member(l, "mask_token") ? 1 : 0;
        if (keras_int(l, "num_oov_indices", 1) < 1)
            index = gives_indices(l) ? -1 : NO_INDEX;
        tensor_set_i64(other, 0, inverse ? keras_int(l, "oov_token", -1) : index);
    }
    struct value *x = is_text && !inverse ? keras_in(l, 0) : build_cast(l->b, keras_in(l, 0), DTYPE_I64);
    struct value *v = l->b->failed ? NULL : build_node(l->b, "ai.onnx.ml.LabelEncoder", 1, &x);
    struct node *n = v ? v->producer : NULL;
    build_check(l->b, n && node_set_tensor(n, "keys_tensor", tensor_ref(inverse ? indices : tokens), l->b->err) == 0 &&
                          node_set_tensor(n, "values_tensor", tensor_ref(inverse ? tokens : indices), l->b->err) == 0 &&
                          node_set_tensor(n, "default_tensor", tensor_ref(other), l->b->err) == 0);
    tensor_unref(tokens);
    tensor_unref(indices);
    tensor_unref(other);
    if (inverse)
        keras_give(l, v);
    else
        keras_give(l, encoded(l, v, count, "int"));
}
