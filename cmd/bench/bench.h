/* What the parts of nnbench share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "../common/inputs.h"
#include "model.h"

struct request {
    const char *from;
    struct model_session_options session;
    struct inputs inputs;
    long runs; /* 0: until the estimate is steady */
    bool layers;
    const char *score; /* a list of examples; or NULL */
};

/* A model with inputs, ready to be run again and again. */
struct bench {
    const char *path;
    struct model *m; /* all its sizes bound */
    struct model_session *s;
    struct model_tensor **in, **out;
    size_t input_count, output_count;
    double load; /* seconds from opening the file to the end of the first run, less a usual run */
};

/* inputs.c: binds open shapes and fills b->in, from files or random; 0, or 1 with a message. */
int prepare_inputs(struct bench *b, const struct request *r);

/* timing.c: seconds of runs, sorted. */
struct times {
    double *seconds;
    size_t count, cap;
};

/* One run; its seconds, or -1 with a message. */
double time_run(struct bench *b);
/* Warms up, then runs until the median is steady, or as often as asked; 0, or 1 with a message. */
int measure(struct bench *b, const struct request *r, struct times *t);
/* The value that a share of the runs (0 to 1) is at most. */
double quantile(const struct times *t, double share);

/* layers.c: a profile; 0, or 1 with a message. */
int print_layers(struct bench *b, const struct request *r);

#endif
