/* What the attention operators of onnxruntime share. */
#ifndef OP_MICROSOFT_H
#define OP_MICROSOFT_H

#include "op/build.h"

struct attend {
    struct value *q, *k, *v; /* batch x heads x length x size, K and V with their past */
    struct value *bias;      /* added to the scores, or NULL */
    struct value *sink;      /* a score for no key at all, which broadcasts to batch x heads x queries x 1, or NULL */
    int mask;                /* the input that says which keys are seen; may be absent */
    double scale, softcap;   /* softcap 0: none */
    bool causal;
    float filter; /* what hidden keys' scores get added */
    enum dtype dtype;
};

/* scale, causal and filter from the node's attributes; scale 0: from the size of a head. */
void microsoft_read_attend(struct build *b, struct attend *a, int64_t size);
/* softmax(scale Q K' + added) V, as batch x length x (heads * size); added: batch x heads x queries x keys, or NULL. */
struct value *microsoft_attend(struct build *b, const struct attend *a, struct value *added);

/* batch x length x (heads * size) as batch x length x heads x size; and its two middle axes swapped. */
struct value *microsoft_heads(struct build *b, struct value *v, int64_t heads);
struct value *microsoft_swap(struct build *b, struct value *v);
/* v behind `past` (NULL: v) along axis 2. */
struct value *microsoft_behind(struct build *b, struct value *past, struct value *v);
/* The end of an expansion: outputs y, and K and V as they are now where those are wanted. */
int microsoft_end(struct build *b, struct value *y, struct value *k, struct value *v);
/* The places of keys: 0, 1, … i64 [keys]. */
struct value *microsoft_key_places(struct build *b, const struct attend *a);
/* The least finite number of a type: added to a score it leaves no weight. */
double microsoft_lowest(enum dtype dtype);

#endif
