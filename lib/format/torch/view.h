/* Between view.c and layout.c: how a view is made of its base. */
#ifndef FORMAT_TORCH_VIEW_H
#define FORMAT_TORCH_VIEW_H

#include "format/torch/torch.h"

#define TORCH_VIEW_DEPTH 64 /* of views of views; what lies deeper is not kept track of */

enum torch_how {
    HOW_SLICE,    /* elements from `start` to before `end` of an axis, every `step`th */
    HOW_PIECES,   /* a list of such */
    HOW_RESHAPED, /* the same elements in the same order */
    HOW_COPIED,   /* likewise, but of elements that do not lie behind one another a copy */
    HOW_PERMUTED,
    HOW_EXPANDED, /* never written to */
    HOW_INDEXED,  /* elements at known indices, none twice */
    HOW_TAKEN,    /* some elements, perhaps twice: never written to */
};

/* The call that makes a view of its base, which is the first argument. */
struct torch_part {
    const struct torch_row *row;
    enum torch_how how;
    int piece; /* which of the results */
    int axis;
    struct torch_value start, end; /* whole numbers, or what only a run tells */
    int64_t step;
    bool axis_gone; /* of one element, at `start` */
    int count;
    struct torch_value arg[];
};

/* Whether what reshape() or contiguous() makes of a tensor is a view of it: its elements can be told by strides. -1:
 * that depends on sizes which are not known. */
int torch_shares_elements(struct torch_reader *t, const struct torch_part *p, const struct torch_tensor *x,
                          struct value *copy);

#endif
