/* Einsum: the equation, and sums of products over its index space. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "op/einsum.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- the equation ---- */

static int letter_axis(char ch)
{
    if (ch >= 'a' && ch <= 'z')
        return ch - 'a' + 26;
    return ch >= 'A' && ch <= 'Z' ? ch - 'A' : -1;
}

/* Reads a term up to ',' , '-' or the end; an ellipsis stands for `dots` axes. Returns the number of axes, or -1. */
static int read_term(const char **text, int dots, int *axes, bool *has_dots, struct error *err)
{
    int n = 0;
    *has_dots = false;
    for (; **text && **text != ',' && **text != '-'; ++*text) {
        if (isspace((unsigned char)**text))
            continue;
        int axis = letter_axis(**text);
        bool is_dots = axis < 0 && !strncmp(*text, "...", 3) && !*has_dots;
        if (axis < 0 && !is_dots)
            return error_set(err, "attribute equation: '%c' is neither a letter nor an ellipsis",
                             isprint((unsigned char)**text) ? **text : '?');
        if (n + (is_dots ? dots : 1) > TENSOR_MAX_RANK)
            return error_set(err, "attribute equation: a term has more than %d axes", TENSOR_MAX_RANK);
        for (int i = 0; is_dots && i < dots; i++)
            axes[n++] = EINSUM_LETTERS + TENSOR_MAX_RANK - dots + i;
        if (is_dots)
            *text += 2;
        else
            axes[n++] = axis;
        *has_dots |= is_dots;
    }
    return n;
}

/* Letters of the term that starts here. */
static int count_letters(const char *text)
{
    int n = 0;
    for (; *text && *text != ',' && *text != '-'; text++)
        n += letter_axis(*text) >= 0;
    return n;
}

/* Sizes that meet: equal, or one of them 1. */
static int meet(struct einsum *e, int axis, int64_t dim, struct error *err)
{
    int64_t *have = &e->dims[axis];
    bool first = !e->seen[axis];
    e->seen[axis] = true;
    if (first || *have == 1)
        *have = dim;
    else if (*have >= 0 && dim >= 0 && dim != 1 && dim != *have)
        return error_set(err, "attribute equation: an axis is %lld here and %lld there", (long long)*have,
                         (long long)dim);
    else if (dim > 1 && *have < 0)
        *have = dim;
    return 0;
}

static int read_input(struct einsum *e, const char **text, int i, int rank, const int64_t *dims, struct error *err)
{
    int dots = rank - count_letters(*text);
    bool has_dots;
    if (dots < 0)
        return error_set(err, "attribute equation: term %d names more axes than the input's %d", i, rank);
    int n = read_term(text, dots, e->term[i], &has_dots, err);
    if (n < 0)
        return -1;
    if (n != rank)
        return error_set(err, "attribute equation: term %d names %d axes, but the input has %d", i, n, rank);
    e->term_rank[i] = n;
    if (has_dots && dots > e->ellipsis)
        e->ellipsis = dots;
    for (int k = 0; k < n; k++)
        if (meet(e, e->term[i][k], dims[k], err) < 0)
            return -1;
    return 0;
}

/* Without "->": the ellipsis, then in alphabetical order the letters that stand once in all. */
static int implicit_output(struct einsum *e, struct error *err)
{
    int times[EINSUM_AXES] = {0};
    for (int i = 0; i < e->inputs; i++)
        for (int k = 0; k < e->term_rank[i]; k++)
            times[e->term[i][k]]++;
    for (int i = 0; i < e->ellipsis; i++)
        e->out[e->out_rank++] = EINSUM_AXES - e->ellipsis + i;
    for (int axis = 0; axis < EINSUM_LETTERS; axis++)
        if (times[axis] == 1) {
            if (e->out_rank == TENSOR_MAX_RANK)
                return error_set(err, "attribute equation: the output has more than %d axes", TENSOR_MAX_RANK);
            e->out[e->out_rank++] = axis;
        }
    return 0;
}

