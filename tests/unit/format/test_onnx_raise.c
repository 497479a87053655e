/* Older opsets: models whose results are worked out by hand from the standard of their time. */
#include "onnx_file.h"

static struct error err;

/* A node of an old opset on input x, and what it gives. */
static void gives(struct msg *g, int opset, const char *op, const char *in, const struct msg *attributes, int rank,
                  const int64_t *dims, const float *x, int count, const float *want)
{
    file_value(g, 11, "x", 1, rank, dims);
    file_node(g, op, in, "y", attributes);
    file_value(g, 12, "y", 1, -1, NULL);
    struct graph *graph = file_read_model(g, opset, &err);
    CHECK_MSG(graph != NULL, "%s %d: %s", op, opset, err.text);
    CHECK_MSG(graph_gives(graph, FILE_INPUTS(x, x), count, want), "%s of opset %d", op, opset);
    graph_free(graph);
    g->size = 0;
}

static const float ramp[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void broadcast(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_int(&a, "broadcast", 1);
    attr_int(&a, "axis", 1);
    file_floats(&g, "b", FILE_DIMS(2), FILE_FLOATS(10, 20));
    gives(&g, 6, "Add", "x,b", &a, FILE_DIMS(1, 2, 3), ramp, FILE_FLOATS(10, 11, 12, 23, 24, 25));
    a.size = 0;
    attr_int(&a, "broadcast", 1);
    file_floats(&g, "b", FILE_DIMS(3), FILE_FLOATS(1, 2, 3));
    gives(&g, 6, "Mul", "x,b", &a, FILE_DIMS(2, 3), ramp, FILE_FLOATS(0, 2, 6, 3, 8, 15));
    /* The slope of each channel, of an input whose rank only inference tells. */
    file_floats(&g, "b", FILE_DIMS(2), FILE_FLOATS(10, 100));
    file_node(&g, "Neg", "x", "n", NULL);
    gives(&g, 6, "PRelu", "n,b", NULL, FILE_DIMS(1, 2, 2, 1), ramp, FILE_FLOATS(0, -10, -200, -300));
}

/* exp of 0, 1, 2, 3 by their sum; what opset 12 saw as one axis. */
static void softmax(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    const float whole[] = {0.032058604f, 0.0871443187f, 0.2368828181f, 0.6439142599f};
    attr_int(&a, "axis", 1);
    gives(&g, 12, "Softmax", "x", NULL, FILE_DIMS(1, 2, 2), ramp, 4, whole);
    gives(&g, 11, "Softmax", "x", &a, FILE_DIMS(1, 4, 1, 1), ramp, 4, whole);
    a.size = 0;
    attr_int(&a, "axis", -1);
    gives(&g, 11, "Softmax", "x", &a, FILE_DIMS(1, 2, 2), ramp,
          FILE_FLOATS(0.2689414f, 0.7310586f, 0.2689414f, 0.7310586f));
    gives(&g, 13, "Softmax", "x", NULL, FILE_DIMS(1, 2, 2), ramp,
          FILE_FLOATS(0.2689414f, 0.7310586f, 0.2689414f, 0.7310586f));
    a.size = 0;
    attr_int(&a, "axis", 0);
    gives(&g, 7, "Hardmax", "x", &a, FILE_DIMS(2, 2), ramp, FILE_FLOATS(0, 0, 0, 1));
}

static void attributes_to_inputs(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_ints(&a, "starts", 1, (int64_t[]){1});
    attr_ints(&a, "ends", 1, (int64_t[]){-1});
    attr_ints(&a, "axes", 1, (int64_t[]){1});
    gives(&g, 1, "Slice", "x", &a, FILE_DIMS(2, 4), ramp, FILE_FLOATS(1, 2, 5, 6));
    a.size = 0;
    attr_float(&a, "max", 2);
    gives(&g, 6, "Clip", "x", &a, FILE_DIMS(4), ramp, FILE_FLOATS(0, 1, 2, 2));
    a.size = 0;
    attr_ints(&a, "paddings", 4, (int64_t[]){0, 1, 0, -1});
    attr_float(&a, "value", 9);
    gives(&g, 1, "Pad", "x", &a, FILE_DIMS(2, 2), ramp, FILE_FLOATS(9, 0, 9, 2));
    a.size = 0;
    attr_ints(&a, "shape", 2, (int64_t[]){-1, 2});
    gives(&g, 1, "Reshape", "x", &a, FILE_DIMS(4), ramp, FILE_FLOATS(0, 1, 2, 3));
    a.size = 0;
    attr_ints(&a, "axes", 1, (int64_t[]){0});
    attr_int(&a, "keepdims", 0);
    gives(&g, 11, "ReduceMean", "x", &a, FILE_DIMS(2, 2), ramp, FILE_FLOATS(1, 2));
    gives(&g, 11, "ReduceSum", "x", &a, FILE_DIMS(2, 2), ramp, FILE_FLOATS(2, 4));
    a.size = 0;
    attr_int(&a, "k", 1);
    file_node(&g, "TopK", "x", "v,i", &a);
    gives(&g, 9, "Neg", "v", NULL, FILE_DIMS(3), ramp, FILE_FLOATS(-2));
    a.size = 0;
    attr_string(&a, "to", "INT32");
    file_node(&g, "Cast", "x", "i", &a);
    a.size = 0;
    attr_string(&a, "to", "FLOAT");
    gives(&g, 5, "Cast", "i", &a, FILE_DIMS(2), (float[]){1.5f, 2.5f}, FILE_FLOATS(1, 2));
    a.size = 0;
    attr_ints(&a, "split", 2, (int64_t[]){1, 3});
    file_node(&g, "Split", "x", "p,q", &a);
    gives(&g, 2, "Neg", "q", NULL, FILE_DIMS(4), ramp, FILE_FLOATS(-1, -2, -3));
    file_node(&g, "Split", "x", "p,q", NULL);
    gives(&g, 13, "Neg", "q", NULL, FILE_DIMS(4), ramp, FILE_FLOATS(-2, -3));
    gives(&g, 1, "Concat", "x,x", NULL, FILE_DIMS(1, 2), ramp, FILE_FLOATS(0, 1, 0, 1));
}

static void dropped(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_ints(&a, "consumed_inputs", 1, (int64_t[]){0});
    gives(&g, 1, "Relu", "x", &a, FILE_DIMS(2), (float[]){-1, 1}, FILE_FLOATS(0, 1));
    a.size = 0;
    attr_int(&a, "is_test", 1);
    attr_float(&a, "ratio", 0.3f);
    file_node(&g, "Dropout", "x", "d,mask", &a);
    gives(&g, 6, "Neg", "d", NULL, FILE_DIMS(2), ramp, FILE_FLOATS(0, -1));
}

static void normalisation(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_int(&a, "is_test", 1);
    attr_float(&a, "epsilon", 0);
    file_floats(&g, "s", FILE_DIMS(2), FILE_FLOATS(2, 4));
    file_floats(&g, "b", FILE_DIMS(2), FILE_FLOATS(1, 0));
    file_floats(&g, "m", FILE_DIMS(2), FILE_FLOATS(0, 1));
    file_floats(&g, "v", FILE_DIMS(2), FILE_FLOATS(1, 4));
    gives(&g, 6, "BatchNormalization", "x,s,b,m,v", &a, FILE_DIMS(1, 2, 2), ramp, FILE_FLOATS(1, 3, 2, 4));
    attr_int(&a, "spatial", 0); /* [C, W] statistics */
    file_floats(&g, "s", FILE_DIMS(1, 2), FILE_FLOATS(2, 4));
    file_floats(&g, "b", FILE_DIMS(1, 2), FILE_FLOATS(1, 0));
    file_floats(&g, "m", FILE_DIMS(1, 2), FILE_FLOATS(0, 1));
    file_floats(&g, "v", FILE_DIMS(1, 2), FILE_FLOATS(1, 4));
    gives(&g, 6, "BatchNormalization", "x,s,b,m,v", &a, FILE_DIMS(2, 1, 2), ramp, FILE_FLOATS(1, 0, 5, 4));
    a.size = 0;
    attr_int(&a, "num_groups", 1);
    attr_float(&a, "epsilon", 0);
    file_floats(&g, "s", FILE_DIMS(1), FILE_FLOATS(2));
    file_floats(&g, "b", FILE_DIMS(1), FILE_FLOATS(1));
    gives(&g, 18, "GroupNormalization", "x,s,b", &a, FILE_DIMS(1, 2, 1), (float[]){-1, 1}, FILE_FLOATS(-1, 3));
    /* The same with a scale that is computed. */
    file_floats(&g, "s", FILE_DIMS(1), FILE_FLOATS(-2));
    file_floats(&g, "b", FILE_DIMS(1), FILE_FLOATS(1));
    file_node(&g, "Neg", "s", "minus", NULL);
    gives(&g, 18, "GroupNormalization", "x,minus,b", &a, FILE_DIMS(1, 2, 1), (float[]){-1, 1}, FILE_FLOATS(-1, 3));
}

static void resizing(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    const float twice[] = {1, 1, 1, 2};
    attr_floats(&a, "scales", 4, twice);
    gives(&g, 7, "Upsample", "x", &a, FILE_DIMS(1, 1, 1, 2), ramp, FILE_FLOATS(0, 0, 1, 1));
    attr_string(&a, "mode", "linear");
    gives(&g, 7, "Upsample", "x", &a, FILE_DIMS(1, 1, 1, 2), ramp, FILE_FLOATS(0, 0.5f, 1, 1));
    a.size = 0;
    attr_float(&a, "width_scale", 2);
    attr_float(&a, "height_scale", 1);
    gives(&g, 1, "Upsample", "x", &a, FILE_DIMS(1, 1, 1, 2), ramp, FILE_FLOATS(0, 0, 1, 1));
    file_floats(&g, "s", FILE_DIMS(4), 4, twice);
    gives(&g, 9, "Upsample", "x,s", NULL, FILE_DIMS(1, 1, 1, 2), ramp, FILE_FLOATS(0, 0, 1, 1));
    file_floats(&g, "s", FILE_DIMS(4), 4, twice);
    gives(&g, 10, "Resize", "x,s", NULL, FILE_DIMS(1, 1, 1, 2), ramp, FILE_FLOATS(0, 0, 1, 1));
}

/* The running sum along the sequence, for each element of the batch: the batch came first in opset 8. */
static void scan8(void)
{
    struct msg g = {.size = 0}, a = {.size = 0}, body = {.size = 0};
    file_value(&body, 11, "sum", 1, FILE_DIMS(1));
    file_value(&body, 11, "next", 1, FILE_DIMS(1));
    file_node(&body, "Add", "sum,next", "out", NULL);
    file_node(&body, "Identity", "out", "copy", NULL);
    file_value(&body, 12, "out", 1, FILE_DIMS(1));
    file_value(&body, 12, "copy", 1, FILE_DIMS(1));
    attr_msg(&a, "body", 6, 5, &body);
    attr_int(&a, "num_scan_inputs", 1);
    file_floats(&g, "zero", FILE_DIMS(2, 1), FILE_FLOATS(0, 100));
    file_node(&g, "Scan", "-,zero,x", "last,all", &a);
    gives(&g, 8, "Neg", "all", NULL, FILE_DIMS(2, 3, 1), ramp, FILE_FLOATS(0, -1, -3, -103, -107, -112));
    attr_ints(&a, "directions", 1, (int64_t[]){1});
    file_floats(&g, "zero", FILE_DIMS(2, 1), FILE_FLOATS(0, 100));
    file_node(&g, "Scan", "-,zero,x", "last,all", &a);
    gives(&g, 8, "Neg", "all", NULL, FILE_DIMS(2, 3, 1), ramp, FILE_FLOATS(-2, -3, -3, -105, -109, -112));
}

/* Of whole numbers and one offset for all of them. */
static void scaler(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_int(&a, "to", DTYPE_I64);
    file_node(&g, "Cast", "x", "whole", &a);
    a.size = 0;
    attr_floats(&a, "offset", FILE_FLOATS(0.5f));
    attr_floats(&a, "scale", FILE_FLOATS(1, 2, 4));
    file_node_in(&g, 1, "ai.onnx.ml", "Scaler", "whole", "s", &a);
    gives(&g, 25, "Neg", "s", NULL, FILE_DIMS(1, 3), ramp, FILE_FLOATS(0.5f, -1, -6));
}

/* Three classes of 1, 2 and 1 vectors: sums 6 x - 6.75, -11 x - 1 and 23 x - 2. Of equal votes the first class wins. */
static void svm_classifier(void)
{
    struct msg g = {.size = 0}, a = {.size = 0}, cast = {.size = 0};
    attr_int(&cast, "to", DTYPE_F32);
    attr_ints(&a, "vectors_per_class", 3, (int64_t[]){1, 2, 1});
    attr_ints(&a, "classlabels_ints", 3, (int64_t[]){30, 20, 10});
    attr_floats(&a, "support_vectors", FILE_FLOATS(1, 2, 3, 4));
    attr_floats(&a, "coefficients", FILE_FLOATS(1, -2, 3, -4, 5, 6, -7, 8));
    attr_floats(&a, "rho", FILE_FLOATS(-6.75f, -1, -2));
    file_node_in(&g, 1, "ai.onnx.ml", "SVMClassifier", "x", "l,s", &a);
    gives(&g, 25, "Cast", "l", &cast, FILE_DIMS(3, 1), ramp, FILE_FLOATS(10, 20, 30));
    file_node_in(&g, 1, "ai.onnx.ml", "SVMClassifier", "x", "l,s", &a);
    gives(&g, 25, "Neg", "s", NULL, FILE_DIMS(3, 1), ramp, FILE_FLOATS(6.75f, 1, 2, 0.75f, 12, -21, -5.25f, 23, -44));
    a.size = 0;
    attr_ints(&a, "vectors_per_class", 2, (int64_t[]){1, 1});
    attr_ints(&a, "classlabels_ints", 2, (int64_t[]){0, 1});
    attr_floats(&a, "support_vectors", FILE_FLOATS(1, 2));
    attr_floats(&a, "coefficients", FILE_FLOATS(1, -2));
    attr_floats(&a, "rho", FILE_FLOATS(0.5f));
    file_node_in(&g, 1, "ai.onnx.ml", "SVMClassifier", "x", "l,s", &a);
    gives(&g, 25, "Neg", "s", NULL, FILE_DIMS(2, 1), ramp, FILE_FLOATS(0.5f, -0.5f, -2.5f, 2.5f));
    a.size = 0;
    attr_ints(&a, "vectors_per_class", 2, (int64_t[]){INT64_MAX, 2});
    attr_ints(&a, "classlabels_ints", 2, (int64_t[]){0, 1});
    attr_floats(&a, "coefficients", FILE_FLOATS(1, -2));
    file_value(&g, 11, "x", 1, FILE_DIMS(2, 1));
    file_node_in(&g, 1, "ai.onnx.ml", "SVMClassifier", "x", "l,s", &a);
    CHECK(!file_read_model(&g, 25, &err) && strstr(err.text, "vectors_per_class and coefficients that fit"));
}

/* What opsets 27 and 28 brought is read as older operators. */
static void said_by_others(void)
{
    struct msg g = {.size = 0}, a = {.size = 0};
    attr_int(&a, "blocksize", 2);
    attr_string(&a, "mode", "CRD");
    file_node(&g, "SpaceToDepth", "x", "d", &a);
    gives(&g, 28, "Neg", "d", NULL, FILE_DIMS(1, 2, 2, 2), ramp, FILE_FLOATS(0, -1, -2, -3, -4, -5, -6, -7));
    a.size = 0;
    attr_int(&a, "blocksize", 2);
    attr_string(&a, "mode", "DCR");
    gives(&g, 28, "SpaceToDepth", "x", &a, FILE_DIMS(1, 2, 2, 2), ramp, FILE_FLOATS(0, 4, 1, 5, 2, 6, 3, 7));
    a.size = 0;
    attr_float(&a, "alpha", 0);
    gives(&g, 28, "SwiGLU", "x,x", &a, FILE_DIMS(3), ramp, FILE_FLOATS(0, 0.5f, 2));
    file_floats(&g, "w", FILE_DIMS(2, 1, 2), FILE_FLOATS(1, 10, 1, 100));
    file_floats(&g, "past", FILE_DIMS(1, 2, 1), FILE_FLOATS(7, 8));
    file_node(&g, "CausalConvWithState", "x,w,-,past", "z,state", NULL);
    file_node(&g, "Concat", "z,state", "both", (a.size = 0, attr_int(&a, "axis", 2), &a));
    gives(&g, 27, "Neg", "both", NULL, FILE_DIMS(1, 2, 2), ramp, FILE_FLOATS(-7, -10, -1, -208, -302, -3));
    file_floats(&g, "w", FILE_DIMS(2, 1, 2), FILE_FLOATS(1, 10, 1, 100));
    gives(&g, 27, "CausalConvWithState", "x,w", NULL, FILE_DIMS(1, 2, 2), ramp, FILE_FLOATS(0, 10, 200, 302));
}

int main(void)
{
    RUN(broadcast);
    RUN(softmax);
    RUN(attributes_to_inputs);
    RUN(dropped);
    RUN(normalisation);
    RUN(resizing);
    RUN(scan8);
    RUN(scaler);
    RUN(svm_classifier);
    RUN(said_by_others);
    return TEST_END();
}
