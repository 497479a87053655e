/* Inside lib/format/torch: TorchScript archives. A zip holds a pickle of the module (weights and attributes) and the
 * source of its methods, in a subset of Python.
 *
 * Reading runs forward() once: numbers, lists and objects are Python's and computed on the way (script.c, eval.c,
 * expr.c, scalar.c); tensors are values of the graph, and a call of an operator adds nodes (call.c, schema.def) through
 * the functions that read PyTorch's operators for pnnx (format/pnnx/ops.def). Loops over what is known are thus
 * unrolled, modules inlined, and branches on what is known taken; what only a run decides becomes If and Loop
 * (flow.c, loop.c). */
#ifndef FORMAT_TORCH_TORCH_H
#define FORMAT_TORCH_TORCH_H

#include "base/lookup.h"
#include "format/pnnx/read.h"
#include "parse/pickle.h"
#include "parse/zip.h"

/* ---- Python's values ---- */

enum torch_kind {
    TORCH_NONE,
    TORCH_BOOL,
    TORCH_INT,
    TORCH_FLOAT,
    TORCH_STRING,
    TORCH_TENSOR,
    TORCH_SIZE, /* a number that only a run tells: a tensor without axes */
    TORCH_LIST,
    TORCH_TUPLE,
    TORCH_DICT, /* keys and values in turn */
    TORCH_OBJECT,
    TORCH_NAME, /* of a function or class: "torch.conv2d" */
    TORCH_SPLIT /* what branches that only a run chooses left in ways that no graph can choose between */
};

struct torch_value {
    enum torch_kind kind;
    union {
        int64_t i; /* also of TORCH_BOOL */
        double f;
        const char *text;
        struct torch_tensor *tensor;
        struct torch_list *list;
        struct torch_object *object;
    };
};

/* An operator that works in place gives the tensor another value; and, where it is a view of another one, that too
 * (view.c). */
struct torch_tensor {
    struct value *value;         /* torch_current() has it as it is now */
    struct torch_tensor *base;   /* NULL: it is no view, or one that is not kept track of */
    struct value *seen;          /* the base's value that it was made of; if unsure, that of what `copied` lies in */
    struct torch_part *part;     /* how */
    struct torch_tensor *copied; /* instead of a base: what it is a view or a copy of, by `part` (layout.c); or NULL */
    bool unsure;                 /* whether it is a view of `copied` depends on sizes that are not known */
    bool doubtful;               /* what may be a view of it was written to */
    int depth;                   /* of views of views */
    bool lost;                   /* it is a part of one, but which is not known */
    bool strided;                /* its elements do not lie behind one another */
    bool complex;                /* its last axis, of two, is not seen (complex.c) */
    struct torch_tensor *kept;   /* of a nested tensor: which steps of each sequence are in it; NULL: it is none */
    struct value *scale, *zero;  /* by which a quantised tensor is rounded; NULL: it is none */
    int level;                   /* of the subgraph that it was made in */
    bool sizes;                  /* a list of sizes whose length is not known */
};

struct torch_list {
    struct torch_value *items;
    size_t count, cap;
    int level;          /* of the subgraph that it was made in */
    struct value *tail; /* further items, behind one another along a new axis in front; NULL: none. Their number is what
                           only a run tells */
    bool tail_numbers;  /* they are numbers, not tensors */
    bool growing;       /* how many there are is not known, as in a loop that is being read: nothing can be done with it
                           but append */
    bool unknown;       /* it is growing since branches left it with different items, of which it holds none */
    bool is_dict;
};

struct torch_attr {
    const char *name;
    struct torch_value value;
    struct torch_attr *next;
};

struct torch_object {
    const char *class;          /* "__torch__.torch.nn.modules.conv.Conv2d" */
    const char *path;           /* where it stands in the module: "features.0"; "" for the whole */
    const struct pickle *state; /* what is not an attribute yet; may be NULL */
    const char *data;           /* where the storages of its tensors lie: "data/" */
    struct torch_attr *attrs;
    int level; /* of the subgraph that it was made in */
};

