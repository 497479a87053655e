/* Loops that are what ONNX has an operator for: the LSTM and GRU of Keras, found by what their bodies compute. */
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

/* Whether x is the element of a list that is the same in all rounds, one after the other. */
static bool is_step(struct match *m)
{
    return (matches(m, m->bound['x' - 'a'], "TensorListGetItem(l,t,_)") ||
            matches(m, m->bound['x' - 'a'], "TensorArrayReadV3(_,t,l)")) &&
           kept(m, 'l') && variable(m, 't') >= 0 && tensorflow_is_counter(m->l, variable(m, 't'));
}

/* Whether variables h and c are the state of an LSTM. */
static bool is_lstm(struct match *m, int h, int c)
{
    struct tensorflow_loop *l = m->l;
    *m = (struct match){.l = l};
    return matches(m, l->becomes[h], "Mul(Sigmoid(Split:3(_,z)),Tanh(c))") && matches(m, l->becomes[c], "c") &&
           matches(m, l->becomes[c],
                   "Add(Mul(Sigmoid(Split:1(_,z)),p),Mul(Sigmoid(Split:0(_,z)),Tanh(Split:2(_,z))))") &&
           (matches(m, m->bound['z' - 'a'], "Add(Add(MatMul(x,w),MatMul(q,r)),b)") ||
            matches(m, m->bound['z' - 'a'], "Add(MatMul(x,w),MatMul(q,r))")) &&
           is_step(m) && variable(m, 'q') == h && variable(m, 'p') == c && kept(m, 'w') && kept(m, 'r') &&
           (!m->bound['b' - 'a'] || kept(m, 'b'));
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

/* ---- GRU, as Keras has it: the state is turned before it is reset ---- */

/* Whether the letter is part k of n's last axis, which Split or a slice takes. */
static bool is_part(struct match *m, char letter, int64_t k, int64_t units)
{
    char split[] = "Split:?(_,n)";
    int output;
    split[6] = (char)('0' + k);
    if (matches(m, m->bound[letter - 'a'], split))
        return true;
    m->bound['f' - 'a'] = NULL;
    if (!matches(m, m->bound[letter - 'a'], "StridedSlice(n,f,_,_)"))
        return false;
    const struct tensorflow_node *n = tensorflow_scope_find(m->l->look, m->bound['f' - 'a'], &output);
    struct tensor *t =
        tensorflow_is_op(n ? n->message : NULL, "Const")
            ? tensorflow_tensor(m->l->look->r, protobuf_message(tensorflow_attr(n->message, "value"), "tensor"))
            : NULL;
    bool fits = t && t->count > 0 && t->dtype != DTYPE_STRING && tensor_get_i64(t, t->count - 1) == k * units;
    tensor_unref(t);
    return fits;
}

/* What is added to both products: two rows of one matrix, which the body takes apart, or two vectors. */
static bool is_biased(struct match *m)
{
    struct match before = *m;
    const char *x = m->bound['m' - 'a'], *h = m->bound['n' - 'a'];
    if (matches(m, x, "Add(MatMul(x,w),Squeeze(Split(_,b)))") &&
        matches(m, h, "Add(MatMul(q,r),Squeeze(Split:1(_,b)))"))
        return kept(m, 'b');
    *m = before;
    if (matches(m, x, "Add(MatMul(x,w),b)") && matches(m, h, "Add(MatMul(q,r),c)"))
        return kept(m, 'b') && kept(m, 'c');
    *m = before;
    return matches(m, x, "MatMul(x,w)") && matches(m, h, "MatMul(q,r)");
}

/* The columns of the matrix that the state is multiplied with, a number of units for each gate. */
static int64_t units_of(const struct match *m, int gates)
{
    const struct type *r = build_type(m->l->o->b, kept(m, 'r'));
    return r && r->rank == 2 && r->dims[0] > 0 && r->dims[0] < INT32_MAX && r->dims[1] / gates == r->dims[0] &&
                   r->dims[1] % gates == 0
               ? r->dims[0]
               : 0;
}

static bool is_gru(struct match *m, int h)
{
    struct tensorflow_loop *l = m->l;
    *m = (struct match){.l = l};
    if (!matches(m, l->becomes[h],
                 "Add(Mul(z,q),Mul(Sub(u,z),Tanh(Add(Split:2(_,m),Mul(Sigmoid(Add(Split:1(_,m),j)),k)))))") ||
        !matches(m, m->bound['z' - 'a'], "Sigmoid(Add(Split(_,m),i))") ||
        !tensorflow_is_number(l, m->bound['u' - 'a'], 1) || variable(m, 'q') != h)
        return false;
    if (!matches(m, m->bound['k' - 'a'], "Split:2(_,n)") && !matches(m, m->bound['k' - 'a'], "StridedSlice(n,_,_,_)"))
        return false;
    if (!is_biased(m) || !is_step(m) || !kept(m, 'w') || !kept(m, 'r'))
        return false;
    int64_t units = units_of(m, 3);
    return units && is_part(m, 'i', 0, units) && is_part(m, 'j', 1, units) && is_part(m, 'k', 2, units);
}

/* ---- as nodes ---- */

/* Gates of the last axis, in Keras' order, as rows in ONNX's: [1, count * units, …]. */
static struct value *gates(struct build *b, struct value *v, bool is_matrix, int64_t units, int count)
{
    static const int lstm[] = {0, 3, 1, 2};
    struct value *parts[4];
    v = is_matrix ? build_transpose(b, v, 2, (int64_t[]){1, 0}) : v;
    for (int i = 0; i < count; i++) {
        int at = count == 4 ? lstm[i] : i;
        parts[i] = build_slice(b, v, 0, at * units, (at + 1) * units);
    }
    return build_unsqueeze(b, build_int(b, build_node(b, "Concat", count, parts), "axis", 0), 0);
}

/* The loop's results: of the states those of the layer, whose first output is all of h. */
static void give(const struct match *m, struct value *v, const int *states, int state_count, struct value **out)
{
    struct tensorflow_loop *l = m->l;
    struct build *b = l->o->b;
    struct value *last = b->failed ? NULL : build_output(b, v, 1); /* all outputs, then the next node */
    for (int i = 1; i < state_count && !b->failed; i++)
        build_output(b, v, 1 + i);
    struct value *all = BUILD(b, "Squeeze", v, BUILD_LIST(b, 1));
    for (int k = 0; k < l->count && !b->failed; k++) {
        int state = 0;
        while (state < state_count && states[state] != k)
            state++;
        enum tensorflow_fate fate = state < state_count ? TENSORFLOW_CARRIED : tensorflow_fate(l, k);
        out[k] = fate == TENSORFLOW_KEPT ? l->in[k] : fate == TENSORFLOW_WRITTEN ? all : last;
        if (state < state_count)
            out[k] = BUILD(b, "Squeeze", build_output(b, v, 1 + state), BUILD_LIST(b, 0));
        else if (fate == TENSORFLOW_CARRIED)
            out[k] = NULL; /* a counter: at its end nobody asks for it */
    }
}

static void build_gru(const struct match *m, int h, int64_t units, struct value **out)
{
    struct tensorflow_loop *l = m->l;
    struct build *b = l->o->b;
    struct value *bias = m->bound['b' - 'a'] ? kept(m, 'b') : NULL;
    if (bias && m->bound['c' - 'a'])
        bias = BUILD(b, "Concat/axis=0", bias, kept(m, 'c'));
    if (bias)
        bias = build_reshape(b, bias, 2, (int64_t[]){1, 6 * units});
    struct value *v = BUILD(b, "GRU", kept(m, 'l'), gates(b, kept(m, 'w'), true, units, 3),
                            gates(b, kept(m, 'r'), true, units, 3), bias, NULL, build_unsqueeze(b, l->in[h], 0));
    build_int(b, v, "hidden_size", units);
    give(m, build_int(b, v, "linear_before_reset", 1), &h, 1, out);
}

static void build_lstm(const struct match *m, int h, int c, int64_t units, struct value **out)
{
    struct tensorflow_loop *l = m->l;
    struct build *b = l->o->b;
    struct value *bias = m->bound['b' - 'a'] ? gates(b, kept(m, 'b'), false, units, 4) : NULL;
    if (bias)
        bias = BUILD(b, "Concat/axis=1", bias, BUILD(b, "Sub", bias, bias));
    struct value *v =
        BUILD(b, "LSTM", kept(m, 'l'), gates(b, kept(m, 'w'), true, units, 4), gates(b, kept(m, 'r'), true, units, 4),
              bias, NULL, build_unsqueeze(b, l->in[h], 0), build_unsqueeze(b, l->in[c], 0));
    give(m, build_int(b, v, "hidden_size", units), (int[]){h, c}, 2, out);
}

bool tensorflow_build_recurrent(struct tensorflow_loop *l, struct value **out)
{
    struct match m = {.l = l};
    for (int h = 0; h < l->count; h++) {
        if (is_gru(&m, h) && are_others_plain(&m, h, h)) {
            build_gru(&m, h, units_of(&m, 3), out);
            return true;
        }
        for (int c = 0; c < l->count; c++)
            if (h != c && is_lstm(&m, h, c) && are_others_plain(&m, h, c) && units_of(&m, 4)) {
                build_lstm(&m, h, c, units_of(&m, 4), out);
                return true;
            }
    }
    return false;
}
