/* ML programs: operations of functions, and of blocks within them. */
#include <stdio.h>
#include <string.h>

#include "format/coreml/coreml.h"

/* ---- operands ---- */

/* A binding: a name, or a constant. */
static struct coreml_value *bound(struct coreml_reader *r, struct bytes binding)
{
    if (coreml_has(binding, 2)) {
        struct coreml_value *v = coreml_alloc(r, 1, sizeof(*v));
        if (v)
            v->constant = coreml_part(binding, 2);
        return v;
    }
    const char *name = coreml_text(r, coreml_part(binding, 1));
    struct coreml_value *v = r->b.failed ? NULL : coreml_find(r, name);
    if (!v)
        build_fail(&r->b, "it takes '%.200s', which no operation before it makes", name);
    return v;
}

static void read_arg(struct coreml_reader *r, struct coreml_arg *a, struct bytes entry, bool is_attribute)
{
    struct bytes list = coreml_part(entry, 2);
    struct protobuf_field f;
    size_t count = is_attribute ? 1 : coreml_count(list, 1);
    a->role = coreml_text(r, coreml_part(entry, 1));
    coreml_count_parts(r, count);
    a->all = r->b.failed ? NULL : coreml_alloc(r, count, sizeof(*a->all));
    if (is_attribute && a->all && (a->all[0] = coreml_alloc(r, 1, sizeof(**a->all)))) {
        a->all[0]->constant = list;
        a->count = 1;
    }
    while (a->all && !is_attribute && !r->b.failed && coreml_next(&list, 1, &f))
        a->all[a->count++] = bound(r, bytes_of(f.data, f.size));
}

enum { OP_TYPE = 1, OP_INPUT, OP_OUTPUT, OP_BLOCK, OP_ATTRIBUTE };

static void read_operation(struct coreml_reader *r, struct bytes message)
{
    struct coreml_op o = {.r = r, .b = &r->b, .name = ""};
    struct protobuf_field f;
    size_t args = coreml_count(message, OP_INPUT) + coreml_count(message, OP_ATTRIBUTE),
           outs = coreml_count(message, OP_OUTPUT);
    coreml_count_parts(r, args + outs + 1);
    struct coreml_arg *all = r->b.failed ? NULL : coreml_alloc(r, args, sizeof(*all));
    const char **names = r->b.failed ? NULL : coreml_alloc(r, outs, sizeof(*names));
    o.type = coreml_text(r, coreml_part(message, OP_TYPE));
    o.args = all;
    o.out_names = names;
    struct bytes rest = message;
    while (!r->b.failed && coreml_next(&rest, OP_OUTPUT, &f))
        names[o.out_count++] = coreml_text(r, coreml_part(bytes_of(f.data, f.size), 1));
    o.name = o.out_count ? names[0] : o.type;
    rest = message;
    while (!r->b.failed && bytes_left(&rest) && protobuf_take(&rest, &f))
        if (f.number == OP_INPUT || f.number == OP_ATTRIBUTE)
            read_arg(r, &all[o.arg_count++], bytes_of(f.data, f.size), f.number == OP_ATTRIBUTE);
        else if (f.number == OP_BLOCK && o.block_count < 2)
            o.blocks[o.block_count++] = bytes_of(f.data, f.size);
    if (r->b.failed)
        error_prefix(r->b.err, "'%.200s' (%.100s)", o.name, o.type);
    else if (strcmp(o.type, "const") == 0)
        for (int i = 0; i < o.arg_count && o.out_count; i++) {
            if (strcmp(all[i].role, "val") == 0 && all[i].count)
                coreml_set(r, names[0], NULL, all[i].all[0]->constant);
        }
    else
        coreml_read_op(&o);
}

void coreml_read_operations(struct coreml_reader *r, struct bytes block)
{
    struct protobuf_field f;
    if (++r->depth > COREML_DEPTH)
        build_fail(&r->b, "blocks within each other, more than %d deep", COREML_DEPTH);
    coreml_count_bytes(r, &r->read, bytes_left(&block)); /* that of a loop's condition is read twice */
    while (!r->b.failed && coreml_next(&block, 3, &f))
        read_operation(r, bytes_of(f.data, f.size));
    r->depth--;
}

/* ---- functions ---- */

/* The entry of a map with that key; the first where there is none. */
static struct bytes entry(struct coreml_reader *r, struct bytes message, uint64_t number, const char *key)
{
    struct protobuf_field f;
    struct bytes found = bytes_of("", 0);
    bool any = false;
    while (!r->b.failed && coreml_next(&message, number, &f)) {
        struct bytes e = bytes_of(f.data, f.size);
        if (!any || strcmp(coreml_text(r, coreml_part(e, 1)), key) == 0)
            found = coreml_part(e, 2);
        any = true;
    }
    return found;
}

/* Dims that are not known have a symbol each. */
static void read_input(struct coreml_reader *r, struct bytes named)
{
    const char *name = coreml_text(r, coreml_part(named, 1));
    struct bytes type = coreml_part(coreml_part(named, 2), 1);
    struct protobuf_field f;
    int64_t dims[TENSOR_MAX_RANK];
    int rank = 0, bits;
    enum dtype dtype = coreml_dtype(coreml_int(type, 1), &bits);
    if (coreml_find(r, name)) /* of a pipeline: what a model before it gave */
        return;
    while (!r->b.failed && coreml_next(&type, 3, &f)) {
        struct bytes dim = bytes_of(f.data, f.size);
        if (rank == TENSOR_MAX_RANK) {
            build_fail(&r->b, "input '%.200s' has more than %d axes", name, TENSOR_MAX_RANK);
            break;
        }
        dims[rank] = coreml_has(dim, 1) ? coreml_int(coreml_part(dim, 1), 1) : coreml_symbol(r, name, rank);
        if (coreml_has(dim, 1) && (dims[rank] < 0 || dims[rank] > INT32_MAX))
            build_fail(&r->b, "input '%.200s' has a dim of %lld", name, (long long)dims[rank]);
        rank++;
    }
    if (dtype == DTYPE_NONE)
        build_fail(&r->b, "input '%.200s' is no tensor of a type that is read", name);
    struct value *v = build_input(&r->b, name, dtype, rank, dims);
    if (dtype == DTYPE_F16)
        v = build_cast(&r->b, v, DTYPE_F32);
    coreml_set(r, name, v, bytes_of("", 0));
}

void coreml_read_program(struct coreml_reader *r, struct bytes program)
{
    const char *main = coreml_text(r, coreml_part(r->description, 21));
    struct bytes function = entry(r, program, 2, *main ? main : "main"), inputs = function;
    struct protobuf_field f;
    while (!r->b.failed && coreml_next(&inputs, 1, &f))
        read_input(r, bytes_of(f.data, f.size));
    const char *opset = coreml_text(r, coreml_part(function, 2));
    coreml_read_operations(r, entry(r, function, 3, opset));
}
