/* What branches and loops change of lists, tensors and objects that were made outside of them. */
#include <string.h>

#include "format/torch/flow.h"

#define MOST_CHANGES 256 /* in one block */

static size_t size_of(enum torch_changed kind)
{
    static const size_t sizes[] = {sizeof(struct torch_list), sizeof(struct torch_tensor), sizeof(struct torch_attr)};
    return sizes[kind];
}

const struct torch_change *torch_change_of(const struct torch_changes *c, const void *what)
{
    const struct torch_change *found = c->first;
    while (found && found->what != what)
        found = found->next;
    return found;
}

void torch_changes_swap(struct torch_changes *c)
{
    for (struct torch_change *at = c->first; at; at = at->next) {
        struct torch_change now;
        memcpy(&now.other, at->what, size_of(at->kind));
        memcpy(at->what, &at->other, size_of(at->kind));
        memcpy(&at->other, &now.other, size_of(at->kind));
    }
}

/* Keeps an object of an outer level as it is; whether it is the first time. */
static bool keep(struct torch_reader *t, enum torch_changed kind, void *what, int level)
{
    if (level >= t->level || t->b->failed || torch_change_of(t->changes, what))
        return false;
    struct torch_change *c = arena_alloc(&t->arena, sizeof(*c), t->b->err);
    build_check(t->b, c != NULL);
    if (c && t->changes->count++ == MOST_CHANGES)
        build_fail(t->b, "more than %d things are changed in a branch or loop that only a run decides", MOST_CHANGES);
    if (t->b->failed)
        return false;
    *c = (struct torch_change){.kind = kind, .what = what, .level = level, .next = t->changes->first};
    memcpy(&c->other, what, size_of(kind));
    t->changes->first = c;
    return true;
}

void torch_change_again(struct torch_reader *t, const struct torch_change *c)
{
    keep(t, c->kind, c->what, c->level);
}

void torch_touch_tensor(struct torch_reader *t, struct torch_tensor *tensor)
{
    keep(t, TORCH_CHANGED_TENSOR, tensor, tensor->level);
}

/* The items are its own from now on. */
void torch_touch_list(struct torch_reader *t, struct torch_list *list)
{
    if (!keep(t, TORCH_CHANGED_LIST, list, list->level))
        return;
    struct torch_value copy = torch_list(t, TORCH_LIST);
    for (size_t i = 0; i < list->count && !t->b->failed; i++)
        torch_append(t, copy, list->items[i]);
    if (t->b->failed)
        return;
    list->items = copy.list->items;
    list->cap = copy.list->cap;
}

void torch_set(struct torch_reader *t, struct torch_object *o, const char *name, struct torch_value value)
{
    struct torch_value old;
    bool outer = o->level < t->level, found = false;
    if (outer)
        torch_attr_find(t, o, name, &old); /* what is still in the pickle becomes an attribute */
    for (struct torch_attr *a = o->attrs; outer && a; a = a->next)
        if (strcmp(a->name, name) == 0) {
            keep(t, TORCH_CHANGED_ATTR, a, o->level);
            found = true;
        }
    if (outer && !found)
        torch_fail_open(t, "an object gets an attribute in a branch or loop that only a run decides");
    if (!t->b->failed)
        torch_attr_set(t, o, name, value);
}
