/* Functions of Python's lists, dicts and strings that take away, order and look for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/scalar.h"

static size_t step_of(struct torch_value v)
{
    return v.kind == TORCH_DICT ? 2 : 1;
}

/* Where an item, or a key, stands; SIZE_MAX: it is not there. */
static size_t find(struct scalars *s, struct torch_value item)
{
    for (size_t i = 0; i < s->a.list->count && !s->t->b->failed; i += step_of(s->a)) {
        torch_count_item(s->t);
        if (torch_equal(s->t, s->a.list->items[i], item))
            return i;
    }
    return SIZE_MAX;
}

/* The place that pop() and del name: by an index or a key. */
static size_t place_of(struct scalars *s)
{
    int64_t count = (int64_t)s->a.list->count;
    int64_t i = s->args->count < 2 ? -1 : s->b.kind == TORCH_INT ? s->b.i : INT64_MIN;
    bool by_key = s->a.kind == TORCH_DICT || strcmp(s->name, "remove") == 0;
    if (by_key && s->args->count > 1)
        return find(s, s->b);
    if (s->a.kind == TORCH_DICT)
        return count ? (size_t)count - 2 : SIZE_MAX;
    return i < -count || i >= count ? SIZE_MAX : (size_t)(i < 0 ? i + count : i);
}

static bool is_changeable(struct torch_value v)
{
    return (v.kind == TORCH_LIST || v.kind == TORCH_DICT) && !v.list->tail && !v.list->growing;
}

/* pop, popitem, remove, del */
bool torch_scalar_take_out(struct scalars *s, struct torch_value *v)
{
    struct torch_list *list = s->a.list;
    bool pair = strcmp(s->name, "popitem") == 0;
    if (!is_changeable(s->a) || (pair && s->a.kind != TORCH_DICT))
        return false;
    size_t at = place_of(s), step = step_of(s->a);
    *v = s->args->count > 2 ? s->args->values[2] : torch_none();
    if (at >= list->count && s->args->count < 3)
        build_fail(s->t->b, "%.20s() of what a list or dict does not have", s->name);
    if (at >= list->count || s->t->b->failed)
        return true;
    torch_touch_list(s->t, list);
    *v = list->items[at + step - 1];
    if (pair) {
        *v = torch_list(s->t, TORCH_TUPLE);
        torch_append(s->t, *v, list->items[at]);
        torch_append(s->t, *v, list->items[at + 1]);
    }
    list->count -= step;
    torch_count_bytes(s->t, (list->count - at) * sizeof(*list->items));
    memmove(&list->items[at], &list->items[at + step], (list->count - at) * sizeof(*list->items));
    return true;
}

bool torch_scalar_clear(struct scalars *s, struct torch_value *v)
{
    *v = torch_none();
    if (!is_changeable(s->a))
        return false;
    torch_touch_list(s->t, s->a.list);
    s->a.list->count = 0;
    return true;
}

bool torch_scalar_reverse(struct scalars *s, struct torch_value *v)
{
    *v = torch_none();
    if (s->a.kind != TORCH_LIST || !is_changeable(s->a))
        return false;
    struct torch_list *list = s->a.list;
    torch_touch_list(s->t, list);
    torch_count_bytes(s->t, list->count * sizeof(*list->items));
    for (size_t i = 0, k = list->count; i + 1 < k && !s->t->b->failed; i++) {
        struct torch_value first = list->items[i];
        list->items[i] = list->items[--k];
        list->items[k] = first;
    }
    return true;
}

/* By numbers, of which NaN is the largest, or by texts. */
static int compare(const void *a, const void *b)
{
    const struct torch_value *x = a, *y = b;
    if (x->kind == TORCH_STRING && y->kind == TORCH_STRING)
        return strcmp(x->text, y->text);
    double p = torch_number(*x), q = torch_number(*y);
    return isnan(p) || isnan(q) ? isnan(p) - isnan(q) : (p > q) - (p < q);
}

/* "sort" in place, "sorted" into another list. */
bool torch_scalar_sort(struct scalars *s, struct torch_value *v)
{
    bool copies = strcmp(s->name, "sorted") == 0, texts = true, numbers = true;
    size_t levels = 1;
    *v = torch_none();
    if (s->a.kind != TORCH_LIST || !is_changeable(s->a))
        return false;
    for (size_t n = s->a.list->count; n > 1; n /= 2)
        levels++;
    for (size_t i = 0; i < s->a.list->count && !s->t->b->failed; i++) {
        const struct torch_value *item = &s->a.list->items[i];
        texts = texts && item->kind == TORCH_STRING;
        numbers = numbers && torch_is_number(*item);
        torch_count_bytes(s->t, levels * (sizeof(*item) + (texts ? strlen(item->text) : 0)));
    }
    if (!texts && !numbers)
        build_fail(s->t->b, "a list is sorted that holds neither numbers nor texts");
    if (copies)
        torch_scalar_copy_list(s, v);
    else
        torch_touch_list(s->t, s->a.list);
    if (s->t->b->failed)
        return true;
    *v = s->a = copies ? *v : s->a;
    if (s->a.list->count)
        qsort(s->a.list->items, s->a.list->count, sizeof(*s->a.list->items), compare);
    s->name = "reverse";
    struct torch_value ignored;
    return s->b.kind != TORCH_BOOL || !s->b.i || torch_scalar_reverse(s, &ignored);
}

