/* Operators of other runtimes, written as ONNX's. */
#include "lab.h"

/* The expression of x [2, 3, 8] becomes these operators, and stays equal; its output keeps its name. */
static void becomes(const char *expression, const char *ops)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 8));
    lab_constant(&lab, 'w', DIMS(8, 8));
    lab_constant(&lab, 'b', DIMS(8));
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, "expand-operators,dead-code");
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became %s, want %s", expression, lab_ops(&lab), ops);
    CHECK_STR(lab.g->outputs[0]->name, "y");
    lab_end(&lab);
}

static void expands(void)
{
    becomes("ms.Gelu(x)", "Gelu");
    becomes("ms.BiasGelu(x,b)", "Add Gelu");
    becomes("ms.FastGelu(ms.QuickGelu(x))", "Swish Gelu");
    becomes("ms.FusedMatMul[transB=1,alpha=0.5f](x,w)", "Transpose MatMul Mul");
    becomes("ms.SkipLayerNormalization(x,x,b,b)", "Add LayerNormalization");
    becomes("SimplifiedLayerNormalization(x,b)", "RMSNormalization");
}

/* What the rules cannot say stays as it is, with nothing half done beside it. */
static void stays(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(1, 2, 4));
    lab_constant(&lab, 'w', DIMS(4, 12));
    lab_output(&lab, "y", "ms.Attention[num_heads=2,do_rotary=1](x,w)");
    lab_output(&lab, "z", "nn.Add(x,x)");
    op_resolve(lab.g);
    bool chosen[64] = {false};
    size_t count;
    const struct pass *table = pass_table(&count);
    chosen[pass_named("expand-operators") - table] = true;
    CHECK_MSG(pass_run(lab.g, chosen, NULL, &lab.err) == 0, "%s", lab.err.text);
    CHECK_STR(lab_ops(&lab), "com.microsoft.Attention nn.Add");
    lab_end(&lab);
}

/* Ranks that are not known yet are waited for. */
static void waits(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 2))->type.rank = -1;
    lab_output(&lab, "y", "ms.FusedMatMul[transA=1](x,x)");
    op_resolve(lab.g);
    CHECK(pass_run_safe(lab.g, &lab.err) == 0);
    CHECK_STR(lab_ops(&lab), "com.microsoft.FusedMatMul");
    lab.let['x']->type.rank = 2;
    CHECK(pass_run_safe(lab.g, &lab.err) == 0);
    CHECK_MSG(!strstr(lab_ops(&lab), "microsoft"), "%s", lab_ops(&lab));
    lab_end(&lab);
}

int main(void)
{
    RUN(expands);
    RUN(stays);
    RUN(waits);
    return TEST_END();
}
