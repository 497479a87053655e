/* Operations of keras.ops that numpy has for arrays. */
#include <stdio.h>
#include <string.h>

#include "format/keras/keras.h"

/* Axes that are summed over, of a and of b, counted from 0: how many. */
static int summed_axes(struct keras_call *l, const int *ranks, int64_t axes[2][TENSOR_MAX_RANK])
{
    const struct json *j = &l->r->json;
    const struct json_node *n = keras_parameter(l, "axes", -1);
    int count[2] = {1, 1};
    if (strcmp(l->kind->class, "Tensordot") != 0) { /* the last ones, but of a matrix that Dot has */
        axes[0][0] = -1;
        axes[1][0] = strcmp(l->kind->class, "Dot") == 0 && ranks[1] > 1 ? -2 : -1;
    } else if (n && n->kind == JSON_ARRAY) {
        const struct json_node *part = json_first(j, n);
        for (int k = 0; k < 2; k++, part = part ? json_next(j, part) : NULL)
            count[k] = part ? keras_list_of(l, part, "axes", axes[k], TENSOR_MAX_RANK) : -1;
    } else {
        count[0] = count[1] = (int)keras_parameter_int(l, "axes", -1, 2);
        for (int i = 0; i < count[0] && i < TENSOR_MAX_RANK; i++) {
            axes[0][i] = i - count[0];
            axes[1][i] = i;
        }
    }
    if (count[0] != count[1] || count[0] < 0 || count[0] > TENSOR_MAX_RANK)
        build_fail(l->b, "want as many axes of each tensor");
    for (int i = 0; i < 2 * count[0] && !l->b->failed; i++)
        axes[i % 2][i / 2] = keras_axis(l, axes[i % 2][i / 2], ranks[i % 2]);
    return l->b->failed ? 0 : count[0];
}

void keras_read_tensordot(struct keras_call *l)
{
    struct value *in[2] = {keras_operand(l, "x1", 0, NULL), NULL};
    int64_t axes[2][TENSOR_MAX_RANK];
    char letters[2][TENSOR_MAX_RANK + 1], rest[2 * TENSOR_MAX_RANK + 1], equation[4 * TENSOR_MAX_RANK + 8];
    int next = 0, left = 0, ranks[2] = {0};
    in[1] = keras_operand(l, "x2", 1, in[0]);
    build_promote(l->b, &in[0], &in[1]);
    for (int k = 0; k < 2 && !l->b->failed; k++)
        ranks[k] = keras_rank(l, in[k]);
    int count = summed_axes(l, ranks, axes);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < ranks[k]; i++)
            letters[k][i] = (char)('a' + next++);
        letters[k][ranks[k]] = '\0';
    }
    for (int i = 0; i < count; i++)
        letters[1][axes[1][i]] = letters[0][axes[0][i]];
    for (int k = 0; k < 2; k++)
        for (const char *c = letters[k]; *c; c++)
            if (!strchr(letters[1 - k], *c))
                rest[left++] = *c;
    snprintf(equation, sizeof(equation), "%s,%s->%.*s", letters[0], letters[1], left, rest);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "Einsum", in[0], in[1]);
    keras_give(l, build_string(l->b, v, "equation", equation));
}

/* Conditions, as many tensors, and what there is where no condition holds. */
void keras_read_select(struct keras_call *l)
{
    const struct json_node *conditions = keras_by_position(l, 0), *choices = keras_by_position(l, 1);
    int count = conditions && choices ? keras_arguments(l, conditions, NULL) : 0;
    if (count < 1 || keras_arguments(l, choices, NULL) != count || l->in_count < 2 * count) {
        build_fail(l->b, "want a tensor for each condition");
        return;
    }
    struct value *v = keras_operand(l, "default", 2, l->in[count]);
    for (int i = count - 1; i >= 0 && !l->b->failed; i--) {
        struct value *x = l->in[count + i];
        build_promote(l->b, &x, &v);
        v = BUILD(l->b, "Where", build_cast(l->b, l->in[i], DTYPE_BOOL), x, v);
    }
    keras_give(l, v);
}

