#include "op/permuted.h"

#include "op/util.h"

struct tensor *op_permuted(const struct tensor *from, const int64_t *perm, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    if (from->dtype == DTYPE_STRING) {
        error_set(err, "strings where numbers are wanted");
        return NULL;
    }
    op_steps(from->rank, from->dims, stride);
    for (int a = 0; a < from->rank; a++) {
        dims[a] = from->dims[perm[a]];
        steps[a] = stride[perm[a]];
    }
    struct tensor *to = tensor_new(from->dtype, from->rank, dims, err);
    if (to)
        op_move_view(to, from, 0, steps);
    return to;
}
