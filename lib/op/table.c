/* The operator table and finding rows in it. */
#include "op/rows.h"

#include <stdio.h>
#include <string.h>

#define none NULL
#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...)                       \
    {domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, "" __VA_ARGS__},
static const struct op table[] = {
#include "op/op.def"
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
#undef OP

/* The lengths of the names, in a row of their own: few rows are left to compare then, and the rows can stay in the
 * families' order. */
#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...) sizeof(name) - 1,
static const uint8_t lengths[] = {
#include "op/op.def"
    0,
};
#undef OP
#undef none

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]) - 1)

const struct op *op_find(const char *domain, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (lengths[i] == length && memcmp(table[i].name, name, length) == 0 && strcmp(table[i].domain, domain) == 0)
            return &table[i];
    return NULL;
}

bool op_trait(const struct node *n, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = n->def ? n->def->traits : ""; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0)
            return true;
        at += length;
    }
    return false;
}

const struct op *op_table(size_t *count)
{
    *count = TABLE_COUNT;
    return table;
}

#define RESOLVE_MAX_DEPTH 64

/* Calls visit() for every node, those of subgraphs behind their owner. */
static void each_node(const struct graph *g, int depth, void (*visit)(struct node *n, void *arg), void *arg)
{
    if (depth > RESOLVE_MAX_DEPTH)
        return;
    for (struct node *n = g->first; n; n = n->next) {
        visit(n, arg);
        for (const struct attr *a = n->attrs; a; a = a->next)
            if (a->kind == ATTR_GRAPH)
                each_node(a->graph, depth + 1, visit, arg);
    }
}

static void resolve(struct node *n, void *arg)
{
    (void)arg;
    n->def = op_find(n->domain, n->op);
}

void op_resolve(struct graph *g)
{
    each_node(g, 0, resolve, NULL);
}

struct listing {
    char *text;
    size_t size, used;
    int count;
};

/* Whether `name` stands in the comma-separated list already. */
static bool listed(const struct listing *l, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = l->text; l->used && (at = strstr(at, name)) != NULL; at += n)
        if ((at == l->text || at[-1] == ' ') && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

static void list_unknown(struct node *n, void *arg)
{
    struct listing *l = arg;
    char name[256];
    if (op_find(n->domain, n->op))
        return;
    snprintf(name, sizeof(name), "%s%s%s", n->domain, n->domain[0] ? "." : "", n->op);
    if (listed(l, name))
        return;
    l->count++;
    size_t want = strlen(name) + (l->used ? 2 : 0);
    if (want >= l->size - l->used)
        return;
    l->used += (size_t)snprintf(l->text + l->used, l->size - l->used, "%s%s", l->used ? ", " : "", name);
}

int op_list_unknown(const struct graph *g, char *text, size_t size)
{
    struct listing l = {text, size, 0, 0};
    if (size == 0)
        return 0;
    text[0] = '\0';
    each_node(g, 0, list_unknown, &l);
    return l.count;
}
