/* Functions of Python's lists, strings and dicts. */
#include <math.h>
#include <string.h>

#include "format/torch/scalar.h"
#include "op/util.h"

bool torch_scalar_length(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind == TORCH_STRING)
        return torch_scalar_give(v, torch_int((int64_t)strlen(s->a.text)));
    if (s->a.kind == TORCH_DICT)
        return torch_scalar_give(v, torch_int((int64_t)s->a.list->count / 2));
    if (s->a.kind == TORCH_TENSOR) {
        struct torch_value values[2] = {s->a, torch_int(0)};
        return torch_scalar_give(v, torch_call_plain(s->t, "torch.size", values, 2));
    }
    if (!torch_is_list(s->a))
        return false;
    *v = torch_int((int64_t)s->a.list->count);
    if (s->a.list->tail) {
        struct torch_value both[2] = {
            *v, torch_size(s->t, build_reshape(s->t->b, build_shape(s->t->b, s->a.list->tail, 0, 1), 0, NULL))};
        *v = torch_call_plain(s->t, "torch.add", both, 2);
    }
    return true;
}

struct value *torch_stacked(struct torch_reader *t, const struct torch_list *list)
{
    struct torch_value all = torch_list(t, TORCH_LIST), stacked = torch_none();
    for (size_t i = 0; i < list->count && !t->b->failed; i++) {
        struct torch_value item = list->items[i];
        torch_append(t, all, item.kind == TORCH_TENSOR ? item : torch_tensor(t, torch_graph_value(t, item)));
    }
    if (list->count || !list->tail)
        stacked = torch_call_plain(t, "torch.stack", &all, 1);
    struct value *first = torch_graph_value(t, stacked);
    if (!first || !list->tail)
        return first ? first : list->tail;
    return BUILD(t->b, "Concat/axis=0", first, list->tail);
}

/* An item of which only a run tells which, or that comes from a loop. */
static struct torch_value open_item(struct scalars *s)
{
    const struct torch_list *list = s->a.list;
    struct torch_value all = torch_tensor(s->t, torch_stacked(s->t, list));
    struct torch_value values[3] = {all, torch_int(0), s->b}, v = torch_call_plain(s->t, "torch.select", values, 3);
    bool numbers = list->count ? list->items[0].kind != TORCH_TENSOR : list->tail_numbers;
    if (numbers && v.kind == TORCH_TENSOR)
        v.kind = TORCH_SIZE;
    return v;
}

struct torch_value *torch_find_key(struct torch_reader *t, struct torch_value dict, struct torch_value key)
{
    torch_count_bytes(t, dict.list->count * sizeof(*dict.list->items));
    for (size_t i = 0; i + 1 < dict.list->count && !t->b->failed; i += 2)
        if (torch_equal(t, dict.list->items[i], key))
            return &dict.list->items[i + 1];
    return NULL;
}

bool torch_scalar_get_item(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind == TORCH_DICT) {
        struct torch_value *found = torch_find_key(s->t, s->a, s->b);
        if (!found)
            build_fail(s->t->b, "a dict has no key '%.60s'", s->b.kind == TORCH_STRING ? s->b.text : "?");
        return torch_scalar_give(v, found ? *found : torch_none());
    }
    if (torch_is_list(s->a) && (s->b.kind == TORCH_SIZE || (s->b.kind == TORCH_INT && s->a.list->tail)))
        return torch_scalar_give(v, open_item(s));
    if (!torch_is_list(s->a) || s->b.kind != TORCH_INT)
        return false;
    int64_t i = s->b.i < 0 ? s->b.i + (int64_t)s->a.list->count : s->b.i;
    if (i < 0 || (uint64_t)i >= s->a.list->count) {
        build_fail(s->t->b, "item %lld of a list of %zu", (long long)s->b.i, s->a.list->count);
        return true;
    }
    return torch_scalar_give(v, s->a.list->items[i]);
}

static void set_key(struct torch_reader *t, struct torch_value dict, struct torch_value key, struct torch_value v)
{
    struct torch_value *found = torch_find_key(t, dict, key);
    if (found) {
        *found = v;
        return;
    }
    torch_append(t, dict, key);
    torch_append(t, dict, v);
}

/* All that another dict has. */
bool torch_scalar_update(struct scalars *s, struct torch_value *v)
{
    *v = torch_none();
    if (s->a.kind != TORCH_DICT || s->b.kind != TORCH_DICT)
        return false;
    torch_touch_list(s->t, s->a.list);
    for (size_t i = 0; i + 1 < s->b.list->count && !s->t->b->failed; i += 2)
        set_key(s->t, s->a, s->b.list->items[i], s->b.list->items[i + 1]);
    return true;
}

