/* Convolutions of whole numbers, of all kinds of shapes. */
#ifndef TESTS_QUANT_CONV_H
#define TESTS_QUANT_CONV_H

#include "quant_test.h"

static struct value *scales(int64_t n)
{
    struct tensor *t = tensor_new(DTYPE_F32, 1, &n, &error);
    for (int64_t i = 0; i < n; i++)
        tensor_set_f64(t, i, 0.001 + 0.0005 * (double)(hash_random(&seed) % 8));
    return graph_add_constant(graph, NULL, t, &error);
}

struct conv_case {
    int64_t n, c, h, w, out, kh, kw, group, stride, dilation, pads[4];
};

static const char *conv_domain = "nn", *conv_op = "QConv";
static bool real_bias;
static double result_scale = 0.05;
static int weight_zero = 128;  /* of u8; with others weights take several runs of s8 */
static const int *weight_only; /* all weights are this one */

static struct node *conv_node(const struct conv_case *t, struct value *x, enum dtype w, int x_zero, int y_zero)
{
    bool is_signed = w != DTYPE_U8;
    int most = w == DTYPE_U8 ? 255 : w == DTYPE_I8 ? 127 : INT16_MAX;
    enum dtype type = x->type.dtype ? x->type.dtype : DTYPE_U8; /* of a node's result: not known yet */
    bool transposed = strstr(conv_op, "Transpose") != NULL;
    struct value *weights =
        bytes(w, DIMS(transposed ? t->c : t->out, (transposed ? t->out : t->c) / t->group, t->kh, t->kw),
              weight_only ? *weight_only
              : is_signed ? -most - 1
                          : 0,
              weight_only ? *weight_only : most);
    struct value *in[] = {x,
                          scalar(DTYPE_F32, 0.02),
                          scalar(type, x_zero),
                          weights,
                          scales(t->out),
                          is_signed ? bytes(w, DIMS(t->out), 0, 0) : scalar(w, weight_zero),
                          scalar(DTYPE_F32, result_scale),
                          scalar(type, y_zero),
                          real_bias ? scales(t->out) : bytes(DTYPE_I32, DIMS(t->out), -3000, 3000),
                          &none};
    struct node *n = node(conv_domain, conv_op, in);
    node_set_ints(n, "strides", INTS(t->stride, t->stride), &error);
    node_set_ints(n, "dilations", INTS(t->dilation, t->dilation), &error);
    node_set_ints(n, "pads", t->pads, 4, &error);
    node_set_int(n, "group", t->group, &error);
    return n;
}

static const struct conv_case cases[] = {
    {1, 3, 8, 9, 5, 3, 3, 1, 2, 1, {1, 1, 1, 1}},      {2, 16, 7, 9, 33, 1, 1, 1, 1, 1, {0}},
    {1, 17, 6, 5, 40, 3, 3, 1, 1, 1, {1, 0, 2, 1}},    {1, 8, 9, 9, 17, 3, 3, 1, 1, 2, {2, 2, 2, 2}},
    {1, 12, 8, 8, 12, 3, 3, 12, 1, 1, {1, 1, 1, 1}},   {2, 19, 9, 7, 19, 5, 5, 19, 2, 1, {2, 2, 2, 2}},
    {1, 48, 13, 13, 48, 3, 3, 48, 1, 1, {1, 1, 1, 1}}, {1, 8, 6, 32, 8, 5, 5, 8, 1, 1, {2, 2, 2, 2}},
    {1, 16, 6, 6, 32, 3, 3, 4, 1, 1, {1, 1, 1, 1}},    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, {0}},
    {1, 3, 14, 15, 24, 7, 7, 1, 2, 1, {3, 3, 3, 3}},   {1, 64, 16, 19, 61, 3, 3, 1, 1, 1, {1, 1, 1, 1}},
    {2, 104, 12, 20, 80, 3, 3, 1, 1, 1, {0, 2, 1, 0}}, {2, 19, 9, 7, 57, 5, 5, 19, 2, 1, {2, 2, 2, 2}},
    {1, 24, 9, 10, 48, 7, 7, 24, 2, 1, {3, 2, 1, 3}},  {1, 12, 8, 8, 60, 3, 3, 12, 1, 1, {1, 1, 1, 1}},
    {2, 1, 9, 12, 19, 3, 3, 1, 1, 1, {1, 1, 1, 1}},    {1, 6, 7, 9, 24, 3, 3, 3, 1, 1, {1, 1, 1, 1}}};

/* With channels that are there up to four times. */
static bool is_depthwise(const struct conv_case *t)
{
    return t->group == t->c && (t->out == t->c || (t->c > 1 && t->out <= 4 * t->c));
}

#endif
