/* A task that nobody names, from the names of outputs. */
#include <string.h>

#include "task/task.h"

/* Outputs as programs that export networks call them; last: the last dim of the first, 0 for any. */
static const struct {
    const char *task, *names[4];
    int64_t last;
} known[] = {
    {"points=simcc", {"simcc_x", "simcc_y"}, 0},
    {"points=heatmap", {"heatmaps"}, 0},
    {"detect=centernet", {"hm", "wh", "reg"}, 0},
    {"detect=yunet", {"cls_8", "obj_8", "bbox_8", "kps_8"}, 0},
    {"detect=lists,form=yx", {"detection_boxes", "detection_classes", "detection_scores"}, 4},
    {"detect=lists", {"det_boxes", "det_scores", "det_classes"}, 4},
    {"detect=lists", {"boxes", "labels", "scores"}, 4},
    {"detect=lists", {"dets", "labels"}, 5},
    {"detect=lists", {"dets", "keypoints"}, 5},
    {"detect=rtdetr", {"dets", "labels"}, 4},
    {"mask", {"class_queries_logits", "masks_queries_logits"}, 0},
    {"picture,size=photo", {"predicted_depth"}, 0},
    {"embedding", {"image_embeds"}, 0},
    {"embedding", {"sentence_embedding"}, 0},
};

const char *task_guess(const char *const *names, const int64_t *last, size_t count)
{
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        size_t wanted = 0, found = 0;
        for (; wanted < 4 && known[k].names[wanted]; wanted++) {
            size_t i = 0;
            while (i < count && strcmp(names[i], known[k].names[wanted]) != 0)
                i++;
            found += i < count && (wanted || !known[k].last || known[k].last == last[i]);
        }
        if (found == wanted)
            return known[k].task;
    }
    return NULL;
}
