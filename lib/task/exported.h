/* What exporters write beside a network: Ultralytics in ONNX as properties, else as metadata.yaml; Paddle as a yml. */
#ifndef TASK_EXPORTED_H
#define TASK_EXPORTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"

struct exported_text {
    const char *at; /* NULL: absent */
    size_t size;
};

struct task_exported {
    struct exported_text task;   /* "detect", "segment", "pose", "obb", "semantic", "classify" */
    struct exported_text names;  /* "{0: 'person', 1: 'bicycle'}", or lines of a number, a colon and a name */
    struct exported_text size;   /* of the input: two numbers, height and width */
    struct exported_text points; /* key points, and numbers to each */
    struct exported_text about;  /* "Ultralytics YOLOv8n model ..." */
};

/* The values of metadata.yaml: what stands behind each key, up to the next. */
void task_exported_yaml(const char *text, size_t n, struct task_exported *out);

/* The member that has such values, where the file is or ends with a zip archive, to be released by the caller; NULL:
 * none, or one that cannot be read. An archive of TorchScript and what stands behind a TFLite model have them as JSON;
 * the latter's only member was once Python's text. */
struct blob *task_exported_member(struct blob *file);

/* The same as task_exported_yaml() from the text of an object, JSON's or Python's. */
void task_exported_object(const char *text, size_t n, struct task_exported *out);

/* Appends recipe, task and labels in this project's words. False, with nothing of use in the texts, unless all that is
 * needed is there and well formed. */
bool task_exported_read(const struct task_exported *e, struct text *recipe, struct text *task, struct text *labels);

/* Out of a yml beside one of Paddle's inference models, or of RapidOCR's config.yaml: the classes' names, and the
 * characters of a text recogniser, each on a line, and the task that a text detector's settings make, which may be none
 * that task_parse() takes. */
struct task_paddle {
    struct text labels, characters, task;
};

void task_paddle_init(struct task_paddle *p);
void task_paddle_release(struct task_paddle *p);

/* Appends what stands under the key `part` (NULL: at the outermost level); nothing where there is none. */
void task_exported_paddle(const char *text, size_t n, const char *part, struct task_paddle *out);

#endif