/* ---- sources (script.c) ---- */

enum torch_token_kind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN };

struct torch_token {
    enum torch_token_kind kind;
    const char *text; /* with a NUL behind; a string without its quotes */
};

struct torch_line {
    int indent;
    uint32_t number; /* in the file */
    const struct torch_token *at, *end;
};

struct torch_source {
    const char *module; /* "__torch__.torch.nn.modules.conv" */
    struct torch_line *lines;
    size_t count;
};

struct torch_function {
    const struct torch_source *source;
    size_t line; /* of its "def" */
    int active;  /* how many of its calls have not returned */
};

#define TORCH_CALLS 16 /* of a function, one in the other: the language has no recursion, but parts of one class */

struct torch_reader;

/* Takes the source apart and lists its functions, methods and constants of classes. The message tells the line. */
int torch_source_read(struct torch_reader *t, const char *module, const char *text, size_t size, struct error *err);

/* ---- the reader (torch.c) ---- */

#define TORCH_DEPTH      1500      /* of calls, expressions and lists within each other */
#define TORCH_STATEMENTS (1 << 20) /* run in all */
#define TORCH_SUBGRAPHS  (1 << 14) /* of branches and loops that only a run decides */
#define TORCH_ITEMS      (1 << 23) /* of lists, made or walked in all: a list may hold another again and again */
#define TORCH_VALUES     (1 << 17) /* of a graph: a loop over a list of tensors makes them anew in each round */
#define TORCH_VALUES_ALL (1 << 18) /* of all graphs, those that came to nothing too */

struct torch_reader {
    struct build *b;   /* the one in: */
    struct reader ops; /* the operators' functions */
    struct arena arena;
    struct zip *zip;
    struct lookup members;       /* of it, those that tensors lie in → struct blob */
    const struct source *shapes; /* where the shapes of inputs are asked for; NULL: they stay open */
    const struct source *source;
    struct lookup *learned;  /* names of inputs → what an earlier reading found of them */
    const char *prefix;      /* of the archive's members: "slim-320/" */
    struct lookup functions; /* "module.Class.method" → struct torch_function */
    struct lookup constants; /* "module.Class:name" → struct torch_line, whose tokens are an expression */
    struct lookup tuples;    /* names of classes that are named tuples */
    struct pickle *pickled;  /* the tuple of CONSTANTS */
    int depth;
    int parts;                     /* that the statement at work takes a list apart into; 0: it does not */
    bool settled;                  /* views are as they were left, whatever their bases are */
    int anew;                      /* views that are being made anew within each other */
    int level;                     /* subgraphs that the one being filled lies in */
    struct torch_changes *changes; /* of that one; NULL at level 0 */
    long statements, items;
    size_t values;          /* of the graphs but that one */
    int subgraphs;          /* made so far */
    const char *path;       /* of the module at work, for names */
    const char *data;       /* where the storages of what is unpickled lie: "data/" */
    struct blob *old;       /* a file of before version 1.6, instead of an archive; or NULL: */
    struct lookup storages; /* its storages by key → struct torch_storage */
    size_t size;            /* of the file */
    uint64_t copied;        /* bytes of tensors that do not stand in the file as they are */
};

/* The graph of torch.export up to PyTorch 2.6, in an archive without a folder. */
#define TORCH_EXPORTED_OLD "serialized_exported_program.json"

/* A pickle in the archive; NULL with a failure. */
struct pickle *torch_read_pickle(struct torch_reader *t, const char *name);
/* The folder that everything in the archive lies in, with a '/', or "": what stands before `member`; NULL: it has none.
 */
