/* What the parts of nninspect share. */
#ifndef INSPECT_INSPECT_H
#define INSPECT_INSPECT_H

#include "../common/inputs.h"
#include "model.h"

/* diff.c: prints what differs between a model and another; 0 when nothing does, else 1. */
int print_difference(const struct inputs *in, const struct model *m, const char *path, const char *other,
                     const char *format);

/* objects.c: a line of the summary for an input or output. */
void print_port(const char *what, const struct model_port *port);
/* Prints a JSON object for each property, value and node; 0, or 1 with a message. */
int print_objects(const struct model *m, const char *path);

#endif
