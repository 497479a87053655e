/* The public API: weights that come from a file of their own. */
#include "model_private.h"

#include <string.h>

#include "format/format.h"

struct model *model_read_weights(const char *path, struct model_error *err)
{
    bool is_network = !path || strcmp(path, "-") == 0; /* which is read but once */
    struct graph *g = is_network ? NULL : format_read_weights(path, &is_network, model_inner(err));
    return is_network ? model_read(path, NULL, err) : model_of_graph(g, model_inner(err));
}