char *torch_prefix(const struct zip *zip, const char *member, struct arena *arena, struct error *err);
/* The same for an archive of torch.export, of which no member has a name that is always there. */
char *torch_export_prefix(const struct zip *zip, struct arena *arena, struct error *err);
/* All that a reader holds but the graph. */
void torch_release(struct torch_reader *t);
/* Fails for want of an input's shape. */
void torch_fail_open(struct torch_reader *t, const char *what);
#define TORCH_OF_KINDS "what is used is of different kinds behind branches or rounds that only a run decides"
/* An archive of torch.export.save(), whose operators are listed (export.c). -1 after a failure of the build. */
int torch_export_read(struct torch_reader *t, struct error *err);

/* A storage of an old file (state.c); NULL after a failure of the build. */
struct blob *torch_old_storage(struct torch_reader *t, const char *key);

/* ---- archives (archive.c) ---- */

/* Whether p names a storage from outside of the pickle: its element type, and its key there. */
bool torch_storage_of(const struct pickle *p, enum dtype *dtype, const char **key);

/* A tensor's place in a storage: sizes and strides in elements. */
struct torch_view {
    enum dtype dtype;
    const char *member; /* the storage: "data/12" */
    int64_t offset, dims[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK];
    int rank;
    bool complex; /* of pairs of `dtype` */
};

/* Its elements as a constant of that name. */
struct torch_value torch_view_value(struct torch_reader *t, struct torch_view *v, const char *name);
/* Member "prefix + name", whole; NULL with a failure. */
struct blob *torch_member(struct torch_reader *t, const char *name, size_t most);
/* Lets go of the members that were kept for further tensors. */
void torch_forget_members(struct torch_reader *t);
/* A part of an object's state. */
struct torch_value torch_unpickle_part(struct torch_reader *t, struct torch_object *o, struct pickle *p,
                                       const char *path);
/* A pickled value; `path` names tensors and objects. */
struct torch_value torch_unpickle(struct torch_reader *t, struct pickle *p, const char *path);

/* ---- values (value.c) ---- */

static inline struct torch_value torch_none(void)
{
    return (struct torch_value){.kind = TORCH_NONE};
}

static inline struct torch_value torch_int(int64_t i)
{
    return (struct torch_value){.kind = TORCH_INT, .i = i};
}

static inline struct torch_value torch_bool(bool yes)
{
    return (struct torch_value){.kind = TORCH_BOOL, .i = yes};
}

static inline struct torch_value torch_float(double f)
{
    return (struct torch_value){.kind = TORCH_FLOAT, .f = f};
}

static inline struct torch_value torch_string(const char *text)
{
    return (struct torch_value){.kind = TORCH_STRING, .text = text};
}

/* A constant in the place of a small value that follows from constants (fold.c). */
struct value *torch_fold(struct torch_reader *t, struct value *v);
struct torch_value torch_tensor(struct torch_reader *t, struct value *v);
struct torch_value torch_size(struct torch_reader *t, struct value *v);
struct torch_value torch_list(struct torch_reader *t, enum torch_kind kind);
void torch_append(struct torch_reader *t, struct torch_value to, struct torch_value item);
/* Counts an item of a list that is made or walked; fails behind TORCH_ITEMS, and behind as many values as may be. */
void torch_count_item(struct torch_reader *t);
/* The same for work on so many bytes: each 64 of them count as an item. */
void torch_count_bytes(struct torch_reader *t, size_t size);
struct torch_value torch_object(struct torch_reader *t, const char *class, const char *path);
/* A constant that a class states: "stride : Final[int] = 2", or a member of an Enum; false when there is none. */
bool torch_class_constant(struct torch_reader *t, const char *class, const char *name, struct torch_value *value);
/* An attribute, or a constant of the class; false when there is none. */
bool torch_attr_find(struct torch_reader *t, struct torch_object *o, const char *name, struct torch_value *value);
void torch_attr_set(struct torch_reader *t, struct torch_object *o, const char *name, struct torch_value value);

static inline bool torch_is_list(struct torch_value v)
{
    return v.kind == TORCH_LIST || v.kind == TORCH_TUPLE;
}

