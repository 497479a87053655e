/* The operator table and finding rows in it. */
#include "op/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"

#define none                                                                                     NULL
#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...) {infer, eval, expand},
static const struct {
    int (*infer)(struct op_infer *c, struct error *err);
    int (*eval)(struct op_eval *c, struct error *err);
    int (*expand)(struct node *n, struct error *err);
} functions[] = {
#include "op/op.def"
};
#undef OP
#undef none

#include "op/table.inc"
PACKED_TABLE(table, struct op, 8, functions);

/* The lengths of the names: few rows are left to compare then, and they can stay in the families' order. */
#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...) sizeof(name) - 1,
static const uint8_t lengths[] = {
#include "op/op.def"
};
#undef OP

const struct op *op_table(size_t *count)
{
    *count = table.count;
    return packed_row(&table, 0);
}

const struct op *op_find(const char *domain, const char *name)
{
    size_t length = strlen(name), count;
    const struct op *rows = op_table(&count);
    for (size_t i = 0; i < count; i++)
        if (lengths[i] == length && memcmp(rows[i].name, name, length) == 0 && strcmp(rows[i].domain, domain) == 0)
            return &rows[i];
    return NULL;
}

bool op_trait(const struct node *n, const char *word)
{
    return n->def && text_has_word(n->def->traits, word);
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

/* ---- unknown operators ---- */

#define MOST_LISTED 64

struct unknown {
    const struct node *first;
    size_t count;
};

struct listing {
    struct unknown at[MOST_LISTED];
    size_t count, more; /* more: nodes of operators beyond those */
};

static void list_unknown(struct node *n, void *arg)
{
    struct listing *l = arg;
    size_t i = 0;
    if (op_find(n->domain, n->op))
        return;
    while (i < l->count && (strcmp(l->at[i].first->op, n->op) != 0 || strcmp(l->at[i].first->domain, n->domain) != 0))
        i++;
    if (i == MOST_LISTED) {
        l->more++;
        return;
    }
    if (i == l->count)
        l->at[l->count++] = (struct unknown){n, 0};
    l->at[i].count++;
}

static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

int op_list_unknown(const struct graph *g, char *text, size_t size)
{
    struct listing l = {.count = 0};
    char label[200];
    if (size == 0)
        return 0;
    text[0] = '\0';
    each_node(g, 0, list_unknown, &l);
    for (size_t i = 0; i < l.count; i++) {
        const struct node *n = l.at[i].first;
        append(text, size, "%s%s%s%s (%zu: %s%s)", i ? ", " : "", n->domain, n->domain[0] ? "." : "", n->op,
               l.at[i].count, node_label(n, label, sizeof(label)), l.at[i].count > 1 ? ", ..." : "");
    }
    if (l.more)
        append(text, size, " and %zu nodes of others", l.more);
    return (int)l.count;
}
