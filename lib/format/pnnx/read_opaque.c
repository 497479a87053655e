/* Operators that nothing here means: nodes of the domain pnnx, with the parameters and weights that the file states,
 * for inspection. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/pnnx/read.h"

static void set_attribute(struct reader *r, struct value *v, const struct pnnx_param *p)
{
    int64_t i;
    float f;
    size_t n = strlen(p->text);
    if (text_to_i64(p->text, n, &i))
        build_int(&r->b, v, p->key, i);
    else if (text_to_f32(p->text, n, &f))
        build_float(&r->b, v, p->key, f);
    else
        build_string(&r->b, v, p->key, p->text);
}

/* Inputs of the node: those of the operator that are values, then its weights. */
static int collect(struct reader *r, struct value **in, int most)
{
    int n = 0;
    for (int i = 0; i < r->op->in_count && n < most && !r->b.failed; i++) {
        struct pnnx_operand *operand = lookup_find(&r->names, r->op->in[i]);
        if (operand && operand->value)
            in[n++] = operand->value;
        else if (!operand || (!operand->literal && !operand->parts))
            build_fail(&r->b, "takes operand '%s', which no operator before it makes", r->op->in[i]);
    }
    for (size_t i = 0; i < r->op->param_count && n < most && !r->b.failed; i++)
        if (r->op->params[i].key[0] == '@')
            in[n++] = pnnx_weight(r, r->op->params[i].key + 1);
    return n;
}

/* The file states the types of results, which nothing else tells here. */
static void set_type(struct reader *r, struct value *v, const char *operand)
{
    char key[300];
    int64_t dims[TENSOR_MAX_RANK] = {0};
    enum dtype dtype;
    snprintf(key, sizeof(key), "#%.280s", operand);
    const char *hint = pnnx_param(r->op, key);
    int rank = pnnx_hint(hint, dims, &dtype);
    if (!v || rank < 0)
        return;
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    memcpy(v->type.dims, dims, sizeof(dims));
}

struct value *pnnx_opaque(struct reader *r)
{
    struct value *in[64], *v;
    char op[300];
    int n = collect(r, in, 64);
    bool own = strncmp(r->op->type, "pnnx.", 5) == 0;
    if (r->op->out_count < 1 || r->op->in_count > 64)
        build_fail(&r->b, "is of an unknown type, with %d inputs and %d outputs", r->op->in_count, r->op->out_count);
    snprintf(op, sizeof(op), "%s%.280s", own ? "" : "pnnx.", r->op->type);
    v = r->b.failed ? NULL : build_node(&r->b, op, n, in);
    for (size_t i = 0; i < r->op->param_count && !r->b.failed; i++)
        if (!strchr("@#$", r->op->params[i].key[0]))
            set_attribute(r, v, &r->op->params[i]);
    for (int o = 1; o < r->op->out_count && !r->b.failed; o++)
        pnnx_give(r, o, build_output(&r->b, v, o));
    for (int o = 0; o < r->op->out_count && !r->b.failed; o++)
        set_type(r, node_out(v->producer, o), r->op->out[o]);
    return v;
}
