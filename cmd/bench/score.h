/* How often a classifier is right. */
#ifndef BENCH_SCORE_H
#define BENCH_SCORE_H

#include "bench.h"

/* A photo, or an array, and what is on it. */
struct example {
    char *path;
    const char *label; /* a label's number, or its name */
};

/* Reads lines "path label", separated by a tab, or by the first blank; "path number more" is one, too. A path that is
 * not there is looked for beside the list. The array and its texts stay for the process. NULL with a message. */
struct example *examples_read(const char *list, size_t *count);

/* Runs the model on all examples and prints a line: name, how many, how many are right, and among the best five, both
 * as shares, and ms an example. 0, or 1 with a message. */
int score_model(const char *path, const struct request *r, const struct example *examples, size_t count);

#endif
