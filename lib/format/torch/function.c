/* PyTorch's operators for readers of other formats. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/torch/function.h"
#include "format/torch/torch.h"

void torch_formula_end(void *kept)
{
    if (kept)
        torch_release(kept);
    free(kept);
}

static struct torch_reader *reader_of(void **kept, struct error *err)
{
    struct torch_reader *t = *kept;
    if (t || !(*kept = t = mem_calloc(1, sizeof(*t), err)))
        return t;
    t->b = &t->ops.b;
    t->path = "";
    t->data = "data/";
    if (torch_prelude_read(t, err) == 0)
        return t;
    torch_formula_end(t);
    return *kept = NULL;
}

static struct torch_value number(double x)
{
    return fabs(x) < 0x1p53 && x == floor(x) ? torch_int((int64_t)x) : torch_float(x);
}

static struct torch_value argument(struct torch_reader *t, const struct build_keyword *k)
{
    if (k->count == 1 && !k->is_list)
        return number(k->numbers[0]);
    struct torch_value list = torch_list(t, TORCH_LIST);
    for (int i = 0; i < k->count; i++)
        torch_append(t, list, number(k->numbers[i]));
    return list;
}

/* What is a tensor, or each of a tuple. */
static int give(struct torch_reader *t, struct torch_value v, struct value **out, int max)
{
    if (!torch_is_list(v)) {
        *out = torch_graph_value(t, v);
        return t->b->failed ? 0 : 1;
    }
    int count = 0;
    for (size_t i = 0; i < v.list->count && count < max; i++)
        out[count++] = torch_graph_value(t, v.list->items[i]);
    return t->b->failed ? 0 : count;
}

int torch_formula_call(struct build *b, void **kept, const struct build_call *call, struct value **out, int max)
{
    struct torch_value values[BUILD_OPERANDS + BUILD_KEYWORDS];
    const char *names[BUILD_OPERANDS + BUILD_KEYWORDS] = {NULL};
    struct torch_args args = {.values = values, .names = names};
    struct torch_reader *t = reader_of(kept, b->err);
    char name[60];
    build_check(b, t != NULL);
    if (b->failed)
        return 0;
    t->ops.b = *b;
    for (int i = 0; i < call->count; i++)
        values[args.count++] = call->in[i] ? torch_tensor(t, call->in[i]) : torch_none();
    for (int i = 0; i < call->keyword_count; i++) {
        names[args.count] = call->keywords[i].name;
        values[args.count++] = argument(t, &call->keywords[i]);
    }
    snprintf(name, sizeof(name), "torch.%s", call->name);
    int count = give(t, torch_call(t, name, &args), out, max);
    *b = t->ops.b;
    return count;
}
