/* A net becomes a graph, operator by operator: operands by name, inputs, outputs. */
#include "base/packed.h"
#include "format/pnnx/read.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/pnnx/pnnx.h"

/* ---- operands ---- */

static struct pnnx_operand *find(const struct reader *r, const char *name)
{
    int64_t i;
    if (r->given && *name == '%' && text_to_i64(name + 1, strlen(name + 1), &i))
        return &r->given[i];
    return lookup_find(&r->names, name);
}

static int list_operands(struct reader *r, struct error *err)
{
    const struct pnnx_net *net = r->net;
    size_t count = 0;
    for (size_t i = 0; i < net->operator_count; i++)
        count += (size_t)net->operators[i].out_count;
    if (!(r->operands = mem_calloc(count, sizeof(*r->operands), err)))
        return -1;
    for (size_t i = 0; i < net->operator_count; i++)
        for (int o = 0; o < net->operators[i].out_count; o++) {
            struct pnnx_operand *operand = &r->operands[r->operand_count++];
            operand->name = net->operators[i].out[o];
            if (lookup_add(&r->names, operand->name, operand, err) != 0)
                return error_prefix(err, "operator '%s' makes an operand that another made", net->operators[i].name);
        }
    return 0;
}

static struct pnnx_operand *operand_at(struct reader *r, const char *name)
{
    struct pnnx_operand *operand = find(r, name);
    if (!operand || (!operand->value && !operand->literal && !operand->parts)) {
        build_fail(&r->b, "takes operand '%s', which no operator before it makes", name);
        return NULL;
    }
    return operand;
}

static bool names_roles(const struct pnnx_operator *op)
{
    for (size_t i = 0; i < op->param_count; i++)
        if (op->params[i].key[0] == '$')
            return true;
    return false;
}

struct pnnx_operand *pnnx_operand(struct reader *r, const char *role, int i)
{
    char key[64];
    snprintf(key, sizeof(key), "$%.60s", role);
    const char *name = pnnx_param(r->op, key);
    if (r->b.failed)
        return NULL;
    if (name)
        return operand_at(r, name);
    if (i == 0 && pnnx_param(r->op, "@weight")) /* weights that modules share stand before what comes in */
        i = r->op->in_count - 1;
    return i >= 0 && i < r->op->in_count && !names_roles(r->op) ? operand_at(r, r->op->in[i]) : NULL;
}

/* A number of the script as a constant: a float where it has a point or an exponent. */
static struct value *literal_value(struct reader *r, const char *text)
{
    int64_t i;
    double f;
    if (text_to_i64(text, strlen(text), &i))
        return build_number(&r->b, DTYPE_I64, (double)i);
    if (text_to_f64(text, strlen(text), &f))
        return build_number(&r->b, DTYPE_F32, f);
    if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
        return build_number(&r->b, DTYPE_BOOL, text[0] == 'T');
    build_fail(&r->b, "takes '%.60s' where a tensor or a number was expected", text);
    return NULL;
}

static struct value *value_of(struct reader *r, struct pnnx_operand *operand)
{
    if (!operand || r->b.failed || (operand->literal && strcmp(operand->literal, "None") == 0))
        return NULL;
    if (operand->value)
        return operand->value;
    if (operand->literal)
        return literal_value(r, operand->literal);
    build_fail(&r->b, "takes the tuple '%s' where a tensor was expected", operand->name);
    return NULL;
}

struct value *pnnx_optional(struct reader *r, const char *role, int i)
{
    return value_of(r, pnnx_operand(r, role, i));
}

struct value *pnnx_in(struct reader *r, const char *role, int i)
{
    struct pnnx_operand *operand = pnnx_operand(r, role, i);
    if (!operand && r->op->in_count > i && i >= 0 && !r->b.failed) /* not all exporters name the first */
        operand = operand_at(r, r->op->in[i]);
    struct value *v = value_of(r, operand);
    if (!v)
        build_fail(&r->b, "has no input '%s'", role);
    return v;
}

struct value *pnnx_at(struct reader *r, int i)
{
    if (!r->b.failed && i >= r->op->in_count)
        build_fail(&r->b, "has %d inputs; at least %d were expected", r->op->in_count, i + 1);
    struct value *v = r->b.failed ? NULL : value_of(r, operand_at(r, r->op->in[i]));
    if (!v)
        build_fail(&r->b, "has no tensor as input %d", i + 1);
    return v;
}

/* What passes through keeps the name that it has. */
void pnnx_give(struct reader *r, int o, struct value *v)
{
    if (r->b.failed)
        return;
    if (!v || o >= r->op->out_count) {
        if (!v)
            build_fail(&r->b, "has an output %d that the operator does not make", o + 1);
        return;
    }
    find(r, r->op->out[o])->value = v;
}

/* ---- operators that are no computation ---- */

struct value *pnnx_input(struct reader *r)
{
    int64_t dims[TENSOR_MAX_RANK];
    enum dtype dtype = DTYPE_F32;
    char key[300], name[32];
    if (r->op->out_count != 1)
        return NULL;
    snprintf(key, sizeof(key), "#%.200s", r->op->out[0]);
    int rank = pnnx_hint(pnnx_param(r->op, key), dims, &dtype);
    bool numbered = isdigit((unsigned char)*r->op->out[0]);
    snprintf(name, sizeof(name), "in%d", r->inputs++);
    return build_input(&r->b, numbered ? name : r->op->out[0], dtype, rank, dims);
}

