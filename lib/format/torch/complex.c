/* Complex numbers: tensors of real ones with a last axis of two, which the script does not see. Functions for which
 * they are more than two tensors stand in the prelude, as "nn_complex_abs". */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/make.h"

static bool is_complex(struct torch_value v)
{
    return v.kind == TORCH_TENSOR && v.tensor->complex;
}

bool torch_has_complex(const struct torch_args *args)
{
    for (int i = 0; i < args->count; i++) {
        struct torch_value v = args->values[i];
        if (is_complex(v) || (torch_is_list(v) && v.list->count && is_complex(v.list->items[0])))
            return true;
    }
    return false;
}

static struct torch_value half_of(struct torch_reader *t, struct torch_value v, int part)
{
    if (!is_complex(v) || t->b->failed)
        return v;
    struct torch_value x = torch_tensor(t, torch_graph_value(t, v));
    return torch_call_plain(t, "torch.select", (struct torch_value[]){x, torch_int(-1), torch_int(part)}, 3);
}

/* Real or imaginary part of a value, or of the items of a list; others are left. */
static struct torch_value part_of(struct torch_reader *t, struct torch_value v, int part)
{
    if (!torch_is_list(v) || !v.list->count || !is_complex(v.list->items[0]))
        return half_of(t, v, part);
    struct torch_value list = torch_list(t, v.kind);
    for (size_t i = 0; i < v.list->count && !t->b->failed; i++)
        torch_append(t, list, half_of(t, v.list->items[i], part));
    return list;
}

/* Both parts apart, and together again. */
static struct torch_value by_parts(struct torch_reader *t, const char *name, const struct torch_args *args)
{
    struct torch_value values[16], both = torch_list(t, TORCH_LIST);
    char full[80];
    snprintf(full, sizeof(full), "torch.%.60s", name);
    for (int part = 0; part < 2 && !t->b->failed; part++) {
        struct torch_args of = {.values = values, .names = args->names, .count = args->count < 16 ? args->count : 16};
        for (int i = 0; i < of.count; i++)
            values[i] = part_of(t, args->values[i], part);
        torch_append(t, both, t->b->failed ? torch_none() : torch_call(t, full, &of));
    }
    if (t->b->failed)
        return torch_none();
    if (both.list->items[0].kind != TORCH_TENSOR)
        return both.list->items[0];
    struct torch_value pair[2] = {both, torch_int(-1)};
    pair[0] = torch_call_plain(t, "torch.stack", pair, 2);
    return torch_call_plain(t, "torch.view_as_complex", pair, 1);
}

/* A function of the prelude, which has names of its own for most arguments. */
static struct torch_value by_place(struct torch_reader *t, const char *full, const struct torch_args *args)
{
    const char *names[16];
    struct torch_args of = {.values = args->values, .names = names, .count = args->count < 16 ? args->count : 16};
    for (int i = 0; i < of.count; i++)
        names[i] =
            args->names[i] && torch_names_argument(t, full + strlen("torch."), args->names[i]) ? args->names[i] : NULL;
    return torch_call(t, full, &of);
}

bool torch_complex(struct torch_reader *t, const char *name, const struct torch_args *args, struct torch_value *v)
{
    static const char plain[] =
        "view_as_real contiguous detach alias clone append is_tensor len is_complex __getitem__ resolve_conj "
        "resolve_neg device";
    static const char moves[] =
        "reshape view flatten unflatten squeeze transpose permute neg t expand unsqueeze select slice narrow "
        "index cat stack sum mean pad roll flip repeat index_select swapaxes size shape dim numel constant_pad_nd "
        "expand_as movedim gather tril triu zeros_like masked_scatter";
    char composed[256], full[80];
    snprintf(full, sizeof(full), "torch.nn_complex_%.50s", name);
    if (text_has_word(plain, name) || strncmp(name, "nn_", 3) == 0 || strncmp(name, "fft_", 4) == 0)
        return false;
    *v = torch_none();
    if (text_has_word(moves, name))
        *v = by_parts(t, name, args);
    else if (lookup_find(&t->functions, torch_prelude_name(full + strlen("torch."), composed, sizeof(composed))))
        *v = by_place(t, full, args);
    else
        build_fail(t->b, "%.60s of complex numbers is not known", name);
    return true;
}

/* Pairs of numbers as complex ones, or back. */
struct torch_value torch_make_complex(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value v = torch_tensor(t, torch_graph_value(t, c->arg[0]));
    if (v.kind == TORCH_TENSOR)
        v.tensor->complex = strcmp(c->row->name, "view_as_complex") == 0;
    return v;
}

struct torch_value torch_make_is_complex(struct torch_reader *t, struct torch_bound *c)
{
    (void)t;
    return torch_bool(is_complex(c->arg[0]));
}
