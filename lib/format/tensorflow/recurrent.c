/* Loops that are what ONNX has an operator for: the LSTM of Keras, found by what its body computes. */
#include <ctype.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

#define LETTERS 26

/* Tensors of the body that letters stand for. */
struct match {
    struct tensorflow_loop *l;
    const char *bound[LETTERS];
};

/* Behind a pattern. */
static const char *behind(const char *p)
{
    int depth = 0;
    do {
        depth += (*p == '(') - (*p == ')');
        p++;
    } while (*p && (depth > 0 || (*p != ',' && *p != ')')));
    return p;
}

static bool is_op(const char *op, const char *p, size_t n)
{
    if (n == 3 && strncmp(p, "Add", 3) == 0)
        return strcmp(op, "Add") == 0 || strcmp(op, "AddV2") == 0 || strcmp(op, "BiasAdd") == 0;
    return strlen(op) == n && strncmp(op, p, n) == 0;
}

/* Whether a tensor is what the pattern says: "Mul(Sigmoid(Split:3(_,z)),Tanh(c))", where a letter is the same tensor
 * each time, and the operands of Add and Mul stand in any order. */
static bool matches(struct match *m, const char *name, const char *p)
{
    int output;
    name = tensorflow_through(m->l->look, name);
    if (*p == '_')
        return true;
    if (islower((unsigned char)*p)) {
        const char **bound = &m->bound[*p - 'a'];
        *bound = *bound ? *bound : name;
        return strcmp(*bound, name) == 0;
    }
    size_t n = strcspn(p, ":(");
    const struct tensorflow_node *node =
        lookup_find(&m->l->look->args, name) ? NULL : tensorflow_scope_find(m->l->look, name, &output);
    if (!node || !is_op(node->op, p, n) || output != (p[n] == ':' ? p[n + 1] - '0' : 0))
        return false;
    const char *first = strchr(p, '(') + 1;
    struct match before = *m;
    bool swaps = strncmp(p, "Add", 3) == 0 || strncmp(p, "Mul", 3) == 0;
    for (int turn = 0; turn < 1 + swaps; turn++) {
        const char *at = first;
        bool fits = true;
        for (size_t i = 0; fits && at[-1] != ')'; i++, at = behind(at) + 1)
            fits = matches(m, tensorflow_input(node->message, turn ? 1 - i : i), at);
        if (fits)
            return true;
        *m = before;
    }
    return false;
}

/* The variable that the letter is; -1. */
static int variable(const struct match *m, char letter)
{
    const char *name = m->bound[letter - 'a'];
    for (int k = 0; k < m->l->count && name; k++)
        if (strcmp(m->l->arg[k], name) == 0)
            return k;
    return -1;
}

/* What the letter is in all rounds: a variable that stays, or what a frame takes in. NULL: it changes. */
static struct value *kept(const struct match *m, char letter)
{
    int output, k = variable(m, letter);
    struct tensorflow_loop *l = m->l;
    if (k >= 0)
        return tensorflow_fate(l, k) == TENSORFLOW_KEPT ? l->in[k] : NULL;
    const struct tensorflow_node *n = tensorflow_scope_find(l->look, m->bound[letter - 'a'], &output);
    return n && strcmp(n->op, "Enter") == 0 ? tensorflow_scope_value(l->look, tensorflow_input(n->message, 0)) : NULL;
}

/* Whether variables h and c are the state of an LSTM. */
static bool is_lstm(struct match *m, int h, int c)
{
    struct tensorflow_loop *l = m->l;
    *m = (struct match){.l = l};
    return matches(m, l->becomes[h], "Mul(Sigmoid(Split:3(_,z)),Tanh(c))") && matches(m, l->becomes[c], "c") &&
           matches(m, l->becomes[c],
                   "Add(Mul(Sigmoid(Split:1(_,z)),p),Mul(Sigmoid(Split:0(_,z)),Tanh(Split:2(_,z))))") &&
           matches(m, m->bound['z' - 'a'], "Add(Add(MatMul(x,w),MatMul(q,r)),b)") &&
           (matches(m, m->bound['x' - 'a'], "TensorListGetItem(l,t,_)") ||
            matches(m, m->bound['x' - 'a'], "TensorArrayReadV3(_,t,l)")) &&
           variable(m, 'q') == h && variable(m, 'p') == c && kept(m, 'w') && kept(m, 'r') && kept(m, 'b') &&
           kept(m, 'l') && variable(m, 't') >= 0 && tensorflow_is_counter(l, variable(m, 't'));
}

