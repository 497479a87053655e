/* Private to the hostile files: putting them together. */
#ifndef TESTS_FUZZ_HOSTILE_H
#define TESTS_FUZZ_HOSTILE_H

#include "fuzz.h"

struct out {
    char *data;
    size_t size, room;
};

void hostile_add(struct out *o, const void *bytes, size_t n);
void hostile_say(struct out *o, const char *text);

struct hostile_case {
    const char *name;
    void (*make)(struct out *o);
};

/* Files of Caffe, Darknet, OpenVINO and pnnx (hostile_text.c), of the mobile formats (hostile_binary.c), of Caffe2,
 * MACE, TensorFlow and Tengine (hostile_net.c), of Paddle (hostile_paddle.c), of MXNet and Core ML (hostile_layers.c),
 * of all that other readers were attacked with (hostile_named.c); a name of NULL behind the last. */
extern const struct hostile_case hostile_texts[], hostile_binaries[], hostile_nets[], hostile_programs[],
    hostile_layers[], hostile_named[];

#endif
