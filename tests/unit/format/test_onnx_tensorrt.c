/* What is written for TensorRT keeps its rules, whatever the network came from. */
#include <stdlib.h>
#include <unistd.h>

#include "format/format.h"
#include "op/attr.h"
#include "../../test.h"

static struct error err;
static char path[] = "/tmp/test_tensorrt_XXXXXX";

/* The axis of the output channels of the weights that n gives; -1: n gives none. */
static int64_t channel_axis(const struct node *n)
{
    const struct value *v = node_out(n, 0);
    const struct node *user = v->use_count == 1 && v->uses[0].index == 1 ? v->uses[0].node : NULL;
    if (!user)
        return -1;
    if (node_is(user, "Conv"))
        return 0;
    if (node_is(user, "ConvTranspose"))
        return 1;
    return node_is(user, "Gemm") ? op_int(user, "transB") == 0 : v->type.rank - 1;
}

static void check_node(const struct node *n)
{
    const struct value *x = node_in(n, 0), *scale = node_in(n, 1), *zero = node_in(n, 2);
    CHECK(scale->constant && zero && zero->constant && zero->constant->dtype == DTYPE_I8);
    if (!scale->constant || !zero || !zero->constant)
        return;
    for (int64_t i = 0; i < scale->constant->count; i++)
        CHECK(tensor_get_f64(scale->constant, i) > 0);
    for (int64_t i = 0; i < zero->constant->count; i++)
        CHECK(tensor_get_i64(zero->constant, i) == 0);
    bool is_weight = node_is(n, "DequantizeLinear") && x->constant;
    CHECK(!is_weight || x->constant->dtype == DTYPE_I8);
    if (scale->constant->count > 1)
        CHECK(is_weight && op_int(n, "axis") == channel_axis(n));
}

static void check_file(const char *sample)
{
    struct graph *g = format_read(sample, NULL, &err), *back = NULL;
    CHECK_MSG(g, "%s", err.text);
    if (g && format_write(g, path, format_by_name("onnx"), "tensorrt", &err) == 0)
        back = format_read(path, format_by_name("onnx"), &err);
    CHECK_MSG(back, "%s: %s", sample, err.text);
    int count = 0;
    for (const struct node *n = back ? back->first : NULL; n; n = n->next)
        if (node_is(n, "QuantizeLinear") || node_is(n, "DequantizeLinear")) {
            check_node(n);
            count++;
        }
    CHECK_MSG(!back || count > 3, "%s", sample);
    for (size_t i = 0; back && i < back->value_count; i++)
        CHECK(!back->values[i] || back->values[i]->type.dtype != DTYPE_U8);
    for (size_t i = 0; back && i < back->input_count; i++)
        CHECK(back->inputs[i]->type.dtype == DTYPE_F32);
    for (size_t i = 0; back && i < back->output_count; i++)
        CHECK(back->outputs[i]->type.dtype == DTYPE_F32);
    graph_free(back);
    graph_free(g);
}

static void rules_are_kept(void)
{
    check_file("tests/models/tflite/cnn_int8.tflite");
    check_file("tests/models/mnn/int8.mnn");
    check_file("tests/models/ncnn/int8.param");
    check_file("tests/models/mace/int8.pb");
    check_file("tests/models/caffe2/int8_predict.pb");
    check_file("tests/models/tengine/int8.tmfile");
    check_file("tests/models/tengine/uint8.tmfile");
}

static void refused(void)
{
    struct graph *g = format_read("tests/models/openvino/quant.xml", NULL, &err);
    CHECK(g && format_write(g, path, format_by_name("onnx"), "tensorrt", &err) != 0);
    CHECK_MSG(strstr(err.text, "one scale above 0, this has 8"), "%s", err.text);
    graph_free(g);
    g = format_read("tests/models/mace/int8.pb", NULL, &err);
    CHECK(g && format_write(g, path, format_by_name("onnx"), "tensorrt,opset=11", &err) != 0);
    CHECK_MSG(strstr(err.text, "need opset 13"), "%s", err.text);
    graph_free(g);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    RUN(rules_are_kept);
    RUN(refused);
    unlink(path);
    return TEST_END();
}
