/* Expressions and malformed nets of pnnx as text; tests/models/pnnx has a whole one with answers. */
#include <string.h>

#include "../../test.h"
#include "base/file.h"
#include "format/format.h"

static struct error err;

#define INPUT "pnnx.Input i 0 1 0 #0=(1,4,3,2)f32\n"

static struct graph *read_text(const char *text)
{
    struct blob *blob = blob_new(strlen(text), &err);
    memcpy(blob->data, text, strlen(text));
    struct source source = {.blob = blob};
    struct graph *g = format_by_name("pnnx")->read(&source, &err);
    blob_unref(blob);
    return g;
}

static void refused(const char *text, const char *want)
{
    err.text[0] = '\0';
    struct graph *g = read_text(text);
    CHECK_MSG(!g && strstr(err.text, want), "got \"%s\", want \"%s\"", err.text, want);
    graph_free(g);
}

/* The shape of the only output of a net of an input and these lines. */
static void shaped(const char *lines, int rank, const int64_t *dims)
{
    err.text[0] = '\0';
    struct graph *g = read_text(lines);
    CHECK_MSG(g && g->output_count == 1, "%s", err.text);
    if (g && g->output_count == 1) {
        const struct type *t = &g->outputs[0]->type;
        bool same = t->rank == rank && memcmp(t->dims, dims, (size_t)rank * sizeof(*dims)) == 0;
        CHECK_MSG(same, "a rank of %d", t->rank);
    }
    graph_free(g);
}

static void expressions(void)
{
    shaped("7767517\n3 2\n" INPUT "pnnx.Expression e 1 1 0 1 expr=expm1,add(@0,mul(@0,2))\npnnx.Output o 1 0 1\n", 4,
           (int64_t[]){1, 4, 3, 2});
    shaped("7767517\n4 3\n" INPUT "pnnx.Expression e 1 1 0 1 expr=[size(@0,0),floor_divide(size(@0,1),2),-1]\n"
           "Tensor.reshape r 2 1 0 1 2 $input=0 $shape=1\npnnx.Output o 1 0 2\n",
           3, (int64_t[]){1, 2, 12});
    shaped("7767517\n4 3\n" INPUT "pnnx.SliceIndexes e 1 1 0 1 indexes=(1,size(@0,1))\n"
           "Tensor.slice s 2 1 0 1 2 dims=(1,2) starts=(0,0) ends=(2,2) $input=0\npnnx.Output o 1 0 2\n",
           4, (int64_t[]){1, 2, 2, 2});
    shaped("7767517\n4 3\n" INPUT "pnnx.Expression k 0 1 1 expr=out\n"
           "prim::DictConstruct d 2 1 1 0 2\npnnx.Output o 1 0 2\n",
           4, (int64_t[]){1, 4, 3, 2});
}

static void malformed_expressions(void)
{
    refused("7767517\n3 2\n" INPUT "Tensor.index t 1 1 0 1 expr=[[0],None,[1]]\npnnx.Output o 1 0 1\n",
            "that are apart");
    static const struct {
        const char *expression, *want;
    } rows[] = {
        {"add(@0,@1)", "from '1)' on"}, {"add(@0", "from '' on"},        {"frobnicate(@0)", "function frobnicate"},
        {"add(@0,@0))", "from ')' on"}, {"size(@0,9)", "axis 9"},        {"add(@0,@0,@0,@0)", "from '@0)' on"},
        {"[@0,", "from '' on"},         {"@99999999999999999999", "on"}, {"add(,@0)", "from ',@0)' on"},
    };
    char text[300];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "7767517\n3 2\n" INPUT "pnnx.Expression e 1 1 0 1 expr=%s\npnnx.Output o 1 0 1\n",
                 rows[i].expression);
        refused(text, rows[i].want);
    }
}

static void a_deep_expression(void)
{
    char text[5000] = "7767517\n3 2\n" INPUT "pnnx.Expression e 1 1 0 1 expr=";
    for (int i = 0; i < 500; i++)
        strcat(text, "abs(");
    strcat(text, "@0\npnnx.Output o 1 0 1\n");
    refused(text, "not understood");
}

static void malformed_nets(void)
{
    refused("7767517\n3 2\n" INPUT, "1 operators where the file states 3");
    refused("7767517\n1 2\n" INPUT INPUT, "more than the 1 operators");
    refused("7767517\n2 2\n" INPUT "nn.ReLU r 1 1 5 6\n", "operand '5', which no operator before it makes");
    refused("7767517\n2 2\n" INPUT "nn.ReLU r 1 1 0 0\n", "makes an operand that another made");
    refused("7767517\n2 2\n" INPUT "nn.ReLU r 99999999 1 0 0\n", "number of inputs");
    refused("7767517\n2 2\n" INPUT "nn.ReLU r 1 1 0 1 inplace\n", "key=value");
    refused("7767517\n2 2\n" INPUT "Tensor.permute p 1 1 0 1 dims=(0,1)\n", "orders 2 axes of 4");
    refused("7767517\n2 2\n" INPUT "torch.split s 1 2 0 1 2 dim=1 split_size_or_sections=1\n", "4 pieces and has 2");
    refused("7767517\n2 2\n" INPUT "prim::TupleUnpack u 1 1 0 1\n", "takes apart a tuple of 0 into 1");
    refused("7767517\n2 2\n" INPUT "nn.MaxPool2d m 1 1 0 1 kernel_size=(0,0)\n", "of 0");
    refused("7767517\n2 2\n" INPUT "nn.AvgPool2d m 1 1 0 1 kernel_size=(1,2,3,4)\n", "at most 2 numbers");
}

int main(void)
{
    RUN(expressions);
    RUN(malformed_expressions);
    RUN(a_deep_expression);
    RUN(malformed_nets);
    return TEST_END();
}