static void give_output(struct reader *r, struct pnnx_operand *operand, int depth)
{
    char name[32];
    if (operand && operand->parts && depth < 8) {
        for (int i = 0; i < operand->part_count && !r->b.failed; i++)
            give_output(r, operand->parts[i], depth + 1);
        return;
    }
    struct value *v = value_of(r, operand);
    if (!operand || r->b.failed)
        return;
    snprintf(name, sizeof(name), "out%d", r->outputs++);
    if (v)
        build_graph_output(&r->b, v, isdigit((unsigned char)*operand->name) ? name : operand->name);
}

struct value *pnnx_output(struct reader *r)
{
    for (int i = 0; i < r->op->in_count && !r->b.failed; i++)
        give_output(r, operand_at(r, r->op->in[i]), 0);
    return NULL;
}

struct value *pnnx_constant(struct reader *r)
{
    return pnnx_weight(r, "data");
}

/* The output is a tuple of inputs first, first + step, … */
static struct value *make_tuple(struct reader *r, int first, int step)
{
    struct pnnx_operand *to = r->op->out_count ? find(r, r->op->out[0]) : NULL;
    struct pnnx_operand **parts =
        arena_alloc(&r->arena, (size_t)(r->op->in_count + 1) * sizeof(struct pnnx_operand *), r->b.err);
    int count = 0;
    build_check(&r->b, parts != NULL);
    for (int i = first; i < r->op->in_count && !r->b.failed; i += step)
        parts[count++] = operand_at(r, r->op->in[i]);
    if (to && !r->b.failed) {
        to->parts = parts;
        to->part_count = count;
    }
    return NULL;
}

struct value *pnnx_tuple(struct reader *r)
{
    return make_tuple(r, 0, 1);
}

/* Of names and values in turn. */
struct value *pnnx_dictionary(struct reader *r)
{
    return make_tuple(r, 1, 2);
}

struct value *pnnx_untuple(struct reader *r)
{
    struct pnnx_operand *from = r->op->in_count && !r->b.failed ? operand_at(r, r->op->in[0]) : NULL;
    if (from && from->part_count != r->op->out_count)
        build_fail(&r->b, "takes apart a tuple of %d into %d", from->part_count, r->op->out_count);
    for (int i = 0; !r->b.failed && from && i < r->op->out_count; i++) {
        struct pnnx_operand *to = find(r, r->op->out[i]);
        const char *name = to->name;
        *to = *from->parts[i];
        to->name = name;
    }
    return NULL;
}

struct value *pnnx_identity(struct reader *r)
{
    return pnnx_in(r, "input", 0);
}

/* ---- all of them ---- */

static const pnnx_read_fn reads[] = {
#define OP(type, read, arg) pnnx_##read,
#include "format/pnnx/ops.def"
#undef OP
};

#include "format/pnnx/ops.inc"
PACKED_TABLE(rows, struct pnnx_row, 2, reads);

const char *pnnx_type_at(size_t index)
{
    const struct pnnx_row *row = packed_row(&rows, index);
    return row ? row->type : pnnx_function_at(index - rows.count);
}

/* "torch.abs", "Tensor.abs", "F.tanh", "aten::abs" are functions of one element also where they have no row. */
static struct value *by_name(struct reader *r)
{
    static const char *const spaces[] = {"torch.", "Tensor.", "F.", "aten::"};
    const char *type = r->op->type, *name = NULL;
    struct value *in[3] = {NULL};
    int n = r->op->in_count;
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
        if (strncmp(type, spaces[i], strlen(spaces[i])) == 0)
            name = type + strlen(spaces[i]);
    if (name && n > 0 && n <= 2) {
        for (int i = 0; i < n; i++)
            in[i] = pnnx_at(r, i);
        if (n == 1 && pnnx_param(r->op, "other")) /* the second is a number of the script */
            in[n++] = literal_value(r, pnnx_param(r->op, "other"));
        struct value *v = r->b.failed ? NULL : pnnx_function(r, name, n, in);
        if (v || r->b.failed)
            return v;
    }
    return pnnx_opaque(r);
}

static int read_operator(struct reader *r, const struct pnnx_operator *op)
{
    const struct pnnx_row *row = packed_find(&rows, op->type);
    r->op = op;
    r->arg = row ? row->arg : NULL;
    build_layer(&r->b, op->name);
    struct value *v = row ? row->read(r) : by_name(r);
    if (v && op->out_count)
        pnnx_give(r, 0, v);
    build_infer(&r->b);
    return r->b.failed ? error_prefix(r->b.err, "operator '%s' (%s)", op->name, op->type) : 0;
}

int pnnx_read_one(struct reader *r, const struct pnnx_operator *op, struct pnnx_operand *given)
{
    r->given = given;
    int result = read_operator(r, op);
    r->given = NULL;
    return result;
}

static int read_net(struct reader *r, struct error *err)
{
    if (list_operands(r, err) != 0)
        return -1;
    for (size_t i = 0; i < r->net->operator_count; i++)
        if (read_operator(r, &r->net->operators[i]) != 0)
            return -1;
    return build_graph_end(&r->b);
}

struct graph *pnnx_read_net(const struct pnnx_net *net, const struct source *source, struct error *err)
{
    struct graph *g = graph_new(err);
    struct reader r = {.b = {.graph = g, .err = err}, .net = net, .source = source};
    arena_init(&r.arena);
    int result = g ? read_net(&r, err) : -1;
    zip_close(r.zip);
    lookup_release(&r.members);
    lookup_release(&r.names);
    arena_release(&r.arena);
    free(r.member_at);
    free(r.operands);
    return graph_if(result == 0, g);
}
