#include "pair/weights.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lookup.h"
#include "op/attr.h"
#include "op/permuted.h"

/* How a tensor becomes a constant of the graph: as it is, transposed, from [h, w, in, out], or but for axes of 1. */
enum fit { FIT_NONE, FIT_SAME, FIT_TURNED, FIT_FILTER, FIT_ONES };

/* A constant of the graph. */
struct slot {
    struct value *value;
    const struct node *user; /* the first */
    int operand;
    bool is_weight; /* must get something */
    struct give *give;
};

/* A tensor that is given. */
struct give {
    struct value *value;
    struct slot *slot;
    enum fit fit;
    bool by_order;
    int hits;        /* slots whose names end with its name */
    const char *why; /* it has no place, where that is known */
};

struct taking {
    struct slot *slots;
    size_t slot_count, slot_cap;
    struct give *gives;
    size_t give_count, give_cap;
    struct arena arena;
    struct error *err;
};

/* ---- lists ---- */

static const struct {
    const char *op;
    int first, last; /* its operands that are weights */
} weights[] = {
    {"Conv", 1, 2},   {"ConvTranspose", 1, 2},      {"Gemm", 1, 2},
    {"MatMul", 0, 1}, {"BatchNormalization", 1, 4}, {"InstanceNormalization", 1, 2},
    {"PRelu", 1, 1},  {"LayerNormalization", 1, 2}, {"GroupNormalization", 1, 2},
    {"LSTM", 1, 3},   {"RMSNormalization", 1, 1},   {"GRU", 1, 3},
    {"RNN", 1, 3},    {"DeformConv", 1, 1},         {"Gather", 0, 0},
};

static bool is_float(const struct value *v)
{
    return dtype_info(v->constant->dtype)->class == DTYPE_CLASS_FLOAT;
}

/* A bias may be a sum of its own behind a matrix product. */
static bool is_weight(const struct node *n, int operand)
{
    const struct value *v = n->in[operand], *other = node_in(n, operand == 0);
    if (!is_float(v) || *n->domain)
        return false;
    if (node_is(n, "Add"))
        return v->type.rank == 1 && other && other->producer && node_is(other->producer, "MatMul");
    if (node_is(n, "Gather") && v->type.rank < 2)
        return false;
    for (size_t i = 0; i < sizeof(weights) / sizeof(*weights); i++)
        if (strcmp(weights[i].op, n->op) == 0)
            return operand >= weights[i].first && operand <= weights[i].last;
    return false;
}

static int add_slot(struct taking *t, struct value *v, const struct node *n, int operand)
{
    if (v->scratch || mem_grow(&t->slots, &t->slot_cap, t->slot_count + 1, sizeof(*t->slots), t->err) != 0)
        return v->scratch ? 0 : -1;
    v->scratch = v;
    t->slots[t->slot_count++] =
        (struct slot){.value = v, .user = n, .operand = operand, .is_weight = is_weight(n, operand)};
    return 0;
}

/* The constants in the order of their first use. */
static int list_slots(struct taking *t, const struct graph *top)
{
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (size_t i = 0; i < g->value_count; i++)
            if (g->values[i])
                g->values[i]->scratch = NULL;
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (const struct node *n = g->first; n; n = n->next)
            for (int i = 0; i < n->in_count; i++)
                if (n->in[i] && n->in[i]->constant && add_slot(t, n->in[i], n, i) != 0)
                    return -1;
    return 0;
}

static int add_give(struct taking *t, struct value *v)
{
    if (mem_grow(&t->gives, &t->give_cap, t->give_count + 1, sizeof(*t->gives), t->err) != 0)
        return -1;
    t->gives[t->give_count++] = (struct give){.value = v};
    return 0;
}

/* Of a network its weights, in the order of their use; else all constants, in their order. */
static int list_gives(struct taking *t, const struct graph *from)
{
    struct taking other = {.err = t->err};
    int result = from->first ? list_slots(&other, from) : 0;
    for (size_t i = 0; i < other.slot_count && result == 0; i++)
        if (other.slots[i].is_weight)
            result = add_give(t, other.slots[i].value);
    for (size_t i = 0; i < from->value_count && result == 0 && !from->first; i++)
        if (from->values[i] && from->values[i]->constant)
            result = add_give(t, from->values[i]);
    free(other.slots);
    return result;
}