static int read_output(struct einsum *e, const char *text, struct error *err)
{
    bool has_dots, used[EINSUM_AXES] = {false};
    if (!*text)
        return implicit_output(e, err);
    if (strncmp(text, "->", 2))
        return error_set(err, "attribute equation: more terms than the %d inputs", e->inputs);
    text += 2;
    e->out_rank = read_term(&text, e->ellipsis, e->out, &has_dots, err);
    if (e->out_rank < 0)
        return -1;
    if (*text)
        return error_set(err, "attribute equation: '%c' behind the output", *text);
    for (int i = 0; i < e->out_rank; i++) {
        if (!e->seen[e->out[i]])
            return error_set(err, "attribute equation: the output names an axis that no input has");
        if (used[e->out[i]])
            return error_set(err, "attribute equation: the output names an axis twice");
        used[e->out[i]] = true;
    }
    return 0;
}

int einsum_read(struct einsum *e, const char *text, int inputs, const int *ranks, const int64_t *const *dims,
                struct error *err)
{
    memset(e, 0, sizeof *e);
    e->inputs = inputs;
    if (inputs > EINSUM_MAX_INPUTS)
        return error_set(err, "%d inputs, want at most %d", inputs, EINSUM_MAX_INPUTS);
    for (int i = 0; i < inputs; i++) {
        if (i > 0 && *text++ != ',')
            return error_set(err, "attribute equation: fewer terms than the %d inputs", inputs);
        if (read_input(e, &text, i, ranks[i], dims[i], err) < 0)
            return -1;
    }
    return read_output(e, text, err);
}

int infer_einsum(struct op_infer *c, struct error *err)
{
    int ranks[EINSUM_MAX_INPUTS], inputs = c->node->in_count;
    const int64_t *lists[EINSUM_MAX_INPUTS];
    struct einsum e;
    bool known = inputs <= EINSUM_MAX_INPUTS;
    for (int i = 0; known && i < inputs; i++) {
        const struct type *t = infer_type(c, i);
        known = t && t->rank >= 0;
        ranks[i] = known ? t->rank : 0;
        lists[i] = known ? t->dims : NULL;
    }
    if (!known)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    if (einsum_read(&e, op_string(c->node, "equation"), inputs, ranks, lists, err) < 0)
        return real_infer_fail(c, err);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < e.out_rank; i++)
        dims[i] = e.dims[e.out[i]];
    return infer_set(c, 0, infer_dtype(c, 0), e.out_rank, dims, err);
}

/* ---- sums of products ---- */

/* The index space: output axes, then the summed ones; the steps of each operand in it. */
struct einsum_space {
    int operands, out_rank, sum_rank;
    int64_t out_dims[TENSOR_MAX_RANK], sum_dims[EINSUM_AXES];
    int64_t out_steps[EINSUM_MAX_INPUTS][TENSOR_MAX_RANK], sum_steps[EINSUM_MAX_INPUTS][EINSUM_AXES];
};

/* The step of an operand along an axis: the sum over its places in the term, none where the operand is 1 wide. */
static int64_t axis_step(const struct einsum *e, int i, const struct tensor *t, int axis)
{
    int64_t step = 1, sum = 0;
    for (int k = t->rank - 1; k >= 0; k--) {
        if (e->term[i][k] == axis && t->dims[k] != 1)
            sum += step;
        step *= t->dims[k];
    }
    return sum;
}

static int make_space(const struct einsum *e, const struct tensor *const *in, struct einsum_space *s, struct error *err)
{
    bool is_out[EINSUM_AXES] = {false};
    double total = 1;
    s->operands = e->inputs;
    s->out_rank = e->out_rank;
    s->sum_rank = 0;
    for (int k = 0; k < e->out_rank; k++) {
        is_out[e->out[k]] = true;
        s->out_dims[k] = e->dims[e->out[k]];
        for (int i = 0; i < e->inputs; i++)
            s->out_steps[i][k] = axis_step(e, i, in[i], e->out[k]);
    }
    for (int axis = 0; axis < EINSUM_AXES; axis++) {
        total *= e->seen[axis] ? (double)e->dims[axis] : 1;
        if (!e->seen[axis] || is_out[axis])
            continue;
        s->sum_dims[s->sum_rank] = e->dims[axis];
        for (int i = 0; i < e->inputs; i++)
            s->sum_steps[i][s->sum_rank] = axis_step(e, i, in[i], axis);
        s->sum_rank++;
    }
    if (total > 0x1p50)
        return error_set(err, "attribute equation: %g products are too many", total);
    return 0;
}

