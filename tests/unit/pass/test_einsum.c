/* Einsum as other operators: every way that axes can meet. */
#include "lab.h"

#define PASSES "einsum-matmul,fold-shapes,remove-identity,dead-code"

/* Rewrites an equation of inputs x and z (NULL: x alone) of these dims. Whether the graph then computes the same, with
 * so many nodes Einsum and `op`. */
static bool leaves(int einsums, const char *op, const char *equation, int x_rank, const int64_t *x, int z_rank,
                   const int64_t *z)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', x_rank, x);
    if (z)
        lab_input(&lab, 'z', z_rank, z);
    struct value *y = lab_output(&lab, "y", z ? "Einsum(x,z)" : "Einsum(x)");
    node_set_string(y->producer, "equation", equation, strlen(equation), &lab.err);
    bool ok = lab_same(&lab, PASSES) && lab_count(&lab, "", "Einsum") == einsums && lab_count(&lab, "", op) == 1;
    if (!ok)
        printf("  %s: %s\n", equation, lab.err.text);
    lab_end(&lab);
    return ok;
}

static bool rewritten(const char *equation, const char *op, int x_rank, const int64_t *x, int z_rank, const int64_t *z)
{
    return leaves(0, op, equation, x_rank, x, z_rank, z);
}

static bool kept(const char *equation, int x_rank, const int64_t *x, int z_rank, const int64_t *z)
{
    return leaves(1, "Einsum", equation, x_rank, x, z_rank, z);
}

static void matrix_products(void)
{
    CHECK(rewritten("ij,jk->ik", "MatMul", DIMS(3, 4), DIMS(4, 5)));
    CHECK(rewritten("ij,jk", "MatMul", DIMS(3, 4), DIMS(4, 5)));
    CHECK(rewritten("ij,jk->ki", "MatMul", DIMS(3, 4), DIMS(4, 5)));
    CHECK(rewritten("bhid,bhjd->bhij", "MatMul", DIMS(2, 3, 4, 5), DIMS(2, 3, 6, 5)));
    CHECK(rewritten("b h i j, b j h d -> b i h d", "MatMul", DIMS(2, 3, 4, 6), DIMS(2, 6, 3, 5)));
    CHECK(rewritten("...ij,...jk->...ik", "MatMul", DIMS(2, 1, 3, 4), DIMS(7, 4, 5)));
    CHECK(rewritten("abc,cde->abde", "MatMul", DIMS(2, 3, 4), DIMS(4, 5, 6)));
    CHECK(rewritten("abcd,cdef->fbea", "MatMul", DIMS(2, 3, 4, 5), DIMS(4, 5, 6, 7)));
    CHECK(rewritten("bchw,khwc->bk", "MatMul", DIMS(2, 3, 4, 5), DIMS(6, 4, 5, 3)));
}

static void vectors(void)
{
    CHECK(rewritten("i,i->", "MatMul", DIMS(7), DIMS(7)));
    CHECK(rewritten("bi,bi->b", "MatMul", DIMS(3, 7), DIMS(3, 7)));
    CHECK(rewritten("bij,bj->bi", "MatMul", DIMS(2, 3, 4), DIMS(2, 4)));
    CHECK(rewritten("j,ij->i", "MatMul", DIMS(4), DIMS(3, 4)));
}

static void nothing_summed(void)
{
    CHECK(rewritten("i,j->ij", "Mul", DIMS(3), DIMS(4)));
    CHECK(rewritten("bhi,i->bih", "Mul", DIMS(2, 3, 4), DIMS(4)));
    CHECK(rewritten("ij,ij->ij", "Mul", DIMS(3, 4), DIMS(1, 4)));
    CHECK(rewritten("ijk->kji", "Transpose", DIMS(2, 3, 4), 0, NULL));
}

static void summed_alone(void)
{
    CHECK(rewritten("ijk->ki", "ReduceSum", DIMS(2, 3, 4), 0, NULL));
    CHECK(rewritten("ij->", "ReduceSum", DIMS(2, 3), 0, NULL));
    CHECK(rewritten("ijk,jl->il", "ReduceSum", DIMS(2, 3, 4), DIMS(3, 5)));
    CHECK(rewritten("ij,jkl->ik", "ReduceSum", DIMS(2, 3), DIMS(3, 4, 5)));
}

/* A symbolic size where one axis goes through, but not where two would have to be told apart. */
static void symbols(void)
{
    for (int both = 0; both < 2; both++) {
        struct lab lab;
        lab_start(&lab);
        int64_t n = graph_symbol(lab.g, "N", &lab.err), m = graph_symbol(lab.g, "M", &lab.err);
        lab_input(&lab, 'x', DIMS(n, 2, both ? m : 4, 5));
        lab_constant(&lab, 'w', DIMS(5, 6, 3));
        struct value *y = lab_output(&lab, "y", "Einsum(x,w)");
        node_set_string(y->producer, "equation", "nabi,ioc->nabco", 15, &lab.err);
        CHECK(lab_same(&lab, PASSES));
        CHECK_MSG(lab_count(&lab, "", "Einsum") == both, "%d: %s", both, lab.err.text);
        lab_end(&lab);
    }
}

static void left_alone(void)
{
    CHECK(kept("ii,i->i", DIMS(3, 3), DIMS(3)));      /* a diagonal */
    CHECK(kept("ij,jk->ik", DIMS(2, 3), DIMS(1, 4))); /* 1 repeated */
    CHECK(kept("ij,jk->ik", DIMS(2, 0), DIMS(0, 4))); /* a sum of nothing */
}

int main(void)
{
    RUN(matrix_products);
    RUN(vectors);
    RUN(nothing_summed);
    RUN(summed_alone);
    RUN(symbols);
    RUN(left_alone);
    return TEST_END();
}