bool torch_scalar_set_item(struct scalars *s, struct torch_value *v)
{
    struct torch_value new = s->args->count > 2 ? s->args->values[2] : torch_none();
    *v = torch_none();
    if (s->a.kind == TORCH_DICT || torch_is_list(s->a))
        torch_touch_list(s->t, s->a.list);
    if (s->a.kind == TORCH_DICT) {
        set_key(s->t, s->a, s->b, new);
        return true;
    }
    if (!torch_is_list(s->a) || s->b.kind != TORCH_INT)
        return false;
    int64_t i = s->b.i < 0 ? s->b.i + (int64_t)s->a.list->count : s->b.i;
    if (i < 0 || (uint64_t)i >= s->a.list->count)
        build_fail(s->t->b, "item %lld of a list of %zu", (long long)s->b.i, s->a.list->count);
    else
        s->a.list->items[i] = new;
    return true;
}

/* sum, all and any of numbers. */
bool torch_scalar_of_list(struct scalars *s, struct torch_value *v)
{
    double sum = 0;
    size_t trues = 0;
    bool floats = false;
    if (!torch_is_list(s->a))
        return false;
    torch_count_bytes(s->t, s->a.list->count * sizeof(*s->a.list->items));
    for (size_t i = 0; i < s->a.list->count; i++) {
        struct torch_value item = s->a.list->items[i];
        if (!torch_is_number(item))
            return false;
        floats = floats || item.kind == TORCH_FLOAT;
        trues += torch_number(item) != 0;
        sum += torch_number(item);
    }
    if (strcmp(s->name, "sum") != 0)
        return torch_scalar_give(v, torch_bool(strcmp(s->name, "all") == 0 ? trues == s->a.list->count : trues > 0));
    return torch_scalar_give(v, floats || fabs(sum) >= 0x1p53 ? torch_float(sum) : torch_int((int64_t)sum));
}

bool torch_scalar_append(struct scalars *s, struct torch_value *v)
{
    if (!torch_is_list(s->a))
        return false;
    torch_touch_list(s->t, s->a.list);
    if (s->a.list->tail) {
        struct value *item = build_unsqueeze(s->t->b, torch_graph_value(s->t, s->b), 0);
        struct value *all = BUILD(s->t->b, "Concat", s->a.list->tail, item);
        s->a.list->tail = build_int(s->t->b, all, "axis", 0);
    } else {
        torch_append(s->t, s->a, s->b);
    }
    return torch_scalar_give(v, s->a);
}

/* Before item i. */
bool torch_scalar_insert(struct scalars *s, struct torch_value *v)
{
    struct torch_value new = s->args->count > 2 ? s->args->values[2] : torch_none();
    if (!torch_is_list(s->a) || s->b.kind != TORCH_INT)
        return false;
    torch_touch_list(s->t, s->a.list);
    int64_t count = (int64_t)s->a.list->count, i = s->b.i < 0 ? s->b.i + count : s->b.i;
    i = i < 0 ? 0 : i > count ? count : i;
    torch_append(s->t, s->a, new);
    torch_count_bytes(s->t, (size_t)(count - i) * sizeof(new));
    for (int64_t k = count; k > i && !s->t->b->failed; k--)
        s->a.list->items[k] = s->a.list->items[k - 1];
    if (!s->t->b->failed)
        s->a.list->items[i] = new;
    return torch_scalar_give(v, torch_none());
}

bool torch_scalar_extend(struct scalars *s, struct torch_value *v)
{
    if (!torch_is_list(s->a) || !torch_is_list(s->b))
        return false;
    size_t count = s->b.list->count;
    torch_touch_list(s->t, s->a.list);
    for (size_t i = 0; i < count && !s->t->b->failed; i++)
        torch_append(s->t, s->a, s->b.list->items[i]);
    return torch_scalar_give(v, torch_none());
}

bool torch_scalar_copy_list(struct scalars *s, struct torch_value *v)
{
    if (!torch_is_list(s->a) && s->a.kind != TORCH_DICT)
        return false;
    *v = torch_list(s->t, s->a.kind == TORCH_DICT ? TORCH_DICT : TORCH_LIST);
    for (size_t i = 0; i < s->a.list->count; i++)
        torch_append(s->t, *v, s->a.list->items[i]);
    return true;
}

static int64_t whole_or(const struct scalars *s, int arg, int64_t otherwise)
{
    return arg < s->args->count && s->args->values[arg].kind == TORCH_INT ? s->args->values[arg].i : otherwise;
}

