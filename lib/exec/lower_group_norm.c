/* Instance and group normalisation: every group of channels of an image is one row of a row-major tensor, normalised as
 * a whole, then scaled and shifted channel by channel. */
#include "exec/lower.h"

struct group_args {
    struct view x, out;
    const struct kernels *kernels;
    const float *scale, *shift; /* [channels] */
    int64_t groups, channels;   /* channels of a group */
    int64_t pixels;
    float epsilon;
};

static void normalise(const struct group_args *a, int64_t group)
{
    size_t row = (size_t)(a->channels * a->pixels);
    const float *x = (const float *)view_data(&a->x) + (size_t)group * row;
    float *out = (float *)view_data(&a->out) + (size_t)group * row;
    int64_t first = group % a->groups * a->channels;
    a->kernels->layer_norm_f32(out, x, NULL, NULL, row, a->epsilon, true);
    for (int64_t c = 0; c < a->channels; c++, out += a->pixels)
        a->kernels->unary_f32(out, out, (size_t)a->pixels,
                              (struct kernel_act){KERNEL_AFFINE, a->scale[first + c], a->shift[first + c]});
}

static void run_groups(const struct step *s, struct tile tile)
{
    for (int64_t i = tile.first; i < tile.last; i++)
        normalise(s->args, i);
}

static int group_norm(struct plan *p, struct node *n, int64_t groups, struct error *err)
{
    bool failed = false;
    if (!exec_lower_is_f32(n, 0) || n->in[0]->type.rank < 3 || view_count(plan_in(n, 0)) == 0 || groups < 1)
        return 1;
    struct group_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    const int64_t *dims = n->in[0]->type.dims;
    *a = (struct group_args){.kernels = p->kernels, .groups = groups, .channels = dims[1] / groups};
    a->epsilon = op_float(n, "epsilon");
    a->pixels = view_count(plan_in(n, 0)) / dims[0] / dims[1];
    a->scale = plan_constant_f32(p, n, 1, &failed, err);
    a->shift = plan_constant_f32(p, n, 2, &failed, err);
    if (failed)
        return -1;
    if (!a->scale || !a->shift || dims[1] % groups != 0)
        return 1;
    if (plan_in_dense(p, n, 0, ORDER_ROWS, &a->x, err) < 0 || plan_out_dense(p, n, 0, &a->out, err) < 0)
        return -1;
    return plan_step(
        p,
        &(struct step){.node = n, .kernel = "group_norm_f32", .run = run_groups, .args = a, .units = dims[0] * groups},
        err, PLAN_WRITES(&a->out, &a->x));
}

int exec_lower_instance_norm(struct plan *p, struct node *n, struct error *err)
{
    return group_norm(p, n, n->in[0]->type.rank >= 2 ? n->in[0]->type.dims[1] : 0, err);
}

int exec_lower_group_norm(struct plan *p, struct node *n, struct error *err)
{
    return group_norm(p, n, op_int(n, "num_groups"), err);
}