/* Whether all others stay, count, or are lists of h. */
static bool are_others_plain(const struct match *m, int h, int c)
{
    struct tensorflow_loop *l = m->l;
    for (int k = 0; k < l->count; k++) {
        enum tensorflow_fate fate = k == h || k == c ? TENSORFLOW_KEPT : tensorflow_fate(l, k);
        if (l->o->b->failed || (fate == TENSORFLOW_CARRIED && !tensorflow_is_counter(l, k)))
            return false;
        if (fate >= TENSORFLOW_WRITTEN && strcmp(tensorflow_through(l->look, tensorflow_written(l, k)),
                                                 tensorflow_through(l->look, l->becomes[h])) != 0)
            return false;
    }
    return true;
}

/* Gates of the last axis, in Keras' order, as rows in ONNX's: [1, 4 * units, …]. */
static struct value *gates(struct build *b, struct value *v, bool is_matrix, int64_t units)
{
    static const int order[] = {0, 3, 1, 2};
    struct value *parts[4];
    v = is_matrix ? build_transpose(b, v, 2, (int64_t[]){1, 0}) : v;
    for (int i = 0; i < 4; i++)
        parts[i] = build_slice(b, v, 0, order[i] * units, (order[i] + 1) * units);
    return build_unsqueeze(b, build_int(b, build_node(b, "Concat", 4, parts), "axis", 0), 0);
}

static void build_lstm(const struct match *m, int h, int c, int64_t units, struct value **out)
{
    struct tensorflow_loop *l = m->l;
    struct build *b = l->o->b;
    struct value *bias = gates(b, kept(m, 'b'), false, units);
    bias = build_int(b, BUILD(b, "Concat", bias, BUILD(b, "Sub", bias, bias)), "axis", 1);
    struct value *v =
        BUILD(b, "LSTM", kept(m, 'l'), gates(b, kept(m, 'w'), true, units), gates(b, kept(m, 'r'), true, units), bias,
              NULL, build_unsqueeze(b, l->in[h], 0), build_unsqueeze(b, l->in[c], 0));
    build_int(b, v, "hidden_size", units);
    struct value *last = b->failed ? NULL : build_output(b, v, 1), *cell = b->failed ? NULL : build_output(b, v, 2);
    struct value *all = BUILD(b, "Squeeze", v, BUILD_LIST(b, 1));
    for (int k = 0; k < l->count && !b->failed; k++) {
        enum tensorflow_fate fate = k == h || k == c ? TENSORFLOW_CARRIED : tensorflow_fate(l, k);
        out[k] = fate == TENSORFLOW_KEPT ? l->in[k] : fate == TENSORFLOW_WRITTEN ? all : last;
        if (k == h || k == c)
            out[k] = BUILD(b, "Squeeze", k == h ? last : cell, BUILD_LIST(b, 0));
        else if (fate == TENSORFLOW_CARRIED)
            out[k] = NULL; /* a counter: at its end nobody asks for it */
    }
}

bool tensorflow_build_recurrent(struct tensorflow_loop *l, struct value **out)
{
    struct match m = {.l = l};
    for (int h = 0; h < l->count; h++)
        for (int c = 0; c < l->count; c++) {
            if (h == c || !is_lstm(&m, h, c) || !are_others_plain(&m, h, c))
                continue;
            const struct type *r = build_type(l->o->b, kept(&m, 'r'));
            if (r && r->rank == 2 && r->dims[0] > 0 && r->dims[1] % 4 == 0 && r->dims[1] / 4 == r->dims[0]) {
                build_lstm(&m, h, c, r->dims[0], out);
                return true;
            }
        }
    return false;
}
