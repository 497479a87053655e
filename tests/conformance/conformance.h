/* Running ONNX's backend suite: shared by the files of this folder. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stdbool.h>

#include "graph/graph.h"
#include "graph/item.h"

/* The suite's own tolerances: |got - want| <= ABSOLUTE + RELATIVE * |want|. */
#define ABSOLUTE_TOLERANCE 1e-7
#define RELATIVE_TOLERANCE 1e-3

enum outcome { PASSED, FAILED, UNSUPPORTED };

/* One case of the suite: a model and its sets of inputs and outputs. */
struct test_case {
    const char *group, *name; /* "node", "test_add" */
    char *model;              /* its file */
    char *folder;             /* of the test_data_set_*; NULL: of the group "light", whose input is a rule */
};

struct result {
    enum outcome outcome;
    double seconds;  /* of the slowest path */
    char op[80];     /* that the case is about */
    char text[1024]; /* why it failed */
};

/* How a case is run: by the executor, the graph as read or after the optimizer, or by plain evaluation. */
#define PATHS 3
extern const char *const path_names[PATHS];

/* Runs a case by those of the paths that are wanted; all must give what the suite wants. (case.c) */
void case_run(const struct test_case *c, const bool *paths, struct result *r);

/* Reads a TensorProto, SequenceProto or OptionalProto, as the type says. NULL with a message. (proto.c) */
struct item *proto_read(const char *path, const struct type *type, struct error *err);
/* The operator of a model file that the case is about: its last node's. (proto.c) */
void proto_operator(const char *path, char *op, size_t size);

/* 0 when the value is what the suite wants; -1 with a message. Either may be NULL: an optional's "none". (compare.c) */
int compare_items(const struct item *got, const struct item *want, struct error *err);

#endif