/* Of a vector the matrix that has it as its diagonal, where Diag and Diagflat make one. */
void keras_read_diagonal(struct keras_call *l)
{
    struct value *v = keras_in(l, 0);
    const char *class = l->kind->class;
    int rank = keras_rank(l, v);
    bool flat = strcmp(class, "Diagflat") == 0, diag = strcmp(class, "Diag") == 0;
    int64_t offset = keras_parameter_int(l, flat || diag ? "k" : "offset", -1, 0), perm[TENSOR_MAX_RANK];
    if (l->b->failed)
        return;
    if (flat || (diag && rank == 1)) {
        if (offset)
            build_fail(l->b, "want the main diagonal");
        keras_give(l, build_formula(l->b,
                                    "$0 [-1] Reshape:2 >x x x Shape >s s s Concat:2/axis=0 Expand:2 Trilu/upper=1 "
                                    "Trilu/upper=0",
                                    1, &v));
        return;
    }
    int axes[] = {keras_axis(l, diag ? 0 : keras_parameter_int(l, "axis1", -1, 0), rank),
                  keras_axis(l, diag ? 1 : keras_parameter_int(l, "axis2", -1, 1), rank)};
    if (axes[0] == axes[1])
        build_fail(l->b, "want two axes");
    if (l->b->failed)
        return;
    for (int i = 0, next = 0; i < rank; i++)
        if (i != axes[0] && i != axes[1])
            perm[next++] = i;
    perm[rank - 2] = axes[0];
    perm[rank - 1] = axes[1];
    v = build_transpose(l->b, v, rank, perm);
    if (offset)
        v = build_slice(l->b, v, offset > 0 ? rank - 1 : rank - 2, offset > 0 ? offset : -offset, INT64_MAX);
    v = build_formula(l->b,
                      "$0 >x x [0,0] x Shape [-1,-2] Gather:2 [-2,-1] Slice:4 Trilu/upper=1 Trilu/upper=0 [-1] "
                      "ReduceSum:2/keepdims=0",
                      1, &v);
    keras_give(l, strcmp(class, "Trace") == 0 ? build_formula(l->b, "$0 [-1] ReduceSum:2/keepdims=0", 1, &v) : v);
}

/* Into so many equal parts; by the ends of parts in keras.ops, by their sizes in tf. */
void keras_read_split(struct keras_call *l)
{
    int64_t parts[KERAS_OUTPUTS], axis = keras_parameter_int(l, "axis", 2, l->kind->onnx ? *l->kind->onnx - '0' : 0);
    struct value *x = keras_in(l, 0);
    bool is_keras = keras_parameter(l, "indices_or_sections", -1);
    const char *name = is_keras ? "indices_or_sections" : "num_or_size_splits";
    const struct json_node *n = keras_parameter(l, name, 1);
    int count = keras_parameter_list(l, name, 1, parts, KERAS_OUTPUTS - 1);
    int64_t size = keras_dim(l, x, keras_axis(l, axis, keras_rank(l, x))), before = 0;
    struct value *v;
    if (count < 1 || (n->kind == JSON_ARRAY && is_keras && size < 0) ||
        (n->kind != JSON_ARRAY && (parts[0] < 1 || parts[0] > KERAS_OUTPUTS)))
        build_fail(l->b, "its parts are not read");
    if (l->b->failed)
        return;
    if (n->kind != JSON_ARRAY && size > 0) { /* the first ones may be longer by one */
        count = (int)parts[0];
        for (int i = count - 1; i >= 0; i--)
            parts[i] = size / count + (i < size % count);
        v = BUILD(l->b, "Split", x, build_list(l->b, count, parts));
    } else if (n->kind != JSON_ARRAY) {
        v = build_int(l->b, BUILD(l->b, "Split", x), "num_outputs", count = (int)parts[0]);
    } else {
        for (int i = 0; i < count && is_keras; i++) {
            int64_t end = parts[i];
            parts[i] -= before;
            before = end;
        }
        if (is_keras)
            parts[count++] = size - before;
        v = BUILD(l->b, "Split", x, build_list(l->b, count, parts));
    }
    build_int(l->b, v, "axis", axis);
    for (int i = 0; i < count; i++)
        keras_give(l, build_output(l->b, v, i));
}
