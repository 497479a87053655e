/* Between flow.c, loop.c and change.c: blocks that run once, each into a subgraph. */
#ifndef FORMAT_TORCH_FLOW_H
#define FORMAT_TORCH_FLOW_H

#include "format/torch/torch.h"

#define TORCH_MOST_RESULTS 256 /* of a branch or loop */

/* What a block changed of what was made outside of it: the object, and its bytes of before; once the block has been
 * left, the object has those, and here are the ones that the block gave it. */
struct torch_change {
    enum torch_changed { TORCH_CHANGED_LIST, TORCH_CHANGED_TENSOR, TORCH_CHANGED_ATTR } kind;
    void *what; /* struct torch_list, torch_tensor or torch_attr */
    int level;  /* of the subgraph that it was made in */
    union {
        struct torch_list list;
        struct torch_tensor tensor;
        struct torch_attr attr;
    } other;
    struct torch_change *next;
};

struct torch_changes {
    struct torch_change *first;
    int count;
};

/* The change of that object; NULL: the block left it alone. */
const struct torch_change *torch_change_of(const struct torch_changes *c, const void *what);
/* Exchanges what objects are with what is kept of them. */
void torch_changes_swap(struct torch_changes *c);

/* The same object is changed in the block at work too, unless it is of that. */
void torch_change_again(struct torch_reader *t, const struct torch_change *c);

struct torch_block {
    struct torch_frame frame;
    struct graph *graph;
    struct torch_changes changes;
};

/* What comes next goes into a new subgraph, or, where the block has one, that; and what it changes is kept apart. What
 * was there goes back to torch_block_leave(), after which nothing is changed. */
struct torch_outer {
    struct build build;
    struct torch_changes *changes;
    size_t values; /* of the graph around */
};
struct torch_outer torch_block_enter(struct torch_frame *f, struct torch_block *k);
void torch_block_leave(struct torch_frame *f, struct torch_block *k, struct torch_outer outer);

/* Takes a subgraph that is of no use away. */
void torch_block_discard(struct build *b, struct graph *graph);

bool torch_is_graphable(struct torch_value v);
/* Whether it is a part of another tensor, which changes where this one is changed in place. */
bool torch_is_part(struct torch_value v);
/* Whether what a tensor has besides its value, as that its elements are complex, is the same of both, and can be told
 * of what is one or the other: of nested ones it cannot. */
bool torch_are_alike(struct torch_value a, struct torch_value b);
/* The same is told of `to`. */
void torch_stand_for(struct torch_tensor *to, struct torch_value of);
/* The element type of a tensor or number. */
enum dtype torch_value_dtype(struct torch_reader *t, struct torch_value v);
/* The next output of the subgraph that is being filled, of that type unless it is DTYPE_NONE. */
void torch_block_output(struct torch_reader *t, struct torch_value v, enum dtype dtype);
/* A boolean without axes. */
struct value *torch_truth_value(struct torch_reader *t, struct torch_value v);

#endif