static inline bool torch_is_number(struct torch_value v)
{
    return v.kind == TORCH_BOOL || v.kind == TORCH_INT || v.kind == TORCH_FLOAT;
}

static inline double torch_number(struct torch_value v)
{
    return v.kind == TORCH_FLOAT ? v.f : (double)v.i;
}

/* The value as one of the graph: tensors and numbers; NULL for None, and, with a failure, for others. */
struct value *torch_graph_value(struct torch_reader *t, struct torch_value v);
/* A list of whole numbers as i64 [n], also where a run alone tells some. */
struct value *torch_graph_list(struct torch_reader *t, struct torch_value list);
/* A function of pnnx/functions.def, of one or two operands; NULL when there is none of that name. What has no axes
 * takes the element type of the other operand, unless it is of a higher kind (a float among integers). */
struct value *torch_function(struct torch_reader *t, const char *name, int count, struct value **in);
/* The truth of a value: 0, 1, or -1 when only a run tells. */
int torch_truth(struct torch_reader *t, struct torch_value v);
bool torch_equal(struct torch_reader *t, struct torch_value a, struct torch_value b);

/* ---- running (eval.c, expr.c) ---- */

struct torch_args {
    struct torch_value *values;
    const char **names; /* NULL entries: by place */
    int count;
};

struct torch_frame {
    struct torch_reader *t;
    const struct torch_source *source;
    struct torch_frame *outer; /* of a block within: names are sought there too, and not assigned; else NULL */
    struct lookup names;       /* → struct torch_value */
    struct torch_value result;
    bool returned;
};

struct torch_cursor {
    const struct torch_token *at, *end;
};

bool torch_at(const struct torch_cursor *c, const char *sign);
bool torch_take(struct torch_cursor *c, const char *sign);
void torch_skip_type(struct torch_cursor *c); /* or another expression, up to a sign "," "=" or ")" that ends it */
struct torch_value torch_expression(struct torch_frame *f, struct torch_cursor *c);
struct torch_value *torch_local(struct torch_frame *f, const char *name); /* NULL: there is none */
void torch_assign(struct torch_frame *f, const char *name, struct torch_value v);

/* Runs a method or function: `self` first among the arguments of the former. */
struct torch_value torch_run(struct torch_reader *t, const char *function, const struct torch_args *args);

/* Runs the lines from `line` on that are indented deeper; the first one behind. */
size_t torch_block(struct torch_frame *f, size_t line, int indent);

/* ---- operators put together of others (prelude.c) ---- */

int torch_prelude_read(struct torch_reader *t, struct error *err);
/* The name of operator `index` of these; NULL beyond the last. */
const char *torch_prelude_at(size_t index);
/* What the function of an operator would be called, into name. */
const char *torch_prelude_name(const char *operation, char *name, size_t size);
/* A node of ONNX: arguments by place are its inputs, those with names its attributes. */
struct torch_value torch_onnx(struct torch_reader *t, const char *op, const struct torch_args *args);

/* ---- branches and loops that only a run decides (flow.c, loop.c) ---- */

/* Both blocks, of which `no` may be 0: there is none. */
void torch_branch(struct torch_frame *f, struct torch_value condition, size_t yes, size_t no, int indent);

struct torch_loop {
    size_t line, end; /* of its block */
    int indent;
    const char *counter; /* "for counter in range(start)"; NULL: "while condition", which is now `start` */
    struct torch_value start;
    struct torch_cursor condition; /* asked after each round; {0}: none */
};

void torch_loop(struct torch_frame *f, const struct torch_loop *of);

/* Before a tensor, or a list or dict, is changed: what a block within changes of what was made outside of it is kept
 * apart (change.c). */
void torch_touch_tensor(struct torch_reader *t, struct torch_tensor *tensor);
void torch_touch_list(struct torch_reader *t, struct torch_list *list);
/* A script sets an attribute. */
void torch_set(struct torch_reader *t, struct torch_object *o, const char *name, struct torch_value value);

