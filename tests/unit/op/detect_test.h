/* The node under test and its attributes; numbers named Caffe or Darknet came from OpenCV 4.11, those named ncnn from
 * ncnn 1.0.20261020. */
#ifndef TESTS_UNIT_OP_DETECT_TEST_H
#define TESTS_UNIT_OP_DETECT_TEST_H

#include "expansion.h"

static struct one o;

ONE_UNUSED static void ints(const char *name, int n, const int64_t *values)
{
    node_set_ints(o.n, name, values, (size_t)n, &o.err);
}

ONE_UNUSED static void floats(const char *name, int n, const float *values)
{
    node_set_floats(o.n, name, values, (size_t)n, &o.err);
}

ONE_UNUSED static void word(const char *name, const char *text)
{
    node_set_string(o.n, name, text, strlen(text), &o.err);
}

#define FLOATS(...)                                                                                                    \
    (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (const float[])                                             \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

ONE_UNUSED static uint32_t seed;

/* In [0, 1), of few different values, so that there are ties. */
ONE_UNUSED static double chance(void)
{
    seed = seed * 1664525 + 1013904223;
    return (double)(seed >> 24) / 256;
}

ONE_UNUSED static struct tensor *random_tensor(int rank, const int64_t *dims, double low, double high)
{
    struct tensor *t = one_tensor(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, low + (high - low) * chance());
    return t;
}

#endif
