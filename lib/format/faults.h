/* What a format cannot carry, listed while a graph is written, so that all of it is told at once. */
#ifndef FORMAT_FAULTS_H
#define FORMAT_FAULTS_H

#include "base/lookup.h"
#include "base/text.h"
#include "graph/graph.h"

/* Starts as {.from = the graph that is written, before it is changed}; the names are to be released. */
struct faults_origins {
    const struct graph *from;
    struct lookup names; /* of its nodes */
    bool are_listed;
};

/* Starts with .origins.from; to be released. */
struct faults {
    struct text text; /* of the first ones */
    int count;
    struct faults_origins origins;
    const struct node *last; /* of the graph before: of all that it was lowered to one fault is told */
};

/* The node of the graph before that n is, or was lowered from; n itself where none is named so. */
const struct node *faults_origin(struct faults_origins *o, const struct node *n);
/* The operator as it was, and what it was lowered to where that is at fault: "Softsign as Div". */
const char *faults_operator(const struct node *origin, const struct node *n, char *text, size_t size);
/* Node n, and why. */
void faults_add(struct faults *f, const struct node *n, const char *why, ...) BASE_PRINTF(3, 4);
/* 0 when there are none; else -1 with "MNN cannot carry 2 of its nodes: conv1 (Conv): …; …". */
int faults_report(const struct faults *f, const char *format, struct error *err);
void faults_release(struct faults *f);

#endif
