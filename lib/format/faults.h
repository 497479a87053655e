/* What a format cannot carry, listed while a graph is written, so that all of it is told at once. */
#ifndef FORMAT_FAULTS_H
#define FORMAT_FAULTS_H

#include "base/text.h"
#include "graph/graph.h"

/* Starts as {0}; to be released. */
struct faults {
    struct text text; /* of the first ones */
    int count;
};

/* Node n, and why. */
void faults_add(struct faults *f, const struct node *n, const char *why, ...) BASE_PRINTF(3, 4);
/* 0 when there are none; else -1 with "MNN cannot carry 2 of its nodes: conv1 (Conv): …; …". */
int faults_report(const struct faults *f, const char *format, struct error *err);
void faults_release(struct faults *f);

#endif
