/* Constant scales and shifts into weights. */
#include <unistd.h>

#include "base/file.h"
#include "lab.h"

#define FOLD "fold-scale,dead-code"

static void weights(struct lab *lab)
{
    lab_start(lab);
    lab->tolerance = 1e-5;
    lab_input(lab, 'x', DIMS(2, 4, 5, 6));
    lab_constant(lab, 'w', DIMS(6, 2, 3, 3)); /* two groups */
    lab_constant(lab, 'b', DIMS(6));
    lab_constant(lab, 'd', DIMS(4, 1, 3, 3)); /* depthwise */
    lab_constant(lab, 'u', DIMS(4, 3, 2, 2)); /* transposed, two groups */
    lab_constant(lab, 's', DIMS(6, 1, 1));
    lab_constant(lab, 't', DIMS(1, 6, 1, 1));
    lab_constant(lab, 'p', DIMS(4, 1, 1));
    lab_constant(lab, 'q', DIMS(4, 1, 1));
    lab_constant(lab, 'e', DIMS(6));
    lab_constant(lab, 'f', DIMS(6));
    lab_constant(lab, 'g', DIMS(6));
    lab_constant(lab, 'r', DIMS(5, 6)); /* varies along the image's width as well */
    lab->low = 0.1;
    lab_constant(lab, 'v', DIMS(6));
    lab->low = -4;
}

static void becomes(const char *expression, const char *ops)
{
    struct lab lab;
    weights(&lab);
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, FOLD);
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became \"%s\", want \"%s\"", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

static void into_convolutions(void)
{
    static const char *const convs[] = {"Conv[group=2](x,w)", "Conv[group=2,pads=1;1;1;1,strides=2;1](x,w,b)",
                                        "ConvTranspose[group=2,strides=2;2](x,u)", "ConvTranspose[group=2](x,u,b)"};
    static const char *const changes[] = {
        "BatchNormalization[epsilon=0.01f](%s,e,f,g,v)", "Mul(%s,s)", "Div(%s,s)", "Add(t,%s)", "Sub(%s,t)",
        "Sub(t,%s)", "Mul(#0.25,%s)", "Add(Mul(Sub(%s,t),s),#3)", "BatchNormalization(Mul(%s,#2),e,f,g,v)",
        "Div(%s,#7)",
    };
    char text[200];
    for (size_t c = 0; c < sizeof(convs) / sizeof(convs[0]); c++)
        for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
            snprintf(text, sizeof(text), changes[i], convs[c]);
            becomes(text, c < 2 ? "Conv" : "ConvTranspose");
        }
}

static void not_into_convolutions(void)
{
    becomes("Mul(Conv[group=2,pads=1;1;1;1](x,w),r)", "Conv Mul");
    becomes("Div(#2,Conv[group=2](x,w))", "Conv Div");
    becomes("Div(Conv[group=2](x,w),#0)", "Conv Div");
    becomes("BatchNormalization(Relu(Conv[group=2](x,w)),e,f,g,v)", "Conv Relu nn.ScaleShift");
    /* used by another, too */
    struct lab lab;
    weights(&lab);
    lab_let(&lab, 'c', "Conv[group=2](x,w)");
    lab_output(&lab, "y", "Mul(c,s)");
    lab_output(&lab, "z", "Neg(c)");
    CHECK(lab_same(&lab, FOLD));
    CHECK_STR(lab_ops(&lab), "Conv Mul Neg");
    lab_end(&lab);
    /* a graph output itself */
    weights(&lab);
    lab.let['c'] = lab_output(&lab, "z", "Conv[group=2](x,w)");
    lab_output(&lab, "y", "Mul(c,s)");
    CHECK(lab_same(&lab, FOLD));
    CHECK_STR(lab_ops(&lab), "Conv Mul");
    lab_end(&lab);
    /* weights that a caller may replace */
    weights(&lab);
    graph_add_input(lab.g, lab.let['w'], &lab.err);
    lab_output(&lab, "y", "Mul(Conv[group=2](x,w),s)");
    CHECK(lab_same(&lab, FOLD));
    CHECK_STR(lab_ops(&lab), "Conv Mul");
    lab_end(&lab);
}