/* list[start:end:step], backwards where step is negative; parts of a text are only walked forwards. */
bool torch_scalar_slice_list(struct scalars *s, struct torch_value *v)
{
    bool text = s->a.kind == TORCH_STRING;
    if (!torch_is_list(s->a) && !text)
        return false;
    int64_t count = (int64_t)(text ? strlen(s->a.text) : s->a.list->count);
    int64_t step = op_clamp(whole_or(s, 3, 1), -count - 1, count + 1);
    int64_t at[2] = {whole_or(s, 1, step < 0 ? INT64_MAX : 0), whole_or(s, 2, step < 0 ? INT64_MIN : INT64_MAX)};
    for (int i = 0; i < 2; i++)
        at[i] = op_clamp(at[i] < 0 ? at[i] + count : at[i], step < 0 ? -1 : 0, step < 0 ? count - 1 : count);
    if (step == 0 || (text && step != 1))
        build_fail(s->t->b, "a %s is walked by steps of %d", text ? "text" : "list", (int)step);
    at[1] = text && at[1] < at[0] ? at[0] : at[1];
    if (text)
        return torch_scalar_give(v, torch_scalar_text(s, s->a.text + at[0], (size_t)(at[1] - at[0])));
    *v = torch_list(s->t, TORCH_LIST);
    for (int64_t i = at[0]; (step < 0 ? i > at[1] : i < at[1]) && !s->t->b->failed; i += step)
        torch_append(s->t, *v, s->a.list->items[i]);
    return true;
}

/* Whether a list holds a number that only a run tells. */
static bool may_contain(struct scalars *s, struct torch_value *v)
{
    *v = torch_bool(false);
    for (size_t i = 0; i < s->a.list->count && !s->t->b->failed; i++) {
        struct torch_value both[2] = {s->a.list->items[i], s->b};
        struct torch_value either[2] = {*v, torch_call_plain(s->t, "torch.eq", both, 2)};
        *v = torch_call_plain(s->t, "torch.__or__", either, 2);
    }
    return true;
}

bool torch_scalar_contains(struct scalars *s, struct torch_value *v)
{
    bool found = false;
    if (s->a.kind == TORCH_STRING && s->b.kind == TORCH_STRING) {
        torch_count_bytes(s->t, strlen(s->a.text));
        return torch_scalar_give(v, torch_bool(strstr(s->a.text, s->b.text) != NULL));
    }
    if (!torch_is_list(s->a) && s->a.kind != TORCH_DICT)
        return false;
    torch_count_bytes(s->t, s->a.list->count * sizeof(*s->a.list->items));
    if (torch_is_list(s->a) && s->b.kind == TORCH_SIZE)
        return may_contain(s, v);
    for (size_t i = 0; i < s->a.list->count && !s->t->b->failed; i += s->a.kind == TORCH_DICT ? 2 : 1)
        found = found || torch_equal(s->t, s->a.list->items[i], s->b);
    return torch_scalar_give(v, torch_bool(found));
}

/* Every other item of a dict: "keys", "values"; or both as tuples: "items". */
bool torch_scalar_parts_of_dict(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind != TORCH_DICT)
        return false;
    *v = torch_list(s->t, TORCH_LIST);
    for (size_t i = 0; i + 1 < s->a.list->count && !s->t->b->failed; i += 2) {
        struct torch_value pair = torch_list(s->t, TORCH_TUPLE);
        torch_append(s->t, pair, s->a.list->items[i]);
        torch_append(s->t, pair, s->a.list->items[i + 1]);
        torch_append(s->t, *v,
                     strcmp(s->name, "items") == 0  ? pair
                     : strcmp(s->name, "keys") == 0 ? s->a.list->items[i]
                                                    : s->a.list->items[i + 1]);
    }
    return true;
}

bool torch_scalar_range(struct scalars *s, struct torch_value *v)
{
    int64_t at[3] = {0, 0, 1};
    int count = s->args->count;
    for (int i = 0; i < count && i < 3; i++) {
        if (s->args->values[i].kind != TORCH_INT)
            return false;
        at[count == 1 ? 1 : i] = s->args->values[i].i;
    }
    int64_t span = 0, length = 0;
    bool over = at[2] == INT64_MIN || __builtin_sub_overflow(at[1], at[0], &span) || span == INT64_MIN;
    if (!over && at[2] != 0 && span != 0 && (span > 0) == (at[2] > 0))
        length = (span > 0 ? span - 1 : -span - 1) / (at[2] > 0 ? at[2] : -at[2]) + 1;
    if (over || at[2] == 0 || length > TORCH_MOST_RANGE)
        build_fail(s->t->b, "a range of %lld by %lld", (long long)span, (long long)at[2]);
    if (strcmp(s->name, "__range_length") == 0)
        return torch_scalar_give(v, torch_int(length));
    *v = torch_list(s->t, TORCH_LIST);
    for (int64_t i = 0; i < length && !s->t->b->failed; i++)
        torch_append(s->t, *v, torch_int(at[0] + i * at[2]));
    return true;
}

/* Item i of a range. */
bool torch_scalar_derive_index(struct scalars *s, struct torch_value *v)
{
    struct torch_value step = s->args->count > 2 ? s->args->values[2] : torch_int(1);
    int64_t i = 0;
    if (s->a.kind != TORCH_INT || s->b.kind != TORCH_INT || step.kind != TORCH_INT)
        return false;
    if (__builtin_mul_overflow(s->a.i, step.i, &i) || __builtin_add_overflow(s->b.i, i, &i))
        build_fail(s->t->b, "a whole number beyond 64 bits");
    return torch_scalar_give(v, torch_int(i));
}
