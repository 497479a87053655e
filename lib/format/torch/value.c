/* Python's values: making them, and what they are in the graph. */
#include <stdio.h>
#include <string.h>

#include "format/torch/torch.h"

static void *allocate(struct torch_reader *t, size_t size)
{
    void *p = arena_alloc(&t->arena, size, t->b->err);
    build_check(t->b, p != NULL);
    return p;
}

struct torch_value torch_tensor(struct torch_reader *t, struct value *v)
{
    struct torch_tensor *tensor = v ? allocate(t, sizeof(*tensor)) : NULL;
    if (!tensor)
        return torch_none();
    tensor->value = torch_fold(t, v);
    tensor->level = t->level;
    return (struct torch_value){.kind = TORCH_TENSOR, .tensor = tensor};
}

struct torch_value torch_size(struct torch_reader *t, struct value *v)
{
    struct torch_value size = torch_tensor(t, v);
    if (size.kind == TORCH_TENSOR)
        size.kind = TORCH_SIZE;
    return size;
}

struct torch_value torch_list(struct torch_reader *t, enum torch_kind kind)
{
    struct torch_list *list = allocate(t, sizeof(*list));
    if (list)
        *list = (struct torch_list){.level = t->level, .is_dict = kind == TORCH_DICT};
    return list ? (struct torch_value){.kind = kind, .list = list} : torch_none();
}

void torch_count_item(struct torch_reader *t)
{
    if (++t->items > TORCH_ITEMS)
        build_fail(t->b, "its lists have more than %d items", TORCH_ITEMS);
    else if (t->b->graph->value_count > TORCH_VALUES)
        build_fail(t->b, "it makes more than %d values", TORCH_VALUES);
    else if (t->values + t->b->graph->value_count > TORCH_VALUES_ALL)
        build_fail(t->b, "its branches and loops make more than %d values", TORCH_VALUES_ALL);
}

void torch_count_bytes(struct torch_reader *t, size_t size)
{
    for (size_t i = 0; i < size / 64 && !t->b->failed; i++)
        torch_count_item(t);
}

/* What a list leaves behind in the arena when it doubles is less than it is. */
void torch_append(struct torch_reader *t, struct torch_value to, struct torch_value item)
{
    struct torch_list *l = to.kind == TORCH_NONE ? NULL : to.list;
    torch_count_item(t);
    if (!l || t->b->failed)
        return;
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        struct torch_value *items = allocate(t, cap * sizeof(*items));
        if (!items)
            return;
        if (l->count)
            memcpy(items, l->items, l->count * sizeof(*items));
        l->items = items;
        l->cap = cap;
    }
    l->items[l->count++] = item;
}

struct torch_value torch_object(struct torch_reader *t, const char *class, const char *path)
{
    struct torch_object *o = allocate(t, sizeof(*o));
    if (!o)
        return torch_none();
    o->class = class;
    o->path = path;
    o->data = t->data;
    o->level = t->level;
    return (struct torch_value){.kind = TORCH_OBJECT, .object = o};
}

void torch_attr_set(struct torch_reader *t, struct torch_object *o, const char *name, struct torch_value value)
{
    for (struct torch_attr *a = o->attrs; a; a = a->next)
        if (strcmp(a->name, name) == 0) {
            a->value = value;
            return;
        }
    struct torch_attr *a = allocate(t, sizeof(*a));
    if (a) {
        *a = (struct torch_attr){name, value, o->attrs};
        o->attrs = a;
    }
}

bool torch_class_constant(struct torch_reader *t, const char *class, const char *name, struct torch_value *value)
{
    char key[1024];
    snprintf(key, sizeof(key), "%.600s:%.300s", class, name);
    const struct torch_line *line = lookup_find(&t->constants, key);
    if (!line)
        return false;
    struct torch_frame f = {.t = t};
    struct torch_cursor c = {line->at, line->end};
    torch_count_bytes(t, 2048); /* 32 items: it may name others of its kind, and these others */
    *value = torch_expression(&f, &c);
    return true;
}