/* ---- shapes ---- */

/* Dims without those of 1. */
static int long_dims(const struct tensor *t, int64_t *dims)
{
    int n = 0;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] != 1)
            dims[n++] = t->dims[i];
    return n;
}

static bool same_dims(int n, const int64_t *a, int m, const int64_t *b)
{
    return n == m && memcmp(a, b, (size_t)n * sizeof(*a)) == 0;
}

static enum fit fit_of(const struct tensor *t, const struct tensor *to)
{
    int64_t a[TENSOR_MAX_RANK], b[TENSOR_MAX_RANK];
    bool floats = dtype_info(t->dtype)->class == DTYPE_CLASS_FLOAT && dtype_info(to->dtype)->class == DTYPE_CLASS_FLOAT;
    if (!floats && t->dtype != to->dtype)
        return FIT_NONE;
    if (same_dims(t->rank, t->dims, to->rank, to->dims))
        return FIT_SAME;
    if (t->rank == 2 && to->rank == 2 && t->dims[0] == to->dims[1] && t->dims[1] == to->dims[0])
        return FIT_TURNED;
    if (t->rank == 4 && to->rank == 4 &&
        same_dims(4, (int64_t[]){t->dims[3], t->dims[2], t->dims[0], t->dims[1]}, 4, to->dims))
        return FIT_FILTER;
    int n = long_dims(t, a), m = long_dims(to, b);
    return same_dims(n, a, m, b) ? FIT_ONES : FIT_NONE;
}

static void take(struct give *g, struct slot *s, enum fit fit)
{
    g->slot = s;
    g->fit = fit;
    s->give = g;
}

/* ---- names ---- */

static void take_named(struct give *g, struct slot *s)
{
    enum fit fit = fit_of(g->value->constant, s->value->constant);
    if (s->give || g->slot)
        return;
    if (fit == FIT_NONE)
        g->why = "the graph has another shape or type under its name";
    else
        take(g, s, fit);
}

/* What savers put before the names of a network. */
static const char *plain_name(const char *name)
{
    static const char *const prefixes[] = {"state_dict.", "model_state_dict.", "model.", "module.", "net.", "params."};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            name += strlen(prefixes[i]);
            i = (size_t)-1;
        }
    return name;
}

static int match_names(struct taking *t)
{
    struct lookup slots = {0};
    int result = 0;
    for (size_t i = 0; i < t->slot_count && result == 0; i++)
        if (!lookup_find(&slots, t->slots[i].value->name))
            result = lookup_add(&slots, t->slots[i].value->name, &t->slots[i], t->err);
    for (size_t i = 0; i < t->give_count && result == 0; i++) {
        struct give *g = &t->gives[i];
        struct slot *s = lookup_find(&slots, g->value->name);
        if (!s)
            s = lookup_find(&slots, plain_name(g->value->name));
        if (s)
            take_named(g, s);
    }
    lookup_release(&slots);
    return result;
}

#define MOST_END 256 /* bytes of a name's end that are looked for: each of its parts is, which takes their square */

/* The tensor whose name ends the slot's, behind a sign that parts names; the longest. */
static struct give *find_end(const struct lookup *gives, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = n > MOST_END ? n - MOST_END : 1; i < n; i++) {
        struct give *g = isalnum((unsigned char)name[i - 1]) ? NULL : lookup_find(gives, name + i);
        if (g)
            return g;
    }
    return NULL;
}

