/* Model files: recognising, reading and writing them. A format is one struct at the end of its source and one line in
 * format.def. */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include "format/source.h"
#include "format/target.h"
#include "graph/graph.h"

struct format {
    const char *name;     /* as -f and -t take it */
    const char *suffixes; /* ".onnx .pb", space-separated: of the file that is the model, or its first part */
    const char *twins;    /* suffixes of its second file, which may be given instead of the first; or NULL */
    const char *what;     /* one line for people */
    bool channels_last;   /* its reader puts spatial operators between Transposes: pass_cancel_wraps() is for those */
    bool has_properties;  /* recipe, task and labels are written and read again */
    bool has_entries;     /* its files hold several functions: the reader sees to source.entry */
    bool has_numbers;     /* its operators take numbers where ONNX's take operands */
    bool lacks_parts;     /* of what activations are written with, as Erf; it has operators for the activations */
    const struct target_option *options; /* what a writer can be asked; or NULL */
    /* How sure the content is this format's: 0 no, 100 a magic number. Reads little. */
    int (*sniff)(const struct source *source);
    /* A graph at OP_OPSET, op_resolve()d and graph_check()ed, its types as the file states them; or NULL. NULL
     * function: cannot be read. */
    struct graph *(*read)(const struct source *source, struct error *err);
    /* Leaves the graph as it was. NULL function: cannot be written. */
    int (*write)(const struct graph *g, struct target *target, struct error *err);
    /* The names of the operators or layers that the reader knows, from its tables; NULL behind the last. NULL
     * function: those of ONNX, or those that `what` says. */
    const char *(*operator_at)(size_t index);
};

const struct format *const *format_table(size_t *count);
const struct format *format_by_name(const char *name); /* NULL when unknown */
const struct format *format_by_suffix(const char *path);

/* Opens and reads a model: path NULL or "-" is standard input; "first,second" names two files of one model, in either
 * order, and either is enough where the other is found beside it; format NULL recognises by content, then suffix. The
 * message is prefixed with the path. */
struct graph *format_read(const char *path, const struct format *format, struct error *err);
/* The same, where *format becomes that which was recognised. entry: which function of the file is wanted, or NULL. */
struct graph *format_read_any(const char *path, const struct format **format, const char *entry,
                              const struct source_shape *shapes, size_t shape_count, struct error *err);

/* The tensors of a file that holds no network, safetensors, GGUF, a state dict of PyTorch, .npz, as constants of a
 * graph without nodes, in the file's order; a file of none is refused. *is_network: the file is none of these, and NULL
 * is returned without a message. */
struct graph *format_read_weights(const char *path, bool *is_network, struct error *err);

/* What format_write() would write as: format, else what the path says. NULL with a message when that is none, cannot be
 * written, or has no such options. */
const struct format *format_for_writing(const char *path, const struct format *format, const char *options,
                                        struct error *err);

/* Writes to path (NULL or "-": standard output), complete or not at all; format NULL goes by suffix, or is .nn for
 * standard output. options: NULL or "opset=17,…". */
int format_write(const struct graph *g, const char *path, const struct format *format, const char *options,
                 struct error *err);

#endif