/* Where an item is, or how often. */
bool torch_scalar_look(struct scalars *s, struct torch_value *v)
{
    int64_t count = 0;
    bool is_text = s->a.kind == TORCH_STRING && s->b.kind == TORCH_STRING, is_list = s->a.kind == TORCH_LIST;
    if (is_text && strcmp(s->name, "find") == 0) {
        torch_count_bytes(s->t, strlen(s->a.text));
        const char *at = strstr(s->a.text, s->b.text);
        return torch_scalar_give(v, torch_int(at ? at - s->a.text : -1));
    }
    if (!is_list || s->a.list->tail || s->a.list->growing || (torch_is_list(s->b) && strcmp(s->name, "index") == 0))
        return false;
    for (size_t i = 0; i < s->a.list->count && !s->t->b->failed; i++) {
        torch_count_item(s->t);
        count += torch_equal(s->t, s->a.list->items[i], s->b);
    }
    if (strcmp(s->name, "count") == 0)
        return torch_scalar_give(v, torch_int(count));
    if (count == 0)
        build_fail(s->t->b, "index() of what a list does not have");
    return torch_scalar_give(v, torch_int(count ? (int64_t)find(s, s->b) : 0));
}

/* A value of a dict, or what is given for want of it, which setdefault() keeps. */
bool torch_scalar_get(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind != TORCH_DICT || !is_changeable(s->a))
        return false;
    struct torch_value *found = torch_find_key(s->t, s->a, s->b);
    *v = found ? *found : s->args->count > 2 ? s->args->values[2] : torch_none();
    if (found || strcmp(s->name, "setdefault") != 0)
        return true;
    torch_touch_list(s->t, s->a.list);
    torch_append(s->t, s->a, s->b);
    torch_append(s->t, s->a, *v);
    return true;
}

/* ---- texts ---- */

struct torch_value torch_scalar_text(struct scalars *s, const char *from, size_t size)
{
    torch_count_bytes(s->t, size);
    char *kept = s->t->b->failed ? NULL : arena_strndup(&s->t->arena, from, size, s->t->b->err);
    build_check(s->t->b, kept != NULL);
    return torch_string(kept ? kept : "");
}

bool torch_scalar_ends(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind != TORCH_STRING || s->b.kind != TORCH_STRING)
        return false;
    size_t n = strlen(s->a.text), m = strlen(s->b.text);
    torch_count_bytes(s->t, n + m);
    const char *from = strcmp(s->name, "startswith") == 0 ? s->a.text : s->a.text + (n >= m ? n - m : 0);
    return torch_scalar_give(v, torch_bool(n >= m && memcmp(from, s->b.text, m) == 0));
}

bool torch_scalar_digits(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind != TORCH_STRING)
        return false;
    size_t n = strlen(s->a.text);
    torch_count_bytes(s->t, n);
    return torch_scalar_give(v, torch_bool(n > 0 && strspn(s->a.text, "0123456789") == n));
}

bool torch_scalar_split(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind != TORCH_STRING || s->b.kind != TORCH_STRING || !*s->b.text)
        return false;
    *v = torch_list(s->t, TORCH_LIST);
    for (const char *at = s->a.text, *next = at; next && !s->t->b->failed; at = next) {
        next = strstr(at, s->b.text);
        torch_append(s->t, *v, torch_scalar_text(s, at, next ? (size_t)(next - at) : strlen(at)));
        next = next ? next + strlen(s->b.text) : NULL;
    }
    return true;
}

static bool give_text(struct scalars *s, struct text *all, struct torch_value *v)
{
    if (all->failed)
        build_fail(s->t->b, "out of memory for a text that is put together");
    if (all->size > TORCH_MOST_RANGE)
        build_fail(s->t->b, "a text of more than %d bytes is put together", TORCH_MOST_RANGE);
    *v = torch_scalar_text(s, all->data ? all->data : "", all->size);
    text_release(all);
    return true;
}

bool torch_scalar_join(struct scalars *s, struct torch_value *v)
{
    struct text all;
    if (s->a.kind != TORCH_STRING || !torch_is_list(s->b) || s->b.list->tail || s->b.list->growing)
        return false;
    text_init(&all);
    for (size_t i = 0; i < s->b.list->count && all.size <= TORCH_MOST_RANGE && !s->t->b->failed; i++) {
        torch_count_item(s->t);
        if (s->b.list->items[i].kind != TORCH_STRING)
            build_fail(s->t->b, "what is no text is joined with texts");
        else
            text_printf(&all, "%s%s", i ? s->a.text : "", s->b.list->items[i].text);
    }
    return give_text(s, &all, v);
}

/* As Python writes it; tensors and lists, which only messages tell of, have no text here. */
static void put_value(struct text *to, struct torch_value v)
{
    if (v.kind == TORCH_STRING)
        text_puts(to, v.text);
    else if (v.kind == TORCH_INT)
        text_printf(to, "%lld", (long long)v.i);
    else if (v.kind == TORCH_BOOL)
        text_puts(to, v.i ? "True" : "False");
    else if (v.kind == TORCH_FLOAT)
        text_f64(to, torch_number(v));
    else if (v.kind == TORCH_NONE)
        text_puts(to, "None");
}

/* str(value), or a text in which each {} stands for a value that follows. */
bool torch_scalar_format(struct scalars *s, struct torch_value *v)
{
    bool is_str = strcmp(s->name, "str") == 0;
    const char *at = is_str ? "{}" : s->a.text;
    int next = is_str ? 0 : 1;
    struct text all;
    if (!is_str && s->a.kind != TORCH_STRING)
        return false;
    text_init(&all);
    for (const char *hole; (hole = strstr(at, "{}")) && next < s->args->count; at = hole + 2) {
        text_add(&all, at, (size_t)(hole - at));
        put_value(&all, s->args->values[next++]);
    }
    text_puts(&all, at);
    return give_text(s, &all, v);
}