/* A state that is no dict is what __setstate__() makes attributes of. */
static void set_state(struct torch_reader *t, struct torch_object *o)
{
    char name[1024];
    const char *names[2] = {NULL, NULL};
    struct torch_value values[2] = {{.kind = TORCH_OBJECT, .object = o}};
    struct torch_args args = {.values = values, .names = names, .count = 2};
    struct pickle *state = (struct pickle *)o->state;
    snprintf(name, sizeof(name), "%.900s.__setstate__", o->class);
    if (!state || state->kind == PICKLE_DICT || !lookup_find(&t->functions, name))
        return;
    o->state = NULL;
    values[1] = torch_unpickle_part(t, o, state, o->path);
    struct torch_root kept = torch_enter_root(t);
    torch_run(t, name, &args);
    torch_leave_root(t, kept);
}

bool torch_attr_find(struct torch_reader *t, struct torch_object *o, const char *name, struct torch_value *value)
{
    char path[1024];
    set_state(t, o);
    for (const struct torch_attr *a = o->attrs; a; a = a->next)
        if (strcmp(a->name, name) == 0) {
            *value = a->value;
            return true;
        }
    struct pickle *p = o->state ? (struct pickle *)pickle_member(o->state, name) : NULL;
    if (!p)
        return torch_class_constant(t, o->class, name, value);
    snprintf(path, sizeof(path), "%.700s%s%.300s", o->path, *o->path ? "." : "", name);
    const char *kept = arena_strdup(&t->arena, path, t->b->err);
    build_check(t->b, kept != NULL);
    if (t->b->failed)
        return true;
    *value = torch_unpickle_part(t, o, p, kept);
    torch_attr_set(t, o, name, *value);
    return true;
}

/* ---- in the graph ---- */

struct value *torch_graph_value(struct torch_reader *t, struct torch_value v)
{
    switch (v.kind) {
    case TORCH_NONE:
        return NULL;
    case TORCH_TENSOR:
    case TORCH_SIZE:
        return t->b->failed ? NULL : torch_current(t, v.tensor);
    case TORCH_BOOL:
        return build_number(t->b, DTYPE_BOOL, (double)v.i);
    case TORCH_INT:
        return build_constant(t->b, NULL, t->b->failed ? NULL : tensor_scalar_i64(v.i, t->b->err));
    case TORCH_FLOAT:
        return build_number(t->b, DTYPE_F32, v.f);
    default:
        build_fail(t->b, "a tensor or number was expected");
        return NULL;
    }
}

struct value *torch_graph_list(struct torch_reader *t, struct torch_value list)
{
    struct value *parts[TENSOR_MAX_RANK + 1];
    int64_t numbers[TENSOR_MAX_RANK + 1];
    bool known = true;
    if (!torch_is_list(list) || list.list->count > TENSOR_MAX_RANK || list.list->count == 0) {
        build_fail(t->b, "a list of up to %d whole numbers was expected", TENSOR_MAX_RANK);
        return NULL;
    }
    int count = (int)list.list->count;
    for (int i = 0; i < count; i++) {
        known = known && list.list->items[i].kind == TORCH_INT;
        numbers[i] = list.list->items[i].i;
    }
    if (known)
        return build_list(t->b, count, numbers);
    for (int i = 0; i < count && !t->b->failed; i++) {
        struct torch_value item = list.list->items[i];
        parts[i] = item.kind == TORCH_INT ? BUILD_LIST(t->b, item.i)
                                          : build_reshape(t->b, build_cast(t->b, torch_graph_value(t, item), DTYPE_I64),
                                                          1, (int64_t[]){1});
    }
    return count == 1 ? parts[0] : build_int(t->b, build_node(t->b, "Concat", count, parts), "axis", 0);
}

/* What a trace keeps of a number of Python's. */
static bool is_kept_number(const struct value *v)
{
    return v->constant && strncmp(v->name, "CONSTANTS.", 10) == 0;
}

