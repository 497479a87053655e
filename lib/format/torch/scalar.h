/* What the functions of numbers (scalar.c) and of lists (scalar_list.c) share. */
#ifndef FORMAT_TORCH_SCALAR_H
#define FORMAT_TORCH_SCALAR_H

#include "format/torch/torch.h"

#define TORCH_MOST_RANGE 65536 /* items of a list that a script makes by counting */

/* What such a function is given. */
struct scalars {
    struct torch_reader *t;
    const char *name;
    struct torch_value a, b; /* the first two */
    const struct torch_args *args;
};

/* False when it is not for what it is given. */
typedef bool torch_scalar_fn(struct scalars *s, struct torch_value *v);

static inline bool torch_scalar_give(struct torch_value *to, struct torch_value v)
{
    *to = v;
    return true;
}

/* Whether the first `count` arguments (1 or 2) are numbers. */
static inline bool torch_scalar_known(const struct scalars *s, int count)
{
    return s->args->count >= count && torch_is_number(s->a) && (count < 2 || torch_is_number(s->b));
}

torch_scalar_fn torch_scalar_length;
torch_scalar_fn torch_scalar_get_item;
torch_scalar_fn torch_scalar_set_item;
torch_scalar_fn torch_scalar_update;
torch_scalar_fn torch_scalar_append;
torch_scalar_fn torch_scalar_of_list;
torch_scalar_fn torch_scalar_insert;
torch_scalar_fn torch_scalar_extend;
torch_scalar_fn torch_scalar_copy_list;
torch_scalar_fn torch_scalar_slice_list;
torch_scalar_fn torch_scalar_contains;
torch_scalar_fn torch_scalar_parts_of_dict;
torch_scalar_fn torch_scalar_range;
torch_scalar_fn torch_scalar_derive_index;

/* scalar_edit.c */
struct torch_value torch_scalar_text(struct scalars *s, const char *from, size_t size); /* copied to the arena */
torch_scalar_fn torch_scalar_take_out;
torch_scalar_fn torch_scalar_clear;
torch_scalar_fn torch_scalar_reverse;
torch_scalar_fn torch_scalar_sort;
torch_scalar_fn torch_scalar_look;
torch_scalar_fn torch_scalar_get;
torch_scalar_fn torch_scalar_ends;
torch_scalar_fn torch_scalar_digits;
torch_scalar_fn torch_scalar_split;
torch_scalar_fn torch_scalar_join;
torch_scalar_fn torch_scalar_format;

#endif