static void shared_weights(void)
{
    struct lab lab;
    weights(&lab);
    lab_output(&lab, "y", "Mul(Conv[group=2](x,w,b),#2)");
    lab_output(&lab, "z", "Conv[group=2](Neg(x),w,b)");
    CHECK(lab_same(&lab, FOLD));
    CHECK_STR(lab_ops(&lab), "Conv Neg Conv");
    lab_end(&lab);
}

static void into_the_next(void)
{
    becomes("Conv[group=2](Mul(Relu(x),p),w)", "Relu Conv");
    becomes("Conv[group=2,pads=1;1;1;1](Mul(Relu(x),p),w,b)", "Relu Conv");
    becomes("Conv[group=2](Add(Mul(Relu(x),p),q),w)", "Relu Conv");
    becomes("Conv[group=4](Add(Relu(x),q),d)", "Relu Conv");
    becomes("Conv[group=4,auto_pad=SAME_UPPER](Add(Relu(x),#3),d)", "Relu Add Conv");
    becomes("Conv[group=4,pads=0;0;0;1](Add(Mul(Relu(x),p),#3),d)", "Relu nn.ScaleShift Conv");
}

static void on_their_own(void)
{
    becomes("Add(Mul(Relu(x),p),q)", "Relu nn.ScaleShift");
    becomes("Add(Mul(Relu(x),#2),#0.5)", "Relu nn.ScaleShift");
    becomes("Sub(Div(Relu(x),p),#0.5)", "Relu nn.ScaleShift");
    becomes("Mul(Add(Relu(x),p),q)", "Relu Add Mul");
    becomes("Mul(Add(Mul(Relu(x),p),q),#3)", "Relu nn.ScaleShift");
    becomes("Mul(Relu(x),p)", "Relu Mul");
}

/* Products: x [3, 8], w [8, 6] or transposed. */
static void product(const char *expression, const char *ops)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    lab_input(&lab, 'x', DIMS(3, 8));
    lab_input(&lab, 'z', DIMS(6, 5));
    lab_constant(&lab, 'w', DIMS(8, 6));
    lab_constant(&lab, 'v', DIMS(6, 8));
    lab_constant(&lab, 'b', DIMS(6));
    lab_constant(&lab, 's', DIMS(6));
    lab_constant(&lab, 't', DIMS(1, 6));
    lab_constant(&lab, 'r', DIMS(3, 1));
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, FOLD);
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became \"%s\", want \"%s\"", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

static void into_products(void)
{
    product("Mul(MatMul(x,w),s)", "MatMul");
    product("Add(MatMul(x,w),s)", "MatMul Add");
    product("Add(Mul(Gemm(x,w),s),t)", "Gemm");
    product("Sub(Mul(Gemm[transB=1,alpha=0.5f](x,v,b),s),t)", "Gemm");
    product("Add(Mul(Gemm[beta=0.5f](x,w,b),#3),#1)", "Gemm");
    product("Mul(Gemm[transB=1](x,v,#2),t)", "Gemm");
    product("Mul(nn.MatMul[transB=1](x,v,b),s)", "nn.MatMul");
    product("Mul(MatMul(x,w),r)", "MatMul Mul");
    product("Add(Gemm[beta=0.0f](x,w,b),s)", "Gemm Add");
    product("Mul(MatMul(MatMul(x,w),z),#0.125)", "MatMul MatMul");
    product("Mul(MatMul(Transpose(x),x),#2)", "Transpose MatMul Mul");
}

