/* Inside the writer: messages are built in an arena, weights stay where they are, and the file is made of both. */
#ifndef FORMAT_ONNX_WRITE_H
#define FORMAT_ONNX_WRITE_H

#include "format/onnx/onnx.h"

/* A tensor that may go to the second file. */
struct onnx_weight {
    struct onnx_tensor *message;
    const struct tensor *tensor;
};

struct onnx_writer {
    struct arena arena;
    struct graph *root; /* lowered */
    int opset;
    struct onnx_weight *weights;
    size_t weight_count, weight_cap;
    struct error *err;
};

/* NULL or -1 with a message in w->err, as all of these. */
struct onnx_graph *onnx_make_graph(struct onnx_writer *w, const struct graph *g, int depth); /* write_graph.c */
struct onnx_node *onnx_make_node(struct onnx_writer *w, const struct node *n, int depth);    /* write_node.c */
struct onnx_type *onnx_make_type(struct onnx_writer *w, const struct type *type);            /* write_type.c */
struct onnx_tensor *onnx_make_tensor(struct onnx_writer *w, const struct tensor *t, const char *name);
/* A list of n pointers; never NULL but for an error. */
void *onnx_make_list(struct onnx_writer *w, size_t n);
struct onnx_entry *onnx_make_entry(struct onnx_writer *w, const char *key, const char *bytes, size_t size);

/* Makes the graph keep TensorRT's rules of quantisation (tensorrt.c). */
int onnx_for_tensorrt(struct graph *root, struct error *err);

/* Moves weights of 1024 bytes and more to `location`, and says where (write_external.c); location NULL (an error
 * already set) gives -1. */
int onnx_place_weights(struct onnx_writer *w, const char *location);
int onnx_write_weights(struct onnx_writer *w, struct file_out *out);

/* Subgraphs in subgraphs, such that a file's messages are at most 100 deep. */
#define ONNX_WRITE_DEPTH 30

#endif
