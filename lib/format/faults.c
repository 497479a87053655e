/* The list of what a format cannot carry. */
#include "format/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_NAMED 12

/* The first node of each name; of those there is no memory for nothing is known. */
static void list_names(struct faults_origins *o)
{
    struct error ignored;
    for (const struct graph *g = o->from; g; g = graph_next(o->from, g))
        for (struct node *m = g->first; m; m = m->next)
            if (m->name[0])
                lookup_add(&o->names, m->name, m, &ignored);
    o->are_listed = true;
}

/* What is made of a node is named after it, with "/" behind. */
const struct node *faults_origin(struct faults_origins *o, const struct node *n)
{
    char name[512];
    if (!o->are_listed)
        list_names(o);
    snprintf(name, sizeof(name), "%s", n->name);
    const struct node *m = lookup_find(&o->names, name);
    for (char *slash; !m && (slash = strrchr(name, '/')) != NULL;) {
        *slash = '\0';
        m = lookup_find(&o->names, name);
    }
    return m ? m : n;
}

const char *faults_operator(const struct node *origin, const struct node *n, char *text, size_t size)
{
    bool differs = strcmp(origin->op, n->op) != 0;
    snprintf(text, size, "%s%s%s%s%s", origin->domain, origin->domain[0] ? "." : "", origin->op, differs ? " as " : "",
             differs ? n->op : "");
    return text;
}

void faults_add(struct faults *f, const struct node *n, const char *why, ...)
{
    char reason[200], label[200], operator[200];
    const struct node *origin = faults_origin(&f->origins, n);
    va_list args;
    bool is_told = f->last == origin && origin != n;
    f->last = origin;
    if (is_told || f->count++ >= MOST_NAMED)
        return;
    va_start(args, why);
    vsnprintf(reason, sizeof(reason), why, args);
    va_end(args);
    text_printf(&f->text, "%s%s (%s): %s", f->text.size ? "; " : "", node_label(origin, label, sizeof(label)),
                faults_operator(origin, n, operator, sizeof(operator)), reason);
}

int faults_report(const struct faults *f, const char *format, struct error *err)
{
    if (f->count == 0)
        return f->text.failed ? error_memory(err) : 0;
    return error_set(err, "%s cannot carry %d of its nodes: %s%s", format, f->count, f->text.data ? f->text.data : "",
                     f->count > MOST_NAMED ? "; …" : "");
}

void faults_release(struct faults *f)
{
    text_release(&f->text);
    lookup_release(&f->origins.names);
}
