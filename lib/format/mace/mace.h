/* Inside lib/format/mace: a net, whose weights lie in a second file (read.c, tensor.c). An operator's type is a row of
 * ops.def.
 *
 * A net says in which layout its framework has tensors of four axes ("data_format"), and so have the graph's values.
 * What an operator says of axes is in that layout too, or, where it is "AUTO", in that of NHWC. */
#ifndef FORMAT_MACE_MACE_H
#define FORMAT_MACE_MACE_H

#include "format/netdef/netdef.h"

enum mace_format { MACE_NHWC = 1, MACE_NCHW = 2, MACE_AUTO = 1000 };

/* Numbers of element types. */
enum mace_type { MACE_FLOAT = 1, MACE_UINT8 = 2, MACE_HALF = 3, MACE_INT32 = 4, MACE_INT16 = 7, MACE_INT8 = 8 };
enum dtype mace_dtype(int64_t number); /* DTYPE_NONE: not read */

struct mace_reader {
    struct netdef_reader r; /* first, so that an operator's reader is this one */
    enum mace_format format;
    bool is_ohwi; /* filters are [out, h, w, in] */
    struct blob *data;
    int64_t data_offset;
    uint64_t read; /* bytes of tensors: where these are named again and again, they end the reading */
    const struct protobuf *net;
};

#define OP(type, read, onnx) netdef_fn mace_read_##read;
#include "format/mace/ops.def"
#undef OP

/* The net's tensors as constants (tensor.c). */
void mace_add_tensors(struct mace_reader *m);
/* Output values rounded as the operator says: what it computes on bytes. */
void mace_round(struct netdef_op *o);

static inline struct mace_reader *mace_of(const struct netdef_op *o)
{
    return (struct mace_reader *)o->r;
}

/* Whether the axes of an operator on `rank` axes are those of NHWC, but the values NCHW. */
bool mace_is_moved(const struct netdef_op *o, int rank);
/* An axis as the operator has it, in the values' layout. */
int mace_axis(struct netdef_op *o, int64_t axis, int rank);
/* Numbers, one or `each` for each of four axes, from the operator's layout to the values'. */
void mace_move(const struct netdef_op *o, int64_t *values, int count, int each);

/* Input k with channels second, and output 0 from that. */
struct value *mace_image(struct netdef_op *o, int k);
void mace_give_image(struct netdef_op *o, struct value *v);
/* v after the operator's own activation. */
struct value *mace_activated(struct netdef_op *o, struct value *v);

#endif