/* Between these two, values are made outside of all blocks: those that stay, as weights do. */
struct torch_root {
    struct build build;
    int level;
};
struct torch_root torch_enter_root(struct torch_reader *t);
void torch_leave_root(struct torch_reader *t, struct torch_root kept);

/* ---- calls (call.c) ---- */

/* A call of what is no function of the sources: "torch.add", "ops.prim.NumToTensor", "int". */
struct torch_value torch_call(struct torch_reader *t, const char *name, const struct torch_args *args);

/* The same with up to 24 arguments by place. */
struct torch_value torch_call_plain(struct torch_reader *t, const char *name, struct torch_value *values, int count);

/* Whether an operator of that name has a row, or a function of the prelude, with this argument, by which it can be
 * given.
 */
bool torch_names_argument(const struct torch_reader *t, const char *name, const char *argument);

/* A function of an operator: its arguments in the order of its row. */
struct torch_bound {
    const struct torch_row *row;
    struct torch_value arg[24];
    int count;
};

typedef struct torch_value torch_make_fn(struct torch_reader *t, struct torch_bound *c);

struct torch_row {
    const char *name; /* "conv2d", or "quantized.linear" */
    const char *type; /* as pnnx calls it; or NULL */
    const char
        *args; /* names of the arguments, as pnnx has them: "input weight …"; ":t" behind one marks an element type */
    torch_make_fn *make;
};

/* Operator `index` of all, for listings; NULL behind the last. */
const char *torch_operator_at(size_t index);

/* The value of a key; NULL: there is none. */
struct torch_value *torch_find_key(struct torch_reader *t, struct torch_value dict, struct torch_value key);
/* All items of a list along a new axis in front; NULL after a failure. */
struct value *torch_stacked(struct torch_reader *t, const struct torch_list *list);

/* Functions of Python's numbers, lists and strings (scalar.c); false when the name, or what it is given, is not one. */
bool torch_scalar(struct torch_reader *t, const char *name, const struct torch_args *args, struct torch_value *result);

/* The operator `type` of pnnx with these arguments (names as in a row); results to out[outs]. */
void torch_emit(struct torch_reader *t, const char *type, const char *names, const struct torch_value *args, int count,
                struct torch_value *out, int outs);
/* The same with one result. */
struct torch_value torch_emit_one(struct torch_reader *t, const char *type, const char *names,
                                  const struct torch_value *args, int count);

/* What an operator with the operand `of` computes with: another tensor, if it works on bytes (make_quantised.c). */
struct torch_value torch_quantised_operand(struct torch_reader *t, const char *name, struct torch_value of);
/* Its result: quantised as `of` is, or as the first of a list. */
struct torch_value torch_keep_quantised(struct torch_reader *t, const char *name, struct torch_value of,
                                        struct torch_value result);

/* What is packed in an object of a recurrent layer: its kind, tensors, numbers, whole numbers, and the packed weights
 * of input and state. */
struct torch_value torch_packed_state(struct torch_reader *t, struct torch_value v);

/* ---- complex numbers (complex.c) ---- */

bool torch_has_complex(const struct torch_args *args);
/* A function of such; false where that is none of its own. */
bool torch_complex(struct torch_reader *t, const char *name, const struct torch_args *args, struct torch_value *v);

/* ---- views (view.c) ---- */

/* The result of a call, which may be a view of its first argument, or a list of such. */
struct torch_value torch_view_made(struct torch_reader *t, const struct torch_bound *c, struct torch_value v);
/* Its value; a view of what was changed is made anew. NULL after a failure. */
struct value *torch_current(struct torch_reader *t, struct torch_tensor *tensor);
/* After a tensor was given another value: all that it is a view of get it too. */
void torch_write_back(struct torch_reader *t, struct torch_tensor *view);

/* PyTorch's number of an element type. */
enum dtype torch_dtype(int64_t scalar_type);
int64_t torch_scalar_type(enum dtype dtype);

#endif
