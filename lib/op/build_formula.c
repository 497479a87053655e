/* What is known of a value while a graph is filled, and operators that are a formula of others. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "op/build.h"

int build_rank_of(struct build *b, struct value *v)
{
    const struct type *type = build_type(b, v);
    if (type && type->kind == TYPE_TENSOR && type->rank >= 0)
        return type->rank;
    build_fail(b, "the rank of its input must be known");
    return 0;
}

int64_t build_dim_of(struct build *b, struct value *v, int axis)
{
    const struct type *type = build_type(b, v);
    bool known = type && type->kind == TYPE_TENSOR && axis >= 0 && axis < type->rank && type->dims[axis] >= 0;
    return known ? type->dims[axis] : -1;
}

int build_axis(struct build *b, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(b, "axis %lld of %d", (long long)axis, rank);
    return 0;
}

enum dtype build_dtype_of(struct build *b, struct value *v)
{
    const struct type *type = build_type(b, v);
    bool known = type && type->kind == TYPE_TENSOR && type->dtype != DTYPE_NONE;
    return known ? type->dtype : DTYPE_F32;
}

#define MOST_TERMS 16 /* values that wait for an operator */

/* The values of a formula that wait for an operator. */
struct stack {
    struct build *b;
    struct value *terms[MOST_TERMS];
    int count;
};

static void push(struct stack *s, struct value *v)
{
    if (s->count == MOST_TERMS)
        build_fail(s->b, "a formula of more than %d terms", MOST_TERMS);
    else
        s->terms[s->count++] = v;
}

static void apply(struct stack *s, const char *word, size_t n)
{
    char op[32];
    const char *colon = memchr(word, ':', n);
    int count = colon ? colon[1] - '0' : 1;
    snprintf(op, sizeof(op), "%.*s", (int)(colon ? colon - word : (ptrdiff_t)n), word);
    s->count -= count;
    if (s->count < 0)
        build_fail(s->b, "a formula that lacks operands of %s", op);
    else
        push(s, build_node(s->b, op, count, &s->terms[s->count]));
}

struct value *build_formula(struct build *b, const char *formula, int count, struct value *const *in)
{
    struct stack s = {.b = b};
    double number;
    for (size_t n; *formula && !b->failed; formula += n + strspn(formula + n, " ")) {
        n = strcspn(formula, " ");
        int k = *formula - '0';
        if (k >= 0 && k <= 9 && n == 1 && (k >= count || !in[k]))
            build_fail(b, "input %d is missing", k);
        else if (k >= 0 && k <= 9 && n == 1)
            push(&s, in[k]);
        else if (*formula == '=' && text_to_f64(formula + 1, n - 1, &number))
            push(&s, build_number(b, build_dtype_of(b, count ? in[0] : NULL), number));
        else if (*formula == '~' && s.count)
            s.terms[s.count - 1] = build_cast(b, s.terms[s.count - 1], build_dtype_of(b, count ? in[0] : NULL));
        else
            apply(&s, formula, n);
    }
    return b->failed || !s.count ? NULL : s.terms[s.count - 1];
}
