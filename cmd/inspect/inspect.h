/* What the parts of nninspect share. */
#ifndef INSPECT_INSPECT_H
#define INSPECT_INSPECT_H

#include "model.h"

/* diff.c: prints what differs between a model and another; 0 when nothing does, else 1. */
int print_difference(const struct model *m, const char *path, const char *other, const char *format);

#endif