/* A number of the script, or a tensor without axes, beside one with axes. */
static void fit(struct torch_reader *t, struct value **number, struct value *tensor)
{
    const struct type *a = build_type(t->b, *number), *b = build_type(t->b, tensor);
    if (!a || !b || a->rank != 0 || (b->rank == 0 && !is_kept_number(*number)) || a->dtype == b->dtype ||
        a->dtype == DTYPE_NONE || b->dtype == DTYPE_NONE)
        return;
    bool is_float = dtype_info(a->dtype)->class == DTYPE_CLASS_FLOAT,
         other = dtype_info(b->dtype)->class == DTYPE_CLASS_FLOAT;
    if (b->dtype != DTYPE_BOOL && (!is_float || other))
        *number = build_cast(t->b, *number, b->dtype);
    else if (is_float && a->dtype == DTYPE_F64) /* a number of the script, kept as a constant */
        *number = build_cast(t->b, *number, DTYPE_F32);
}

struct value *torch_function(struct torch_reader *t, const char *name, int count, struct value **in)
{
    if (count == 2 && in[0] && in[1] && !t->b->failed) {
        fit(t, &in[0], in[1]);
        fit(t, &in[1], in[0]);
    }
    return t->b->failed ? NULL : pnnx_function(&t->ops, name, count, in);
}

/* The number that a constant, or the inference of shapes, knows a value to be. */
static bool known_number(struct torch_reader *t, struct value *v, int64_t *number)
{
    const struct type *type = v ? build_type(t->b, v) : NULL;
    if (!type || v->is_input)
        return false;
    if (v->constant && v->constant->count == 1 && v->constant->dtype != DTYPE_STRING) {
        *number = tensor_get_f64(v->constant, 0) != 0;
        return true;
    }
    if (v->known_count == 1 && v->known && v->known[0].kind == KNOWN_NUMBER) {
        *number = v->known[0].value;
        return true;
    }
    return false;
}

int torch_truth(struct torch_reader *t, struct torch_value v)
{
    int64_t number;
    switch (v.kind) {
    case TORCH_NONE:
        return 0;
    case TORCH_BOOL:
    case TORCH_INT:
        return v.i != 0;
    case TORCH_FLOAT:
        return v.f != 0;
    case TORCH_STRING:
        return *v.text != 0;
    case TORCH_LIST:
    case TORCH_TUPLE:
    case TORCH_DICT:
        return v.list->count ? 1 : v.list->tail || v.list->growing ? -1 : 0;
    case TORCH_TENSOR:
    case TORCH_SIZE:
        return known_number(t, torch_current(t, v.tensor), &number) ? number != 0 : -1;
    case TORCH_SPLIT:
        return -1;
    default:
        return 1;
    }
}

static bool equal_within(struct torch_reader *t, struct torch_value a, struct torch_value b, int depth)
{
    if (torch_is_number(a) && torch_is_number(b))
        return a.kind == TORCH_FLOAT || b.kind == TORCH_FLOAT ? torch_number(a) == torch_number(b) : a.i == b.i;
    if (a.kind != b.kind)
        return false;
    if (a.kind == TORCH_STRING || a.kind == TORCH_NAME) {
        torch_count_bytes(t, strlen(a.text));
        return !t->b->failed && strcmp(a.text, b.text) == 0;
    }
    if (!torch_is_list(a))
        return a.kind == TORCH_NONE || a.list == b.list;
    bool equal = a.list->count == b.list->count && depth < 16;
    for (size_t i = 0; equal && i < a.list->count; i++) {
        torch_count_item(t);
        equal = !t->b->failed && equal_within(t, a.list->items[i], b.list->items[i], depth + 1);
    }
    return equal;
}

bool torch_equal(struct torch_reader *t, struct torch_value a, struct torch_value b)
{
    return equal_within(t, a, b, 0);
}