/* A tensor whose name ends several names of the graph is left to its shape. */
static int match_ends(struct taking *t)
{
    struct lookup gives = {0};
    int result = 0;
    for (size_t i = 0; i < t->give_count && result == 0; i++) {
        const char *name = plain_name(t->gives[i].value->name);
        if (!t->gives[i].slot && !t->gives[i].why && !lookup_find(&gives, name))
            result = lookup_add(&gives, name, &t->gives[i], t->err);
    }
    for (int turn = 0; turn < 2 && result == 0; turn++)
        for (size_t i = 0; i < t->slot_count; i++) {
            struct slot *s = &t->slots[i];
            struct give *g = s->give || !s->is_weight ? NULL : find_end(&gives, s->value->name);
            if (g && turn == 0)
                g->hits++;
            else if (g && g->hits == 1)
                take_named(g, s);
        }
    lookup_release(&gives);
    return result;
}

/* ---- order ---- */

/* Numbers within names count as numbers. */
static int compare_natural(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0, k = 0;
    while (i < n && k < m) {
        if (isdigit((unsigned char)a[i]) && isdigit((unsigned char)b[k])) {
            unsigned long long x = 0, y = 0;
            for (; i < n && isdigit((unsigned char)a[i]); i++)
                x = 10 * x + (unsigned)(a[i] - '0');
            for (; k < m && isdigit((unsigned char)b[k]); k++)
                y = 10 * y + (unsigned)(b[k] - '0');
            if (x != y)
                return x < y ? -1 : 1;
        } else if (a[i] != b[k]) {
            return (unsigned char)a[i] < (unsigned char)b[k] ? -1 : 1;
        } else {
            i++;
            k++;
        }
    }
    return (i < n) - (k < m);
}

/* The length of what stands before the last part of a name. */
static size_t module_size(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) : 0;
}

/* Where a tensor stands among those of its module, as operators have them. */
static int role(const char *name)
{
    static const char *const roles[] = {"weight kernel gamma scale", "bias beta", "mean", "var"};
    const char *last = name + module_size(name) + (name[module_size(name)] == '.');
    for (int i = 3; i >= 0; i--)
        for (const char *word = roles[i]; *word; word += strcspn(word, " "), word += *word == ' ') {
            char text[16];
            snprintf(text, sizeof(text), "%.*s", (int)strcspn(word, " "), word);
            if (strstr(last, text))
                return i;
        }
    return 4;
}

static int compare_gives(const void *a, const void *b)
{
    const char *x = (*(struct give *const *)a)->value->name, *y = (*(struct give *const *)b)->value->name;
    int order = compare_natural(x, module_size(x), y, module_size(y));
    if (order == 0)
        order = role(x) - role(y);
    return order ? order : compare_natural(x, strlen(x), y, strlen(y));
}

/* Whether names stand in the order of the alphabet, type after type, as safetensors have them: then the order of the
 * file says nothing, and that of the modules' numbers may. */
static bool is_sorted(struct give *const *list, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (list[i]->value->constant->dtype == list[i - 1]->value->constant->dtype &&
            strcmp(list[i]->value->name, list[i - 1]->value->name) < 0)
            return false;
    return count > 1;
}

struct group {
    size_t gives, slots;
    struct slot *slot; /* the last */
};

