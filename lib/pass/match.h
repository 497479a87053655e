/* Patterns of nodes as text, and rules that replace what matches.
 *
 * A pattern is an expression over ONNX's operators, read from the result backwards:
 *
 *     Mul(x,Sigmoid(x))              a small letter: any value; the same letter again: the same value
 *     Mul(x,%a)  Mul(x,$a)           %: a constant whose elements are all one number, that does not widen the other
 *                                    operand; $: any constant
 *     Div(x,#2)                      # a number: a constant of that number, to a relative 1e-6
 *     ReduceMean[keepdims=1](x,$a)   an attribute, or its default, has that value (numbers, or a word)
 *     {Mul(x,#0.5)|Div(x,#2)}        one or the other
 *     Clip(x,-,#6)                   - is an absent input; inputs not written down are absent
 *
 * Operands of Add, Mul, Max and Min match in both orders; a node with several outputs matches by its first. All nodes
 * are of one graph, and all but the last needed for nothing else. Every choice is tried, so a pattern matches whenever
 * it can. No blanks.
 *
 * A result is written the same way: "Swish[alpha=%a](x)" — a new node, which may have new ones as operands, or just
 * "x". #: a new scalar of the result's dtype. */
#ifndef PASS_MATCH_H
#define PASS_MATCH_H

#include "pass/util.h"

#define MATCH_NODES 32

struct match {
    struct node *root;
    struct value *capture[26];
    struct node *node[MATCH_NODES]; /* all that matched, the root first; some may be in twice */
    int count;
};

bool match_node(struct match *m, const char *pattern, struct node *n);

static inline struct value **match_at(struct match *m, char letter)
{
    return &m->capture[letter - 'a'];
}

struct rule {
    const char *pattern, *result;
    /* Further conditions: 1 it fits, 0 it does not, -1 error. It may set captures that the result uses. NULL: none. */
    int (*fits)(struct match *m, struct error *err);
};

/* Applies rules, one after the other, to every node of a graph; the number of changes, or -1. */
int rules_run(struct graph *g, const struct rule *rules, size_t count, struct error *err);

#endif