/* The next place of an index space; moves each operand's offset along. False after the last. */
static bool step_space(int rank, const int64_t *dims, int64_t *index, int operands, const int64_t *steps, int width,
                       int64_t *at)
{
    for (int k = rank - 1; k >= 0; k--) {
        bool wraps = ++index[k] == dims[k];
        for (int i = 0; i < operands; i++)
            at[i] += wraps ? -(dims[k] - 1) * steps[i * width + k] : steps[i * width + k];
        if (!wraps)
            return true;
        index[k] = 0;
    }
    return false;
}

#define DEFINE_EINSUM(name, type)                                                                                      \
    /* The sum over the summed axes for the operands' offsets `base`. */                                               \
    static type name##_sum(const struct einsum_space *s, type *const *in, const int64_t *base)                         \
    {                                                                                                                  \
        int64_t index[EINSUM_AXES] = {0}, at[EINSUM_MAX_INPUTS];                                                       \
        type sum = 0;                                                                                                  \
        memcpy(at, base, sizeof at);                                                                                   \
        do {                                                                                                           \
            type product = in[0][at[0]];                                                                               \
            for (int i = 1; i < s->operands; i++)                                                                      \
                product *= in[i][at[i]];                                                                               \
            sum += product;                                                                                            \
        } while (step_space(s->sum_rank, s->sum_dims, index, s->operands, s->sum_steps[0], EINSUM_AXES, at));          \
        return sum;                                                                                                    \
    }                                                                                                                  \
    static void name(const struct einsum_space *s, type *const *in, type *out)                                         \
    {                                                                                                                  \
        int64_t index[TENSOR_MAX_RANK] = {0}, at[EINSUM_MAX_INPUTS] = {0};                                             \
        do                                                                                                             \
            *out++ = name##_sum(s, in, at);                                                                            \
        while (step_space(s->out_rank, s->out_dims, index, s->operands, s->out_steps[0], TENSOR_MAX_RANK, at));        \
    }

DEFINE_EINSUM(einsum_doubles, double)
DEFINE_EINSUM(einsum_ints, uint64_t)

static int run_einsum(struct op_eval *c, const struct einsum *e, const struct tensor *const *in, struct tensor *y,
                      struct error *err)
{
    struct einsum_space s;
    void *operands[EINSUM_MAX_INPUTS] = {NULL}, *out = NULL;
    bool ints = !op_is_float(y->dtype), empty = y->count == 0, ok = true;
    if (make_space(e, in, &s, err) < 0)
        return real_eval_fail(c, err);
    for (int i = 0; i < s.sum_rank; i++)
        empty |= s.sum_dims[i] == 0;
    if (empty)
        return 0; /* the output is zeros */
    for (int i = 0; i < e->inputs && ok; i++) {
        operands[i] = ints ? real_new(in[i]->count, 1, err) : real_load(in[i], err);
        ok = operands[i] != NULL;
        if (ok && ints)
            op_load_ints(in[i], 0, in[i]->count, operands[i]);
    }
    ok = ok && (out = real_new(y->count, 1, err)) != NULL;
    if (ok && ints) {
        einsum_ints(&s, (uint64_t *const *)operands, out);
        op_store_ints(y, 0, y->count, out);
    } else if (ok) {
        einsum_doubles(&s, (double *const *)operands, out);
        real_write(y, 0, y->count, out);
    }
    for (int i = 0; i < e->inputs; i++)
        free(operands[i]);
    free(out);
    return ok ? 0 : -1;
}

int eval_einsum(struct op_eval *c, struct error *err)
{
    int ranks[EINSUM_MAX_INPUTS];
    const struct tensor *in[EINSUM_MAX_INPUTS];
    const int64_t *lists[EINSUM_MAX_INPUTS];
    struct einsum e;
    if (c->in_count > EINSUM_MAX_INPUTS)
        return eval_error(c, err, "%d inputs, want at most %d", c->in_count, EINSUM_MAX_INPUTS);
    for (int i = 0; i < c->in_count; i++) {
        in[i] = eval_in(c, i);
        if (!in[i])
            return eval_error(c, err, "input %d is absent", i);
        ranks[i] = in[i]->rank;
        lists[i] = in[i]->dims;
    }
    if (einsum_read(&e, op_string(c->node, "equation"), c->in_count, ranks, lists, err) < 0)
        return real_eval_fail(c, err);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < e.out_rank; i++)
        dims[i] = e.dims[e.out[i]];
    struct tensor *y = eval_out(c, 0, in[0]->dtype, e.out_rank, dims, err);
    return y ? run_einsum(c, &e, in, y, err) : -1;
}