/* The group of tensors of a shape; a matrix and its transpose have one. */
static struct group *group_of(struct taking *t, struct lookup *groups, const struct tensor *of)
{
    char text[200] = "";
    int n = 0;
    bool turned = of->rank == 2 && of->dims[0] > of->dims[1];
    for (int i = 0; i < of->rank; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%llx,", (long long)of->dims[turned ? 1 - i : i]);
    struct group *group = lookup_find(groups, text);
    if (group)
        return group;
    const char *name = arena_strdup(&t->arena, text, t->err);
    group = name ? arena_alloc(&t->arena, sizeof(*group), t->err) : NULL;
    return group && lookup_add(groups, name, group, t->err) == 0 ? group : NULL;
}

/* What is left, on both sides, as two sequences. */
struct left {
    struct give **gives;
    struct slot **slots;
    struct group **give_groups, **slot_groups;
    size_t give_count, slot_count;
};

static int list_left(struct taking *t, struct left *l, struct lookup *groups)
{
    l->gives = arena_alloc(&t->arena, (t->give_count + 1) * sizeof(*l->gives), t->err);
    l->slots = arena_alloc(&t->arena, (t->slot_count + 1) * sizeof(*l->slots), t->err);
    l->give_groups = arena_alloc(&t->arena, (t->give_count + 1) * sizeof(*l->give_groups), t->err);
    l->slot_groups = arena_alloc(&t->arena, (t->slot_count + 1) * sizeof(*l->slot_groups), t->err);
    if (!l->gives || !l->slots || !l->give_groups || !l->slot_groups)
        return -1;
    for (size_t i = 0; i < t->give_count; i++)
        if (!t->gives[i].slot && !t->gives[i].why && is_float(t->gives[i].value))
            l->gives[l->give_count++] = &t->gives[i];
    if (is_sorted(l->gives, l->give_count))
        qsort(l->gives, l->give_count, sizeof(*l->gives), compare_gives);
    for (size_t i = 0; i < t->slot_count; i++)
        if (!t->slots[i].give && t->slots[i].is_weight)
            l->slots[l->slot_count++] = &t->slots[i];
    for (size_t i = 0; i < l->give_count; i++)
        if ((l->give_groups[i] = group_of(t, groups, l->gives[i]->value->constant)))
            l->give_groups[i]->gives++;
        else
            return -1;
    for (size_t i = 0; i < l->slot_count; i++)
        if ((l->slot_groups[i] = group_of(t, groups, l->slots[i]->value->constant))) {
            l->slot_groups[i]->slots++;
            l->slot_groups[i]->slot = l->slots[i];
        } else {
            return -1;
        }
    return 0;
}

/* Leaves out what has a shape that the other side has not. */
static void drop_lone(struct left *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->give_count; i++) {
        if (!l->give_groups[i]->slots) {
            l->gives[i]->why = "no weight of the graph that is left has its name or its shape";
            continue;
        }
        l->gives[n] = l->gives[i];
        l->give_groups[n++] = l->give_groups[i];
    }
    l->give_count = n;
    n = 0;
    for (size_t i = 0; i < l->slot_count; i++)
        if (l->slot_groups[i]->gives) {
            l->slots[n] = l->slots[i];
            l->slot_groups[n++] = l->slot_groups[i];
        }
    l->slot_count = n;
}

/* Whether neighbours belong together on both sides or on none. */
static bool same_module(const struct left *l, size_t i)
{
    const char *a = l->gives[i]->value->name, *b = l->gives[i + 1]->value->name;
    size_t n = module_size(a);
    bool together = n && n == module_size(b) && strncmp(a, b, n) == 0;
    const struct node *x = l->slots[i]->user, *y = l->slots[i + 1]->user;
    bool one = x == y || node_is(y, "Add");
    return n == 0 || module_size(b) == 0 || together == one;
}

static bool is_aligned(const struct left *l)
{
    bool aligned = l->give_count == l->slot_count;
    for (size_t i = 0; i < l->give_count && aligned; i++)
        aligned = l->give_groups[i] == l->slot_groups[i] && (i + 1 == l->give_count || same_module(l, i));
    return aligned;
}

static void take_by_shape(struct give *g, struct slot *s)
{
    enum fit fit = fit_of(g->value->constant, s->value->constant);
    if (fit == FIT_NONE) {
        g->why = "it has another type";
        return;
    }
    take(g, s, fit);
    g->by_order = true;
}

static int match_order(struct taking *t)
{
    struct lookup groups = {0};
    struct left l = {0};
    int result = list_left(t, &l, &groups);
    if (result == 0)
        drop_lone(&l);
    bool aligned = result == 0 && is_aligned(&l);
    for (size_t i = 0; i < l.give_count && result == 0; i++) {
        const struct group *group = l.give_groups[i];
        if (aligned || (group->gives == 1 && group->slots == 1))
            take_by_shape(l.gives[i], aligned ? l.slots[i] : group->slot);
        else
            l.gives[i]->why = "others have its shape too, and not in the order in which the graph uses them: which is "
                              "which cannot be told";
    }
    lookup_release(&groups);
    return result;
}

/* ---- square matrices ---- */