/* Through nodes that move axes: attention's scale ends in the projection. */
static void through_views(void)
{
    static const char *const cases[][2] = {
        {"Mul(Reshape(MatMul(x,w),#i2;3;2;4),#2)", "MatMul Reshape"},
        {"Mul(Transpose[perm=0;2;1](MatMul(x,w)),p)", "MatMul Transpose"},
        {"Mul(Reshape(MatMul(x,w),#i2;3;2;4),q)", "MatMul Reshape"},
        {"Mul(Reshape(MatMul(x,w),#i2;3;2;4),r)", "MatMul Reshape Mul"},
        {"Mul(Reshape(MatMul(x,w),#i6;8),s)", "MatMul Reshape"},
        {"Mul(Squeeze(Split#2[axis=2](Reshape(MatMul(x,w),#i2;3;2;4),#i1;1),#i2),#3)", "MatMul Reshape Split Squeeze"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        lab_start(&lab);
        lab.tolerance = 1e-5;
        lab_input(&lab, 'x', DIMS(2, 3, 5));
        lab_constant(&lab, 'w', DIMS(5, 8));
        lab_constant(&lab, 'p', DIMS(8, 1));
        lab_constant(&lab, 'q', DIMS(2, 1));
        lab_constant(&lab, 'r', DIMS(4));
        lab_constant(&lab, 's', DIMS(8));
        lab_output(&lab, "y", cases[i][0]);
        if (lab_find(&lab, "Split")) /* the part that is not scaled */
            graph_add_output(lab.g, lab_find(&lab, "Split")->out[0], &lab.err);
        bool same = lab_same(&lab, FOLD);
        CHECK_MSG(same && strcmp(lab_ops(&lab), cases[i][1]) == 0, "%s: \"%s\"", cases[i][0], lab_ops(&lab));
        lab_end(&lab);
    }
}

static void half_floats(void)
{
    struct lab lab;
    lab_start(&lab);
    lab.dtype = DTYPE_F16;
    lab.tolerance = 4e-3;
    lab_input(&lab, 'x', DIMS(1, 3, 4, 4));
    lab_constant(&lab, 'w', DIMS(2, 3, 1, 1));
    lab_constant(&lab, 's', DIMS(2, 1, 1));
    lab_output(&lab, "y", "Add(Mul(Conv(x,w),s),#1)");
    CHECK(lab_same(&lab, FOLD));
    CHECK_STR(lab_ops(&lab), "Conv");
    CHECK(lab_find(&lab, "Conv")->in[1]->constant->dtype == DTYPE_F16);
    lab_end(&lab);
}

/* KiB of files that are in the process's memory. */
static long file_pages(void)
{
    char line[200];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && kib < 0 && fgets(line, sizeof line, f))
        sscanf(line, "RssFile: %ld", &kib);
    if (f)
        fclose(f);
    return kib;
}

/* Weights of a file that were read to be multiplied are not wanted again. */
static void pages_of_the_file(void)
{
    char path[] = "/tmp/test_scale_XXXXXX";
    int fd = mkstemp(path), n = 2048;
    CHECK(fd >= 0 && ftruncate(fd, 4L * n * n) == 0);
    struct lab lab;
    lab_start(&lab);
    struct blob *blob = file_read(path, &lab.err);
    lab_input(&lab, 'x', DIMS(1, n, 1, 1));
    lab_tensor(&lab, 'w', tensor_of_blob(DTYPE_F32, 4, (int64_t[]){n, n, 1, 1}, blob, 0, &lab.err));
    lab_output(&lab, "y", "Mul(Conv(x,w),#2)");
    op_resolve(lab.g);
    CHECK(op_infer_graph(lab.g, &lab.err) == 0);
    long before = file_pages();
    CHECK_MSG(pass_run_safe(lab.g, &lab.err) == 0, "%s", lab.err.text);
    CHECK_STR(lab_ops(&lab), "Conv");
    CHECK(before < 0 || file_pages() - before < 8192);
    lab_end(&lab);
    blob_unref(blob);
    close(fd);
    unlink(path);
}

int main(void)
{
    RUN(into_convolutions);
    RUN(not_into_convolutions);
    RUN(shared_weights);
    RUN(into_the_next);
    RUN(on_their_own);
    RUN(into_products);
    RUN(through_views);
    RUN(half_floats);
    RUN(pages_of_the_file);
    return TEST_END();
}
