/* Random graphs: whatever the passes make of one computes the same. */
#include "lab.h"

/* Each from values x and z of [1, 4, 5, 6] to one of the same dims. */
static const char *const links[] = {
    "Relu(x)",
    "Sigmoid(x)",
    "Tanh(x)",
    "Identity(x)",
    "Mul(x,z)",
    "Add(x,z)",
    "Sub(x,z)",
    "Sum(x,z,x)",
    "Add(x,Mul(x,z))",
    "Mul(x,Sigmoid(x))",
    "Clip(Add(x,#3),#0,#6)",
    "Div(x,#6)",
    "Mul(x,#0.5)",
    "Add(x,#1)",
    "Mul(x,p)",
    "Add(x,q)",
    "Add(Mul(x,p),q)",
    "Conv[pads=1;1;1;1](x,w,b)",
    "Conv(x,v)",
    "Conv[group=4](x,d)",
    "Conv(Pad(x,#i0;0;1;1;0;0;1;1),w)",
    "ConvTranspose[pads=1;1;1;1](x,w,b)",
    "BatchNormalization(x,b,b,b,k)",
    "MatMul(x,m)",
    "Add(MatMul(x,m),n)",
    "Reshape(Gemm(Reshape(x,#i20;6),m,n),#i1;4;5;6)",
    "Reshape(Gemm[transB=1,alpha=0.5f](Reshape(x,#i20;6),m),#i1;4;5;6)",
    "Transpose[perm=0;1;3;2](Transpose[perm=0;1;3;2](x))",
    "Transpose[perm=0;2;1;3](MatMul(Transpose[perm=0;2;1;3](x),m))",
    "Reshape(Relu(Reshape(x,#i4;30)),#i1;4;5;6)",
    "Reshape(Squeeze(Split#2[axis=0,num_outputs=2](Reshape(Concat[axis=0](x,z),#i2;4;30)),#i0),#i1;4;5;6)",
    "Slice(Concat[axis=1](x,z),#i1,#i5,#i1)",
    "Gather[axis=1](Concat[axis=1](x,z),#i1;3;5;7)",
    "Mul(x,GlobalAveragePool(z))",
    "Add(x,Mul(x,HardSigmoid(GlobalAveragePool(z))))",
    "Add(x,ReduceMean(z,#i2;3))",
    "MaxPool[kernel_shape=3;3,pads=1;1;1;1](x)",
    "MaxPool[kernel_shape=3;3](Pad(Relu(x),#i0;0;1;1;0;0;1;1))",
    "AveragePool[kernel_shape=3;3](Pad(x,#i0;0;1;1;0;0;1;1))",
    "Mul(Sub(x,ReduceMean(x,#i3)),n)",
    "LayerNormalization(x,n)",
    "Mul(Mul(x,#0.5),Add(Erf(Div(x,#1.4142135)),#1))",
    "Reshape(x,Concat[axis=0](Slice(Shape(z),#i0,#i2),#i5;-1))",
};

#define LINKS (sizeof(links) / sizeof(links[0]))
#define NODES 14

static size_t pick(struct lab *lab, size_t n)
{
    return (size_t)(hash_random(&lab->seed) % n);
}

static void build(struct lab *lab, uint64_t seed)
{
    struct value *made[NODES + 2];
    lab_start(lab);
    lab->seed = seed;
    lab->low = -1;
    lab->high = 1;
    lab->tolerance = 1e-4;
    made[0] = lab_input(lab, 'x', DIMS(1, 4, 5, 6));
    made[1] = lab_input(lab, 'z', DIMS(1, 4, 5, 6));
    lab_constant(lab, 'w', DIMS(4, 4, 3, 3));
    lab_constant(lab, 'v', DIMS(4, 4, 1, 1));
    lab_constant(lab, 'd', DIMS(4, 1, 1, 1));
    lab_constant(lab, 'b', DIMS(4));
    lab_constant(lab, 'm', DIMS(6, 6));
    lab_constant(lab, 'n', DIMS(6));
    lab_constant(lab, 'p', DIMS(4, 1, 1));
    lab_constant(lab, 'q', DIMS(1, 4, 1, 1));
    lab->low = 0.5;
    lab_constant(lab, 'k', DIMS(4));
    lab->low = -1;
    for (size_t i = 2; i < NODES + 2; i++) {
        /* mostly chains: there is more to find in them */
        lab->let['x'] = pick(lab, 4) ? made[i - 1] : made[pick(lab, i)];
        lab->let['z'] = made[pick(lab, i)];
        made[i] = lab_let(lab, 'y', links[pick(lab, LINKS)]);
    }
    graph_add_output(lab->g, made[NODES + 1], &lab->err);
    if (pick(lab, 2))
        graph_add_output(lab->g, made[2 + pick(lab, NODES - 1)], &lab->err);
}

static void all_passes(void)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct lab lab;
        build(&lab, seed);
        CHECK_MSG(lab_same(&lab, NULL), "seed %d: %s", (int)seed, lab_ops(&lab));
        lab_end(&lab);
    }
}

/* Each pass by itself leaves a sound graph. */
static void single_passes(void)
{
    size_t count;
    const struct pass *passes = pass_table(&count);
    for (uint64_t seed = 1000; seed < 1000 + 10 * count; seed++) {
        struct lab lab;
        const char *name = passes[seed % count].name;
        build(&lab, seed);
        CHECK_MSG(lab_same(&lab, name), "seed %d: %s", (int)seed, name);
        lab_end(&lab);
    }
}

int main(void)
{
    RUN(all_passes);
    RUN(single_passes);
    return TEST_END();
}
