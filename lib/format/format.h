/* Model files: recognising, reading and writing them. A format is one struct at the end of its source and one line in
 * format.def. */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include "base/file.h"
#include "graph/graph.h"

/* Where a model comes from. */
struct format_source {
    const char *path;  /* NULL: standard input */
    const char *twin;  /* a second file given with the first, "net.param,other.bin"; or NULL */
    struct blob *blob; /* the first file's bytes */
};

/* Where a model goes, and how. */
struct format_target {
    struct file_out *out;
    const char *path; /* NULL: standard output, so that no second file can stand beside it */
    int opset;        /* of ONNX; 0: the format's default */
};

struct format {
    const char *name;     /* as -f and -t take it */
    const char *suffixes; /* ".onnx .pb", space-separated */
    const char *what;     /* one line for people */
    /* How sure the content is this format's: 0 no, 100 a magic number. Reads little. */
    int (*sniff)(const struct format_source *source);
    /* A graph at OP_OPSET, op_resolve()d and graph_check()ed, its types as the file states them; or NULL. NULL
     * function: cannot be read. */
    struct graph *(*read)(const struct format_source *source, struct error *err);
    /* Leaves the graph as it was. NULL function: cannot be written. */
    int (*write)(const struct graph *g, const struct format_target *target, struct error *err);
};

const struct format *const *format_table(size_t *count);
const struct format *format_by_name(const char *name); /* NULL when unknown */
const struct format *format_by_suffix(const char *path);

/* Opens and reads a model: path NULL or "-" is standard input; "first,second" names twins; format NULL recognises by
 * content, then suffix. The message is prefixed with the path. */
struct graph *format_read(const char *path, const struct format *format, struct error *err);

/* Writes to path (NULL or "-": standard output), complete or not at all; format NULL goes by suffix, else .nn. */
int format_write(const struct graph *g, const char *path, const struct format *format, int opset, struct error *err);

#endif
