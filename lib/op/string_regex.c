/* RegexFullMatch. */
#include "op/axes.h"
#include "op/real.h"
#include "op/regex.h"
#include "op/rows.h"

int infer_regex_full_match(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    return infer_set(c, 0, DTYPE_BOOL, in ? in->rank : -1, in ? in->dims : NULL, err);
}

int eval_regex_full_match(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    const struct attr *pattern = node_attr(c->node, "pattern");
    struct regex regex;
    if (!pattern || pattern->kind != ATTR_STRING)
        return eval_error(c, err, "attribute pattern is missing");
    struct tensor *out = eval_out(c, 0, DTYPE_BOOL, x->rank, x->dims, err);
    if (!out)
        return -1;
    int status = regex_init(&regex, pattern->s.data, pattern->s.size, err);
    for (int64_t i = 0; !status && i < x->count; i++) {
        const struct str *s = (const struct str *)x->data + i;
        ((uint8_t *)out->data)[i] = regex_matches(&regex, s->data, s->size);
    }
    regex_release(&regex);
    return status ? real_eval_fail(c, err) : 0;
}
