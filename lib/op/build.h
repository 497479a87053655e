/* Making nodes. Writing an operator as nodes of others, which is what `expand` functions do:
 *
 *     struct build b = {.node = n, .err = err};
 *     struct value *x = BUILD(&b, "DequantizeLinear", node_in(n, 0), node_in(n, 1), node_in(n, 2));
 *     build_give(&b, 0, BUILD(&b, "Relu", x));
 *     return build_end(&b);
 *
 * and filling an empty graph, which is what readers do:
 *
 *     struct build b = {.graph = g, .err = err};
 *     struct value *x = build_input(&b, "data", DTYPE_F32, 4, dims);
 *     build_layer(&b, "conv1");
 *     struct value *y = BUILD(&b, "Conv", x, build_constant(&b, "conv1/weight", weight));
 *     build_ints(&b, y, "pads", 4, pads);
 *     build_graph_output(&b, y, "prob");
 *     return build_graph_end(&b);
 *
 * After a failure all functions do nothing and return NULL, so that one check at the end is enough. Everything that can
 * fail belongs before the first build_give(). */
#ifndef OP_BUILD_H
#define OP_BUILD_H

#include "op/op.h"

struct build {
    struct node *node;   /* what is being written as others, which go before it; NULL: */
    struct graph *graph; /* what is being filled, at its end */
    struct error *err;
    bool failed;
    int made;            /* nodes so far of the node or layer */
    const char *layer;   /* the name that build_layer() gave */
    struct node *latest; /* of a graph being filled: its types are not inferred yet */
};

/* Where new nodes and values go. */
static inline struct graph *build_place(const struct build *b)
{
    return b->node ? b->node->graph : b->graph;
}

/* A new node with these inputs (NULL: absent; trailing ones are left off), resolved, and named after the one being
 * written, "attention_3/Softmax_12", or after the layer; returns its first output. The operator of another domain is
 * "nn.Reorg". */
struct value *build_node(struct build *b, const char *op, int count, struct value *const *in);
/* With one to four inputs in registers: half as much code at each of the many calls. Behind the name of one of ONNX's
 * operators may stand attributes, "Transpose/perm=1,0", "Softmax/axis=-1". */
struct value *build_node_1(struct build *b, const char *op, struct value *a);
struct value *build_node_2(struct build *b, const char *op, struct value *a, struct value *c);
struct value *build_node_3(struct build *b, const char *op, struct value *a, struct value *c, struct value *d);
struct value *build_node_4(struct build *b, const char *op, struct value *a, struct value *c, struct value *d,
                           struct value *e);

static inline __attribute__((always_inline)) struct value *build_few(struct build *b, const char *op, int count,
                                                                     struct value *const *in)
{
    switch (count) {
    case 1:
        return build_node_1(b, op, in[0]);
    case 2:
        return build_node_2(b, op, in[0], in[1]);
    case 3:
        return build_node_3(b, op, in[0], in[1], in[2]);
    case 4:
        return build_node_4(b, op, in[0], in[1], in[2], in[3]);
    default:
        return build_node(b, op, count, in);
    }
}

#define BUILD(b, op, ...)                                                                                              \
    build_few(b, op, (int)(sizeof((struct value *[]){__VA_ARGS__}) / sizeof(struct value *)),                          \
              (struct value *[]){__VA_ARGS__})
/* Output o of the node that makes v, which may be new; NULL for -1. */
struct value *build_output(struct build *b, struct value *v, int o);

/* Attributes of the node that makes v; return v. */
struct value *build_int(struct build *b, struct value *v, const char *name, int64_t i);
struct value *build_float(struct build *b, struct value *v, const char *name, float f);
struct value *build_string(struct build *b, struct value *v, const char *name, const char *text);
struct value *build_ints(struct build *b, struct value *v, const char *name, int count, const int64_t *values);
/* Resize's mode, and where pixels lie: corners are pixels' middles (`align`), middles lie at halves, or at whole
 * numbers. */
struct value *build_resize_mode(struct build *b, struct value *v, const char *mode, bool align, bool half);
struct value *build_floats(struct build *b, struct value *v, const char *name, int count, const float *values);
/* All attributes of the node being written that the maker of v has too. */
struct value *build_attrs(struct build *b, struct value *v);