/* Whether a matrix stands there as [in, out]. */
static bool is_turned_slot(const struct slot *s)
{
    return node_is(s->user, "MatMul") || (node_is(s->user, "Gemm") && op_int(s->user, "transB") == 0);
}

/* A square matrix that was not found by name is turned as all others are that stand in graphs alike. */
static void turn_squares(struct taking *t)
{
    size_t seen[2][2] = {{0}};
    for (size_t i = 0; i < t->give_count; i++) {
        const struct give *g = &t->gives[i];
        const struct tensor *of = g->value->constant;
        if (g->slot && of->rank == 2 && of->dims[0] != of->dims[1])
            seen[is_turned_slot(g->slot)][g->fit == FIT_TURNED]++;
    }
    for (size_t i = 0; i < t->give_count; i++) {
        struct give *g = &t->gives[i];
        const struct tensor *of = g->value->constant;
        if (!g->slot || !g->by_order || of->rank != 2 || of->dims[0] != of->dims[1] || node_is(g->slot->user, "Gather"))
            continue;
        const size_t *of_kind = seen[is_turned_slot(g->slot)];
        g->fit = of_kind[1] ? FIT_TURNED : FIT_SAME;
        if ((of_kind[0] == 0) != (of_kind[1] == 0))
            continue;
        g->why = "it is square: whether it is to be transposed cannot be told";
        g->slot->give = NULL;
        g->slot = NULL;
    }
}

/* ---- the end ---- */

static struct tensor *become(const struct give *g, struct error *err)
{
    static const int64_t turned[] = {1, 0}, filter[] = {3, 2, 0, 1};
    const struct tensor *from = g->value->constant, *to = g->slot->value->constant;
    struct tensor *t = g->fit == FIT_TURNED   ? op_permuted(from, turned, err)
                       : g->fit == FIT_FILTER ? op_permuted(from, filter, err)
                                              : tensor_reshaped(from, to->rank, to->dims, err);
    struct tensor *cast = t ? tensor_cast(t, to->dtype, true, err) : NULL;
    tensor_unref(t);
    return cast;
}

static int list_misfits(struct taking *t, struct pair_misfit **list, size_t *count)
{
    size_t n = 0;
    *list = mem_calloc(t->give_count + t->slot_count + 1, sizeof(**list), t->err);
    if (!*list)
        return -1;
    for (size_t i = 0; i < t->give_count; i++) {
        const struct give *g = &t->gives[i];
        if (!g->slot && (g->why || is_float(g->value))) /* whole numbers of no name are counters of a training */
            (*list)[n++] = (struct pair_misfit){g->value, true, g->why ? g->why : "it has no place in the graph"};
    }
    for (size_t i = 0; i < t->slot_count; i++)
        if (t->slots[i].is_weight && !t->slots[i].give)
            (*list)[n++] = (struct pair_misfit){t->slots[i].value, false, "nothing is given for it"};
    *count = n;
    return 0;
}

static int apply(struct taking *t)
{
    for (size_t i = 0; i < t->give_count; i++) {
        struct give *g = &t->gives[i];
        struct tensor *made = g->slot ? become(g, t->err) : NULL;
        if (g->slot && (!made || graph_make_constant(g->slot->value, made, t->err) != 0))
            return -1;
    }
    return 0;
}

int pair_take_weights(struct graph *g, const struct graph *from, struct pair_misfit **list, size_t *count,
                      struct error *err)
{
    struct taking t = {.err = err};
    int result = list_slots(&t, g) != 0 || list_gives(&t, from) != 0 || match_names(&t) != 0 || match_ends(&t) != 0 ||
                         match_order(&t) != 0
                     ? -1
                     : 0;
    if (result == 0)
        turn_squares(&t);
    *list = NULL;
    if (result == 0)
        result = list_misfits(&t, list, count);
    if (result == 0 && *count == 0)
        result = apply(&t);
    free(t.slots);
    free(t.gives);
    arena_release(&t.arena);
    if (result != 0) {
        free(*list);
        *list = NULL;
    }
    return result;
}
