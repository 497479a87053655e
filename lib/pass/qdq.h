/* QuantizeLinear and DequantizeLinear as passes look at them. */
#ifndef PASS_QDQ_H
#define PASS_QDQ_H

#include "pass/util.h"

/* A tensor of 8-bit integers. */
bool qdq_is_byte(const struct value *v);
/* Whether the scales of such a node are constant f32, and one, or (axis >= 0) one for each of that axis. Its zero
 * points are as many, or absent. */
bool qdq_has_scales(const struct node *n, int axis);
/* The DequantizeLinear of bytes, or of a constant of 4 bits, with such scales that makes a value; NULL when it is made
 * otherwise. */
struct node *qdq_dequantizer(const struct value *v, int axis);
/* Which operands of a node, [first, end), are moved to its only output, element by element (the greatest of a window is
 * such, too, as rounding keeps the order); end 0: it is no such node, or one of them is absent. */
struct qdq_operands {
    int first, end;
};
struct qdq_operands qdq_moved(const struct node *n);
/* The same of a Resize: each element is a sum of a few, whose weights add up to 1, so that bytes give what their
 * numbers do, but for the last bit of what lies half way between two bytes. */
struct qdq_operands qdq_blended(const struct node *n);
/* Whether two of them have the same type of integers, scale and zero point. */
bool qdq_same(const struct node *a, const struct node *b);
/* Lets a Pad of zeros, which such a node may be, work on integers with this zero point (NULL: 0). */
int qdq_pad_bytes(struct node *pad, const struct value *bytes, const struct value *zero_point, struct error *err);
/* The integers that QuantizeLinear q would make of a value again; NULL when they are others. */
struct value *qdq_integers(const struct node *q, const struct value *v);
/* The operator n before q on integers, where q would make each of these operands what it was. Returns as a pass does.
 */
int qdq_move(struct node *q, struct node *n, struct qdq_operands operands, struct error *err);

#endif