/* Constants: i64 [count], f32 [count], and a scalar of a number type. */
struct value *build_list(struct build *b, int count, const int64_t *values);
struct value *build_list_1(struct build *b, int64_t x);
struct value *build_list_2(struct build *b, int64_t x, int64_t y);

static inline __attribute__((always_inline)) struct value *build_short_list(struct build *b, int count,
                                                                            const int64_t *values)
{
    return count == 1   ? build_list_1(b, values[0])
           : count == 2 ? build_list_2(b, values[0], values[1])
                        : build_list(b, count, values);
}

#define BUILD_LIST(b, ...)                                                                                             \
    build_short_list(b, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
struct value *build_f32s(struct build *b, int count, const float *values);
struct value *build_number(struct build *b, enum dtype dtype, double number);

/* Shorthands. build_slice(): [from, to) of one axis. build_add(): a + b, where b may be NULL. */
struct value *build_cast(struct build *b, struct value *v, enum dtype dtype);
/* OneHot where an index below 0 is none of them, as in other frameworks, which ONNX counts from the end. `at` may be of
 * any whole type, depth is i64, values are off and on. */
struct value *build_one_hot(struct build *b, struct value *at, struct value *depth, struct value *values, int64_t axis);
struct value *build_transpose(struct build *b, struct value *v, int rank, const int64_t *perm);
struct value *build_reshape(struct build *b, struct value *v, int rank, const int64_t *dims);
struct value *build_unsqueeze(struct build *b, struct value *v, int64_t axis);
struct value *build_slice(struct build *b, struct value *v, int64_t axis, int64_t from, int64_t to);
struct value *build_add(struct build *b, struct value *v, struct value *more);
/* Elements first … last - 1 of v's shape, i64 [last - first]. */
struct value *build_shape(struct build *b, struct value *v, int64_t first, int64_t last);
/* The numbers from, from + 1, … to - 1, of i64 [1] each. */
struct value *build_range(struct build *b, struct value *from, struct value *to);

/* Entries of a slice, x[1:5:2, ..., newaxis, 3], one for an axis; the masks have a bit for each. */
struct build_slice_entries {
    int count; /* at most TENSOR_MAX_RANK */
    int64_t begin[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    struct value *begins, *ends; /* i64 [count], instead of begin and end where those are known at run time alone */
    uint32_t no_begin, no_end;   /* from the first, to the last one on */
    uint32_t ellipsis, new_axis; /* takes all axes that are left over; adds an axis */
    uint32_t shrink;             /* the element at begin, without its axis; no_begin does not count there, unless */
    bool shrink_first;           /* it means the first element */
};
/* x of that rank (build_index.c). */
struct value *build_slice_all(struct build *b, struct value *x, int rank, const struct build_slice_entries *entries);
/* Elements of x along an axis, counted from 0; the first `batch` axes of x and of the indices (i64) are the same. */
struct value *build_gather(struct build *b, struct value *x, int rank, struct value *indices, int index_rank, int axis,
                           int batch);

/* x with its first steps along axis `time` reversed, as many as lengths (i64) says for each place of axis `batch`; both
 * counted from 0. */
struct value *build_reverse_sequence(struct build *b, struct value *x, int rank, struct value *lengths, int batch,
                                     int time);

/* What leaves an axis, counted from 0, at its end comes in at its beginning: `count` shifts of below 2^31. */
struct value *build_roll(struct build *b, struct value *x, int count, const int64_t *shifts, const int64_t *axes);

/* x [batch, …] padded by pads, i64 [2 * rank], with its next n axes cut into blocks whose places become batches, and
 * the way back, cut by i64 [n] before and behind. The blocks, and all sizes, are below 2^31. */
struct value *build_space_to_batch(struct build *b, struct value *x, int rank, int n, const int64_t *block,
                                   struct value *pads);
struct value *build_batch_to_space(struct build *b, struct value *x, int rank, int n, const int64_t *block,
                                   struct value *before, struct value *behind);

/* x of 3 to 8 axes with channels, which stand last, second; and back. A constant is permuted, also behind a Cast
 * or a DequantizeLinear of one scale; the axes of `perm` for both are those of build_transpose() (build_window.c). */
struct value *build_channels_first(struct build *b, struct value *x, int rank);
struct value *build_channels_last(struct build *b, struct value *x, int rank);
struct value *build_permuted(struct build *b, struct value *x, int rank, const int64_t *perm);
/* The last two axes change places; what has fewer stays. */
struct value *build_swapped(struct build *b, struct value *x);
/* v [C] against values of that rank, whose channels stand second: [C, 1, …]. */
struct value *build_by_channel(struct build *b, struct value *v, int rank);
/* Of other dims, known ones for a constant. */
struct value *build_reshaped(struct build *b, struct value *x, int rank, const int64_t *dims);

/* A window over the spatial axes of a convolution or pool. */
#define BUILD_MAX_SPATIAL 6
struct build_window {
    int rank; /* spatial axes */
    int64_t kernel[BUILD_MAX_SPATIAL], stride[BUILD_MAX_SPATIAL], dilation[BUILD_MAX_SPATIAL];
    int64_t pads[2 * BUILD_MAX_SPATIAL]; /* all begins, then all ends */
};
/* All ones, without padding. */
struct build_window build_window(int rank);
/* The attributes of the node that makes v, where they are not those it has by default. Kernels and strides below 1,
 * negative pads, and any of these above 65536, are failures. */
struct value *build_set_window(struct build *b, struct value *v, const struct build_window *w);
/* Pads, and output_padding to more[], so that a transposed convolution makes `want` of `in`: what is too much is cut
 * off on both sides, or behind. */
void build_fit_deconv(struct build *b, struct build_window *w, const int64_t *in, const int64_t *want, bool both,
                      int64_t *more);

/* A pool over the last two axes of x [N, C, H, W]. */
struct build_pool {
    struct build_window window;
    bool average;
    bool same; /* padded by the rule SAME_UPPER, instead of pads and rounding */
    enum { BUILD_FLOOR, BUILD_CEIL_CAFFE, BUILD_CEIL_FULL } rounding; /* of sizes, as nn.MaxPool has it */
    bool counts_pads;                                                 /* what an average divides by */
};
struct value *build_window_pool(struct build *b, struct value *x, const struct build_pool *p);

/* x with its first and last elements along an axis mirrored before and behind, those at the edges too. */
struct value *build_pad_symmetric(struct build *b, struct value *x, int axis, int64_t before, int64_t behind);

/* v cut into `count` parts along an axis, `wanted` of which are put together: part order[i], or, for -1, zeros. A
 * constant becomes another one. */
struct value *build_parts(struct build *b, struct value *v, int axis, int count, int wanted, const int *order);

/* A recurrent operator's gates where PyTorch's order is kept, as by Paddle and MXNet too. */
struct build_cell {
    const char *mode, *op; /* "RNN_RELU", "RNN" */
    int gates;
    int order[4]; /* of ONNX's gate g: which of PyTorch's */
};

/* In letters of any case; NULL: there is none. */
const struct build_cell *build_cell_find(const char *mode);
/* Rows of a weight or a bias in ONNX's order of gates. */
struct value *build_gates(struct build *b, const struct build_cell *cell, struct value *v);
/* The attributes of the node of a layer that makes v: the numbers of a state, and 1 or 2 directions. */
struct value *build_set_cell(struct build *b, struct value *v, const struct build_cell *cell, int64_t hidden,
                             int directions);

/* What must be known of input i of the node: fails where it is not. Return -1 then. */
int build_rank(struct build *b, int i);
int64_t build_dim(struct build *b, int i, int axis);
enum dtype build_dtype(struct build *b, int i);
/* A failure with this message, or, where there is one already, that. */
void build_fail(struct build *b, const char *format, ...) BASE_PRINTF(2, 3);

/* Makes the node being written another operator, with these inputs (NULL: absent) and no attributes; it keeps its
 * outputs, its name and its place. 0, or -1 after a failure. */
int build_become(struct build *b, const char *op, int count, struct value *const *in);
#define BUILD_BECOME(b, op, ...)                                                                                       \
    build_become(b, op, (int)(sizeof((struct value *[]){__VA_ARGS__}) / sizeof(struct value *)),                       \
                 (struct value *[]){__VA_ARGS__})
/* Output o of the node, if it is wanted, is v. */
void build_give(struct build *b, int o, struct value *v);
/* A failure unless it is `fine`; for calls that set the message themselves. */
void build_check(struct build *b, bool fine);
/* 0, or -1 after a failure. */
int build_end(const struct build *b);

/* ---- filling a graph ---- */

/* What the next nodes belong to: the first of them gets this name, the others "conv1/Relu_2". The text is not copied,
 * and stays until the next layer. */
void build_layer(struct build *b, const char *name);

/* A graph input. rank -1: unknown. */
struct value *build_input(struct build *b, const char *name, enum dtype dtype, int rank, const int64_t *dims);

/* A constant named `name`, or, when that is taken, `name` with a number; fresh when NULL. Takes over the tensor; NULL
 * (an error already set) is a failure. */
struct value *build_constant(struct build *b, const char *name, struct tensor *t);

/* Names the value v as the file does; with a number when that is taken. Returns v. */
struct value *build_name(struct build *b, struct value *v, const char *name);

/* The type of a value as far as it can be inferred, for layers whose meaning depends on it; NULL after a failure. */
const struct type *build_type(struct build *b, struct value *v);

/* Gives a graph input whose rank is not known this one, when v comes from one by functions of element by element:
 * axis `axis` has `channels` elements (0: not known), others symbols. DTYPE_NONE, or one of the class that it has: its
 * element type stays (build_expect.c). */
void build_expect(struct build *b, struct value *v, int rank, int axis, int64_t channels, enum dtype dtype);

/* v's rank: a failure, and 0, when it is not known; the size of an axis: -1 then; its element type: DTYPE_F32 then; an
 * axis, which may count from the end, from 0 (build_formula.c). */
int build_rank_of(struct build *b, struct value *v);
int64_t build_dim_of(struct build *b, struct value *v, int axis);
enum dtype build_dtype_of(struct build *b, struct value *v);
/* The same, but DTYPE_NONE where it is not known, or v is NULL. */
enum dtype build_known_dtype(struct build *b, struct value *v);
int build_axis(struct build *b, int64_t axis, int rank);

/* Two operands of one type, the wider of both: floats, integers, bool, and among these by size. */
void build_promote(struct build *b, struct value **x, struct value **y);
/* The same of `count` operands. */
void build_promote_all(struct build *b, int count, struct value **in);

#define BUILD_OPERANDS 9
#define BUILD_KEYWORDS 5
#define BUILD_NUMBERS  64

struct build_keyword {
    char name[24];
    bool is_list;
    int count;
    double numbers[BUILD_NUMBERS];
};

/* A function of a formula. */
struct build_call {
    char name[40];
    struct value *const *in;
    int count;
    struct build_keyword keywords[BUILD_KEYWORDS];
    int keyword_count;
};

/* What the words of a formula stand for: an operator being read. */
struct build_terms {
    void *op;
    /* An operand by name; NULL where there is none, a failure if it is wanted. */
    struct value *(*in)(void *op, const char *name, bool want);
    struct value *(*at)(void *op, int k); /* the operands of "$*" */
    int count;
    /* A parameter: how many numbers, at most max of which are stored; -1: not set. Of one that is only known at run
     * time: NUMBERS_LATER. */
    int (*numbers)(void *op, const char *name, double *numbers, int max);
    struct value *(*later)(void *op, const char *name); /* that one, i64 */
    const char *(*text)(void *op, const char *name);    /* NULL: not set */
    /* The results of a function, at most max, into out; their count. NULL: there are no functions. */
    int (*call)(struct build *b, void **kept, const struct build_call *call, struct value **out, int max);
    void **kept; /* its own */
};
#define NUMBERS_LATER (-2)

/* Attributes of the node that makes v, as they stand in a formula, "/axis=1/keepdims@keep", up to a space or the end.
 */
void build_attributes(struct build *b, struct value *v, const struct build_terms *t, const char *text);

/* What a formula in postfix form makes: values that are left, at most max, into out; their count, 0 after a failure.
 * Words, between blanks:
 *
 *     $NAME       an operand; $NAME? may be missing; $* all of them
 *     =2.5        a number of the type of the first operand
 *     [1,-1]      whole numbers, as i64 [n]
 *     @NAME       a parameter as i64 [n]; nothing where it is not set, unless it is @NAME=1,-1; #NAME as a scalar
 *     %NAME       a parameter as a number of the type of the first operand, likewise %NAME=0.5; several as f32 [n]
 *     !NAME=1     nothing: a failure where the parameter is set to anything else, a number or a word; !NAME: at all
 *     ~           the value before as the type of the first operand
 *     |1          the value before, or that number where it is missing
 *     .1          output 1 of the node that makes the value before
 *     >a  a       takes the value before away, and puts it back
 *     Add:2       an operator of the two values before; Relu of one; Concat:* of all; with attributes behind: those
 *                 given, /axis=1, or those of parameters, /axis@dim, /axis@dim=1
 *     &kron:2     a function of the two values before, with arguments by name behind, as attributes are; all its
 *                 results are left. /size[]@size is a list also where the parameter has one number */
int build_formulas(struct build *b, const char *formula, const struct build_terms *t, struct value **out, int max);
/* What a formula makes of in[count], which are $0, $1, …. */
struct value *build_formula(struct build *b, const char *formula, int count, struct value *const *in);
/* The angle of the point ($1, $0), where `down` and `left` tell whether these are negative. */
#define BUILD_ATAN2_BY(down, left)                                                                                     \
    "$0 Abs >a $1 Abs >b a b Add:2 =0 Equal:2 =0 a b Equal:2 =1 a b Div:2 Where:3 Where:3 Atan >t " left               \
    " =3.14159265359 t Sub:2 t Where:3 >t " down " t Neg t Where:3"
/* As C's atan2() tells it, with signs of zeros, infinities and NaN. */
#define BUILD_ATAN2                                                                                                    \
    BUILD_ATAN2_BY("$0 =0 Less:2 $0 Reciprocal =0 Less:2 Or:2", "$1 =0 Less:2 $1 Reciprocal =0 Less:2 Or:2")
/* Colours of the last axis of $0 as h, s and v, and back. */
#define BUILD_HUES                                                                                                     \
    "$0 [-1] ReduceMax:2 >v v $0 [-1] ReduceMin:2 Sub:2 >c v =0 Greater:2 c v Div:2 =0 Where:3 >s "                    \
    "$0 Split/num_outputs=3/axis=-1 >r r .1 >g r .2 >b r v Equal:2 g b Sub:2 c Div:2 g v Equal:2 b r Sub:2 c Div:2 "   \
    "=2 Add:2 r g Sub:2 c Div:2 =4 Add:2 Where:3 Where:3 =6 Div:2 >h c =0 Greater:2 h h Floor Sub:2 =0 Where:3 >h "
#define BUILD_COLOURS                                                                                                  \
    "h =6 Mul:2 [3,2,4] ~ Sub:2 Abs [1,-1,-1] ~ Mul:2 [-1,2,2] ~ Add:2 =0 =1 Clip:3 =1 Sub:2 s Mul:2 =1 Add:2 v "      \
    "Mul:2"
/* Replaces a node by what a formula makes of its inputs, $0, $1, …, and attributes. */
int build_replace(struct node *n, const char *formula, struct error *err);

/* The elements of v, whole numbers that a constant or the inference of shapes tells: their count, at most max; -1 when
 * it is none or larger. open NULL: all must be known; else what those that are not are given as. */
int build_known(struct build *b, struct value *v, int64_t *values, int max, const int64_t *open);

/* Infers the types of the latest node: they follow one step behind, when all attributes are set. */
void build_infer(struct build *b);

/* The next graph output, of exactly that name (a value that has it already gives it up); name NULL: as it is called. A
 * graph input, constant, or value that is an output already goes through an Identity. */
void build_graph_output(struct build *b, struct value *v, const char *name);

/* Building goes on in a subgraph: a new one, or, `in` not NULL, that one. What was there is to be kept for
 * build_leave(), which gives the subgraph. */
struct build build_enter(struct build *b, struct graph *in);
struct graph *build_leave(struct build *b, struct build outer);
/* The next output of a subgraph being filled, without a name: a value of an enclosing graph goes through an Identity.
 */
void build_body_output(struct build *b, struct value *v);

/* Writes operators that are defined by others as these, in all graphs, unless `has` says that they may stay. */
int build_expand_all(struct graph *root, bool (*has)(const struct node *n), struct error *err);

/* Takes nodes out whose outputs nobody uses: what was built for a decision, or went into another form. */
void build_remove_unused(struct build *b);

/* Puts the nodes in order and checks the whole; property "task" of a net that ends with boxes is set. 0, or -1 after a
 * failure. */
int build_graph_end(struct build *b);

#endif
