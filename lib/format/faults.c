/* The list of what a format cannot carry. */
#include "format/faults.h"

#include <stdarg.h>
#include <stdio.h>

#define MOST_NAMED 12

void faults_add(struct faults *f, const struct node *n, const char *why, ...)
{
    char reason[200], label[200];
    va_list args;
    if (f->count++ >= MOST_NAMED)
        return;
    va_start(args, why);
    vsnprintf(reason, sizeof(reason), why, args);
    va_end(args);
    text_printf(&f->text, "%s%s (%s%s%s): %s", f->text.size ? "; " : "", node_label(n, label, sizeof(label)), n->domain,
                n->domain[0] ? "." : "", n->op, reason);
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
}
